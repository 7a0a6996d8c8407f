//! The processes of a campaign: started, watched, killed, and always waited for.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::thread::sleep;
use std::time::{Duration, Instant};

use queue_testkit::Dice;
use queue_testkit::campaign::{self, Journal, Process};

use crate::journal::{self, Entry};
use crate::worker::PATIENCE;

const TICK: Duration = Duration::from_millis(1);

/// Everything that a campaign has in common.
pub(crate) struct Crew {
    pub(crate) folder: PathBuf,
    pub(crate) dice: Dice,
    actors: u32,
}

/// One process.
pub(crate) struct Hand {
    pub(crate) actor: u32,
    pub(crate) role: &'static str,
    pub(crate) journal: PathBuf,
    process: Process,
    // How much of the journal was looked at.
    seen: u64,
}

impl Crew {
    pub(crate) const fn new(folder: PathBuf, seed: u64) -> Self {
        Self {
            folder,
            dice: Dice::new(seed),
            actors: 0,
        }
    }

    /// The limit of a call, unless ordered otherwise.
    const LIMIT: Duration = Duration::from_millis(300);

    pub(crate) fn start(&mut self, role: &'static str, scene: &str, words: &[String]) -> Result<Hand, String> {
        self.actors += 1;
        let actor = self.actors;
        let journal = self.folder.join(format!("{scene}-{actor}.journal"));
        let mut command = campaign::again(role, Some(&self.folder))?;
        command
            .arg(format!("queue={scene}"))
            .arg(format!("actor={actor}"))
            .arg(format!("seed={}", self.dice.roll()))
            .arg(format!("limit={}", Self::LIMIT.as_millis()))
            .arg(format!("journal={}", journal.display()))
            .arg(format!("stop={}", self.stop_file(scene, role).display()))
            .args(words);
        Ok(Hand {
            actor,
            role,
            journal,
            process: Process::start(&mut command)?,
            seen: 0,
        })
    }

    fn stop_file(&self, scene: &str, role: &str) -> PathBuf {
        self.folder.join(format!("{scene}-stop-{role}"))
    }

    /// Tells all processes of that role to end.
    pub(crate) fn dismiss(&self, scene: &str, role: &str) -> Result<(), String> {
        std::fs::write(self.stop_file(scene, role), b"").map_err(|error| format!("stop file: {error}"))
    }
}

impl Hand {
    /// Ends the process as a power cut would.
    pub(crate) fn kill(&mut self) -> Result<(), String> {
        self.process.kill()
    }

    /// Its exit status, when it ends within `limit`.
    pub(crate) fn status(&mut self, limit: Duration) -> Result<Option<ExitStatus>, String> {
        self.process.status(limit)
    }

    /// Waits until it ends, as it has no reason to end badly.
    pub(crate) fn farewell(&mut self, complaints: &mut Vec<String>) -> Result<(), String> {
        let who = format!("{} {}", self.role, self.actor);
        match self.status(PATIENCE)? {
            Some(status) if status.success() => {}
            Some(status) => complaints.push(format!("{who} ended with {status}")),
            None => {
                self.kill()?;
                complaints.push(format!("HANG: {who} did not end"));
            }
        }
        Ok(())
    }

    /// What it has written since the last look.
    pub(crate) fn news(&mut self) -> Result<Vec<Entry>, String> {
        let Ok(mut file) = File::open(&self.journal) else {
            return Ok(Vec::new());
        };
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.seen))
            .and_then(|_| file.read_to_end(&mut bytes))
            .map_err(|error| format!("{}: {error}", self.journal.display()))?;
        let entries = Journal::parse(&bytes)?;
        self.seen += (entries.len() * journal::ENTRY) as u64;
        Ok(entries)
    }

    /// Waits until it has written an entry like that.
    pub(crate) fn writes(&mut self, is_it: impl Fn(&Entry) -> bool) -> Result<bool, String> {
        let start = Instant::now();
        loop {
            if self.news()?.iter().any(&is_it) {
                return Ok(true);
            }
            if self.status(Duration::ZERO)?.is_some() || start.elapsed() > PATIENCE {
                return Ok(false);
            }
            sleep(TICK);
        }
    }
}
