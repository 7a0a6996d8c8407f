//! The thread that asks for checkpoints, and completes them.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use checkpoint::{Part, Round, Saved, Taken};
use descriptor_core::{Error, ErrorKind};

use super::keeping::{Keeping, Kept};
use crate::shared::Shared;

/// The part of the process that coordinates the job.
const OWN: u32 = 0;

/// Makes one checkpoint after the other until the attempt ends; nothing where another process does.
///
/// # Errors
/// `ResourceExhausted` when the system refuses the thread: a job that asks for checkpoints does not run without.
pub(crate) fn spawn(shared: &Arc<Shared>, kept: Kept) -> Result<Option<JoinHandle<()>>, Error> {
    let Some(keeping) = kept.keeping else {
        return Ok(None);
    };
    let thread = thread::Builder::new().name(format!("{}-checkpoints", shared.plan.job_name()));
    let driver = Driver {
        keeping,
        round: kept.round,
        run: kept.run,
        shared: Arc::clone(shared),
    };
    let spawned = thread.spawn(move || driver.run()).map_err(|cause| {
        Error::new(ErrorKind::ResourceExhausted, "start job")
            .expected("a thread for the checkpoints")
            .caused_by(cause)
            .remedy("raise the limit of threads")
    });
    spawned.map(Some)
}

struct Driver {
    keeping: Arc<Keeping>,
    round: Arc<Round>,
    run: String,
    shared: Arc<Shared>,
}

impl Driver {
    fn run(self) {
        // Before the start no source listens.
        if !self.shared.control.wait_for_start() {
            return;
        }
        let mut number = self.round.wanted();
        let mut last = false;
        // How many in a row could not be written: one message for all of them.
        let mut missed = 0_u64;
        loop {
            let ended = if last {
                None
            } else {
                self.round.pause(self.keeping.every())
            };
            match ended {
                Some(Taken::Over) => last = true,
                Some(_) => return,
                None => {}
            }
            number += 1;
            let taken = match self.begin(number) {
                Ok(()) => self.round.gather(last),
                Err(error) => {
                    // The barrier was never sent: who wishes for it would be tried again at once, and for ever.
                    self.give_up();
                    Taken::Unwritten(error.to_string())
                }
            };
            let written = match taken {
                Taken::All(states, parts) => self.write(number, &states, parts),
                Taken::Over => {
                    last = true;
                    continue;
                }
                Taken::Declined => {
                    tracing::warn!(number, "checkpoint given up: too much would have been held back");
                    self.go_on(number);
                    continue;
                }
                Taken::Unwritten(why) => Err(why),
                Taken::Cancelled => return,
            };
            if let Err(why) = &written {
                // The next one is tried all the same: a full disk may have room again.
                if missed == 0 || last {
                    tracing::warn!(number, why, "checkpoint not written");
                } else {
                    tracing::debug!(number, why, "checkpoint not written");
                }
                missed += 1;
                if let Err(error) = self.keeping.folder.sweep() {
                    tracing::debug!(%error, "what was written of the checkpoint stays");
                }
                self.round.unwritten();
                self.go_on(number);
            } else {
                if missed > 0 {
                    tracing::warn!(number, missed, "checkpoints are written again");
                    missed = 0;
                }
                if self.round.cut(number) {
                    // Somebody waits for this one, to go on from it in another way.
                    self.shared.abort();
                    return;
                }
            }
            if last {
                if let Some(team) = self.shared.team.get() {
                    team.conclude(written.clone());
                }
                self.round.end_last(written);
                return;
            }
        }
    }

    /// Nobody need wait for the checkpoint of this number any more.
    fn go_on(&self, number: u64) {
        if self.round.halted() == number {
            self.give_up();
        }
    }

    fn give_up(&self) {
        if self.round.go_on() {
            self.shared.control.wake();
        }
    }

    /// Makes room for a checkpoint and lets the sources of all processes know.
    fn begin(&self, number: u64) -> Result<(), Error> {
        let team = self.shared.team.get();
        if team.is_some() {
            // A worker may have its states together before it hears of the barrier.
            self.keeping.folder.begin(&self.run, number)?;
        }
        self.round.begin(number);
        // Sources that wait for something of their own have to look.
        self.shared.control.wake();
        if let Some(team) = team {
            team.barrier(number);
        }
        Ok(())
    }

    fn write(&self, number: u64, states: &[(usize, Saved)], mut parts: Vec<Part>) -> Result<(), String> {
        let folder = &self.keeping.folder;
        if self.shared.team.get().is_none() {
            folder.begin(&self.run, number).map_err(|error| error.to_string())?;
        }
        let own = folder.shelf().write_part(&self.run, number, OWN, states);
        parts.insert(0, own.map_err(|error| error.to_string())?);
        let completed = folder.complete(&self.run, number, &parts);
        completed.map_err(|error| error.to_string())?;
        let entries = parts.iter().flat_map(|part| &part.entries);
        self.round.completed(number, entries.map(|entry| entry.sent).sum());
        if let Some(team) = self.shared.team.get() {
            team.completed(number);
        }
        Ok(())
    }
}
