//! The processes of a campaign, as whoever wages it sees them.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use queue_testkit::campaign::{self, Speaker};

use crate::part::ROLE;

/// Who says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// One process. It is killed when this is dropped.
pub(crate) struct Peer(Speaker);

impl Peer {
    pub(crate) fn start(folder: &Path, namespace: &str) -> Result<Self, String> {
        let mut command = campaign::again(ROLE, None)?;
        command.arg(folder).arg(namespace).stdin(Stdio::piped());
        Speaker::start(&mut command).map(Self)
    }

    pub(crate) fn tell(&mut self, line: &str) -> Result<(), String> {
        self.0.tell(line)
    }

    /// Its next line, in words.
    pub(crate) fn hear(&self) -> Result<Vec<String>, String> {
        let line = self.0.hear(PATIENCE);
        let line = line.ok_or_else(|| format!("a process of the campaign says nothing for {PATIENCE:?}"))?;
        Ok(line.split(' ').map(str::to_owned).collect())
    }

    /// With signal 9.
    pub(crate) fn kill(&mut self) {
        let _ = self.0.process.kill();
    }
}
