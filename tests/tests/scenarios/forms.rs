//! Properties of records of every kind, good and bad, in all three forms, up to the open queue.

use proptest::collection::btree_map;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use sage_comm::{
    Backends, Builtin, DescriptorRecord, DynQueue, ErrorKind, Kind, MAX_CAPACITY, Metadata, QueueId, Result, Scope,
    Value,
};

use crate::support::is_live;

const READ: [fn(&DescriptorRecord) -> Result<DescriptorRecord>; 3] = [
    |record| DescriptorRecord::from_json(&record.to_json()),
    |record| DescriptorRecord::from_uri(&record.to_uri()),
    |record| DescriptorRecord::from_bytes(&record.to_bytes()),
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-2_i64..5000).prop_map(Value::Int),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        "[0-9]{1,9}".prop_map(Value::Text),
        any::<String>().prop_map(Value::Text),
    ];
    leaf.prop_recursive(18, 24, 2, |inside| {
        prop::collection::vec(inside, 0..3).prop_map(Value::List)
    })
}

/// Without `rpc`, which would look for a server wherever a record says, and without queues of managers, as this process would
/// become one.
fn kind() -> impl Strategy<Value = String> {
    let known = select(vec!["local", "python", "local_queue", "sage_queue", "shm", "nats"]);
    prop_oneof![8 => known.prop_map(str::to_owned), 1 => "[a-z_]{0,12}", 1 => any::<String>()]
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let known = select(vec![
        "maxsize",
        "use_multiprocessing",
        "namespace",
        "auto_cleanup",
        "host",
        "port",
    ]);
    let key = prop_oneof![8 => known.prop_map(str::to_owned), 1 => "[a-z_]{1,12}", 1 => any::<String>()];
    btree_map(key, value(), 0..4)
}

prop_compose! {
    /// Some are valid, most are not.
    fn record()(
        kind in kind(),
        metadata in metadata(),
        scope in prop_oneof![4 => Just(Scope::Unscoped), 1 => any::<u128>().prop_map(Scope::Process)],
        version in prop_oneof![8 => Just(1_u32), 1 => any::<u32>()],
        epoch in any::<Option<u64>>(),
    ) -> DescriptorRecord {
        // Every case has a name of its own, so that what it leaves behind can be told.
        let mut record = DescriptorRecord::new(QueueId::generated("forms"), kind);
        record.metadata = metadata;
        record.scope = scope;
        record.version = version;
        record.epoch = epoch;
        record
    }
}

fn open(record: &DescriptorRecord) -> Result<DynQueue<u64>> {
    Builtin.registry().open(record)
}

/// The kinds of error that a bad record may be.
fn is_refusal(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::InvalidDescriptor
            | ErrorKind::Incompatible
            | ErrorKind::TooLarge
            | ErrorKind::Corrupt
            | ErrorKind::Unsupported
            | ErrorKind::OutOfScope
    )
}

fn is_one_helpful_line(message: &str) -> bool {
    let said = ["expected ", "found ", "; "].iter().all(|part| message.contains(part));
    said && !message.chars().any(char::is_control) && message.len() < 2000
}

proptest! {
    #[test]
    fn a_record_opens_with_its_own_capacity_or_is_refused_alike_in_every_form(record in record()) {
        // A queue of the largest capacity takes memory for all its slots at once; a few of them are tested elsewhere.
        prop_assume!(Kind::canonical(&record).ok().and_then(|canonical| canonical.metadata.get("maxsize").cloned())
            .is_none_or(|items| matches!(items, Value::Int(0..=100_000))));
        let id = record.queue_id.as_str();
        let direct = open(&record).map(|queue| queue.capacity());
        prop_assert!(direct.is_ok() || !is_live(id), "nothing half-built stays");
        for read in READ {
            match (&direct, read(&record).and_then(|read| open(&read))) {
                (Ok(capacity), Ok(queue)) => {
                    prop_assert_eq!(&queue.capacity(), capacity);
                    prop_assert!(capacity.is_none_or(|items| (1..=MAX_CAPACITY).contains(&items)));
                    queue.put(7).unwrap();
                    prop_assert_eq!(open(&record).unwrap().get().unwrap(), 7, "one queue, however it is reached");
                }
                (Err(expected), Err(error)) => {
                    prop_assert_eq!(error.kind(), expected.kind(), "{} but {}", error, expected);
                    prop_assert!(is_refusal(error.kind()), "{}", error);
                    prop_assert!(is_one_helpful_line(&error.to_string()), "{}", error);
                }
                (direct, read) => prop_assert!(false, "{:?} but {:?}", direct, read.map(drop)),
            }
            prop_assert!(direct.is_ok() || !is_live(id), "nothing half-built stays");
        }
    }

    #[test]
    fn text_that_was_tampered_with_is_read_or_refused_and_leaves_nothing(
        record in record(),
        at in any::<Index>(),
        drop_chars in 0..4_usize,
        insert in "[\\[\\]{}\":,'()%&=?@#a-z0-9 .\n\0é-]{0,4}",
    ) {
        for (text, read) in [
            (record.to_json(), DescriptorRecord::from_json as fn(&str) -> Result<DescriptorRecord>),
            (record.to_uri(), DescriptorRecord::from_uri),
        ] {
            let chars: Vec<char> = text.chars().collect();
            let at = at.index(chars.len());
            let changed: String = chars[..at]
                .iter()
                .copied()
                .chain(insert.chars())
                .chain(chars[at..].iter().skip(drop_chars).copied())
                .collect();
            // Checked and not opened: the capacity may have become a large one.
            match read(&changed).and_then(|read| Builtin.registry::<u64>().check(&read)) {
                Ok(canonical) => prop_assert!(canonical.check().is_ok()),
                Err(error) => {
                    prop_assert!(is_refusal(error.kind()), "{}", error);
                    prop_assert!(is_one_helpful_line(&error.to_string()), "{}", error);
                }
            }
            prop_assert!(!is_live(record.queue_id.as_str()));
        }
    }

    #[test]
    fn bytes_that_were_tampered_with_are_corrupt(record in record(), at in any::<Index>(), change in 1..=u8::MAX) {
        let mut bytes = record.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        let error = DescriptorRecord::from_bytes(&bytes).unwrap_err();
        prop_assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::TooLarge), "{}", error);
        prop_assert!(is_one_helpful_line(&error.to_string()), "{}", error);
        prop_assert!(DescriptorRecord::from_bytes(&bytes[..at]).is_err());
    }
}
