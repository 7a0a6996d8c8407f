//! Every rule and limit of a record, at its edge.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use descriptor_record::{DescriptorRecord, QueueId, Scope, Value};
use queue_core::{Error, ErrorKind};

fn record() -> DescriptorRecord {
    DescriptorRecord::new(QueueId::new("q").unwrap(), "local")
}

fn broken(record: &DescriptorRecord) -> Error {
    let error = record.check().unwrap_err();
    assert!(error.to_string().contains("`q`"), "{error}");
    // No form lets a broken record through, and none changes it into another one.
    for read in [
        DescriptorRecord::from_json(&record.to_json()),
        DescriptorRecord::from_bytes(&record.to_bytes()),
        DescriptorRecord::from_uri(&record.to_uri()),
    ] {
        let kind = read.unwrap_err().kind();
        assert!(
            matches!(
                kind,
                ErrorKind::InvalidDescriptor | ErrorKind::TooLarge | ErrorKind::Incompatible
            ),
            "{kind:?}"
        );
    }
    error
}

fn whole(record: &DescriptorRecord) {
    record.check().unwrap();
    assert_eq!(DescriptorRecord::from_json(&record.to_json()).unwrap(), *record);
    assert_eq!(DescriptorRecord::from_bytes(&record.to_bytes()).unwrap(), *record);
    assert_eq!(DescriptorRecord::from_uri(&record.to_uri()).unwrap(), *record);
}

fn nested(lists: usize) -> Value {
    (0..lists).fold(Value::Int(1), |inner, _| Value::List(vec![inner]))
}

#[test]
fn h13_ids_follow_their_grammar() {
    for id in ["a", "7", "jobs/input_0", "A.b-c_d/e", "a/b/c", "x.y", &"q".repeat(200)] {
        assert_eq!(QueueId::new(id).unwrap().as_str(), id);
    }
    let long = "q".repeat(201);
    let bad = [
        "", " ", "a b", "é", "a\0", "a\n", "a?b", "a#b", "a%20", "a:b", "a\\b", "a@b", "a&b", "a=b", ".a", "_a", "-a",
        "/a", "a/", "a//b", "a..b", "..", "a/../b", "~a", &long,
    ];
    for id in bad {
        let error = QueueId::new(id).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidDescriptor, "{id}");
        let uri = DescriptorRecord::from_uri(&format!("shm://{id}"));
        assert!(uri.is_err(), "{id:?} in a line");
        let json = serde_json::json!({"queue_id": id, "queue_type": "shm"}).to_string();
        assert_eq!(
            DescriptorRecord::from_json(&json).unwrap_err().kind(),
            ErrorKind::InvalidDescriptor,
            "{id:?}"
        );
        assert!(error.to_string().chars().count() < 300, "long ids are cut: {error}");
    }
}

#[test]
fn queue_types_are_short_plain_words() {
    for good in ["a", "rpc+tls", "ray_queue", "x2", &"t".repeat(32)] {
        let mut record = record();
        record.queue_type = good.into();
        whole(&record);
    }
    for bad in [
        "",
        "2x",
        "_a",
        "+a",
        "Local",
        "a-b",
        "a b",
        "a/b",
        "é",
        "shm://x?y=1&z",
        "a?b",
        &"t".repeat(33),
    ] {
        let mut record = record();
        record.queue_type = bad.into();
        assert_eq!(broken(&record).kind(), ErrorKind::InvalidDescriptor, "{bad}");
    }
}

#[test]
fn parameter_names_are_plain_and_few() {
    for good in ["a", "_a", "max-item", "a.b", &"k".repeat(64)] {
        whole(&record().with(good, 1));
    }
    for bad in [
        "",
        "1a",
        "-a",
        "a b",
        "a=b",
        "a&b",
        "@scope",
        "é",
        "a%20",
        &"k".repeat(65),
    ] {
        assert_eq!(
            broken(&record().with(bad, 1)).kind(),
            ErrorKind::InvalidDescriptor,
            "{bad}"
        );
    }
    let many = (0..64).fold(record(), |record, i| record.with(format!("k{i}"), i));
    whole(&many);
    assert_eq!(broken(&many.with("one_more", 1)).kind(), ErrorKind::TooLarge);
}

