//! Looking at queues from the shell, at a server and in shared memory.
#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use common::serving::{Serving, socket};
use common::{Ran, finish, run, run_with, sage, signal};
use serde_json::{Value, json};

/// A server with a queue of three lines.
fn server(name: &str) -> (Serving, String) {
    let path = socket(name);
    let server = Serving::start(&["--unix", path.to_str().expect("UTF-8")]);
    let uri = format!("rpc://letters/in?unix={}&maxsize=10", path.display());
    let put = run_with(sage(["put", &uri]), b"a\nb\nc\n");
    assert_eq!(put.code, Some(0), "{put:?}");
    (server, uri)
}

fn end(server: Serving) {
    server.signal("TERM");
    assert_eq!(server.end().code, Some(0));
}

#[test]
fn a_server_says_which_queues_it_has() {
    let (server, uri) = server("look-ls");
    let second = uri.replace("letters/in", "parcels");
    assert_eq!(run_with(sage(["put", &second]), b"x\n").code, Some(0));
    let query = uri.split_once('?').expect("parameters").1;
    let path = query.strip_prefix("unix=").and_then(|path| path.split_once('&'));
    // As the server says it, too.
    let address = format!("unix:{}", path.expect("a path").0);
    for place in [&format!("rpc://?{query}"), &uri, &address] {
        let listed = run(["ls", place, "--json"]).json();
        let queues = listed["queues"].as_array().expect("a list");
        let names: Vec<_> = queues.iter().map(|queue| &queue["queue_id"]).collect();
        assert_eq!(names, ["letters/in", "parcels"]);
        assert_eq!((&queues[0]["inside"], &queues[0]["capacity"]), (&3.into(), &10.into()));
        assert_eq!(
            (&queues[0]["put_total"], &queues[0]["get_total"]),
            (&3.into(), &0.into())
        );
    }
    let listed = run(["ls", &uri, "--prefix", "par"]);
    assert!(
        listed.text().contains("parcels") && !listed.text().contains("letters"),
        "{listed:?}"
    );
    assert!(run(["ls", "shm://letters"]).refusal(2).contains("type `rpc`"));
    assert!(run(["ls", "tcp://letters"]).refusal(2).contains("tcp://HOST:PORT"));
    end(server);
    // Nobody is there any more.
    let listed = run(["ls", &format!("{uri}&connection_timeout=0.3")]);
    assert!(listed.refusal(1).contains("sage serve"), "{listed:?}");
}

#[test]
fn items_can_be_seen_and_stay() {
    let (server, uri) = server("look-peek");
    let ran = run(["peek", &uri]);
    assert_eq!((ran.code, ran.text()), (Some(0), "a\nb\nc\n"), "{ran:?}");
    let ran = run(["peek", &uri, "--skip", "1", "-n", "1", "--json"]);
    assert_eq!(ran.json()["items"], json!([{ "text": "b" }]));
    assert_eq!(run(["peek", &uri, "--skip", "7"]).text(), "");
    // Bytes that are no text.
    let raw = uri.replace("letters/in", "raw");
    assert_eq!(run_with(sage(["put", &raw, "--bytes"]), b"\xff\x00\n").code, Some(0));
    assert_eq!(run(["peek", &raw]).stdout, b"\xff\x00\n");
    assert_eq!(
        run(["peek", &raw, "--json"]).json()["items"],
        json!([{ "hex": "ff00" }])
    );
    // They are all still there, in their order.
    assert_eq!(run(["get", &uri, "-n", "3"]).text(), "a\nb\nc\n");
    end(server);
}

#[test]
fn a_queue_is_shown_and_removed() {
    let (server, uri) = server("look-show");
    assert_eq!(run(["get", &uri]).text(), "a\n");
    let shown = run(["show", &uri]);
    for part in ["letters/in\n", "2 of 10 items", "3 put, 1 got", "maxsize=10"] {
        assert!(shown.text().contains(part), "{part}: {shown:?}");
    }
    let shown = run(["show", &uri, "--json"]).json();
    assert_eq!(shown["descriptor"]["metadata"]["maxsize"], 10);
    assert_eq!((&shown["inside"], &shown["get_total"]), (&2.into(), &1.into()));
    let removed = run(["delete", &uri, "--json"]).json();
    assert_eq!((&removed["removed"], &removed["inside"]), (&true.into(), &2.into()));
    for verb in ["delete", "show", "stat", "peek"] {
        let missing = run([verb, &uri]);
        assert!(
            missing.refusal(1).contains("no queue `letters/in`"),
            "{verb}: {missing:?}"
        );
    }
    end(server);
}

