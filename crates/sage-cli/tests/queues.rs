//! Queues from the shell: what one process puts another one gets, and what happens when either ends early.
#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use common::{Ran, finish, run_with, sage, signal};
use sage_comm::{Descriptor, QueueId, ShmSpec};
use serde_json::Value;

/// A folder for the segments of one test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(format!("/dev/shm/sage-cli-{}-{name}", std::process::id()));
        Self(path)
    }

    fn sage(&self, args: &[&str]) -> Command {
        let mut command = sage(args);
        command.env("SAGE_SHM_DIR", &self.0);
        command
    }

    fn run(&self, args: &[&str], input: &[u8]) -> Ran {
        run_with(self.sage(args), input)
    }

    fn start(&self, args: &[&str]) -> Child {
        self.sage(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start")
    }

    /// Starts a verb that waits, and waits until it has a queue open.
    fn start_and_attach(&self, args: &[&str]) -> Child {
        let child = self.start(args);
        let pid = Value::from(child.id());
        while !self.segments().iter().any(|segment| {
            let members = segment["members"].as_array();
            members.is_some_and(|members| members.iter().any(|member| member["pid"] == pid))
        }) {}
        child
    }

    fn segments(&self) -> Vec<Value> {
        let listed = self.run(&["ls", "--json"], &[]).json();
        listed["segments"].as_array().expect("a list").clone()
    }

    /// Nothing but the file of locks.
    fn is_empty(&self) -> bool {
        let names = fs::read_dir(&self.0)
            .expect("folder")
            .map(|entry| entry.expect("entry").file_name());
        names.eq([".control"])
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const URI: &str = "shm://letters?maxsize=100";
const KEPT: &str = "shm://letters?auto_cleanup=false";

#[test]
fn lines_travel_and_nothing_is_left() {
    let folder = Folder::new("travel");
    let described = folder.run(&["describe", URI], &[]);
    let (uri, json) = described.text().trim_end().split_once('\n').expect("two lines");
    assert_eq!(uri, URI);
    let getter = folder.start(&["get", uri, "--follow", "--json"]);
    // Less than a pipe holds, as nobody reads it yet; more than the queue holds.
    let lines: String = (0..3_000).map(|n| format!("line {n}\n")).collect();
    let put = folder.run(&["put", json, "--close", "--json"], format!("{lines}\nlast").as_bytes());
    assert_eq!((put.code, put.stderr.as_str()), (Some(0), ""), "{put:?}");
    assert_eq!(
        (&put.json()["items"], &put.json()["closed"]),
        (&3_002.into(), &true.into())
    );
    let got = finish(getter);
    assert_eq!((got.code, got.stderr.as_str()), (Some(0), ""), "{}", got.stderr);
    assert!(
        got.text().starts_with(&format!("{lines}\nlast\n{{")),
        "{} bytes",
        got.text().len()
    );
    assert_eq!(
        (&got.json()["items"], &got.json()["ended"]),
        (&3_002.into(), &"closed".into())
    );
    assert!(folder.is_empty());
}

#[test]
fn the_readme_shows_what_is_printed() {
    let folder = Folder::new("readme");
    let described = folder.run(&["describe", URI], &[]);
    let refused = folder.run(&["get", "local://letters"], &[]);
    let json = described.text().lines().last().expect("two lines");
    let english = include_str!("../../../README.md");
    for part in [
        described.text(),
        refused.stderr.as_str(),
        &format!("sage put --close '{json}'\n"),
    ] {
        assert!(english.contains(part), "{part}");
    }
    let chinese = include_str!("../../../README.zh.md");
    assert!(chinese.contains(described.text()) && chinese.contains(&format!("sage put --close '{json}'\n")));
    assert!(!folder.0.exists(), "nothing was opened");
}

#[test]
fn put_stays_until_its_lines_are_taken() {
    let folder = Folder::new("stays");
    let mut putter = folder.start(&["put", URI]);
    putter
        .stdin
        .take()
        .expect("piped")
        .write_all(b"one\ntwo\n")
        .expect("input");
    let mut said = String::new();
    let mut stderr = BufReader::new(putter.stderr.take().expect("piped"));
    stderr.read_line(&mut said).expect("text");
    assert!(said.contains("`letters`: waiting until 2 items are taken"), "{said}");
    let got = folder.run(&["get", URI, "--count", "2"], &[]);
    assert_eq!((got.code, got.text()), (Some(0), "one\ntwo\n"), "{got:?}");
    assert_eq!(finish(putter).code, Some(0));
    assert!(folder.is_empty());
}

#[test]
fn a_kept_queue_stays_until_it_is_closed() {
    let folder = Folder::new("kept");
    assert_eq!(folder.run(&["put", KEPT], b"one\ntwo\n").code, Some(0));
    let listed = folder.segments();
    assert_eq!(listed.len(), 1, "{listed:?}");
    for (field, value) in [
        ("state", Value::from("kept")),
        ("queue_id", "letters".into()),
        ("depth", 2.into()),
        ("capacity", 1000.into()),
        ("item", "alloc::string::String".into()),
        ("members", Value::Array(vec![])),
        ("fault", Value::Null),
    ] {
        assert_eq!(listed[0][field], value, "{listed:?}");
    }
    let table = folder.run(&["ls"], &[]);
    assert!(
        table.text().contains("letters  kept        2     1,000"),
        "{}",
        table.text()
    );
    assert_eq!(
        folder.run(&["clean", "--json"], &[]).json()["removed"],
        Value::Array(vec![])
    );
    assert_eq!(folder.run(&["get", KEPT], &[]).text(), "one\n");
    assert_eq!(
        folder.run(&["get", KEPT, "--follow", "--timeout", "1ms"], &[]).text(),
        "two\n"
    );
    let late = folder.run(&["get", KEPT, "--timeout", "1ms"], &[]);
    assert!(
        late.refusal(1).contains("`letters`, after 0 items: nothing came"),
        "{late:?}"
    );
    assert_eq!(folder.run(&["put", KEPT, "--close"], b"").code, Some(0));
    assert!(folder.is_empty());
}

#[test]
fn a_queue_without_room_is_said_and_keeps_what_is_inside() {
    let folder = Folder::new("room");
    let uri = "shm://letters?maxsize=2&auto_cleanup=false";
    let full = folder.run(&["put", uri, "--timeout", "1ms"], b"one\ntwo\nthree\n");
    assert!(
        full.refusal(1).contains("`letters`, after 2 lines: the queue is full"),
        "{full:?}"
    );
    assert_eq!(folder.run(&["get", uri, "-n", "2"], &[]).text(), "one\ntwo\n");
    let other = folder.run(&["get", "shm://letters?maxsize=3"], &[]);
    assert!(
        other.refusal(1).contains("`maxsize`=2 as the live queue has it"),
        "{other:?}"
    );
    let large = folder.run(&["put", uri], &vec![b'x'; 70_000]);
    let line = large.refusal(1);
    assert!(
        line.contains("too large") && line.contains("at most 65536 bytes"),
        "{line}"
    );
}

#[test]
fn bytes_need_not_be_text() {
    let folder = Folder::new("bytes");
    let refused = folder.run(&["put", KEPT], b"one\n\xff\xfe\nthree\n");
    assert!(
        refused.refusal(1).contains("after 1 lines: line 2 is not UTF-8"),
        "{refused:?}"
    );
    assert_eq!(folder.run(&["get", KEPT], &[]).text(), "one\n");
    folder.run(&["put", KEPT, "--close"], b"");

    assert_eq!(folder.run(&["put", KEPT, "--bytes"], b"\xff\xfe\n").code, Some(0));
    // The queue itself says what its items are.
    assert_eq!(folder.run(&["put", KEPT], b"\x80\n").code, Some(0));
    assert_eq!(folder.run(&["get", KEPT, "-n", "2"], &[]).stdout, b"\xff\xfe\n\x80\n");
}

#[test]
fn items_that_are_no_lines_are_refused() {
    // In the folder that this process uses.
    let descriptor = Descriptor::new(QueueId::generated("numbers"), ShmSpec::bounded(4)).expect("descriptor");
    let queue = descriptor.queue::<u64>().expect("queue");
    queue.put(7).expect("room");
    let ran = run_with(sage(["get", &descriptor.to_uri().expect("uri")]), &[]);
    let line = ran.refusal(1);
    for part in ["type mismatch", "u64", "String", "sage takes queues of String or Bytes"] {
        assert!(line.contains(part), "{line:?} has no {part:?}");
    }
    assert_eq!(queue.get().expect("still there"), 7);
}

#[test]
fn an_interrupt_ends_get_and_put_at_once() {
    let folder = Folder::new("interrupt");
    for name in ["INT", "TERM"] {
        let getter = folder.start_and_attach(&["get", URI, "--follow"]);
        signal(getter.id(), name);
        let got = finish(getter);
        assert!(
            got.refusal(130).contains("`letters`, after 0 items: interrupted"),
            "{got:?}"
        );
        assert!(folder.is_empty());

        let mut putter = folder.start_and_attach(&["put", URI]);
        let input = putter.stdin.take();
        signal(putter.id(), name);
        let put = finish(putter);
        assert!(
            put.refusal(130).contains("`letters`, after 0 lines: interrupted"),
            "{put:?}"
        );
        drop(input);
        assert!(folder.is_empty());
    }
    let mut putter = folder.start(&["put", URI]);
    putter.stdin.take().expect("piped").write_all(b"one\n").expect("input");
    while folder.segments().iter().all(|segment| segment["depth"] != 1) {}
    signal(putter.id(), "INT");
    let put = finish(putter);
    assert!(
        put.code == Some(130) && put.stderr.contains("auto_cleanup=false would keep them"),
        "{put:?}"
    );
    assert!(folder.is_empty());
}

#[test]
fn a_reader_that_left_is_no_failure_and_no_secret() {
    let folder = Folder::new("reader");
    let mut getter = folder.start_and_attach(&["get", URI, "--follow"]);
    drop(getter.stdout.take());
    assert_eq!(folder.run(&["put", URI], b"one\n").code, Some(0));
    let got = finish(getter);
    assert_eq!(got.code, Some(0), "{got:?}");
    assert!(got.stderr.contains("the item taken last is lost"), "{got:?}");
}

#[test]
fn what_the_dead_leave_is_listed_and_cleaned() {
    let folder = Folder::new("dead");
    let getter = folder.start_and_attach(&["get", URI, "--follow"]);
    let id = getter.id();
    assert_eq!(folder.segments()[0]["state"], "used");
    assert_eq!(
        folder.run(&["clean", "--json"], &[]).json()["removed"],
        Value::Array(vec![])
    );
    signal(id, "KILL");
    assert_eq!(finish(getter).code, None);

    let listed = folder.segments();
    assert_eq!(listed[0]["state"], "stale", "{listed:?}");
    assert_eq!(
        listed[0]["members"][0],
        serde_json::json!({ "pid": id, "alive": false })
    );
    let table = folder.run(&["ls"], &[]);
    assert!(table.text().contains(&format!("{id} dead")), "{}", table.text());
    let dry = folder.run(&["clean", "--dry-run"], &[]);
    assert!(
        dry.text().starts_with("would remove letters: 0 items inside, "),
        "{dry:?}"
    );
    let cleaned = folder.run(&["clean", "--json"], &[]).json();
    assert_eq!(
        (&cleaned["removed"][0]["queue_id"], &cleaned["dry_run"]),
        (&"letters".into(), &false.into())
    );
    assert!(folder.is_empty());
    assert!(
        folder
            .run(&["clean"], &[])
            .text()
            .starts_with("nothing to remove in /dev/shm/")
    );
}
