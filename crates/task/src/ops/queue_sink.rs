//! The end of a stream in a queue.

use std::fmt;
use std::time::Duration;

use descriptor_core::{DynQueue, Error, ErrorKind, PutError};
use router::Packet;

use crate::{Data, OpResult, Operator, State, TaskContext};

/// How long one wait for room lasts before the sink looks whether the job is aborted.
const PATIENCE: Duration = Duration::from_millis(50);

/// Puts each payload into a queue, waiting for room as long as the job is wanted; the end of the stream is confirmed.
/// Clones share the queue. It is not closed: others may still put.
pub struct QueueSink<T> {
    queue: DynQueue<T>,
}

impl<T: Data> QueueSink<T> {
    /// Puts into `queue`.
    #[must_use]
    pub const fn new(queue: DynQueue<T>) -> Self {
        Self { queue }
    }

    #[cold]
    fn wait_for_room(&self, refusal: PutError<T>, ctx: &TaskContext<()>) -> OpResult {
        let mut refusal = refusal;
        loop {
            let again = match refusal {
                _ if ctx.is_aborting() => return Err(aborted("put").into()),
                PutError::Full(item) => self.queue.put_within(item, PATIENCE.into()),
                // Only a queue that recognises repeated puts hands out tokens.
                PutError::Unknown(item, token) => self.queue.retry(item, token, PATIENCE.into()),
                other => return Err(Error::from(other).into()),
            };
            match again {
                Ok(()) => return Ok(()),
                Err(next) => refusal = next,
            }
        }
    }
}

impl<T: Data> Operator<T, ()> for QueueSink<T> {
    #[inline]
    fn process(&mut self, packet: Packet<T>, ctx: &mut TaskContext<()>) -> OpResult {
        match self.queue.try_put(packet.payload) {
            Ok(()) => Ok(()),
            Err(refusal) => self.wait_for_room(refusal, ctx),
        }
    }

    fn close(&mut self, ctx: &mut TaskContext<()>) -> OpResult {
        loop {
            match self.queue.flush(PATIENCE.into()) {
                Err(error) if error.is_retryable() => {
                    if ctx.is_aborting() {
                        return Err(aborted("flush").caused_by(error).into());
                    }
                }
                done => return Ok(done?),
            }
        }
    }

    /// What has been done stays done when the job goes on from a checkpoint, and some is done again.
    fn state(&mut self) -> State<'_> {
        State::nothing()
    }
}

fn aborted(operation: &'static str) -> Error {
    Error::new(ErrorKind::Cancelled, operation)
        .expected("room in the sink's queue")
        .found("an aborted job")
}

impl<T> Clone for QueueSink<T> {
    /// Another sink into the same queue.
    fn clone(&self) -> Self {
        Self {
            queue: DynQueue::clone(&self.queue),
        }
    }
}

impl<T> fmt::Debug for QueueSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueSink").finish_non_exhaustive()
    }
}