#[test]
fn h06_numbers_are_finite() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(
            broken(&record().with("rate", number)).kind(),
            ErrorKind::InvalidDescriptor
        );
        let listed = record().with("rates", vec![Value::Float(number)]);
        assert_eq!(broken(&listed).kind(), ErrorKind::InvalidDescriptor);
        let mut undated = record();
        undated.created_timestamp = number;
        assert_eq!(broken(&undated).kind(), ErrorKind::InvalidDescriptor);
    }
    for number in [0.0, -0.0, f64::MIN_POSITIVE, 5e-324, f64::MAX, 1e16, 0.1] {
        whole(&record().with("rate", number));
    }
    for number in [i64::MIN, -1, 0, i64::MAX] {
        whole(&record().with("count", number));
    }
}

#[test]
fn versions_are_the_one_that_is_known() {
    let mut record = record();
    record.version = 0;
    assert_eq!(broken(&record).kind(), ErrorKind::InvalidDescriptor);
    record.version = 2;
    assert_eq!(broken(&record).kind(), ErrorKind::Incompatible);
}

#[test]
fn h06_nesting_ends_at_sixteen() {
    whole(&record().with("deep", nested(14)));
    assert_eq!(
        broken(&record().with("deep", nested(15))).kind(),
        ErrorKind::InvalidDescriptor
    );
    // Bombs: far deeper than any stack, refused at the seventeenth level.
    for depth in [17, 1_000, 30_000] {
        let lists = "[".repeat(depth);
        let objects = "{\"a\":".repeat(depth.min(12_000));
        for json in [
            lists.clone(),
            objects.clone(),
            format!("{{\"queue_id\":\"q\",\"queue_type\":\"local\",\"metadata\":{{\"a\":{lists}"),
            format!("{{\"queue_id\":\"q\",\"unknown\":{objects}"),
        ] {
            let error = DescriptorRecord::from_json(&json).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidDescriptor);
            assert!(error.to_string().contains("deep"), "{error}");
        }
        let uri = format!("local://q?a={}", "(".repeat(depth));
        let error = DescriptorRecord::from_uri(&uri).unwrap_err();
        assert!(error.to_string().contains("nesting"), "{error}");
    }
}

