//! A server of queues in a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{Ran, finish, sage, signal};

/// A server that has said that it is ready.
pub(crate) struct Serving {
    pub(crate) child: Child,
    pub(crate) stdout: BufReader<ChildStdout>,
    pub(crate) ready: String,
}

impl Serving {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut child = sage(["serve"].iter().chain(args))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut ready = String::new();
        stdout.read_line(&mut ready).expect("text");
        Self { child, stdout, ready }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.ready).expect("JSON")
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let ready = self.json();
        let address = ready["addresses"][0].as_str().expect("an address");
        let stream = TcpStream::connect(address.strip_prefix("tcp://").expect("TCP")).expect("connect");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("timeout");
        stream
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    pub(crate) fn end(mut self) -> Ran {
        let ran = finish(self.child);
        let mut more = String::new();
        self.stdout.read_to_string(&mut more).expect("text");
        assert_eq!(more, "", "one line is all");
        ran
    }
}

/// A path for the socket of one test.
pub(crate) fn socket(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("sage-cli-{}-{name}.sock", std::process::id()))
}
