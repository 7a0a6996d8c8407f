//! The pool: one document, checked as a whole and record by record.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use descriptor_core::{DescriptorPool, DescriptorRecord, ErrorKind};
use proptest::prelude::*;

fn record(uri: &str) -> DescriptorRecord {
    uri.parse().unwrap()
}

fn pool(uris: &[&str]) -> DescriptorPool {
    let mut pool = DescriptorPool::new("job", 3).unwrap();
    for uri in uris {
        pool.insert(record(uri)).unwrap();
    }
    pool
}

#[test]
fn a_pool_comes_back_from_json_and_binary() {
    let pool = pool(&[
        "sage_queue://job/b?maxsize=4&@scope=worker:1",
        "local://job/a",
        "rpc://job/c?host='1'&@epoch=9",
    ]);
    let json = pool.to_json();
    assert_eq!(DescriptorPool::from_json(&json).unwrap(), pool);
    assert_eq!(json, DescriptorPool::from_json(&json).unwrap().to_json());
    let frame = postcard::to_stdvec(&pool).unwrap();
    assert_eq!(postcard::from_bytes::<DescriptorPool>(&frame).unwrap(), pool);
    // How it is laid out does not matter, what it says does.
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(DescriptorPool::from_json(&value.to_string()).unwrap(), pool);

    assert_eq!((pool.name(), pool.version(), pool.len()), ("job", 3, 3));
    assert_eq!(pool.get("job/a").unwrap().queue_type, "local");
    assert!(pool.get("job/d").is_none() && pool.get("../etc").is_none());
    let ids: Vec<_> = pool.iter().map(|record| record.queue_id.as_str()).collect();
    assert_eq!(ids, ["job/a", "job/b", "job/c"]);
}

#[test]
fn an_id_is_given_once_and_broken_records_stay_out() {
    let mut pool = pool(&["local://q"]);
    let before = pool.clone();
    let error = pool.insert(record("shm://q")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidDescriptor);
    assert!(
        error.to_string().contains("`q`") && error.to_string().contains("local"),
        "{error}"
    );
    let mut broken = record("local://r");
    broken.created_timestamp = f64::NAN;
    assert!(pool.insert(broken).is_err());
    assert_eq!(pool, before);
}

#[test]
fn names_are_checked() {
    for bad in ["", "a\nb", &"n".repeat(201)] {
        assert_eq!(
            DescriptorPool::new(bad, 1).unwrap_err().kind(),
            ErrorKind::InvalidDescriptor
        );
    }
    assert!(DescriptorPool::new("n".repeat(200), 1).unwrap().is_empty());
}

#[test]
fn every_edit_is_noticed() {
    let json = pool(&["local://q?maxsize=8"]).to_json();
    for (from, to) in [
        ("\"maxsize\": 8", "\"maxsize\": 9"),
        ("\"version\": 3", "\"version\": 4"),
        ("\"name\": \"job\"", "\"name\": \"jobs\""),
        ("\"queue_type\": \"local\"", "\"queue_type\": \"shm\""),
    ] {
        let edited = json.replacen(from, to, 1);
        assert_ne!(edited, json, "{from}");
        let error = DescriptorPool::from_json(&edited).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
}

#[test]
fn faulty_documents_are_one_error() {
    let json = pool(&["local://q?maxsize=8"]).to_json();
    let bomb = format!(
        "{{\"name\":\"job\",\"version\":3,\"checksum\":\"\",\"queues\":{{\"q\":{}",
        "[".repeat(100_000)
    );
    let flood = format!(
        "{{\"name\":\"job\",\"version\":3,\"checksum\":\"\",\"queues\":{{\"q\":[{}",
        "0,".repeat(100_000)
    );
    let twice = json.replacen(
        "\"queues\": {",
        "\"queues\": {\"q\": {\"queue_id\": \"q\", \"queue_type\": \"local\"},",
        1,
    );
    let cases = [
        ("", "EOF"),
        ("[]", "invalid length 0"),
        ("7", "an object with name"),
        ("{\"name\":\"job\"}", "version"),
        (&json.replacen("\"version\"", "\"verison\"", 1), "verison"),
        (&json.replacen("\"q\": {", "\"p\": {", 1), "under the id `p`"),
        (&json.replacen("\"q\": {", "\"../p\": {", 1), "../p"),
        (
            &json.replacen("\"metadata\"", "\"metdata\"", 1),
            "did you mean `metadata`",
        ),
        (&json.replacen("\"maxsize\": 8", "\"maxsize\": {}", 1), "object"),
        (&json[..json.len() - 2], "EOF"),
        (&bomb, "deeper than 16"),
        (&flood, "more values"),
        (&twice, "`q` twice"),
    ];
    for (document, word) in cases {
        let error = DescriptorPool::from_json(document).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidDescriptor, "{error}");
        assert!(error.to_string().contains(word), "{word}: {error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    let long = " ".repeat(DescriptorPool::MAX_BYTES + 1);
    assert_eq!(
        DescriptorPool::from_json(&long).unwrap_err().kind(),
        ErrorKind::TooLarge
    );
}

#[test]
fn a_diff_says_what_changes() {
    let before = pool(&["local://a", "shm://b?maxsize=8&mode=x", "rpc://c"]);
    let after = pool(&["shm://b?maxsize=9&lease=true&@epoch=2", "rpc://c", "nats://d"]);
    let diff = before.diff(&after);
    assert_eq!((diff.added.len(), diff.removed.len(), diff.changed.len()), (1, 1, 1));
    assert_eq!(
        diff.to_string(),
        "added d (nats)\nremoved a (local)\n\
         changed b: maxsize 8 -> 9, mode \"x\" -> absent, lease absent -> true, epoch none -> 2"
    );
    assert!(before.diff(&before).is_empty());
    assert_eq!(before.diff(&before).to_string(), "no difference");
}

proptest! {
    #[test]
    fn a_diff_and_its_reverse_mirror(a in prop::collection::btree_map("[a-d]", 0..3, 0..4), b in prop::collection::btree_map("[a-d]", 0..3, 0..4)) {
        let build = |entries: &std::collections::BTreeMap<String, i32>| {
            let uris: Vec<_> = entries.iter().map(|(id, size)| format!("local://{id}?maxsize={size}")).collect();
            pool(&uris.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let (a, b) = (build(&a), build(&b));
        let (there, back) = (a.diff(&b), b.diff(&a));
        prop_assert_eq!(&there.added, &back.removed);
        prop_assert_eq!(&there.removed, &back.added);
        prop_assert_eq!(there.changed.len(), back.changed.len());
        prop_assert_eq!(there.is_empty(), a == b);
        prop_assert_eq!(a.checksum() == b.checksum(), a == b);
    }

    #[test]
    fn cut_or_changed_documents_are_refused(at in any::<prop::sample::Index>(), with in "[0-9a-z\"{}:,]") {
        let json = pool(&["local://q?maxsize=8", "shm://r?mode=lease"]).to_json();
        let at = at.index(json.len());
        prop_assert!(DescriptorPool::from_json(&json[..at]).is_err());
        let mut changed = json.clone();
        changed.replace_range(at..=at, &with);
        if let Ok(read) = DescriptorPool::from_json(&changed) {
            // Only what means the same may pass.
            prop_assert_eq!(read.checksum(), DescriptorPool::from_json(&json).unwrap().checksum());
        }
    }
}
