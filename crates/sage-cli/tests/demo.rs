//! `sage demo`: a real job, verified against a plain loop.

mod common;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use common::{run, run_with, sage, signal};
use serde_json::Value;

fn demo(options: &[&str]) -> Value {
    let ran = run(["demo", "--json"].iter().chain(options));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{options:?}: {ran:?}");
    ran.json()
}

fn assert_lossless(json: &Value) {
    for field in ["lost", "duplicated", "lost_in_flight", "redelivered", "restarts"] {
        assert_eq!(json[field], 0, "{field} in {json}");
    }
    assert_eq!(json["ledger_ok"], true, "{json}");
    assert_eq!(json["accepted"], json["delivered"], "{json}");
}

#[test]
fn every_transport_and_parallelism_gives_the_answer_of_the_plain_loop() {
    for transport in ["sage", "local"] {
        for parallelism in ["1", "2", "5"] {
            let json = demo(&[
                "--events",
                "60_000",
                "--verify",
                "--transport",
                transport,
                "--parallelism",
                parallelism,
            ]);
            assert_lossless(&json);
            assert_eq!(json["verified"], true, "{json}");
            assert_eq!(
                (&json["events"], &json["processes"]),
                (&60_000.into(), &1.into()),
                "{json}"
            );
            assert_eq!(json["transport"], transport);
            assert_eq!(json["parallelism"].to_string(), parallelism);
            // Every event travels at least once, and every result does.
            let (accepted, results) = (json["accepted"].as_u64(), json["results"].as_u64());
            assert!(results > Some(0) && accepted > Some(60_000), "{json}");
            assert!(json["seconds"].as_f64() > Some(0.0), "{json}");
            assert!(json["events_per_second"].as_f64() > Some(0.0), "{json}");
        }
    }
}

#[test]
fn processes_give_the_answer_of_the_plain_loop() {
    for (transport, processes, parallelism) in [
        ("auto", Some("3"), "2"),
        ("shm", None, "2"),
        ("shm", Some("1"), "1"),
        ("shm", Some("5"), "3"),
        ("rpc", None, "2"),
        ("rpc", Some("2"), "1"),
        ("actor", None, "2"),
        ("actor", Some("2"), "1"),
    ] {
        let mut options = vec!["--transport", transport, "--parallelism", parallelism];
        options.extend(["--events", "60_000", "--verify"]);
        options.extend(processes.into_iter().flat_map(|processes| ["--processes", processes]));
        let json = demo(&options);
        assert_lossless(&json);
        assert_eq!(
            (&json["verified"], &json["transport"]),
            (&true.into(), &transport.into()),
            "{json}"
        );
        assert_eq!(json["processes"].to_string(), processes.unwrap_or("3"), "{json}");
        assert_eq!(json["events"], 60_000, "{json}");
    }
}

/// A folder of one test, which goes with it.
struct Temp(std::path::PathBuf);

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_killed_worker_is_replaced_and_the_answer_is_that_of_the_plain_loop() {
    let transports = ["shm", "rpc", "actor"].map(|transport| vec!["--transport", transport]);
    for transport in transports.into_iter().chain([Vec::new()]) {
        let options = ["--events", "100_000", "--verify", "--kill-worker", "--every", "10"];
        let ran = run(["demo", "--json"].iter().chain(&options).chain(&transport));
        // What happened to the worker is in the log.
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.stderr.contains("was killed by signal 9"), "{ran:?}");
        let json = ran.json();
        assert_eq!(
            (&json["verified"], &json["lost"], &json["events"]),
            (&true.into(), &0.into(), &100_000.into())
        );
        assert!(json["restarts"].as_u64() >= Some(1), "{json}");
        assert!(json["recovery_seconds"].as_f64() > Some(0.0), "{json}");
        assert!(json["checkpoints"]["restored"].as_u64() >= Some(1), "{json}");
        assert_eq!((&json["ledger_ok"], &json["lost_in_flight"]), (&true.into(), &0.into()));
    }
}

#[test]
fn processes_alone_say_that_queues_are_to_reach_them() {
    let spread = demo(&["--events", "10_000", "--verify", "--processes", "2"]);
    assert_lossless(&spread);
    assert_eq!(
        (&spread["transport"], &spread["processes"]),
        (&"auto".into(), &2.into())
    );
    let alone = demo(&["--events", "10_000", "--verify", "--processes", "1"]);
    assert_eq!((&alone["transport"], &alone["processes"]), (&"sage".into(), &1.into()));
}

#[test]
fn a_folder_of_checkpoints_is_gone_on_from() {
    let folder = Temp(std::env::temp_dir().join(format!("sage-demo-test-{}", std::process::id())));
    let path = folder.0.to_str().expect("a name");
    let options = ["--events", "30_000", "--verify", "--every", "5", "--checkpoints", path];
    let first = demo(&options);
    assert_lossless(&first);
    assert_eq!(first["checkpoints"]["restored"], Value::Null);
    // It has come to its end: nothing is made again, and the results are those of the first.
    let second = demo(&options);
    assert_eq!((&second["verified"], &second["accepted"]), (&true.into(), &0.into()));
    assert_eq!(second["checkpoints"]["restored"], first["checkpoints"]["last"]);
    assert_eq!(second["hottest"], first["hottest"]);
    // Of other events it would be half of one answer and half of another.
    let other = run(["demo", "--events", "40_000", "--checkpoints", path]);
    let refusal = other.refusal(1);
    assert!(
        refusal.contains("events=40000") && refusal.contains("events=30000"),
        "{refusal}"
    );
}

