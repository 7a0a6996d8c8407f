//! Parameters and types: what a record may say, and what is answered when it says something else.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::sync::Arc;

use common::{BoxSpec, HallSpec, opened};
use descriptor_core::{
    Backends, Descriptor, DescriptorRecord, ErrorKind, KINDS, KeySpec, Kind, Metadata, Open, Params, Preset, QueueId,
    Reach, Registry, Scope, Takes, Value, Wire,
};

fn record(kind: &str, metadata: &[(&str, Value)]) -> DescriptorRecord {
    let id = QueueId::generated("params");
    metadata
        .iter()
        .fold(DescriptorRecord::new(id, kind), |record, (key, value)| {
            record.with(*key, value.clone())
        })
}

fn refusal(kind: &str, metadata: &[(&str, Value)]) -> String {
    let error = Kind::canonical(&record(kind, metadata)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidDescriptor, "{error}");
    let text = error.to_string();
    assert!(
        text.contains("expected") && text.contains("found") && text.contains("; "),
        "{text}"
    );
    assert!(!text.contains('\n'));
    text
}

#[test]
fn every_wrong_capacity_is_refused_with_value_expectation_and_remedy() {
    for (kind, value, found) in [
        ("shm", Value::Int(-1), "-1"),
        ("local", Value::Int(-1), "-1"),
        ("shm", Value::Int(0), "0"),
        ("sage_queue", Value::Int(0), "0"),
        ("local", Value::Int((1 << 24) + 1), "16777217"),
        ("ray_queue", Value::Int(i64::MIN), "-9223372036854775808"),
        ("local", Value::Bool(true), "true"),
        ("local", Value::Float(8.0), "8.0"),
        ("local", Value::from("many"), "many"),
        ("local", Value::from("99999999999999999999"), "99999999999999999999"),
        ("local", Value::List(vec![Value::Int(1)]), "a list of 1 values"),
    ] {
        let text = refusal(kind, &[("maxsize", value)]);
        assert!(
            text.contains("`maxsize`") && text.contains(found) && text.contains("16777216"),
            "{text}"
        );
    }
    assert!(refusal("local", &[("maxsize", Value::Int(-1))]).contains("use 0"));
    assert!(refusal("shm", &[("maxsize", Value::Int(0))]).contains("`local`"));
}

#[test]
fn capacities_are_read_as_the_original_wrote_them() {
    let read = |kind, value| {
        let canonical = Kind::canonical(&record(kind, &[("maxsize", value)])).unwrap();
        canonical.metadata["maxsize"].clone()
    };
    assert_eq!(read("ray_queue", Value::from("2048")), Value::Int(2048));
    assert_eq!(read("local", Value::Int(0)), Value::Int(0));
    assert_eq!(read("shm", Value::Int(1 << 24)), Value::Int(1 << 24));
    assert_eq!(read("shm", Value::Null), Value::Int(1000));
}

#[test]
fn unknown_names_come_with_the_known_ones_and_the_nearest() {
    let text = refusal("local", &[("max_size", Value::Int(5))]);
    assert!(
        text.contains("max_size") && text.contains("did you mean `maxsize`?"),
        "{text}"
    );
    let text = refusal("shm", &[("colour", Value::Int(5))]);
    assert!(
        text.contains("`maxsize`, `max_item`") && text.contains("remove it"),
        "{text}"
    );
    let text = refusal("carrier_pigeon", &[]);
    assert!(KINDS.iter().all(|kind| text.contains(kind.name)), "{text}");
    let text = refusal("sage_quewe", &[]);
    assert!(text.contains("did you mean `sage_queue`?"), "{text}");
}

#[test]
fn what_a_type_cannot_honour_is_not_ignored_in_silence() {
    let text = refusal("python", &[("use_multiprocessing", Value::Bool(true))]);
    assert!(text.contains("use_multiprocessing") && text.contains("`shm`"), "{text}");
    let text = refusal("sage_queue", &[("namespace", Value::from("tenant"))]);
    assert!(text.contains("queue id"), "{text}");
    let canonical = Kind::canonical(&record(
        "python",
        &[("maxsize", Value::Int(3)), ("use_multiprocessing", Value::Bool(false))],
    ));
    let canonical = canonical.unwrap();
    assert_eq!(canonical.queue_type, "local");
    assert_eq!(canonical.metadata, Metadata::from([("maxsize".into(), Value::Int(3))]));
}

