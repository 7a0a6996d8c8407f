//! The demo over workers that join at a server.

#[cfg(target_os = "linux")]
mod two_hosts;

use std::process::{Child, Stdio};

use crate::common::serving::{Serving, socket};
use crate::common::{finish, run, sage};

/// Starts a command, and does not wait for it.
fn start(args: &[&str]) -> Child {
    let mut command = sage(args);
    let command = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().expect("start")
}

#[test]
fn the_answer_of_workers_that_join_is_that_of_the_plain_loop() {
    let path = socket("joined");
    let unix = path.to_str().expect("UTF-8");
    let server = Serving::start(&["--bind", "127.0.0.1:0", "--unix", unix, "--json"]);
    let ready = server.json();
    let tcp = ready["addresses"][0].as_str().expect("an address");
    let here = format!("unix:{unix}");
    let events = ["--events", "60_000"];
    let demo = |more: &[&str]| start(&[&["demo"][..], &events, more].concat());

    let joining = [tcp, &here].map(|at| demo(&["--join", at]));
    let job = finish(demo(&["--workers", "2", "--at", &here, "--verify", "--json"]));
    assert_eq!((job.code, job.stderr.as_str()), (Some(0), ""), "{job:?}");
    let json = job.json();
    assert_eq!(
        (&json["verified"], &json["ledger_ok"]),
        (&true.into(), &true.into()),
        "{json}"
    );
    assert_eq!(
        (&json["transport"], &json["processes"]),
        (&"rpc".into(), &2.into()),
        "{json}"
    );
    for field in ["lost", "duplicated", "lost_in_flight", "redelivered"] {
        assert_eq!(json[field], 0, "{field} in {json}");
    }
    for worker in joining.map(finish) {
        assert_eq!((worker.code, worker.stderr.as_str()), (Some(0), ""), "{worker:?}");
    }

    // Other events would be another answer under the same names.
    let stranger = start(&["demo", "--events", "50_000", "--join", tcp]);
    let refused = finish(demo(&["--workers", "1", "--at", &here, "--json"]));
    let refusal = refused.refusal(1);
    for part in ["events=50000", "events=60000"] {
        assert!(refusal.contains(part), "{part}: {refusal}");
    }
    let stranger = finish(stranger);
    assert!(stranger.stderr.contains("worker 0: was refused"), "{stranger:?}");

    // Of two the first to be refused ends the job, and the other one says so too.
    let strangers = [tcp, &here].map(|at| start(&["demo", "--events", "50_000", "--join", at]));
    let refused = finish(demo(&["--workers", "2", "--at", &here, "--json"]));
    assert!(refused.refusal(1).contains("events=50000"), "{refused:?}");
    for stranger in strangers.map(finish) {
        let says = ["was refused", "the job was called off"].map(|why| stranger.stderr.contains(why));
        assert!(stranger.code == Some(1) && says.contains(&true), "{stranger:?}");
    }
    server.signal("TERM");
    assert_eq!(server.end().code, Some(0));
}

#[test]
fn what_does_not_go_together_is_wrong_use() {
    let at = "tcp://127.0.0.1:7420";
    for (args, part) in [
        (&["--workers", "2"][..], "--at"),
        (&["--at", at], "--workers"),
        (&["--workers", "2", "--at", at, "--join", at], "--join"),
        (&["--workers", "2", "--at", at, "--transport", "shm"], "--transport shm"),
        (&["--workers", "2", "--at", "127.0.0.1:7420"], "tcp://HOST:PORT"),
        (&["--join", "tcp://127.0.0.1:7420?token=plain"], "env:NAME"),
    ] {
        let ran = run([&["demo"], args].concat());
        let refusal = ran.refusal(2);
        assert!(refusal.contains(part), "{part}: {refusal}");
    }
    let why = run(["explain", "demo", "--workers", "2", "--at", at]);
    let chosen = format!("rpc, the first choice for reach network, at {at}: hot-items/input_hot_items_0");
    assert!(why.text().contains(&chosen), "{}", why.text());
}
