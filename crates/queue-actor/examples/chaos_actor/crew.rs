//! The processes of a campaign, as whoever wages it sees them.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::part::MARK;

/// Who says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// One process. It is killed when this is dropped.
pub(crate) struct Peer {
    child: Child,
    said: Receiver<String>,
}

impl Peer {
    pub(crate) fn start(folder: &Path, namespace: &str) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("a process of the campaign: {error}");
        let program = std::env::current_exe().map_err(failed)?;
        let mut child = Command::new(program)
            .arg(MARK)
            .arg(folder)
            .arg(namespace)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let out = child.stdout.take().ok_or("a process without output")?;
        let (sender, said) = channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, said })
    }

    pub(crate) fn tell(&mut self, line: &str) -> Result<(), String> {
        let to = self.child.stdin.as_mut().ok_or("a process without input")?;
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
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.kill();
    }
}
