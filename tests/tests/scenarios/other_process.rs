//! Scenario 1 of the specification: one process makes a queue and sends its descriptor to another one.

use std::process::Command;

use sage_comm::{
    Backends, Builtin, Descriptor, DescriptorRecord, ErrorKind, LocalSpec, Open, SageSpec, Scope, live_queues,
};

use crate::support::names;

/// What the other process prints: JSON, URI and binary form of each built-in type.
fn records_of_another_process() -> Vec<DescriptorRecord> {
    let output = Command::new(env!("CARGO_BIN_EXE_print-descriptor")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 6, "{text}");
    records(&lines)
}

/// Three lines for each type.
fn records(lines: &[&str]) -> Vec<DescriptorRecord> {
    lines
        .chunks(3)
        .flat_map(|forms| {
            let bytes: Vec<u8> = forms[2]
                .as_bytes()
                .chunks(2)
                .map(|hex| u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap())
                .collect();
            [
                DescriptorRecord::from_json(forms[0]).unwrap(),
                DescriptorRecord::from_uri(forms[1]).unwrap(),
                DescriptorRecord::from_bytes(&bytes).unwrap(),
            ]
        })
        .collect()
}

fn typed<S: Open<String>>(record: &DescriptorRecord) -> sage_comm::Error {
    let descriptor = Descriptor::<S>::from_record(record).unwrap();
    let error = descriptor.queue::<String>().map(drop).unwrap_err();
    assert!(descriptor.put("lost?".to_owned()).unwrap_err().into_item() == "lost?");
    assert!(!descriptor.is_initialized() && descriptor.evict().is_none());
    error
}

#[test]
fn a_queue_of_another_process_is_out_of_scope_and_never_an_empty_look_alike() {
    let records = records_of_another_process();
    assert_eq!(records.len(), 6);
    assert_eq!(records[0], records[1], "JSON and URI say the same");
    assert_eq!(records[0], records[2], "and so do the bytes");
    for record in &records {
        assert!(matches!(record.scope, Scope::Process(_)), "{record:?}");
        let kind = record.queue_type.as_str();
        let by_type = match kind {
            "local" => typed::<LocalSpec>(record),
            _ => typed::<SageSpec>(record),
        };
        let by_registry = Builtin.registry::<String>().open(record).map(drop).unwrap_err();
        let checked = Builtin.registry::<String>().check(record).unwrap_err();
        for error in [by_type, by_registry, checked] {
            names(
                &error,
                ErrorKind::OutOfScope,
                &["of/another/process", kind, "another process", "`shm`", "`rpc`"],
            );
        }
    }
    assert!(
        live_queues()
            .iter()
            .all(|queue| queue.record.queue_id.as_str() != "of/another/process")
    );
}

#[test]
fn two_processes_never_have_the_same_token() {
    let scope = || records_of_another_process().remove(0).scope;
    let mine = Descriptor::new("other-process/mine", LocalSpec::bounded(1))
        .unwrap()
        .to_record()
        .scope;
    let (first, second) = (scope(), scope());
    assert!(first != second && first != mine && second != mine);
}

#[test]
fn what_would_reach_is_named_and_says_how_to_get_it() {
    let record = DescriptorRecord::from_uri("nats://other-process/shared?maxsize=100").unwrap();
    let error = Builtin.registry::<String>().open(&record).map(drop).unwrap_err();
    names(
        &error,
        ErrorKind::Unsupported,
        &[
            "other-process/shared",
            "nats",
            "local",
            "sage_queue",
            "shm",
            "feature `nats`",
        ],
    );
}

#[test]
fn a_record_without_a_home_binds_to_the_process_that_first_opens_it() {
    let read = Descriptor::<LocalSpec>::from_uri("local://other-process/unbound?maxsize=2").unwrap();
    assert_eq!(read.to_record().scope, Scope::Unscoped);
    read.put(1_u8).unwrap();
    let mine = Descriptor::new("other-process/mine", LocalSpec::bounded(1))
        .unwrap()
        .to_record()
        .scope;
    assert_eq!(read.to_serializable().to_record().scope, mine);
    assert_eq!(read.get::<u8>().unwrap(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn with_shm_as_the_hint_says_the_other_process_has_the_same_queue() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::Stdio;

    use sage_comm::{QueueId, ShmSpec};

    crate::support::within_a_minute(|| {
        let id = QueueId::generated("other-process");
        let mut child = Command::new(env!("CARGO_BIN_EXE_print-descriptor"))
            .arg(id.as_str())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let lines: Vec<String> = said.by_ref().lines().take(3).map(Result::unwrap).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let records = records(&lines);
        assert_eq!(records[0], records[1], "JSON and URI say the same");
        assert_eq!(records[0], records[2], "and so do the bytes");
        assert!(records.iter().all(|record| record.scope == Scope::Unscoped));

        let by_registry = Builtin.registry::<String>().open(&records[0]).unwrap();
        let by_type = Descriptor::<ShmSpec>::from_uri(lines[1]).unwrap();
        assert_eq!((by_registry.depth(), by_registry.capacity()), (Some(1), Some(100)));
        assert_eq!(by_type.get::<String>().unwrap(), "an item of this process");
        by_registry.put("an answer".to_owned()).unwrap();
        drop(child.stdin.take());
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "an answer\n");
        assert!(child.wait().unwrap().success());

        // The queue is no longer than somebody has it.
        assert_eq!(by_registry.depth(), Some(0));
        drop((by_registry, by_type));
        let segments = sage_comm::ShmFolder::of_this_user().entries().unwrap();
        assert!(segments.iter().all(|entry| entry.file != id.as_str()), "{segments:?}");
    });
}
