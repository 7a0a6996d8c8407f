//! The suite `ipc` as a user runs it: the processes that it starts are the program itself.
#![cfg(target_os = "linux")]

use std::process::Command;

use serde_json::Value;

/// Rows of a run of one short round.
fn rows(only: &str, subject: &str) -> Vec<Value> {
    let json = std::env::temp_dir().join(format!("sage-bench-test-{}-{only}-{subject}.json", std::process::id()));
    let done = Command::new(env!("CARGO_BIN_EXE_sage-bench"))
        .args([
            "ipc",
            "--quick",
            "--rounds",
            "1",
            "--round-ms",
            "1",
            "--only",
            only,
            "--subject",
            subject,
            "--json",
        ])
        .arg(&json)
        .output()
        .expect("the program starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = std::fs::read_to_string(&json).expect("results");
    std::fs::remove_file(&json).expect("one file");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(report.get("suite"), Some(&Value::from("ipc")));
    let rows = report.get("rows").and_then(Value::as_array).expect("rows");
    assert!(
        rows.iter()
            .all(|row| row.get("median").and_then(Value::as_f64).is_some_and(f64::is_finite))
    );
    rows.clone()
}

fn subjects(rows: &[Value]) -> Vec<&str> {
    rows.iter().filter_map(|row| row.get("subject")?.as_str()).collect()
}

#[test]
fn one_producer_and_one_consumer() {
    for only in ["1x1 64 B", "1x1 1 MiB"] {
        let rows = rows(only, "shm,batch,Unix,pipe,buffers");
        let subjects = subjects(&rows);
        for name in ["shm", "shm, batch 64", "Unix socket", "pipe, 64 KiB buffers"] {
            assert!(subjects.contains(&name), "{subjects:?}");
        }
    }
}

#[test]
fn several_producers_and_consumers_share_what_can_be_shared() {
    for (only, subject) in [("4x1 64 B", "batch"), ("1x4 64 B", "shm"), ("4x4 1 KiB", "shm")] {
        let rows = rows(only, subject);
        assert_eq!(rows.len(), 2, "one subject with two metrics: {rows:?}");
    }
}

#[test]
fn there_and_back_attaching_memory_and_several_queues() {
    for only in ["round trip p50", "create", "attach", "memory", "10 queues", "1x1 typed"] {
        let rows = rows(only, "shm");
        assert!(!rows.is_empty(), "{only}");
    }
}

#[test]
fn a_part_that_nobody_knows_is_an_error() {
    let done = Command::new(env!("CARGO_BIN_EXE_sage-bench"))
        .args(["ipc-part", "dance"])
        .output()
        .expect("the program starts");
    assert!(!done.status.success());
    assert!(String::from_utf8_lossy(&done.stderr).contains("no part"));
}
