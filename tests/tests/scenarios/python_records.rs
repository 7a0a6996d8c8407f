//! Descriptor records as SAGE's Python kernel writes them, and what becomes of each.

use sage_comm::{
    Backends, Builtin, Descriptor, DescriptorRecord, ErrorKind, Kind, LocalSpec, QueueId, QueueManager, RpcSpec,
    SageSpec, Value, live_queues,
};

use crate::support::{explained, names};

struct Accepted {
    name: &'static str,
    json: &'static str,
    reads_as: &'static str,
    id: &'static str,
    /// Items; 0 for a queue without a bound, `None` for a type whose server decides.
    maxsize: Option<i64>,
}

const ACCEPTED: &[Accepted] = &[
    Accepted {
        name: "python, bounded",
        json: r#"{"queue_id": "q", "queue_type": "python", "class_name": "PythonQueueDescriptor",
            "metadata": {"maxsize": 10, "use_multiprocessing": false}, "can_serialize": true,
            "created_timestamp": 1795228632.6265862}"#,
        reads_as: "local",
        id: "q",
        maxsize: Some(10),
    },
    Accepted {
        name: "python, unbounded",
        json: r#"{"queue_id": "env__input_Sink_0", "queue_type": "python", "class_name": "PythonQueueDescriptor",
            "metadata": {"maxsize": 0, "use_multiprocessing": false}, "can_serialize": true,
            "created_timestamp": 1795228632.6}"#,
        reads_as: "local",
        id: "env__input_Sink_0",
        maxsize: Some(0),
    },
    Accepted {
        name: "local_queue, another name of local",
        json: r#"{"queue_id": "a_to_b_0_1", "queue_type": "local_queue", "metadata": {"maxsize": 1000},
            "created_timestamp": 0.0}"#,
        reads_as: "local",
        id: "a_to_b_0_1",
        maxsize: Some(1000),
    },
    Accepted {
        name: "ray queue, four keys only",
        json: r#"{"queue_type": "ray_queue", "queue_id": "q", "metadata": {"maxsize": 10},
            "created_timestamp": 1795228632.6267083}"#,
        reads_as: "ray_queue",
        id: "q",
        maxsize: Some(10),
    },
    Accepted {
        name: "ray queue, maxsize as text",
        json: r#"{"queue_type": "ray_queue", "queue_id": "q2", "metadata": {"maxsize": "2048"},
            "created_timestamp": 1.5}"#,
        reads_as: "ray_queue",
        id: "q2",
        maxsize: Some(2048),
    },
    Accepted {
        name: "rpc queue",
        json: r#"{"queue_id": "q", "queue_type": "rpc_queue", "class_name": "RPCQueueDescriptor",
            "metadata": {"host": "localhost", "port": 1, "connection_timeout": 30.0, "retry_count": 3,
            "enable_pooling": true}, "can_serialize": true, "created_timestamp": 1795228632.6267526}"#,
        reads_as: "rpc",
        id: "q",
        maxsize: Some(1000),
    },
    Accepted {
        name: "sage queue, whose maxsize counted bytes",
        json: r#"{"queue_id": "q", "queue_type": "sage_queue", "class_name": "SageQueueDescriptor",
            "metadata": {"maxsize": 1048576, "auto_cleanup": true, "namespace": null, "enable_multi_tenant": true},
            "can_serialize": true, "created_timestamp": 0.0}"#,
        reads_as: "sage_queue",
        id: "q",
        maxsize: Some(1_048_576),
    },
];

