//! The thread that asks for checkpoints and writes them.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use checkpoint::{Folder, Round, Saved, Taken};
use descriptor_core::{Backends, Error, ErrorKind};

use crate::control::Control;
use crate::job::Job;

/// What a job with checkpoints has beside others.
pub(crate) struct Kept {
    pub(crate) round: Arc<Round>,
    folder: Folder,
    restored: Vec<Saved>,
}

impl Kept {
    /// Takes the folder of a job that wants checkpoints, and reads what it goes on from.
    pub(crate) fn of<B: Backends>(job: &Job<B>) -> Result<Option<Self>, Error> {
        let Some(checkpoints) = &job.checkpoints else {
            return Ok(None);
        };
        let plan = &job.plan;
        let instances = plan.instances().iter().map(|it| it.name.clone()).collect();
        let config = checkpoints;
        let folder = Folder::take(
            config.folder.clone(),
            config.state_bytes,
            plan.job_name(),
            plan.fingerprint(),
            instances,
        )?;
        let (number, restored) = folder.last()?.unzip();
        Ok(Some(Self {
            round: Arc::new(Round::new(
                checkpoints.every,
                checkpoints.state_bytes,
                plan.instances().len(),
                number,
            )),
            folder,
            restored: restored.unwrap_or_default(),
        }))
    }

    /// By place: what instances go on from, once.
    pub(crate) fn take_restored(&mut self) -> Vec<Option<Saved>> {
        std::mem::take(&mut self.restored).into_iter().map(Some).collect()
    }
}

/// Makes one checkpoint after the other until the job ends.
///
/// # Errors
/// `ResourceExhausted` when the system refuses the thread: a job that asks for checkpoints does not run without.
pub(crate) fn spawn(job: &str, kept: Kept, control: Arc<Control>) -> Result<JoinHandle<()>, Error> {
    let thread = thread::Builder::new().name(format!("{job}-checkpoints"));
    let driver = Driver {
        round: kept.round,
        folder: kept.folder,
        control,
    };
    thread.spawn(move || driver.run()).map_err(|cause| {
        Error::new(ErrorKind::ResourceExhausted, "start job")
            .expected("a thread for the checkpoints")
            .caused_by(cause)
            .remedy("raise the limit of threads")
    })
}

struct Driver {
    round: Arc<Round>,
    folder: Folder,
    control: Arc<Control>,
}

impl Driver {
    fn run(mut self) {
        // Before the start no source listens.
        if !self.control.wait_for_start() {
            return;
        }
        let mut number = self.round.wanted();
        loop {
            number += 1;
            let taken = self.round.pause().unwrap_or_else(|| {
                self.round.begin(number);
                // Sources that wait for something of their own have to look.
                self.control.wake();
                self.round.gather()
            });
            match taken {
                Taken::All(states) => {
                    // The next one is tried all the same: a full disk may have room again.
                    let _ = self.write(number, &states);
                }
                Taken::Declined => tracing::warn!(number, "checkpoint given up: too much would have been held back"),
                Taken::Cancelled => return,
                Taken::Last(states) => {
                    let end = self.write(number, &states).map_err(|error| error.to_string());
                    self.round.end_last(end);
                    return;
                }
            }
        }
    }

    fn write(&mut self, number: u64, states: &[Saved]) -> Result<(), Error> {
        match self.folder.write(number, states) {
            Ok(()) => {
                self.round.completed(number);
                Ok(())
            }
            Err(error) => {
                tracing::warn!(number, %error, "checkpoint not written");
                self.round.unwritten();
                Err(error)
            }
        }
    }
}
