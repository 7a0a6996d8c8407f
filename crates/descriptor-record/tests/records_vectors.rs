//! The published records of `vectors/records.json`, read in every form.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use descriptor_record::DescriptorRecord;
use serde_json::Value;

fn vectors(section: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("vectors/records.json")).unwrap();
    file[section].as_array().unwrap().clone()
}

fn text<'a>(vector: &'a Value, key: &str) -> &'a str {
    vector[key].as_str().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn accepted_records_have_these_very_forms() {
    for vector in vectors("accept") {
        let name = text(&vector, "name");
        let record = DescriptorRecord::from_json(&vector["record"].to_string()).unwrap();
        assert_eq!(record.to_json(), vector["record"].to_string(), "{name}");
        assert_eq!(record.to_uri(), text(&vector, "uri"), "{name}");
        assert_eq!(hex(&record.to_bytes()), text(&vector, "bytes"), "{name}");
        assert_eq!(
            DescriptorRecord::from_uri(text(&vector, "uri")).unwrap(),
            record,
            "{name}"
        );
        assert_eq!(
            DescriptorRecord::from_bytes(&record.to_bytes()).unwrap(),
            record,
            "{name}"
        );
    }
}

#[test]
fn records_of_the_python_original_read_as_they_are() {
    for vector in vectors("python") {
        let name = text(&vector, "name");
        let original = &vector["record"];
        let record = DescriptorRecord::from_json(&original.to_string()).unwrap();
        assert_eq!(record.to_uri(), text(&vector, "uri"), "{name}");
        assert_eq!(
            DescriptorRecord::from_uri(text(&vector, "uri")).unwrap(),
            record,
            "{name}"
        );
        let written: Value = serde_json::from_str(&record.to_json()).unwrap();
        for key in ["queue_id", "queue_type", "metadata", "created_timestamp"] {
            if let Some(value) = original.get(key) {
                assert_eq!(written[key], *value, "{name}: {key}");
            }
        }
    }
}

#[test]
fn refused_records_are_refused_in_one_helpful_line() {
    for vector in vectors("refuse") {
        let name = text(&vector, "name");
        let error = DescriptorRecord::from_json(&vector["record"].to_string()).unwrap_err();
        assert_eq!(format!("{:?}", error.kind()), text(&vector, "kind"), "{name}: {error}");
        let message = error.to_string();
        assert!(!message.contains('\n'), "{name}: {message}");
        assert!(
            message.contains("expected") && message.contains("found") && message.contains(';'),
            "{name}: {message}"
        );
        for word in vector["names"].as_array().unwrap() {
            assert!(
                message.contains(word.as_str().unwrap()),
                "{name}: {word} is not in: {message}"
            );
        }
        if let Some(secret) = vector.get("hides") {
            assert!(
                !format!("{error} {error:?}").contains(secret.as_str().unwrap()),
                "{name}"
            );
        }
    }
}

#[test]
fn the_written_format_shows_the_first_record() {
    let page = include_str!("../../../docs/descriptor-format.md");
    let first = &vectors("accept")[0];
    for line in [
        first["record"].to_string().as_str(),
        text(first, "uri"),
        text(first, "bytes"),
    ] {
        assert!(page.lines().any(|shown| shown == line), "not in the page: {line}");
    }
    let nested: DescriptorRecord = "sage_queue://job/input_0?maxsize=64&@scope=worker:2&@epoch=3"
        .parse()
        .unwrap();
    assert!(page.contains(&nested.to_uri()));
}
