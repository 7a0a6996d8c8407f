//! Runs the real binary, and kills it when it hangs.
#![allow(dead_code, reason = "every test binary uses its own part")]

#[cfg(unix)]
pub(crate) mod serving;

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// Far beyond what any of these runs needs on a loaded machine.
const LIMIT: Duration = Duration::from_secs(150);

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it wrote.
    pub(crate) stdout: Vec<u8>,
    /// What it complained about.
    pub(crate) stderr: String,
}

impl Ran {
    /// Its output as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("UTF-8")
    }

    /// The last line of its output, which is JSON.
    pub(crate) fn json(&self) -> Value {
        let last = self.stdout.trim_ascii_end().rsplit(|&byte| byte == b'\n').next();
        serde_json::from_slice(last.unwrap_or_default()).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts the exit code and one line on stderr, and returns that line.
    pub(crate) fn refusal(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.stdout.is_empty(), "{self:?}");
        let line = self.stderr.strip_suffix('\n').expect("a line");
        assert!(line.starts_with("sage: ") && !line.contains('\n'), "{line:?}");
        line
    }
}

/// The command under test.
pub(crate) fn sage<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sage"));
    command.args(args).env_remove("SAGE_LOG");
    command
}

/// Runs it without input.
pub(crate) fn run<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Ran {
    run_with(sage(args), &[])
}

/// Runs a command with this input.
pub(crate) fn run_with(mut command: Command, input: &[u8]) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start");
    let mut stdin = child.stdin.take().expect("piped");
    thread::scope(|scope| {
        scope.spawn(move || match stdin.write_all(input) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => panic!("{error}"),
            _ => drop(stdin),
        });
        finish(child)
    })
}

/// Waits for the end, not forever.
pub(crate) fn finish(child: Child) -> Ran {
    let id = child.id();
    let (sender, receiver) = channel();
    let waiter = thread::spawn(move || sender.send(child.wait_with_output()));
    match receiver.recv_timeout(LIMIT) {
        Ok(output) => ran(output.expect("output")),
        Err(RecvTimeoutError::Timeout) => {
            signal(id, "KILL");
            panic!("hangs: killed after {LIMIT:?}");
        }
        Err(RecvTimeoutError::Disconnected) => panic!("{:?}", waiter.join()),
    }
}

fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Sends a signal.
pub(crate) fn signal(id: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &id.to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()), "kill -s {name} {id}");
}

/// A file of this content; the name is the test's own.
pub(crate) fn file(name: &str, content: &[u8]) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sage-cli");
    fs::create_dir_all(&folder).expect("folder");
    let path = folder.join(name);
    fs::write(&path, content).expect("file");
    path
}