#[test]
fn numbers_are_told_again_and_again() {
    let (server, uri) = server("look-stat");
    let ran = run(["stat", &uri, "--json"]);
    assert_eq!(
        (&ran.json()["put_total"], &ran.json()["put_per_second"]),
        (&3.into(), &Value::Null)
    );
    let ran = run(["stat", &uri, "--every", "10ms", "-n", "3"]);
    assert_eq!(ran.text().lines().count(), 4, "{ran:?}");
    assert!(ran.text().starts_with("     inside"), "{ran:?}");
    // Without an end it goes on until somebody asks for one, and what happens meanwhile is seen.
    let mut child = sage(["stat", &uri, "--every", "10ms", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().expect("a line").expect("text")).expect("JSON") };
    assert_eq!(next()["get_total"], 0);
    assert_eq!(run(["get", &uri]).text(), "a\n");
    let mut line = next();
    while line["get_total"] == 0 {
        line = next();
    }
    assert_eq!((&line["get_total"], &line["inside"]), (&1.into(), &2.into()));
    assert!(line["get_per_second"].as_f64().expect("a rate") > 0.0, "{line}");
    signal(child.id(), "INT");
    assert_eq!(finish(child).code, Some(0));
    end(server);
}

#[test]
fn shared_memory_is_looked_at_without_being_used() {
    let folder = PathBuf::from(format!("/dev/shm/sage-cli-{}-look", std::process::id()));
    let sage = |args: &[&str]| {
        let mut command: Command = sage(args);
        command.env("SAGE_SHM_DIR", &folder);
        command
    };
    let go = |args: &[&str]| -> Ran { run_with(sage(args), &[]) };
    let kept = "shm://letters?auto_cleanup=false";
    assert!(go(&["show", kept]).refusal(1).contains("no queue `letters`"));
    assert_eq!(run_with(sage(&["put", kept]), b"a\nb\n").code, Some(0));
    assert_eq!(go(&["peek", kept]).text(), "a\nb\n");
    assert_eq!(
        go(&["peek", kept, "--skip", "1", "--json"]).json()["items"],
        json!([{ "text": "b" }])
    );
    assert_eq!(run_with(sage(&["get", kept]), &[]).text(), "a\n");
    assert_eq!(go(&["peek", kept]).text(), "b\n");
    let shown = go(&["show", kept]);
    for part in ["kept", "1 of 1,000 items", "2 put, 1 got", "String"] {
        assert!(shown.text().contains(part), "{part}: {shown:?}");
    }
    let stat = go(&["stat", kept, "--json"]).json();
    assert_eq!(
        (&stat["put_total"], &stat["get_total"], &stat["inside"]),
        (&2.into(), &1.into(), &1.into())
    );
    // Somebody uses it: it stays.
    let user = sage(&["get", kept, "--follow"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start");
    let pid = Value::from(user.id());
    let uses = |shown: &Value| {
        let members = shown["members"].as_array();
        members.is_some_and(|members| members.iter().any(|member| member["pid"] == pid))
    };
    while !uses(&go(&["show", kept, "--json"]).json()) {}
    let refused = go(&["delete", kept]);
    assert!(refused.refusal(1).contains(&pid.to_string()), "{refused:?}");
    signal(user.id(), "INT");
    finish(user);
    assert_eq!(go(&["delete", kept]).code, Some(0));
    for verb in ["delete", "peek"] {
        assert!(go(&[verb, kept]).refusal(1).contains("no queue `letters`"), "{verb}");
    }
    let raw = "shm://raw?auto_cleanup=false";
    assert_eq!(run_with(sage(&["put", raw, "--bytes"]), b"\xff\x00\n").code, Some(0));
    assert_eq!(go(&["peek", raw]).stdout, b"\xff\x00\n");
    fs::remove_dir_all(&folder).expect("a folder");
}
