//! Text and bytes that are no descriptor: each is one error that names the value, what was expected and what to do,
//! and nothing is left behind.

use sage_comm::{
    Backends, Builtin, Descriptor, DescriptorRecord, DynQueue, Error, ErrorKind, LocalSpec, QueueId, Result, SageSpec,
    Value,
};

use crate::support::{explained, is_live, names, within_a_minute};

const ID: &str = "bad/input";

fn open(record: Result<DescriptorRecord>) -> Result<DynQueue<u64>> {
    Builtin.registry().open(&record?)
}

/// Reads JSON in every way there is; all give the same error.
fn refused_json(json: &str) -> Error {
    let error = open(DescriptorRecord::from_json(json)).map(drop).unwrap_err();
    let local = Descriptor::<LocalSpec>::from_json(json).unwrap_err();
    let sage = Descriptor::<SageSpec>::from_json(json).unwrap_err();
    assert_eq!([local.kind(), sage.kind()], [error.kind(); 2], "{json:.200}");
    // As a part of some other message, where an empty one would be no record at all.
    if error.operation() == "read JSON record" && !json.trim().is_empty() {
        assert!(
            serde_json::from_str::<Vec<DescriptorRecord>>(&format!("[{json}]")).is_err(),
            "{json:.200}"
        );
    }
    assert!(!is_live(ID), "{json:.200}");
    error
}

fn refused_uri(uri: &str) -> Error {
    let error = open(DescriptorRecord::from_uri(uri)).map(drop).unwrap_err();
    assert!(uri.parse::<DescriptorRecord>().is_err() || open(uri.parse()).is_err());
    assert!(!is_live(ID), "{uri:.200}");
    error
}

