//! The suite `net` as a user runs it: the processes that it starts are the program itself.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// One short round. Programs of others are not looked for: what they do is not what is tried here.
fn run(only: &str, subject: &str, json: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sage-bench"))
        .env("PATH", "")
        .args(["net", "--quick", "--rounds", "1", "--round-ms", "1"])
        .args(["--only", only, "--subject", subject, "--json"])
        .arg(json)
        .output()
        .expect("the program starts")
}

/// What it reports.
fn report(only: &str, subject: &str) -> Value {
    let json = std::env::temp_dir().join(format!("sage-bench-net-{}-{only}-{subject}.json", std::process::id()));
    let done = run(only, subject, &json);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = std::fs::read_to_string(&json).expect("results");
    std::fs::remove_file(&json).expect("one file");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(report.get("suite"), Some(&Value::from("net")));
    report
}

/// Subjects of the rows, each with a figure.
fn subjects(report: &Value) -> Vec<&str> {
    let rows = report.get("rows").and_then(Value::as_array).expect("rows");
    assert!(
        rows.iter()
            .all(|row| row.get("median").and_then(Value::as_f64).is_some_and(f64::is_finite))
    );
    rows.iter().filter_map(|row| row.get("subject")?.as_str()).collect()
}

#[test]
fn a_producer_a_server_and_a_consumer() {
    let report = report("1x1 64 B", "rpc,batch,Unix,each");
    let subjects = subjects(&report);
    for name in ["rpc", "rpc, batch 64", "rpc, Unix socket", "rpc, confirm each"] {
        assert!(subjects.contains(&name), "{subjects:?}");
    }
}

#[test]
fn large_items_and_the_relay() {
    for item in ["1x1 64 KiB", "1x1 1 MiB"] {
        assert!(subjects(&report(item, "rpc,tokio relay")).contains(&"tokio relay"));
    }
}

#[test]
fn the_same_with_tls() {
    let report = report("TLS", "rpc,TLS");
    let subjects = subjects(&report);
    for name in ["rpc, TLS", "tokio relay, TLS"] {
        assert!(subjects.contains(&name), "{subjects:?}");
    }
}

#[test]
fn a_target_comes_with_what_it_is_held_against() {
    let report = report("confirmed put p50", "confirm each");
    assert!(subjects(&report).contains(&"tokio relay"));
    let rows = report.get("rows").and_then(Value::as_array).expect("rows");
    let held = rows.iter().find(|row| row.get("target").is_some_and(Value::is_number));
    assert_eq!(
        held.and_then(|row| row.get("reference")),
        Some(&Value::from("tokio relay"))
    );
    assert!(!subjects(&self::report("put and get p50", "Unix")).is_empty());
}

#[test]
fn clients_and_what_is_idle() {
    assert!(subjects(&report("clients", "10 clients")).contains(&"rpc, 10 clients"));
    assert!(!subjects(&report("memory of an idle connection", "rpc")).is_empty());
}

#[test]
fn what_is_left_out_is_named_with_its_reason() {
    let report = report("confirmed put p50", "confirm each");
    let notes = report.get("notes").and_then(Value::as_array).expect("notes");
    let notes: Vec<&str> = notes.iter().filter_map(Value::as_str).collect();
    let mut skipped = notes.iter().filter_map(|note| note.strip_prefix("skipped: "));
    assert!(skipped.all(|note| note.contains(": ")), "{notes:?}");
    let built = notes.iter().any(|note| note.contains("without the feature net"));
    assert_eq!(built, !cfg!(feature = "net"), "{notes:?}");
}

#[test]
fn a_part_that_nobody_knows_is_an_error() {
    let done = Command::new(env!("CARGO_BIN_EXE_sage-bench"))
        .args(["net-part", "dance"])
        .output()
        .expect("the program starts");
    assert!(!done.status.success());
    assert!(String::from_utf8_lossy(&done.stderr).contains("no part"));
}
