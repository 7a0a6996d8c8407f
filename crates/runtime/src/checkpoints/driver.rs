//! The thread that asks for checkpoints and writes them.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use descriptor_core::{Error, ErrorKind};

use super::folder::{Folder, Saved};
use super::round::{Round, Taken};
use crate::control::Control;

/// Makes one checkpoint after the other until the job ends.
///
/// # Errors
/// `ResourceExhausted` when the system refuses the thread: a job that asks for checkpoints does not run without.
pub(crate) fn spawn(
    job: &str,
    round: Arc<Round>,
    folder: Folder,
    control: Arc<Control>,
) -> Result<JoinHandle<()>, Error> {
    let thread = thread::Builder::new().name(format!("{job}-checkpoints"));
    let driver = Driver { round, folder, control };
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