#[test]
fn what_a_checkpoint_has_not_kept_is_not_called_a_wrong_answer() {
    let folder = Temp(std::env::temp_dir().join(format!("sage-demo-few-{}", std::process::id())));
    let path = folder.0.to_str().expect("a name");
    let options = ["demo", "--events", "1_000", "--checkpoints", path];
    let first = run(options);
    assert_eq!((first.code, first.stderr.as_str()), (Some(0), ""), "{first:?}");
    let second = run(options.iter().chain(&["--verify"]));
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains("has not kept all results"), "{second:?}");
    assert!(second.text().contains("went on from checkpoint"), "{second:?}");
}

#[test]
fn what_cannot_be_lost_or_kept_is_refused_with_a_remedy() {
    for (options, remedy) in [
        (vec!["--kill-worker", "--transport", "sage"], "add --transport shm"),
        (
            vec!["--kill-worker", "--transport", "shm", "--processes", "1"],
            "add --transport shm",
        ),
        (vec!["--every", "5"], "--checkpoints"),
    ] {
        let ran = run(["demo"].iter().chain(&options));
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(remedy), "{ran:?}");
    }
}

#[test]
fn windows_of_any_shape_verify() {
    for (window, slide) in [
        ("100", "100"),
        ("300", "100"),
        ("1", "1"),
        ("100000", "50000"),
        ("1000", "10"),
    ] {
        let json = demo(&[
            "--events",
            "7_777",
            "--verify",
            "--window-ms",
            window,
            "--slide-ms",
            slide,
        ]);
        assert_lossless(&json);
        assert_eq!(json["verified"], true, "{window} {slide}: {json}");
    }
}

#[test]
fn the_shortest_streams_verify() {
    // Fewer events than sources, none of them a bid, and the first bid.
    for events in 1..=6_u64 {
        let json = demo(&["--events", &events.to_string(), "--verify"]);
        assert_lossless(&json);
        assert_eq!(
            (&json["events"], &json["verified"]),
            (&events.into(), &true.into()),
            "{json}"
        );
    }
}

#[test]
fn without_verify_nothing_is_claimed() {
    assert_eq!(demo(&["--events", "500"])["verified"], Value::Null);
}

#[test]
fn the_seed_chooses_the_stream() {
    let hottest = |seed| demo(&["--events", "20_000", "--seed", seed])["hottest"].to_string();
    assert_eq!(hottest("1"), hottest("1"));
    assert_ne!(hottest("1"), hottest("2"));
}

#[test]
fn the_report_shows_results_topology_ledger_and_throughput() {
    let ran = run(["demo", "--events", "200_000", "--verify"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    let text = ran.text();
    for part in [
        "window end",
        "average price",
        "auction_stream",
        "hot_items",
        "results",
        "edge",
        "200,000 events in",
        "verified: ",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
}

#[test]
fn quiet_leaves_the_result() {
    let ran = run(["demo", "--events", "20_000", "--verify", "--quiet"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.text().lines().count(), 2, "{}", ran.text());
    assert!(
        ran.text().contains("20,000 events in") && ran.text().contains("verified: "),
        "{}",
        ran.text()
    );
}

#[test]
fn logs_go_to_stderr() {
    let mut command = sage(["demo", "--events", "500", "--json"]);
    command.env("SAGE_LOG", "sage=info");
    let ran = run_with(command, &[]);
    assert!(ran.stderr.contains("INFO"), "{ran:?}");
    assert_eq!(ran.json()["events"], 500);
}

#[test]
fn the_log_of_a_worker_says_which_one_and_what_it_runs() {
    let mut command = sage([
        "demo",
        "--events",
        "5_000",
        "--json",
        "--processes",
        "2",
        "--transport",
        "auto",
    ]);
    command.env("SAGE_LOG", "runtime=debug");
    let ran = run_with(command, &[]);
    assert_eq!(ran.json()["ledger_ok"], true);
    for worker in 0..2 {
        let (front, span) = (format!("worker {worker}: "), format!("instance{{worker={worker} node="));
        let mut lines = ran.stderr.lines().filter_map(|line| line.strip_prefix(&front));
        assert!(lines.any(|line| line.contains(&span)), "{ran:?}");
    }
}

#[test]
fn a_worker_that_stands_still_is_named_in_the_log() {
    let mut child = sage([
        "demo",
        "--events",
        "20_000_000",
        "--json",
        "--processes",
        "2",
        "--transport",
        "auto",
    ])
    .env("SAGE_LOG", "runtime=debug")
    .stdin(Stdio::null())
    .stdout(Stdio::null())
    .stderr(Stdio::piped())
    .spawn()
    .expect("start");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let mut hear = |text: &str| {
        let line = lines.find_map(|line| line.ok().filter(|line| line.contains(text)));
        let line = line.unwrap_or_else(|| panic!("ended without `{text}`"));
        let pid = line.split("pid=").nth(1).and_then(|rest| rest.split(' ').next());
        pid.and_then(|pid| pid.parse::<u32>().ok()).expect("its process")
    };
    let ready = [hear("the worker is ready"), hear("the worker is ready")];
    signal(ready[1], "STOP");
    let silent = hear("nothing is heard of the worker");
    signal(ready[1], "CONT");
    let again = hear("the worker is heard of again");
    signal(child.id(), "INT");
    child.wait().expect("an end");
    assert_eq!([silent, again], [ready[1]; 2]);
}
