//! Jobs of a server over worker processes, and with checkpoints.

use std::path::PathBuf;

use serde_json::Value;

use super::{Jobs, text, until};
use crate::common::{file, signal};

/// A folder for the data of a server, which goes with the test.
struct Data(PathBuf);

impl Data {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("sage-cli-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        Self(folder)
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Sends SIGKILL to a worker of that job, when it has made so many checkpoints and packets flow.
fn kill_a_worker(jobs: &Jobs, id: &str, checkpoints: u64) {
    let mut victim = 0;
    until(|| {
        let status = jobs.json(&["status", id]);
        let made = status["checkpoints"]["completed"].as_u64().unwrap_or_default();
        victim = status["workers"][1]["pid"].as_u64().unwrap_or_default();
        made >= checkpoints && status["nodes"][0]["packets_out"] != 0 && status["workers"][1]["state"] == "working"
    });
    signal(u32::try_from(victim).expect("a process"), "KILL");
}

#[test]
fn jobs_run_over_processes_side_by_side() {
    let jobs = Jobs::start("job-spread", &[]);
    let endless = ["submit", "demo", "--processes", "2", "-p", "events=0"];
    assert_eq!(jobs.json(&endless)["id"], "demo-1");
    // More than fits into one item of most queues between processes.
    let one = file("job-spread.txt", &b"to be or not to be\nto do\n".repeat(30_000));
    let files = format!("files={}", text(&one));
    let words = [
        "submit",
        "word-count",
        "--processes",
        "2",
        "--transport",
        "shm",
        "-p",
        &files,
        "-p",
        "top=2",
        "--wait",
    ];
    let words = jobs.json(&words);
    assert_eq!(
        words["result"]["words"],
        serde_json::json!([["to", 90_000], ["be", 60_000]])
    );
    let summary = &words["result"]["summary"];
    assert_eq!(
        (
            &summary["processes"],
            &summary["transport"],
            &summary["ledger_ok"],
            &summary["bytes"]
        ),
        (&2.into(), &"shm".into(), &true.into(), &750_000.into()),
        "{summary}"
    );
    let checked = [
        "submit",
        "demo",
        "-p",
        "processes=2",
        "-p",
        "events=20_000",
        "-p",
        "verify=true",
        "--wait",
    ];
    let checked = jobs.json(&checked);
    assert_eq!(
        (&checked["result"]["verified"], &checked["workers"][1]["state"]),
        (&true.into(), &"ended".into()),
        "{checked}"
    );

    let status = || jobs.json(&["status", "demo-1"]);
    until(|| status()["nodes"][4]["packets_in"] != 0);
    assert_eq!(jobs.json(&["pause", "demo-1"])["state"], "paused");
    let rests = |status: &Value| {
        let nodes = status["nodes"].as_array().expect("a list");
        nodes.iter().all(|node| node["state"] == "paused")
    };
    until(|| rests(&status()));
    let before = status()["nodes"].clone();
    assert_eq!(jobs.json(&["resume", "demo-1"])["state"], "running");
    until(|| status()["nodes"][0]["packets_out"].as_u64() > before[0]["packets_out"].as_u64());

    // Who loses a worker fails, and nobody else does.
    assert_eq!(jobs.json(&endless)["id"], "demo-4");
    kill_a_worker(&jobs, "demo-4", 0);
    let failed = jobs.job(&["wait", "demo-4"]);
    assert!(failed.stderr.contains("killed by signal 9"), "{failed:?}");
    assert_eq!((failed.code, &failed.json()["state"]), (Some(1), &"failed".into()));
    assert_eq!(status()["state"], "running");
    jobs.json(&["cancel", "demo-1", "--drain", "60s"]);
    let drained = jobs.json(&["wait", "demo-1"]);
    assert_eq!(
        (&drained["state"], &drained["result"]["ledger_ok"]),
        (&"drained".into(), &true.into())
    );
    // What still runs does not hold up the end of the server.
    jobs.json(&endless);
    jobs.end();
}

#[test]
fn a_job_with_checkpoints_outlives_its_workers_and_its_server() {
    let data = Data::new("job-data");
    let folder = text(&data.0);
    let jobs = Jobs::start("job-kept", &["--data-dir", folder]);
    let kept = [
        "submit",
        "demo",
        "--processes",
        "2",
        "-p",
        "events=150_000",
        "-p",
        "verify=true",
        "--checkpoints",
        "--every",
        "20",
    ];
    assert_eq!(jobs.json(&kept)["id"], "demo-1");
    kill_a_worker(&jobs, "demo-1", 1);
    let night = [
        "submit",
        "demo",
        "--processes",
        "2",
        "-p",
        "events=0",
        "--checkpoints=night",
        "--every",
        "50",
    ];
    assert_eq!(jobs.json(&night)["id"], "demo-2");
    let held = jobs.job(&night);
    assert!(held.refusal(1).contains("those of demo-2"), "{held:?}");
    let moved = jobs.json(&["rescale", "demo-2", "hot_items", "3"]);
    assert_eq!((&moved["before"], &moved["after"]), (&2.into(), &3.into()), "{moved}");
    let ended = jobs.json(&["wait", "demo-1"]);
    assert_eq!(
        (&ended["state"], &ended["result"]["verified"]),
        (&"finished".into(), &true.into()),
        "{ended}"
    );
    assert!(ended["restarts"].as_u64() >= Some(1), "{ended}");
    let shown = crate::common::run(["job", "status", "demo-2", "--at", &jobs.at]);
    for part in ["worker  process", "checkpoints", "went on from checkpoint"] {
        assert!(shown.text().contains(part), "{part}: {shown:?}");
    }
    jobs.end();
    let left = || std::fs::read_dir(data.0.join("jobs")).expect("a folder").count();
    assert_eq!(left(), 1, "that of the one with a name");

    let jobs = Jobs::start("job-again", &["--data-dir", folder]);
    let other = [&night[..], &["-p", "seed=3"]].concat();
    let other = jobs.job(&other);
    assert!(other.refusal(1).contains("some with seed = 0"), "{other:?}");
    let id = jobs.json(&night)["id"].clone();
    let id = id.as_str().expect("an id");
    let status = jobs.json(&["status", id]);
    assert!(status["checkpoints"]["restored"].as_u64() >= Some(1), "{status}");
    jobs.json(&["cancel", id]);
    jobs.end();
}

#[test]
fn what_cannot_be_spread_or_kept_is_refused() {
    let jobs = Jobs::start("job-unspread", &[]);
    let refused = |words: &[&str], code: i32, parts: &[&str]| {
        let ran = jobs.job(&[&["submit", "demo"], words].concat());
        let line = ran.refusal(code).to_owned();
        for part in parts {
            assert!(line.contains(part), "{line:?} has no {part:?}");
        }
    };
    refused(&["--processes", "0"], 2, &["from 1 to 64"]);
    refused(&["-p", "processes=65"], 2, &["from 0 to 64"]);
    refused(&["--transport", "shm"], 2, &["`shm`", "give it processes"]);
    refused(&["--transport", "carrier"], 2, &["`carrier`", "one of auto"]);
    refused(&["--processes", "2", "--transport", "local"], 2, &["auto or shm"]);
    refused(&["--checkpoints"], 1, &["--data-dir PATH"]);
    refused(&["--every", "10"], 2, &["--checkpoints"]);
    let missing = jobs.job(&["rescale", "demo-7", "hot_items", "2"]);
    assert!(missing.refusal(1).contains("demo-7"), "{missing:?}");
    assert_eq!(jobs.json(&["ls"])["jobs"], Value::Array(Vec::new()));
    jobs.end();
}
