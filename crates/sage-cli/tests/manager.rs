//! `sage serve --manager`, and queues that have a manager.
#![cfg(unix)]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{finish, run_with, sage, signal};
use serde_json::Value;

/// Against a test that hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// A folder of this test for managers, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("sage-mgr-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        Self(folder)
    }

    fn sage(&self, words: &[&str]) -> Command {
        let mut command = sage(words);
        command.env("SAGE_MANAGER_DIR", &self.0);
        command
    }

    fn serve(&self, words: &[&str]) -> (Child, Value) {
        let mut child = self
            .sage(&[&["serve", "--json"], words].concat())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start");
        let mut ready = String::new();
        BufReader::new(child.stdout.as_mut().expect("piped"))
            .read_line(&mut ready)
            .expect("text");
        (child, serde_json::from_str(&ready).expect("JSON"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Until that is in the file.
fn wait_until(path: &Path, part: &str) {
    let start = Instant::now();
    while !std::fs::read_to_string(path).is_ok_and(|text| text.contains(part)) {
        assert!(start.elapsed() < LIMIT, "no {part:?} in {}", path.display());
        std::thread::yield_now();
    }
}

#[test]
fn lines_stay_at_a_manager_and_are_reported_when_it_dies() {
    let folder = Folder::new("lines");
    let (first, ready) = folder.serve(&["--manager"]);
    assert_eq!(
        (&ready["namespace"], &ready["epoch"]),
        (&"sage_global".into(), &1.into())
    );
    let uri = "ray_queue://letters?maxsize=4";
    let ran = run_with(folder.sage(&["put", uri]), b"a\nb\nc\n");
    assert_eq!(
        ran.code,
        Some(0),
        "it does not wait, as the manager keeps them: {ran:?}"
    );
    let ran = run_with(folder.sage(&["get", uri]), &[]);
    assert_eq!((ran.code, ran.text()), (Some(0), "a\n"), "{ran:?}");
    // Two at once there are not.
    let ran = run_with(folder.sage(&["serve", "--manager"]), &[]);
    assert!(ran.code != Some(0) && ran.stderr.contains("one that lives"), "{ran:?}");
    // What was in it is reported, once it was written down.
    wait_until(&folder.0.join("manager+sage_global/queues"), " 2 3 letters");
    signal(first.id(), "KILL");
    finish(first);
    let (second, ready) = folder.serve(&["--manager"]);
    assert_eq!(
        (&ready["epoch"], &ready["lost_queues"], &ready["lost_items"]),
        (&2.into(), &1.into(), &2.into()),
        "{ready}"
    );
    signal(second.id(), "TERM");
    assert_eq!(finish(second).code, Some(0));
}

#[test]
fn without_a_manager_who_puts_is_it_until_the_lines_are_taken() {
    let folder = Folder::new("embedded");
    for (kind, name) in [
        ("ray_queue", "manager+sage_global"),
        ("ray_actor", "actor+sage_global+letters"),
    ] {
        let uri = format!("{kind}://letters?maxsize=4");
        let ran = run_with(folder.sage(&["get", &format!("{uri}&attach_only=true")]), &[]);
        assert!(
            ran.code != Some(0) && ran.stderr.contains("sage serve --manager"),
            "{ran:?}"
        );
        let mut putter = folder
            .sage(&["put", &uri])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start");
        let mut stdin = putter.stdin.take().expect("piped");
        stdin.write_all(b"a\nb\nc\n").expect("a reader");
        drop(stdin);
        wait_until(&folder.0.join(name).join("queues"), " 3 3 letters");
        let ran = run_with(folder.sage(&["get", &uri, "-n", "3"]), &[]);
        assert_eq!((ran.code, ran.text()), (Some(0), "a\nb\nc\n"), "{ran:?}");
        assert_eq!(finish(putter).code, Some(0));
    }
}

#[test]
fn queues_of_a_manager_are_looked_at_without_being_used() {
    let folder = Folder::new("look");
    let go = |words: &[&str]| run_with(folder.sage(words), &[]);
    let uri = "ray_queue://letters/in?maxsize=10&namespace=night";
    // Nobody becomes the manager to look.
    for verb in ["show", "stat", "peek", "delete", "ls"] {
        let refused = go(&[verb, uri]);
        assert!(refused.refusal(1).contains("sage serve --manager night"), "{refused:?}");
    }
    let (manager, _) = folder.serve(&["--manager", "night"]);
    assert_eq!(run_with(folder.sage(&["put", uri]), b"a\nb\nc\n").code, Some(0));
    let second = uri.replace("letters/in", "parcels");
    assert_eq!(run_with(folder.sage(&["put", &second]), b"x\n").code, Some(0));

    for place in ["ray_queue://?namespace=night", uri] {
        let listed = go(&["ls", place, "--json"]).json();
        let queues = listed["queues"].as_array().expect("a list");
        let names: Vec<_> = queues.iter().map(|queue| &queue["queue_id"]).collect();
        assert_eq!(names, ["letters/in", "parcels"]);
        assert_eq!((&queues[0]["inside"], &queues[0]["capacity"]), (&3.into(), &10.into()));
    }
    let listed = go(&["ls", uri, "--prefix", "par"]);
    assert!(
        listed.text().contains("parcels") && !listed.text().contains("letters"),
        "{listed:?}"
    );
    assert_eq!(go(&["peek", uri]).text(), "a\nb\nc\n");
    assert_eq!(go(&["get", uri]).text(), "a\n");
    assert_eq!(go(&["peek", uri, "--skip", "1"]).text(), "c\n");
    let shown = go(&["show", uri]);
    for part in [
        "ray_queue\n",
        "manager+night",
        "2 of 10 items",
        "3 put, 1 got",
        "maxsize=10",
    ] {
        assert!(shown.text().contains(part), "{part}: {shown:?}");
    }
    let stat = go(&["stat", uri, "--json"]).json();
    assert_eq!((&stat["put_total"], &stat["get_total"]), (&3.into(), &1.into()));
    let removed = go(&["delete", uri, "--json"]).json();
    assert_eq!((&removed["removed"], &removed["inside"]), (&true.into(), &2.into()));
    for verb in ["delete", "show", "stat", "peek"] {
        let missing = go(&[verb, uri]);
        assert!(
            missing.refusal(1).contains("no queue `letters/in`"),
            "{verb}: {missing:?}"
        );
    }
    signal(manager.id(), "TERM");
    assert_eq!(finish(manager).code, Some(0));
}

#[test]
fn a_queue_that_its_maker_has_is_looked_at_from_outside() {
    let folder = Folder::new("looked");
    let go = |words: &[&str]| run_with(folder.sage(words), &[]);
    // Once with an actor that is called as its queue, and once with the manager; both are the process that puts.
    for (uri, role) in [
        ("ray_actor://letters?maxsize=4", "actor"),
        ("ray_queue://letters?maxsize=4", "manager"),
    ] {
        let mut putter = folder
            .sage(&["put", uri])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start");
        let mut stdin = putter.stdin.take().expect("piped");
        stdin.write_all(b"a\nb\n").expect("a reader");
        let start = Instant::now();
        // A ring that nobody has moved tells its numbers, too.
        let inside = || go(&["show", uri, "--json"]);
        while !(inside().code == Some(0) && inside().json()["inside"] == 2) {
            assert!(start.elapsed() < LIMIT, "{:?}", inside());
        }
        let listed = go(&["ls", uri, "--json"]).json();
        assert_eq!(listed["queues"][0]["queue_id"], "letters", "{listed}");
        assert!(listed[role].is_string(), "{listed}");
        assert_eq!(go(&["peek", uri]).text(), "a\nb\n");
        // It has moved out to the server for that, and goes on.
        stdin.write_all(b"c\n").expect("a reader");
        drop(stdin);
        assert_eq!(go(&["get", uri, "-n", "3"]).text(), "a\nb\nc\n");
        assert_eq!(finish(putter).code, Some(0));
    }
    let refused = go(&["ls", "ray_actor://?namespace=night"]);
    assert!(refused.refusal(2).contains("actor_name"), "{refused:?}");
}
