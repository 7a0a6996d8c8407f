//! The processes of a campaign, as whoever wages it sees them.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use queue_testkit::campaign::{self, Process};

use crate::part::ROLE;

/// Who says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// One process. It is killed when this is dropped.
pub(crate) struct Peer {
    process: Process,
    said: Receiver<String>,
}

impl Peer {
    pub(crate) fn start(folder: &Path, namespace: &str) -> Result<Self, String> {
        let mut command = campaign::again(ROLE, None)?;
        command
            .arg(folder)
            .arg(namespace)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let out = process.child().stdout.take().ok_or("a process without output")?;
        let (sender, said) = channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { process, said })
    }

    pub(crate) fn tell(&mut self, line: &str) -> Result<(), String> {
        let to = self.process.child().stdin.as_mut().ok_or("a process without input")?;
        writeln!(to, "{line}")
            .and_then(|()| to.flush())
            .map_err(|error| format!("a process of the campaign does not listen: {error}"))
    }

    /// Its next line, in words.
    pub(crate) fn hear(&self) -> Result<Vec<String>, String> {
        let line = self.said.recv_timeout(PATIENCE);
        let line = line.map_err(|_| format!("a process of the campaign says nothing for {PATIENCE:?}"))?;
        Ok(line.split(' ').map(str::to_owned).collect())
    }

    /// With signal 9.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
    }
}
