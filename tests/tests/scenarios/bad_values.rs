//! Parameters that the type of a queue does not take, in every form and in code.

use sage_comm::{
    Backends, Builtin, Descriptor, DescriptorRecord, Error, ErrorKind, Kind, LocalSpec, MAX_CAPACITY, Open, QueueId,
    SageSpec, Scope, Value,
};

use crate::support::{explained, is_live, names};

const ID: &str = "bad/values";

/// The error about a record, which is the same in every form it can travel in.
fn refused(record: &DescriptorRecord) -> Error {
    let open = |record: &DescriptorRecord| Builtin.registry::<u64>().open(record).map(drop);
    let error = open(record).unwrap_err();
    for read in [
        DescriptorRecord::from_json(&record.to_json()),
        DescriptorRecord::from_uri(&record.to_uri()),
        DescriptorRecord::from_bytes(&record.to_bytes()),
    ] {
        let again = read.and_then(|record| open(&record)).unwrap_err();
        assert_eq!(again.kind(), error.kind(), "{again}, but: {error}");
    }
    assert!(!is_live(record.queue_id.as_str()), "{record:?}");
    error
}

fn with_maxsize(kind: &str, value: impl Into<Value>) -> DescriptorRecord {
    DescriptorRecord::new(QueueId::new(ID).unwrap(), kind).with("maxsize", value)
}

#[test]
fn capacities_out_of_range() {
    let too_many = i64::try_from(MAX_CAPACITY).unwrap() + 1;
    assert_eq!(too_many, (1 << 24) + 1);
    for kind in ["local", "python", "sage_queue"] {
        let range = if kind == "sage_queue" {
            "from 1 to 16777216"
        } else {
            "from 0 (no bound) to 16777216"
        };
        for number in [-1, too_many, i64::MIN, i64::MAX] {
            let shown = number.to_string();
            names(
                &refused(&with_maxsize(kind, number)),
                ErrorKind::InvalidDescriptor,
                &["maxsize", range, &shown],
            );
            names(
                &refused(&with_maxsize(kind, shown.clone())),
                ErrorKind::InvalidDescriptor,
                &["maxsize", range, &shown],
            );
        }
        for value in [
            Value::Float(1.5),
            Value::Float(1e300),
            Value::Bool(true),
            Value::from("many"),
            Value::from(""),
            Value::from("0x10"),
            Value::from("１０"),
            Value::from("5\n6"),
            Value::List(vec![Value::Int(5)]),
        ] {
            names(
                &refused(&with_maxsize(kind, value)),
                ErrorKind::InvalidDescriptor,
                &["maxsize", range, "whole number"],
            );
        }
    }
    // Refused before it is asked for: these could not be opened here.
    for kind in ["shm", "ray_queue", "ray_actor", "rpc", "nats"] {
        for number in [-1, 0, too_many] {
            let error = Kind::canonical(&with_maxsize(kind, number)).unwrap_err();
            names(
                &error,
                ErrorKind::InvalidDescriptor,
                &["maxsize", kind, &number.to_string()],
            );
        }
    }
}

#[test]
fn no_bound_where_there_must_be_one() {
    let error = refused(&with_maxsize("sage_queue", 0));
    names(
        &error,
        ErrorKind::InvalidDescriptor,
        &["maxsize", "from 1", "int 0", "type `local`"],
    );
    assert_eq!(
        refused(&with_maxsize("sage_queue", "0")).kind(),
        ErrorKind::InvalidDescriptor
    );
    let unbounded = DescriptorRecord::new(QueueId::new("bad/values/unbounded").unwrap(), "local").with("maxsize", 0);
    assert_eq!(Builtin.registry::<u64>().open(&unbounded).unwrap().capacity(), None);
}

fn as_in_records<S: Open<u64>>(spec: S, word: &str) {
    let error = Descriptor::new(ID, spec).unwrap_err();
    names(&error, ErrorKind::InvalidDescriptor, &[ID, S::KIND, "maxsize", word]);
}