#[test]
fn h06_every_form_ends_at_64_kib() {
    let padded = |len: usize| {
        let json = record().to_json();
        format!("{}{json}", " ".repeat(len - json.len()))
    };
    assert!(DescriptorRecord::from_json(&padded(DescriptorRecord::MAX_BYTES)).is_ok());
    let error = DescriptorRecord::from_json(&padded(DescriptorRecord::MAX_BYTES + 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(
        error.to_string().contains("65536") && error.to_string().contains("65537"),
        "{error}"
    );

    let long = "x".repeat(DescriptorRecord::MAX_BYTES);
    assert_eq!(
        DescriptorRecord::from_uri(&format!("shm://q?a={long}"))
            .unwrap_err()
            .kind(),
        ErrorKind::TooLarge
    );
    assert_eq!(
        DescriptorRecord::from_bytes(long.as_bytes()).unwrap_err().kind(),
        ErrorKind::Corrupt
    );
    assert_eq!(
        DescriptorRecord::from_bytes(&vec![0; 65_537]).unwrap_err().kind(),
        ErrorKind::TooLarge
    );

    // What passes fits in all three, whatever it is made of.
    for text in ["x", "\u{1}", "é", "'", "🌀"] {
        let fits = text.repeat(60_000 / 6 / text.len());
        whole(&record().with("a", fits));
        assert_eq!(
            broken(&record().with("a", text.repeat(70_000))).kind(),
            ErrorKind::TooLarge
        );
    }
    whole(&record().with("a", vec![Value::Float(-f64::MAX); 2_000]));
    assert_eq!(
        broken(&record().with("a", vec![Value::Null; 70_000])).kind(),
        ErrorKind::TooLarge
    );
}

#[test]
fn secrets_stay_outside() {
    let keys = [
        "token",
        "auth_token",
        "db-password",
        "client.secret",
        "TLS_Passphrase",
        "api_key",
        "private_key",
    ];
    for key in keys {
        for good in ["env:TOKEN", "env:_t0", "file:/run/secrets/token", "file:rel/path"] {
            whole(&record().with(key, good));
        }
        whole(&record().with(key, Value::Null));
        for bad in [
            "hunter2",
            "",
            "env:",
            "env:9A",
            "env:A B",
            "file:",
            "vault:x",
            "Env:TOKEN",
        ] {
            let error = broken(&record().with(key, bad));
            assert_eq!(error.kind(), ErrorKind::InvalidDescriptor, "{key}={bad}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        broken(&record().with(key, 271_828));
        broken(&record().with(key, vec![Value::from("env:TOKEN")]));
    }
    for harmless in ["max_tokens", "tokenizer", "secretary", "key"] {
        whole(&record().with(harmless, "hunter2"));
    }
    for line in [
        "rpc://me:hunter2@host",
        "rpc:me:hunter2@host",
        "rpc://hunter2@q?a=1",
        "rpc://q?hunter2",
        "rpc://q?token=hunter2",
        "rpc://q?token='hunter2",
    ] {
        let error = DescriptorRecord::from_uri(line).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn h06_repeated_keys_are_refused() {
    for json in [
        r#"{"queue_id":"q","queue_id":"q","queue_type":"local"}"#,
        r#"{"queue_id":"q","queue_type":"local","metadata":{},"metadata":{}}"#,
        r#"{"queue_id":"q","queue_type":"local","metadata":{"a":1,"a":2}}"#,
        r#"{"queue_id":"q","queue_type":"local","metadata":{"a":1,"\u0061":2}}"#,
    ] {
        let error = DescriptorRecord::from_json(json).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidDescriptor);
        assert!(error.to_string().contains("twice"), "{error}");
    }
    for uri in ["a://q?x=1&x=1", "a://q?x=1&%78=2", "a://q?@epoch=1&@epoch=1"] {
        let error = DescriptorRecord::from_uri(uri).unwrap_err();
        assert!(error.to_string().contains("twice"), "{error}");
    }
}

#[test]
fn h06_text_that_is_not_json_says_where() {
    for json in [
        "",
        "{",
        "nul",
        "{\"queue_id\": q}",
        "{\"queue_id\":\"q\",\"queue_type\":\"local\"} x",
        "{\"a\":NaN}",
        "\u{feff}{}",
    ] {
        let error = DescriptorRecord::from_json(json).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidDescriptor);
        assert!(error.to_string().contains("line 1"), "{error}");
    }
}

#[test]
fn lines_written_by_hand_are_read() {
    let read = |uri: &str| uri.parse::<DescriptorRecord>().unwrap();
    let record = read("rpc://q?host=localhost&port=8000&timeout=30.50&tls=false&note=a%20b&empty=&day=007&plus=a+b");
    assert_eq!(record.queue_type, "rpc");
    assert_eq!(
        (record.version, record.created_timestamp, &record.scope, record.epoch),
        (1, 0.0, &Scope::Unscoped, None)
    );
    let expected: [(&str, Value); 8] = [
        ("host", "localhost".into()),
        ("port", 8000.into()),
        ("timeout", 30.5.into()),
        ("tls", false.into()),
        ("note", "a b".into()),
        ("empty", "".into()),
        ("day", "007".into()),
        ("plus", "a+b".into()),
    ];
    for (key, value) in expected {
        assert_eq!(record.metadata[key], value, "{key}");
    }
    assert_eq!(read("local://jobs?maxsize=8").metadata["maxsize"], Value::Int(8));
    assert_eq!(read("local://a/b.c").queue_id.as_str(), "a/b.c");
    assert_eq!(read("x://q?@epoch=3&@scope=worker:1").epoch, Some(3));
}

#[test]
fn faulty_lines_are_refused() {
    let bad = [
        "",
        "jobs",
        "local:jobs",
        "local//jobs",
        "://jobs",
        "local://",
        "local://?a=1",
        "local://q?",
        "local://q?a",
        "local://q?=1",
        "local://q?a=1&",
        "local://q?&a=1",
        "local://q#f",
        "local://q?a=1#f",
        "local://q?a=b c",
        "local://q?a=\n",
        "local://q?a=%",
        "local://q?a=%4",
        "local://q?a=%zz",
        "local://q?a=%ff",
        "local://q?a=%+f",
        "local://q?a='x",
        "local://q?a=x'",
        "local://q?a='x'y",
        "local://q?a=(",
        "local://q?a=(1",
        "local://q?a=(1,",
        "local://q?a=(1,)",
        "local://q?a=(,1)",
        "local://q?a=(1)2",
        "local://q?a=)",
        "local://q?a=1,2",
        "local://q?a=NaN",
        "local://q?a=(inf)",
        "local://q?@scope=host",
        "local://q?@scope=process:12",
        "local://q?@scope=worker:+1",
        "local://q?@scope=worker:4294967296",
        "local://q?@epoch=-1",
        "local://q?@epoch=",
        "local://q?@created=soon",
        "local://q?@created=inf",
        "local://q?@version=+1",
        "local://q?@colour=1",
        "Local://q",
    ];
    for uri in bad {
        let error = DescriptorRecord::from_uri(uri).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidDescriptor, "{uri}: {error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    let error = DescriptorRecord::from_uri("local://q?@epoc=1").unwrap_err();
    assert!(error.to_string().contains("did you mean @epoch"), "{error}");
}
