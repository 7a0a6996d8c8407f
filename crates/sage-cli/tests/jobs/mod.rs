//! `sage serve --jobs` and `sage job`.

mod spread;

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::serving::{Serving, socket};
use crate::common::{Ran, file, run};

/// A server of jobs, and the verb that asks it.
struct Jobs {
    server: Serving,
    at: String,
}

impl Jobs {
    fn start(name: &str, more: &[&str]) -> Self {
        let path = socket(name);
        let unix = path.to_str().expect("UTF-8").to_owned();
        let args: Vec<&str> = ["--unix", &unix, "--jobs"]
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        let server = Serving::start(&args);
        Self {
            server,
            at: format!("rpc://?unix={unix}"),
        }
    }

    fn job(&self, words: &[&str]) -> Ran {
        let all = ["job"].iter().chain(words).copied().chain(["--at", &self.at, "--json"]);
        run(all)
    }

    fn json(&self, words: &[&str]) -> Value {
        let ran = self.job(words);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.json()
    }

    fn end(self) {
        self.server.signal("TERM");
        let ran = self.server.end();
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn words_are_counted_at_the_server() {
    let jobs = Jobs::start("job-words", &[]);
    assert!(
        jobs.server.ready.starts_with("serving queues and jobs on unix:"),
        "{}",
        jobs.server.ready
    );
    let one = file("job-one.txt", b"to be or not to be\n");
    let two = file("job-two.txt", b"to do\n");
    let files = format!("files={}:{}", text(&one), text(&two));
    let id = jobs.json(&["submit", "word-count", "--param", &files, "-p", "top=2"])["id"].clone();
    assert_eq!(id, "word-count-1");
    let ended = jobs.json(&["wait", "word-count-1"]);
    assert_eq!(ended["state"], "finished");
    assert_eq!(ended["result"]["words"], serde_json::json!([["to", 3], ["be", 2]]));
    let summary = &ended["result"]["summary"];
    assert_eq!(
        (&summary["words_total"], &summary["ledger_ok"]),
        (&8.into(), &true.into())
    );
    assert_eq!(ended["report"]["outcome"], "finished");
    // The second one sees nothing of the first, and its end is waited for at once.
    let again = jobs.json(&["submit", "word-count", "--param", &files, "--wait"]);
    assert_eq!(
        (&again["id"], &again["result"]["summary"]["words_total"]),
        (&"word-count-2".into(), &8.into())
    );
    let list = jobs.json(&["ls"]);
    let ids: Vec<_> = list["jobs"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|job| &job["id"])
        .collect();
    assert_eq!(ids, ["word-count-1", "word-count-2"]);
    // For people.
    let ran = run(["job", "status", "word-count-1", "--at", &jobs.at]);
    assert!(
        ran.code == Some(0) && ran.text().starts_with("word-count-1 is finished"),
        "{ran:?}"
    );
    let ran = run(["job", "ls", "--at", &jobs.at]);
    assert!(ran.code == Some(0) && ran.text().contains("word-count-2"), "{ran:?}");
    jobs.end();
}

#[test]
fn an_endless_demo_is_paused_resumed_and_cancelled() {
    let jobs = Jobs::start("job-endless", &[]);
    assert_eq!(jobs.json(&["submit", "demo", "-p", "events=0"])["id"], "demo-1");
    let events = || {
        jobs.json(&["status", "demo-1"])["nodes"][0]["packets_out"]
            .as_u64()
            .expect("a count")
    };
    until(|| events() > 0);
    assert_eq!(jobs.json(&["pause", "demo-1"])["state"], "paused");
    let rests = || {
        let status = jobs.json(&["status", "demo-1"]);
        let nodes = status["nodes"].as_array().expect("a list").clone();
        nodes.iter().all(|node| node["state"] == "paused")
    };
    until(rests);
    let before = events();
    assert_eq!(events(), before);
    assert_eq!(jobs.json(&["resume", "demo-1"])["state"], "running");
    until(|| events() > before);
    let line = jobs.job(&["wait", "demo-1", "--timeout", "50ms"]);
    assert!(line.refusal(1).contains("demo-1 is running still"), "{line:?}");
    // Beside it another one comes to its end, and is right.
    let small = ["submit", "demo", "-p", "events=20_000", "-p", "verify=true", "--wait"];
    let small = jobs.json(&small);
    assert_eq!(
        (&small["id"], &small["result"]["verified"]),
        (&"demo-2".into(), &true.into())
    );
    let cancelled = jobs.json(&["cancel", "demo-1"]);
    assert!(
        cancelled["state"] == "cancelling" || cancelled["state"] == "cancelled",
        "{cancelled}"
    );
    let ran = jobs.job(&["wait", "demo-1"]);
    assert_eq!(
        (ran.code, &ran.json()["state"]),
        (Some(1), &"cancelled".into()),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("demo-1 is cancelled"), "{ran:?}");
    // Drained, it has an end of its own.
    assert_eq!(jobs.json(&["submit", "demo", "-p", "events=0"])["id"], "demo-3");
    jobs.json(&["cancel", "demo-3", "--drain", "60s"]);
    let drained = jobs.json(&["wait", "demo-3"]);
    assert_eq!(
        (&drained["state"], &drained["result"]["ledger_ok"]),
        (&"drained".into(), &true.into())
    );
    // And what still runs does not hold up the end of the server.
    jobs.json(&["submit", "demo", "-p", "events=0"]);
    jobs.end();
}

#[test]
fn what_a_server_of_jobs_refuses_says_what_there_is() {
    let jobs = Jobs::start("job-refused", &[]);
    let refused = |words: &[&str], code: i32, parts: &[&str]| {
        let ran = jobs.job(words);
        let line = ran.refusal(code).to_owned();
        for part in parts {
            assert!(line.contains(part), "{line:?} has no {part:?}");
        }
    };
    refused(
        &["submit", "dmeo"],
        2,
        &["dmeo", "demo, word-count", "did you mean `demo`?"],
    );
    refused(
        &["submit", "demo", "-p", "event=1"],
        2,
        &["event", "did you mean `events`?"],
    );
    refused(
        &["submit", "demo", "-p", "events=many"],
        2,
        &["a whole number", "`many`"],
    );
    refused(&["submit", "demo", "-p", "parallelism=300"], 2, &["from 1 to 256"]);
    refused(&["submit", "demo", "-p", "events"], 2, &["NAME=VALUE"]);
    refused(&["submit", "word-count"], 2, &["files"]);
    refused(
        &["submit", "word-count", "-p", "files=/no/such/file"],
        1,
        &["/no/such/file", "check the name"],
    );
    for verb in ["status", "pause", "resume", "cancel", "wait"] {
        refused(&[verb, "demo-7"], 1, &["not found", "demo-7"]);
        let ran = jobs.job(&[verb, "demo-7"]);
        // What the server said, and nothing of the call.
        assert_eq!(ran.refusal(1).matches("not found").count(), 1, "{ran:?}");
        assert!(!ran.refusal(1).contains("service"), "{ran:?}");
    }
    assert_eq!(jobs.json(&["ls"])["jobs"], Value::Array(Vec::new()));
    jobs.end();
}

#[test]
fn a_server_without_jobs_and_no_server_are_told_apart() {
    let path = socket("job-none");
    let unix = text(&path).to_owned();
    let at = format!("rpc://?unix={unix}&retry_count=0");
    let ran = run(["job", "ls", "--at", &at]);
    assert!(ran.refusal(1).contains("start one with `sage serve`"), "{ran:?}");
    let server = Serving::start(&["--unix", &unix]);
    let ran = run(["job", "ls", "--at", &at]);
    assert!(ran.refusal(1).contains("start one with `sage serve --jobs`"), "{ran:?}");
    server.signal("TERM");
    assert_eq!(server.end().code, Some(0));
    let ran = run(["job", "ls", "--at", "shm://letters"]);
    assert!(ran.refusal(2).contains("type `rpc`"), "{ran:?}");
}

#[test]
fn the_rights_of_the_server_hold_for_its_jobs() {
    let tokens = file(
        "job-tokens",
        b"jobs 000102030405060708090a0b all:sage_jobs/*\n\
          alice 101112131415161718191a1b put:sage_jobs/requests all:sage_jobs/replies/*\n\
          bob 202122232425262728292a2b all:letters\n",
    );
    private(&tokens);
    let secret = |name: &str, line: &[u8]| {
        let path = file(name, line);
        private(&path);
        format!("file:{}", path.display())
    };
    let own = secret("job-token-jobs", b"jobs 000102030405060708090a0b");
    let alice = secret("job-token-alice", b"alice 101112131415161718191a1b");
    let bob = secret("job-token-bob", b"bob 202122232425262728292a2b");
    let path = socket("job-rights");
    let unix = text(&path).to_owned();
    let way = |token: &str| format!("rpc://?unix={unix}&token={token}");
    let server = Serving::start(&["--unix", &unix, "--token-file", text(&tokens), "--jobs", &way(&own)]);
    let ran = run(["job", "ls", "--json", "--at", &way(&alice)]);
    assert_eq!(
        (ran.code, &ran.json()["jobs"]),
        (Some(0), &Value::Array(Vec::new())),
        "{ran:?}"
    );
    let ran = run(["job", "ls", "--at", &way(&bob)]);
    assert!(ran.refusal(1).contains("permission denied"), "{ran:?}");
    server.signal("TERM");
    assert_eq!(server.end().code, Some(0));
}

/// Nobody but its owner may read a file with secrets.
fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("permissions");
}

/// Asks again until it is so: each question is a process of its own, which takes its time.
fn until(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(120), "it does not come to be");
    }
}
