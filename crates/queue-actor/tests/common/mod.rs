//! Folders of their own, and a manager in another process.
#![allow(dead_code, reason = "each test program uses a part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use descriptor_core::{Error, QueueId};
use queue_actor::{ManagerSettings, QueueManager};
use queue_rpc::{RpcAdmin, RpcSpec};

/// Names the folder to a child.
const FOLDER: &str = "SAGE_ACTOR_TEST_FOLDER";
const ROLE: &str = "SAGE_ACTOR_TEST_ROLE";
pub(crate) const NAMESPACE: &str = "tests";

/// A folder that goes with its test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(std::env::temp_dir().join(QueueId::generated("sa").as_str()))
    }

    pub(crate) fn settings(&self) -> ManagerSettings {
        ManagerSettings {
            folder: Some(self.0.clone()),
            max_connections: 100_000,
            ..ManagerSettings::default()
        }
    }

    pub(crate) fn manager(&self) -> QueueManager {
        QueueManager::with(NAMESPACE, self.settings()).expect("a namespace")
    }

    /// The files of the manager.
    pub(crate) fn inside(&self) -> PathBuf {
        self.0.join(format!("manager+{NAMESPACE}"))
    }

    /// Asks for a queue as another process does, so that it moves to the server. False when it is there already, or is not.
    pub(crate) fn call_out(&self, id: &QueueId) -> bool {
        call_out(&self.inside().join("manager.sock"), id)
    }
}

/// See [`Folder::call_out`].
pub(crate) fn call_out(socket: &Path, id: &QueueId) -> bool {
    let spec = RpcSpec::on_socket(socket.to_string_lossy());
    let looked = RpcAdmin::connect(&spec).and_then(|admin| admin.peek(id, 0, 1));
    looked.is_err_and(|error: Error| error.kind() == descriptor_core::ErrorKind::Overloaded)
}

/// As [`call_out`]. True also when it had left before, as a lease has it.
pub(crate) fn send_off(socket: &Path, id: &QueueId) -> bool {
    let spec = RpcSpec::on_socket(socket.to_string_lossy());
    let looked = RpcAdmin::connect(&spec).and_then(|admin| admin.peek(id, 0, 1));
    looked.map_or_else(
        |error: Error| error.kind() == descriptor_core::ErrorKind::Overloaded,
        |_| true,
    )
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A manager of this process may write into it meanwhile.
        while self.0.exists() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// Another process that runs this test program, and ends with this value.
pub(crate) struct Peer {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Peer {
    /// Runs `test` of this program in another process, which finds out by [`role`] what it is to do.
    pub(crate) fn start(test: &str, role: &str, folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", test, "--nocapture"])
            .env(FOLDER, folder)
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let said = BufReader::new(child.stdout.take().expect("its words"));
        Self { child, said }
    }

    /// The next line that it says to us.
    pub(crate) fn hear(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.said.read_line(&mut line).expect("text");
            assert!(read > 0, "the other process ended");
            if let Some((_, said)) = line.split_once("say:") {
                return said.trim_end().to_owned();
            }
        }
    }

    pub(crate) fn tell(&mut self, line: &str) {
        let to = self.child.stdin.as_mut().expect("its ears");
        writeln!(to, "{line}").expect("somebody who listens");
        to.flush().expect("somebody who listens");
    }

    /// With signal 9.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a process of ours");
        self.child.wait().expect("a process of ours");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What this process is to do, when it was started by a test.
pub(crate) fn role() -> Option<(String, PathBuf)> {
    let role = std::env::var(ROLE).ok()?;
    Some((role, std::env::var_os(FOLDER)?.into()))
}

/// To the test that started this process.
pub(crate) fn say(what: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "say:{what}").expect("somebody who listens");
    out.flush().expect("somebody who listens");
}

/// Until the test that started this process has ended.
pub(crate) fn stay() {
    let mut rest = Vec::new();
    let _ = std::io::stdin().read_to_end(&mut rest);
}

/// The next line that the test says.
pub(crate) fn listen() -> String {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("text");
    line.trim_end().to_owned()
}

pub(crate) fn settings_in(folder: &Path) -> ManagerSettings {
    ManagerSettings {
        folder: Some(folder.to_owned()),
        max_connections: 100_000,
        ..ManagerSettings::default()
    }
}

/// Has this process be the manager, until the test has ended.
pub(crate) fn serve_and_stay(folder: &Path) {
    let manager = QueueManager::with(NAMESPACE, settings_in(folder)).expect("a namespace");
    let served = manager.serve().expect("nobody else");
    say(served.epoch());
    stay();
}

/// Against a test that hangs.
pub(crate) const WATCH: Duration = Duration::from_secs(60);