#[test]
fn defaults_of_all_types_pass_their_own_table() {
    for kind in KINDS {
        let defaults = kind.canonical_metadata(&Metadata::new()).unwrap();
        assert_eq!(kind.canonical_metadata(&defaults).unwrap(), defaults, "{}", kind.name);
        let text = kind.to_string();
        assert!(kind.keys.iter().all(|key| text.contains(key.name)), "{text}");
        for name in std::iter::once(&kind.name).chain(kind.aliases) {
            assert_eq!(Kind::find(name).unwrap(), kind);
        }
    }
    let rpc = Kind::find("rpc_queue")
        .unwrap()
        .canonical_metadata(&Metadata::new())
        .unwrap();
    assert_eq!(rpc["host"], Value::from("localhost"));
    assert_eq!((&rpc["port"], &rpc["retry_count"]), (&Value::Int(7420), &Value::Int(3)));
    assert_eq!(rpc["connection_timeout"], Value::Float(30.0));
}

const EVERY_KIND_OF_KEY: &[KeySpec] = &[
    KeySpec::bounded(7),
    KeySpec::new("port", Takes::Int { min: 1, max: 9 }).or(Preset::Int(3)),
    KeySpec::new("limit", Takes::Seconds).or(Preset::Float(0.5)),
    KeySpec::new("eager", Takes::Flag).or(Preset::Flag(true)),
    KeySpec::new("host", Takes::Text).or(Preset::Text("here")),
    KeySpec::new("mode", Takes::OneOf(&["auto", "lease"])),
    KeySpec::ignored("old", "it was never used"),
    KeySpec::unset("magic", "do it by hand"),
];

#[test]
fn each_kind_of_parameter_is_checked_and_has_its_default() {
    let read = |pairs: &[(&str, Value)]| {
        let metadata = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect();
        Params::read("sample", EVERY_KIND_OF_KEY, &metadata)
    };
    let defaults = read(&[]).unwrap();
    assert_eq!((defaults.capacity("maxsize"), defaults.int("port")), (Some(7), Some(3)));
    assert_eq!(defaults.seconds("limit").unwrap().as_millis(), 500);
    assert_eq!(
        (defaults.flag("eager"), defaults.text("host"), defaults.text("mode")),
        (Some(true), Some("here"), None)
    );

    let given = read(&[
        ("limit", Value::Int(2)),
        ("eager", Value::Bool(false)),
        ("mode", Value::from("lease")),
        ("old", Value::List(vec![])),
        ("magic", Value::Bool(false)),
    ]);
    let given = given.unwrap();
    assert_eq!(given.seconds("limit").unwrap().as_secs(), 2);
    assert_eq!((given.flag("eager"), given.text("mode")), (Some(false), Some("lease")));
    assert!(given.get("old").is_none() && given.get("magic").is_none() && given.get("nothing").is_none());
    assert_eq!(
        read(&[("limit", Value::Float(1e300))]).unwrap().seconds("limit"),
        Some(std::time::Duration::MAX)
    );

    for (key, value) in [
        ("port", Value::Int(0)),
        ("port", Value::Int(10)),
        ("port", Value::from("3")),
        ("limit", Value::Float(-0.1)),
        ("limit", Value::Float(f64::NAN)),
        ("limit", Value::Float(f64::INFINITY)),
        ("limit", Value::from("1s")),
        ("eager", Value::Int(1)),
        ("host", Value::from("")),
        ("host", Value::Int(1)),
        ("mode", Value::from("Auto")),
        ("magic", Value::Bool(true)),
        ("magic", Value::from("x")),
    ] {
        let error = read(&[(key, value.clone())]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidDescriptor);
        assert!(
            error.to_string().contains(key) && error.to_string().contains("sample"),
            "{key} {value}: {error}"
        );
    }
}

#[derive(Clone)]
struct Both;

impl Backends for Both {
    fn registry<T: Wire>(&self) -> Registry<T> {
        Registry::new().with::<BoxSpec>().with::<HallSpec>()
    }
}

#[test]
fn a_type_from_outside_plugs_in_and_is_reached_by_record_and_descriptor_alike() {
    let registry = Both.registry::<String>();
    let descriptor = Descriptor::new("plugged", BoxSpec::of(2)).unwrap();
    descriptor.put("hello".to_owned()).unwrap();
    let queue = registry.open(&descriptor.to_record()).unwrap();
    assert!(Arc::ptr_eq(&queue, &descriptor.queue::<String>().unwrap()));
    assert_eq!(queue.get().unwrap(), "hello");

    let by_alias = DescriptorRecord::from_uri("carton://by/alias?maxsize=4&colour=red").unwrap();
    let canonical = registry.check(&by_alias).unwrap();
    assert_eq!(canonical.queue_type, "test_box");
    assert_eq!(canonical.metadata, Metadata::from([("maxsize".into(), Value::Int(4))]));
    assert_eq!(opened("by/alias"), 0, "checking opens nothing");
    assert_eq!(registry.open(&by_alias).unwrap().capacity(), Some(4));

    let kinds = registry.kinds();
    assert_eq!(
        kinds.iter().map(|kind| kind.kind).collect::<Vec<_>>(),
        ["test_box", "test_hall"]
    );
    assert_eq!(
        kinds.iter().map(|kind| kind.unbounded).collect::<Vec<_>>(),
        [true, false]
    );
    assert_eq!(
        kinds.iter().map(|kind| kind.reach).collect::<Vec<_>>(),
        [Reach::Process, Reach::Host]
    );
    assert!(!kinds[0].caps.cross_process && kinds[1].caps.cross_process);
    assert!(registry.knows("carton") && !registry.knows("shm"));
    let again = registry.with::<BoxSpec>();
    assert_eq!(again.types().count(), 2, "registering twice is registering once");
}

