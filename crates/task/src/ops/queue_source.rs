//! A source that drains a queue.

use std::fmt;
use std::time::Duration;

use descriptor_core::{DynQueue, GetError, Wait};

use crate::{Data, OpResult, Source, SourceStep, TaskContext};

/// Items per step.
const STEP: usize = 256;
/// The longest wait for an item before the source looks whether the job still wants it.
const LOOK_UP: Duration = Duration::from_millis(50);

/// Feeds a job from a queue, until that is closed and drained. Clones share the queue: each item goes to one of them.
///
/// An item taken from the queue is in the hands of the job; an abort may leave up to one step of them behind.
pub struct QueueSource<T> {
    queue: DynQueue<T>,
    taken: Vec<T>,
}

impl<T: Data> QueueSource<T> {
    /// Drains `queue`.
    #[must_use]
    pub const fn new(queue: DynQueue<T>) -> Self {
        Self {
            queue,
            taken: Vec::new(),
        }
    }
}

impl<T: Data> Source<T> for QueueSource<T> {
    fn step(&mut self, ctx: &mut TaskContext<T>) -> OpResult<SourceStep> {
        let mut got = self.queue.get_batch(&mut self.taken, STEP, Wait::Never);
        if matches!(got, Err(GetError::Empty)) {
            // Nothing may be held back while this waits.
            ctx.flush()?;
            got = self.queue.get_batch(&mut self.taken, STEP, LOOK_UP.into());
        }
        match got {
            Ok(_) => {
                self.taken.drain(..).try_for_each(|item| ctx.emit(item))?;
                Ok(SourceStep::More)
            }
            Err(GetError::Empty) => Ok(SourceStep::More),
            Err(GetError::Closed) => Ok(SourceStep::Done),
            Err(GetError::Failed(error)) if error.is_retryable() => Ok(SourceStep::Idle(LOOK_UP)),
            Err(GetError::Failed(error)) => Err(error.into()),
            Err(other) => Err(Box::new(other)),
        }
    }
}

impl<T> Clone for QueueSource<T> {
    /// Another source of the same queue.
    fn clone(&self) -> Self {
        Self {
            queue: DynQueue::clone(&self.queue),
            taken: Vec::new(),
        }
    }
}

impl<T> fmt::Debug for QueueSource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueSource").finish_non_exhaustive()
    }
}
