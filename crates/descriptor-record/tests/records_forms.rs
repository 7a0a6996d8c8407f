//! Properties of the three forms: nothing is lost, and nothing hostile gets through or does harm.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use descriptor_record::{DescriptorRecord, Metadata, QueueId, Scope, Value};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use queue_core::{ErrorKind, Result};

fn value() -> impl Strategy<Value = Value> {
    let float = any::<f64>().prop_filter("finite", |number| number.is_finite());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        float.prop_map(Value::Float),
        any::<String>().prop_map(Value::Text),
        // Words that look like other types.
        "(null|true|NaN|inf|-inf|-?[0-9]{1,20}|-?[0-9]{0,3}[.][0-9]{0,3}(e[0-9]{1,3})?|'.*|[(,)%&=#?@+ ]*)"
            .prop_map(Value::Text),
    ];
    leaf.prop_recursive(12, 32, 4, |inner| vec(inner, 0..4).prop_map(Value::List))
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope::Unscoped),
        any::<u128>().prop_map(Scope::Process),
        any::<u32>().prop_map(Scope::Worker),
    ]
}

prop_compose! {
    fn metadata()(map in btree_map("p_[a-zA-Z0-9_.-]{0,20}", value(), 0..8)) -> Metadata { map }
}

prop_compose! {
    fn record()(
        id in "[a-zA-Z0-9][a-zA-Z0-9_-]{0,20}(/[a-zA-Z0-9_-][.]?[a-zA-Z0-9_-]{1,8}){0,4}",
        queue_type in "[a-z][a-z0-9_+]{0,31}",
        metadata in metadata(),
        created in prop_oneof![Just(0.0), -1e12..1e12, any::<f64>().prop_filter("finite", |n| n.is_finite())],
        scope in scope(),
        epoch in any::<Option<u64>>(),
    ) -> DescriptorRecord {
        let mut record = DescriptorRecord::new(QueueId::new(id).unwrap(), queue_type);
        record.metadata = metadata;
        record.created_timestamp = created;
        record.scope = scope;
        record.epoch = epoch;
        record
    }
}

/// Equality that also tells 0.0 from -0.0, which `==` does not.
fn same(a: &DescriptorRecord, b: &DescriptorRecord) -> bool {
    a == b && format!("{:?}", a.metadata) == format!("{:?}", b.metadata)
}

/// Whatever it is, the reader answers, in one line when it refuses; what it accepts it also writes.
fn judged(outcome: Result<DescriptorRecord>) -> std::result::Result<(), TestCaseError> {
    match outcome {
        Ok(record) => {
            prop_assert!(record.check().is_ok());
            prop_assert!(same(&DescriptorRecord::from_uri(&record.to_uri()).unwrap(), &record));
        }
        Err(error) => {
            let known = [
                ErrorKind::InvalidDescriptor,
                ErrorKind::Incompatible,
                ErrorKind::TooLarge,
                ErrorKind::Corrupt,
            ];
            prop_assert!(known.contains(&error.kind()), "{}", error);
            prop_assert!(!error.to_string().contains('\n'), "{}", error);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_form_gives_the_record_back(record in record()) {
        record.check().unwrap();
        let (json, bytes, uri) = (record.to_json(), record.to_bytes(), record.to_uri());
        prop_assert!(same(&DescriptorRecord::from_json(&json).unwrap(), &record), "{}", json);
        prop_assert!(same(&DescriptorRecord::from_bytes(&bytes).unwrap(), &record), "{:?}", bytes);
        prop_assert!(same(&DescriptorRecord::from_uri(&uri).unwrap(), &record), "{}", uri);
        prop_assert!(json.len().max(bytes.len()).max(uri.len()) <= DescriptorRecord::MAX_BYTES);
        prop_assert!(!json.contains('\n') && !uri.contains(char::is_whitespace));
    }

    #[test]
    fn serde_keeps_records_in_text_and_binary_formats(record in record()) {
        let json = serde_json::to_vec(&record).unwrap();
        prop_assert!(same(&serde_json::from_slice(&json).unwrap(), &record));
        let frame = postcard::to_stdvec(&(&record, 7_u8)).unwrap();
        let (back, seven): (DescriptorRecord, u8) = postcard::from_bytes(&frame).unwrap();
        prop_assert!(same(&back, &record) && seven == 7);
    }

    #[test]
    fn a_changed_or_cut_binary_record_is_corrupt(record in record(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let bytes = record.to_bytes();
        let at = at.index(bytes.len());
        let mut flipped = bytes.clone();
        flipped[at] ^= 1_u8 << bit;
        prop_assert_eq!(DescriptorRecord::from_bytes(&flipped).unwrap_err().kind(), ErrorKind::Corrupt);
        prop_assert_eq!(DescriptorRecord::from_bytes(&bytes[..at]).unwrap_err().kind(), ErrorKind::Corrupt);
        let longer = [bytes, vec![0; at + 1]].concat();
        prop_assert_eq!(DescriptorRecord::from_bytes(&longer).unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn sealed_nonsense_is_judged(mut body in vec(any::<u8>(), 0..200), record in record(), at in any::<prop::sample::Index>()) {
        // A valid checksum lets the fault through to the fields.
        let whole = record.to_bytes();
        let head = &whole[..at.index(whole.len() - 8).max(5)];
        body.splice(0..0, head.iter().copied());
        let checksum = xxhash_rust::xxh3::xxh3_64(&body);
        body.extend(checksum.to_le_bytes());
        judged(DescriptorRecord::from_bytes(&body))?;
    }

    #[test]
    fn garbage_is_judged(bytes in vec(any::<u8>(), 0..300), text in any::<String>()) {
        judged(DescriptorRecord::from_bytes(&bytes))?;
        judged(DescriptorRecord::from_json(&text))?;
        judged(DescriptorRecord::from_uri(&text))?;
        judged(DescriptorRecord::from_uri(&format!("shm://jobs?{text}")))?;
        judged(DescriptorRecord::from_uri(&format!("shm://jobs?key={text}")))?;
    }

    #[test]
    fn changed_text_is_judged(record in record(), at in any::<prop::sample::Index>(), with in "[\\[\\]{}\":,'()%&=?@a-z0-9 ]{0,3}") {
        for (text, read) in [
            (record.to_json(), DescriptorRecord::from_json as fn(&str) -> _),
            (record.to_uri(), DescriptorRecord::from_uri),
        ] {
            let chars: Vec<char> = text.chars().collect();
            let (head, tail) = chars.split_at(at.index(chars.len()));
            let changed: String = head.iter().copied().chain(with.chars()).chain(tail.iter().skip(1).copied()).collect();
            judged(read(&changed))?;
            judged(read(&head.iter().collect::<String>()))?;
        }
    }
}