#[test]
fn what_cannot_be_opened_is_refused_with_words() {
    let registry = Both.registry::<u8>();
    let known = |kind: &str| DescriptorRecord::new(QueueId::new("refused/q").unwrap(), kind);
    let error = registry.open(&known("shm")).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let text = error.to_string();
    assert!(
        text.contains("feature `shm`") && text.contains("`test_box`") && text.contains("refused/q"),
        "{text}"
    );
    let error = registry.open(&known("test_box2")).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidDescriptor);
    assert!(error.to_string().contains("did you mean `test_box`?"), "{error}");
    let error = registry.check(&known("test_hall").with("maxsize", "lots")).unwrap_err();
    assert_eq!(
        (error.kind(), error.queue_id()),
        (ErrorKind::InvalidDescriptor, Some("refused/q"))
    );
    let secret = known("test_box").with("token", "hunter2");
    assert!(!registry.check(&secret).unwrap_err().to_string().contains("hunter2"));
    let error = Registry::<u8>::new().open(&known("test_box")).err().unwrap();
    assert!(error.to_string().contains("register"), "{error}");
    assert_eq!(opened("refused/q"), 0);
}

#[test]
fn a_worker_opens_its_own_records_only() {
    let record = |worker| DescriptorRecord {
        scope: Scope::Worker(worker),
        ..DescriptorRecord::new(QueueId::new(format!("worker/{worker}")).unwrap(), "test_box")
    };
    let two = Both.registry::<u8>().for_worker(2);
    let queue = two.open(&record(2)).unwrap();
    assert_eq!(descriptor_core::describe(&queue).unwrap().scope, Scope::Worker(2));
    for (registry, expected) in [(two, "worker 2"), (Both.registry(), "no worker")] {
        let error = registry.open(&record(3)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::OutOfScope);
        let text = error.to_string();
        assert!(
            text.contains("worker 3") && text.contains(expected) && text.contains("`shm`"),
            "{text}"
        );
    }
    assert_eq!(opened("worker/3"), 0);
    // A queue beyond the process is everybody's.
    let hall = DescriptorRecord {
        queue_type: "test_hall".into(),
        ..record(4)
    };
    assert!(Both.registry::<u8>().open(&hall).is_ok());
}

#[test]
fn records_of_the_original_read_as_its_types() {
    for (json, kind, capacity) in [
        (
            r#"{"queue_id":"q","queue_type":"python","class_name":"PythonQueueDescriptor","metadata":{"maxsize":10,"use_multiprocessing":false},"can_serialize":true,"created_timestamp":1795228632.6265862}"#,
            "local",
            Some(10),
        ),
        (
            r#"{"queue_type":"ray_queue","queue_id":"q2","metadata":{"maxsize":"2048"},"created_timestamp":1.5}"#,
            "ray_queue",
            Some(2048),
        ),
        (
            r#"{"queue_id":"q","queue_type":"sage_queue","metadata":{"maxsize":1048576,"auto_cleanup":true,"namespace":null,"enable_multi_tenant":true}}"#,
            "sage_queue",
            Some(1_048_576),
        ),
        (
            r#"{"queue_id":"q","queue_type":"rpc_queue","metadata":{"host":"h","port":8000,"connection_timeout":30,"retry_count":3,"enable_pooling":true}}"#,
            "rpc",
            Some(1000),
        ),
    ] {
        let canonical = Kind::canonical(&DescriptorRecord::from_json(json).unwrap()).unwrap();
        assert_eq!(canonical.queue_type, kind);
        assert_eq!(
            canonical.metadata.get("maxsize"),
            capacity.map(Value::Int).as_ref(),
            "{json}"
        );
    }
}

/// The compiler lets only what can leave the process into a queue that does.
#[test]
fn item_types_follow_the_reach() {
    const fn opens<T: descriptor_core::Item, S: Open<T>>() {}
    opens::<std::thread::JoinHandle<()>, BoxSpec>();
    opens::<u64, HallSpec>();
}
