//! The thread of a worker that writes the states of its instances.

use std::sync::Arc;
use std::thread;

use checkpoint::{Duty, Part, Round, Shelf};
use descriptor_core::{Error, ErrorKind};

/// What a worker tells of the checkpoints of its job.
#[derive(Debug)]
pub(crate) enum Told {
    /// Its part of this checkpoint is on disk.
    Saved(u64, Part),
    /// Its part of this checkpoint could not be written, and why.
    Unwritten(u64, String),
    /// One of its instances cannot take part in this checkpoint.
    Declined(u64),
    /// All of its instances are at their end.
    Over,
}

/// Writes the part of a worker, one checkpoint after the other, and tells of it, until the attempt ends.
///
/// # Errors
/// `ResourceExhausted` when the system refuses the thread.
pub(crate) fn serve(
    round: &Arc<Round>,
    shelf: Shelf,
    run: String,
    worker: u32,
    tell: impl Fn(Told) + Send + 'static,
) -> Result<(), Error> {
    let round = Arc::clone(round);
    let thread = thread::Builder::new().name(format!("worker-{worker}-checkpoints"));
    let spawned = thread.spawn(move || {
        let mut said_over = false;
        loop {
            match round.duty(said_over) {
                Duty::Write(number, states) => {
                    let written = shelf.write_part(&run, number, worker + 1, &states);
                    tell(match written {
                        Ok(part) => Told::Saved(number, part),
                        Err(error) => Told::Unwritten(number, error.to_string()),
                    });
                }
                Duty::Decline(number) => tell(Told::Declined(number)),
                Duty::SayOver => {
                    said_over = true;
                    tell(Told::Over);
                }
                Duty::Gone => return,
            }
        }
    });
    spawned.map(drop).map_err(|cause| {
        Error::new(ErrorKind::ResourceExhausted, "start job")
            .expected("a thread for the checkpoints")
            .caused_by(cause)
            .remedy("raise the limit of threads")
    })
}