#[test]
fn what_a_record_may_not_say_a_program_may_not_either() {
    as_in_records(SageSpec::bounded(0), "int 0");
    as_in_records(SageSpec::bounded(MAX_CAPACITY + 1), "16777217");
    as_in_records(SageSpec::bounded(usize::MAX), "9223372036854775807");
    as_in_records(LocalSpec::bounded(MAX_CAPACITY + 1), "16777217");
    assert!(!is_live(ID));
    for kind in ["local", "sage_queue"] {
        let id = QueueId::new("bad/values/largest").unwrap();
        let largest = DescriptorRecord::new(id, kind).with("maxsize", i64::try_from(MAX_CAPACITY).unwrap());
        let queue = Builtin.registry::<()>().open(&largest).unwrap();
        assert_eq!(queue.capacity(), Some(MAX_CAPACITY), "the limit itself is allowed");
    }
}

#[test]
fn parameters_of_other_types_of_queues() {
    for (key, value) in [
        ("host", Value::from("localhost")),
        ("port", Value::Int(8000)),
        ("shm_name", Value::from("segment")),
        ("actor_name", Value::from("actor")),
        ("connection_timeout", Value::Float(1.0)),
    ] {
        let record = DescriptorRecord::new(QueueId::new(ID).unwrap(), "local").with(key, value);
        names(
            &refused(&record),
            ErrorKind::InvalidDescriptor,
            &[key, "maxsize", "local"],
        );
    }
    for (key, value) in [
        ("use_multiprocessing", Value::Bool(true)),
        ("use_multiprocessing", Value::from("no")),
    ] {
        let record = DescriptorRecord::new(QueueId::new(ID).unwrap(), "local").with(key, value);
        names(
            &refused(&record),
            ErrorKind::InvalidDescriptor,
            &[key, "false or null", "`shm`"],
        );
    }
}

#[test]
fn numbers_that_are_none_and_names_that_are_none() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = with_maxsize("local", number).check().unwrap_err();
        names(&error, ErrorKind::InvalidDescriptor, &["maxsize", "finite"]);
        refused(&with_maxsize("local", number));
        let mut record = with_maxsize("local", 5);
        record.created_timestamp = number;
        names(
            &record.check().unwrap_err(),
            ErrorKind::InvalidDescriptor,
            &["created_timestamp", "finite"],
        );
    }
    for key in ["", " ", "max size", "9lives", "ключ", "a\nb", "a=b", &"k".repeat(65)] {
        let record = DescriptorRecord::new(QueueId::new(ID).unwrap(), "local").with(key, 1);
        let error = refused(&record);
        explained(&error, ErrorKind::InvalidDescriptor);
    }
}

#[test]
fn secrets_are_refused_and_not_repeated() {
    for key in ["token", "auth_token", "password", "api-key"] {
        let record = DescriptorRecord::new(QueueId::new(ID).unwrap(), "rpc").with(key, "hunter2");
        let error = refused(&record);
        names(&error, ErrorKind::InvalidDescriptor, &[key, "env:NAME", "file:PATH"]);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[test]
fn records_bound_to_somebody_else() {
    for (scope, words) in [
        (Scope::Process(1), ["another process", "`shm`"]),
        (Scope::Worker(3), ["worker 3", "no worker"]),
    ] {
        for kind in ["local", "sage_queue"] {
            let mut record = with_maxsize(kind, 4);
            record.scope = scope.clone();
            names(
                &refused(&record),
                ErrorKind::OutOfScope,
                &[ID, kind, words[0], words[1]],
            );
        }
    }
    let mut mine = with_maxsize("local", 4);
    mine.scope = Scope::Worker(3);
    mine.queue_id = QueueId::new("bad/values/worker").unwrap();
    let error = Builtin
        .registry::<u8>()
        .for_worker(2)
        .open(&mine)
        .map(drop)
        .unwrap_err();
    names(
        &error,
        ErrorKind::OutOfScope,
        &["worker 2", "worker 3", "`shm` or `rpc`"],
    );
    let queue = Builtin.registry::<u8>().for_worker(3).open(&mine).unwrap();
    queue.put(1).unwrap();
    assert_eq!(queue.get().unwrap(), 1);
}
