//! Ctrl-C: the first lets everything flow out, the second cuts the job off.
#![cfg(unix)]

mod common;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};

use common::{Ran, finish, sage, signal};

/// A job that runs until it is told to stop.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .env("SAGE_LOG", "sage=info")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let mut running = Self { child, stderr };
        running.wait_for("job started");
        running
    }

    /// Reads what it says until it says this.
    fn wait_for(&mut self, part: &str) {
        let mut line = String::new();
        while !line.contains(part) {
            line.clear();
            assert_ne!(
                self.stderr.read_line(&mut line).expect("text"),
                0,
                "it ended and did not say {part:?}"
            );
        }
    }

    fn interrupt(&self, name: &str) {
        signal(self.child.id(), name);
    }

    fn end(mut self) -> Ran {
        // Input that never came to its end was not waited for.
        let stdin = self.child.stdin.take();
        let rest = std::thread::spawn(move || {
            let mut text = String::new();
            self.stderr.read_to_string(&mut text).expect("text");
            text
        });
        let mut ran = finish(self.child);
        drop(stdin);
        ran.stderr = rest.join().expect("stderr");
        ran
    }
}

/// More events than anybody would wait for.
const ENDLESS: [&str; 4] = ["demo", "--events", "18446744073709551615", "--json"];

#[test]
fn the_first_interrupt_drains() {
    for (name, transport) in [("INT", "sage"), ("TERM", "sage"), ("INT", "shm"), ("INT", "rpc")] {
        let mut running = Running::start(sage(ENDLESS.into_iter().chain(["--transport", transport])));
        running.interrupt(name);
        running.wait_for("draining");
        let ran = running.end();
        assert_eq!(ran.code, Some(130), "{ran:?}");
        let json = ran.json();
        assert_eq!(
            (&json["outcome"], &json["lost"], &json["ledger_ok"]),
            (&"drained".into(), &0.into(), &true.into()),
            "{json}"
        );
        assert_eq!(json["accepted"], json["delivered"], "{json}");
    }
}

#[test]
fn an_interrupted_job_is_not_called_verified() {
    let mut running = Running::start(sage(ENDLESS.into_iter().chain(["--verify"])));
    running.interrupt("INT");
    running.wait_for("draining");
    let ran = running.end();
    assert_eq!(
        (ran.code, &ran.json()["verified"]),
        (Some(130), &serde_json::Value::Null)
    );
}

#[test]
fn a_second_interrupt_ends_it_in_any_case() {
    let mut running = Running::start(sage(ENDLESS));
    running.interrupt("INT");
    running.wait_for("draining");
    // It may be through with draining by now, and then there is nothing to cut off.
    let _ = Command::new("kill")
        .args(["-s", "INT", &running.child.id().to_string()])
        .output();
    let ran = running.end();
    assert_eq!(ran.code, Some(130), "{ran:?}");
}

#[test]
fn waiting_for_input_is_no_reason_not_to_end() {
    let mut running = Running::start(sage(["word-count", "-", "--json"]));
    running.interrupt("INT");
    running.wait_for("draining");
    let ran = running.end();
    assert_eq!(ran.code, Some(130), "{ran:?}");
    assert_eq!(ran.json()["outcome"], "drained");
}