#[test]
fn unknown_and_misspelt_fields() {
    for (fields, words) in [
        (r#""queue_typ":"local""#, ["queue_typ", "queue_type"]),
        (
            r#""queue_type":"local","metdata":{}"#,
            ["metdata", "did you mean `metadata`?"],
        ),
        (r#""queue_type":"local","Epoch":1"#, ["Epoch", "did you mean `epoch`?"]),
        (r#""queue_type":"local","maxsize":5"#, ["maxsize", "metadata"]),
        (r#""queue_type":"local","__proto__":{}"#, ["__proto__", "metadata"]),
        (
            r#""queue_type":"local","a\nb\u001b[31m":1"#,
            [r"a\nb\u{1b}[31m", "metadata"],
        ),
        (r#""queue_type":"local","":1"#, ["\"\"", "metadata"]),
        (
            r#""queue_type":"local","metadata":{"max_size":5}"#,
            ["max_size", "did you mean `maxsize`?"],
        ),
        (
            r#""queue_type":"local","metadata":{"Maxsize":5}"#,
            ["Maxsize", "did you mean `maxsize`?"],
        ),
        (
            r#""queue_type":"sage_queue","metadata":{"colour":"red"}"#,
            ["colour", "maxsize"],
        ),
        (r#""queue_type":"lokal""#, ["lokal", "did you mean `local`?"]),
        (r#""queue_type":"sage-queue""#, ["sage-queue", "name a queue type"]),
        (r#""queue_type":"LOCAL""#, ["LOCAL", "name a queue type"]),
        (r#""queue_type":"""#, ["\"\"", "name a queue type"]),
    ] {
        let error = refused_json(&format!(r#"{{"queue_id":"{ID}",{fields}}}"#));
        names(&error, ErrorKind::InvalidDescriptor, &words);
    }
    for (uri, words) in [
        ("local://bad/input?max_size=5", ["max_size", "did you mean `maxsize`?"]),
        ("local://bad/input?@epok=5", ["epok", "did you mean @epoch"]),
        ("loca://bad/input", ["loca", "did you mean `local`?"]),
        ("local:bad/input", ["type://id", "local:bad/input"]),
    ] {
        names(&refused_uri(uri), ErrorKind::InvalidDescriptor, &words);
    }
}

#[test]
fn wrong_types() {
    for (field, value, words) in [
        ("queue_id", "1", ["queue_id", "whole number"]),
        ("queue_id", "null", ["queue_id", "null"]),
        ("queue_id", r#"["q"]"#, ["queue_id", "list"]),
        ("queue_type", "true", ["queue_type", "bool"]),
        ("queue_type", r#"{"name":"local"}"#, ["queue_type", "object"]),
        ("metadata", "[]", ["metadata", "list"]),
        ("metadata", r#""maxsize=5""#, ["metadata", "text"]),
        ("metadata", "5", ["metadata", "whole number"]),
        ("metadata", r#"{"maxsize":{"items":5}}"#, ["maxsize", "object"]),
        ("created_timestamp", r#""now""#, ["created_timestamp", "text"]),
        ("created_timestamp", "null", ["created_timestamp", "null"]),
        ("version", r#""1""#, ["version", "text"]),
        ("version", "-1", ["version", "-1"]),
        ("version", "1.5", ["version", "fraction"]),
        ("version", "0", ["version 1", "version 0"]),
        ("scope", "7", ["scope", "whole number"]),
        ("scope", r#""process:xyz""#, ["scope", "process:xyz"]),
        ("scope", r#""host""#, ["worker:", "host"]),
        ("epoch", "-1", ["epoch", "-1"]),
        ("epoch", r#""first""#, ["epoch", "text"]),
        ("class_name", "1", ["class_name", "whole number"]),
        ("can_serialize", r#""yes""#, ["can_serialize", "text"]),
    ] {
        let mut fields = vec![("queue_id", format!("{ID:?}")), ("queue_type", "\"local\"".to_owned())];
        fields.retain(|(known, _)| *known != field);
        fields.push((field, value.to_owned()));
        let inside: Vec<_> = fields.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
        let error = refused_json(&format!("{{{}}}", inside.join(",")));
        names(&error, ErrorKind::InvalidDescriptor, &words);
    }
    let error = refused_json(&format!(r#"{{"queue_id":"{ID}","queue_type":"local","version":2}}"#));
    names(&error, ErrorKind::Incompatible, &["version 1", "version 2", "update"]);
}

#[test]
fn ids_outside_the_grammar() {
    let long = format!("a{}", "b".repeat(200));
    let huge = "x".repeat(20_000);
    let bad = [
        "",
        " ",
        "a b",
        "a\tb",
        "a\nb",
        "a\0b",
        "\u{7f}",
        "ä",
        "a\u{301}",
        "队列",
        "🦀",
        "\u{202e}abc",
        "a\u{200b}b",
        ".",
        "..",
        "../x",
        "a/../b",
        "a..b",
        "a/..",
        "./a",
        ".hidden",
        "-flag",
        "_private",
        "/",
        "/a",
        "a/",
        "a//b",
        "a\\b",
        "a:b",
        "a;b",
        "a|b",
        "a*b",
        "a'b",
        "a\"b",
        "a`b",
        "a$b",
        "a&b",
        "a=b",
        "a+b",
        "a,b",
        "a(b)",
        "a[b]",
        "a{b}",
        "a<b>",
        "a!b",
        "a~b",
        "a^b",
        "a@b",
        "../../etc/passwd",
        "C:\\temp",
        "a\r\nSet-Cookie",
        "%2e%2e",
        long.as_str(),
        huge.as_str(),
    ];
    for id in bad {
        let direct = QueueId::new(id).unwrap_err();
        explained(&direct, ErrorKind::InvalidDescriptor);
        assert!(
            direct.to_string().len() < 600,
            "{} bytes of message",
            direct.to_string().len()
        );
        assert_eq!(
            Descriptor::new(id, LocalSpec::bounded(1)).unwrap_err().to_string(),
            direct.to_string()
        );
        let quoted = serde_json::to_string(id).unwrap();
        let error = refused_json(&format!(r#"{{"queue_id":{quoted},"queue_type":"local"}}"#));
        assert_eq!(error.to_string(), direct.to_string());
        let error = refused_uri(&format!("local://{id}"));
        assert!(
            error.to_string().len() < 600 && error.kind() == ErrorKind::InvalidDescriptor,
            "{error}"
        );
        assert!(!error.to_string().chars().any(char::is_control), "{error}");
    }
    for id in ["a", "0", "a.b", "a-b_c.d/e", "input/task.0", &long[..200]] {
        assert_eq!(QueueId::new(id).unwrap().as_str(), id);
    }
}

#[test]
fn repeated_keys() {
    for (json, word) in [
        (
            r#"{"queue_id":"bad/input","queue_type":"local","queue_id":"bad/other"}"#,
            "queue_id",
        ),
        (
            r#"{"queue_id":"bad/input","queue_type":"local","queue_type":"sage_queue"}"#,
            "queue_type",
        ),
        (
            r#"{"queue_id":"bad/input","queue_type":"local","metadata":{"maxsize":1,"maxsize":2}}"#,
            "maxsize",
        ),
        (
            r#"{"queue_id":"bad/input","queue_type":"local","metadata":{"maxsize":1,"max\u0073ize":1}}"#,
            "maxsize",
        ),
    ] {
        names(
            &refused_json(json),
            ErrorKind::InvalidDescriptor,
            &[word, "twice", "keep one"],
        );
    }
    let error = refused_uri("local://bad/input?maxsize=1&maxsize=2");
    names(&error, ErrorKind::InvalidDescriptor, &["maxsize", "twice", "keep one"]);
}

#[test]
fn text_that_is_no_record_at_all() {
    for json in [
        "",
        " ",
        "{",
        "}",
        "[",
        "null",
        "1",
        "\"local\"",
        "[]",
        "{}",
        "local://bad/input",
        "{'queue_id':'q'}",
        "{\"queue_id\":\"bad/input\",}",
        "{\"queue_id\":\"bad/input\",\"queue_type\":\"local\"}{}",
        "\u{feff}{}",
        "{\"queue_id\":\"bad/input\",\"queue_type\":\"local\",\"epoch\":1e999}",
        "\0",
        "{\"\\ud800\":1}",
    ] {
        explained(&refused_json(json), ErrorKind::InvalidDescriptor);
    }
    for uri in [
        "",
        "local",
        "://",
        "local://",
        "?",
        "local://bad/input?",
        "local://bad/input?maxsize",
        "local://bad/input#x",
    ] {
        explained(&refused_uri(uri), ErrorKind::InvalidDescriptor);
    }
}

#[test]
fn every_cut_and_every_flipped_bit_of_the_binary_form() {
    let record = DescriptorRecord::from_uri("local://bad/input?maxsize=5").unwrap();
    let bytes = record.to_bytes();
    for end in 0..bytes.len() {
        let error = open(DescriptorRecord::from_bytes(&bytes[..end])).map(drop).unwrap_err();
        explained(&error, ErrorKind::Corrupt);
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let error = open(DescriptorRecord::from_bytes(&flipped)).map(drop).unwrap_err();
        explained(&error, ErrorKind::Corrupt);
        assert!(Descriptor::<LocalSpec>::from_bytes(&flipped).is_err());
    }
    for more in [1, 8, 1000] {
        let longer = [bytes.clone(), vec![0; more]].concat();
        explained(&DescriptorRecord::from_bytes(&longer).unwrap_err(), ErrorKind::Corrupt);
    }
    assert!(!is_live(ID));
    assert!(DescriptorRecord::from_bytes(&bytes).is_ok());
}

#[test]
fn more_than_64_kib_in_any_form() {
    let limit = DescriptorRecord::MAX_BYTES;
    let record = DescriptorRecord::from_uri("local://bad/input")
        .unwrap()
        .with("note", "x".repeat(limit));
    names(
        &record.check().unwrap_err(),
        ErrorKind::TooLarge,
        &["65536 bytes", "file"],
    );
    for error in [
        refused_json(&record.to_json()),
        refused_uri(&record.to_uri()),
        open(DescriptorRecord::from_bytes(&record.to_bytes()))
            .map(drop)
            .unwrap_err(),
        open(Ok(record)).map(drop).unwrap_err(),
        refused_json(&" ".repeat(limit + 1)),
        refused_uri(&"local://".repeat(limit / 8 + 1)),
        DescriptorRecord::from_bytes(&vec![0; limit + 1]).unwrap_err(),
    ] {
        names(&error, ErrorKind::TooLarge, &["65536 bytes", "file"]);
    }
    let crowded = (0..65).fold(
        DescriptorRecord::from_uri("local://bad/input").unwrap(),
        |record, number| record.with(format!("key{number}"), number),
    );
    names(
        &refused_json(&crowded.to_json()),
        ErrorKind::TooLarge,
        &["64 parameters", "65"],
    );
    assert!(!is_live(ID));
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::Int(1), |inside, _| Value::List(vec![inside]))
}

#[test]
fn nesting_bombs() {
    within_a_minute(|| {
        let record = |depth| {
            DescriptorRecord::from_uri("local://bad/input")
                .unwrap()
                .with("note", nested(depth))
        };
        // Deep enough to be refused, shallow enough to be refused for no other reason.
        assert!(record(14).check().is_ok());
        let deep = record(15);
        for error in [
            deep.check().unwrap_err(),
            refused_json(&deep.to_json()),
            refused_uri(&deep.to_uri()),
            DescriptorRecord::from_bytes(&deep.to_bytes()).unwrap_err(),
        ] {
            names(&error, ErrorKind::InvalidDescriptor, &["nest", "16", "short lists"]);
        }
        // As deep as the size allows.
        let deepest = DescriptorRecord::MAX_BYTES / 2 - 100;
        for (open_with, close_with) in [("[", "]"), ("{\"a\":", "}")] {
            let depth = deepest / (open_with.len() + close_with.len()) * 2;
            let bomb = format!("{}1{}", open_with.repeat(depth), close_with.repeat(depth));
            explained(&refused_json(&bomb), ErrorKind::InvalidDescriptor);
            explained(&refused_json(&open_with.repeat(depth)), ErrorKind::InvalidDescriptor);
            let inside = format!(r#"{{"queue_id":"bad/input","queue_type":"local","metadata":{{"note":{bomb}}}}}"#);
            explained(&refused_json(&inside), ErrorKind::InvalidDescriptor);
        }
        let bomb = format!("local://bad/input?note={}1{}", "(".repeat(deepest), ")".repeat(deepest));
        explained(&refused_uri(&bomb), ErrorKind::InvalidDescriptor);
        let bytes = record(5000).to_bytes();
        explained(
            &DescriptorRecord::from_bytes(&bytes).unwrap_err(),
            ErrorKind::InvalidDescriptor,
        );
    });
}