/// A record, and what the message about it names.
const REFUSED: &[(&str, &str, &[&str])] = &[
    (
        "unknown type",
        r#"{"queue_id": "q", "queue_type": "carrier_pigeon", "metadata": {}}"#,
        &["carrier_pigeon", "local", "shm", "rpc"],
    ),
    ("no type", r#"{"queue_id": "q", "metadata": {}}"#, &["queue_type"]),
    (
        "no id",
        r#"{"queue_type": "local", "metadata": {"maxsize": 1}}"#,
        &["queue_id"],
    ),
    ("not an object", r#"["local", "q"]"#, &["object", "list"]),
    (
        "path in the id",
        r#"{"queue_id": "../../etc/passwd", "queue_type": "shm", "metadata": {"maxsize": 4}}"#,
        &["../../etc/passwd", "letter or digit"],
    ),
    (
        "negative capacity",
        r#"{"queue_id": "q", "queue_type": "shm", "metadata": {"maxsize": -1}}"#,
        &["maxsize", "-1", "shm"],
    ),
    (
        "misspelt parameter",
        r#"{"queue_id": "q", "queue_type": "local", "metadata": {"max_size": 5}}"#,
        &["max_size", "maxsize"],
    ),
];

#[test]
fn each_reads_as_its_type_with_its_capacity() {
    for record in ACCEPTED {
        let read = DescriptorRecord::from_json(record.json).unwrap();
        assert_eq!(read.queue_id.as_str(), record.id, "{}", record.name);
        let canonical = Kind::canonical(&read).unwrap();
        assert_eq!(canonical.queue_type, record.reads_as, "{}", record.name);
        assert_eq!(
            canonical.metadata.get("maxsize"),
            record.maxsize.map(Value::Int).as_ref(),
            "{}",
            record.name
        );
        // Whatever form it goes on in, it stays what it is.
        for again in [
            DescriptorRecord::from_json(&read.to_json()),
            DescriptorRecord::from_uri(&read.to_uri()),
            DescriptorRecord::from_bytes(&read.to_bytes()),
        ] {
            assert_eq!(again.unwrap(), read, "{}", record.name);
        }
    }
}

#[test]
fn types_that_are_built_in_open_and_the_others_say_that_they_are_not() {
    for record in ACCEPTED {
        let mut read = DescriptorRecord::from_json(record.json).unwrap();
        // Other records have the same id.
        read.queue_id = format!("python/open/{}", record.id).parse().unwrap();
        let manager = QueueManager::in_namespace(QueueId::generated("python").as_str()).unwrap();
        if record.reads_as == "ray_queue" {
            // Other programs of this user may have a manager.
            let namespace = manager.namespace().to_owned();
            read = read.with("namespace", namespace);
        }
        let opened = Builtin.registry::<String>().open(&read);
        if matches!(record.reads_as, "local" | "sage_queue" | "ray_queue") {
            let queue = opened.unwrap();
            let capacity = record
                .maxsize
                .and_then(|items| usize::try_from(items).ok())
                .filter(|items| *items > 0);
            assert_eq!(queue.capacity(), capacity, "{}", record.name);
            queue.put("item".to_owned()).unwrap();
            assert_eq!(queue.get().unwrap(), "item", "{}", record.name);
            // The manager may write into it meanwhile.
            while manager.folder().exists() {
                let _ = std::fs::remove_dir_all(manager.folder());
            }
        } else {
            let error = opened.map(drop).unwrap_err();
            match record.reads_as {
                // Nobody serves queues at the port of the record.
                "rpc" => names(&error, ErrorKind::Disconnected, &["localhost:1", "`sage serve`"]),
                other => names(&error, ErrorKind::Unsupported, &[other, "feature"]),
            }
        }
    }
}

#[test]
fn they_read_as_typed_descriptors_too() {
    let python = Descriptor::<LocalSpec>::from_json(ACCEPTED[0].json).unwrap();
    assert_eq!((python.queue_type(), python.spec().capacity), ("local", Some(10)));
    assert!(python.can_serialize() && !python.is_initialized());
    assert_eq!(python.created_timestamp(), 1_795_228_632.626_586_2);
    let sage = Descriptor::<SageSpec>::from_json(ACCEPTED[6].json).unwrap();
    assert_eq!(sage.spec().capacity, 1 << 20);
    let elsewhere = ACCEPTED[5]
        .json
        .replace("localhost", "far.example")
        .replace("30.0", "2.5");
    let rpc = Descriptor::<RpcSpec>::from_json(&elsewhere).unwrap();
    let spec = rpc.spec();
    assert_eq!((spec.host.as_str(), spec.port, spec.retry_count), ("far.example", 1, 3));
    assert_eq!((spec.connection_timeout.as_millis(), spec.enable_pooling), (2500, true));
    assert!(!rpc.is_initialized());
    let error = Descriptor::<SageSpec>::from_json(ACCEPTED[0].json).unwrap_err();
    names(
        &error,
        ErrorKind::InvalidDescriptor,
        &["sage_queue", "python", "Registry"],
    );
}

#[test]
fn what_the_original_ignored_in_silence_is_refused() {
    let json = ACCEPTED[0].json.replace("false", "true");
    let record = DescriptorRecord::from_json(&json).unwrap();
    let error = Builtin.registry::<u8>().open(&record).map(drop).unwrap_err();
    names(
        &error,
        ErrorKind::InvalidDescriptor,
        &["use_multiprocessing", "true", "`shm`"],
    );
    let json = ACCEPTED[6].json.replace("null", "\"tenant\"");
    let record = DescriptorRecord::from_json(&json).unwrap();
    let error = Builtin.registry::<u8>().open(&record).map(drop).unwrap_err();
    names(
        &error,
        ErrorKind::InvalidDescriptor,
        &["namespace", "tenant", "queue id"],
    );
}

#[test]
fn each_refused_one_is_refused_in_a_line_that_helps() {
    let before = live_queues().iter().any(|queue| queue.record.queue_id.as_str() == "q");
    assert!(!before, "no scenario opens a queue of that name");
    for (name, json, words) in REFUSED {
        let error = DescriptorRecord::from_json(json)
            .and_then(|record| Kind::canonical(&record))
            .unwrap_err();
        names(&error, ErrorKind::InvalidDescriptor, words);
        let opened = DescriptorRecord::from_json(json).and_then(|record| Builtin.registry::<u8>().open(&record));
        let error = opened.map(drop).unwrap_err();
        // A type that is known and not built in is refused as such, before its parameters are looked at.
        assert!(
            error.kind() == ErrorKind::InvalidDescriptor || *name == "negative capacity",
            "{name}: {error}"
        );
        explained(&error, error.kind());
    }
    assert!(live_queues().iter().all(|queue| queue.record.queue_id.as_str() != "q"));
}
