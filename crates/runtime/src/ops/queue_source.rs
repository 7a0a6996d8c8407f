//! A source that drains a queue.

use std::fmt;
use std::time::Duration;

use descriptor_core::{DynQueue, GetError, Wait};

use super::iter_source::STEP;
use crate::{Data, OpResult, Source, SourceStep, TaskContext};

/// The shortest and the longest pause before an empty queue is looked at again; each pause doubles the one before.
const PAUSE: (Duration, Duration) = (Duration::from_micros(100), Duration::from_millis(10));

/// Feeds a job from a queue, until that is closed and drained. Clones share the queue: each item goes to one of them.
///
/// An item taken from the queue is in the hands of the job; an abort may leave up to one step of them behind.
pub struct QueueSource<T> {
    queue: DynQueue<T>,
    taken: Vec<T>,
    pause: Duration,
}

impl<T: Data> QueueSource<T> {
    /// Drains `queue`.
    #[must_use]
    pub const fn new(queue: DynQueue<T>) -> Self {
        Self {
            queue,
            taken: Vec::new(),
            pause: PAUSE.0,
        }
    }
}

impl<T: Data> Source<T> for QueueSource<T> {
    fn step(&mut self, ctx: &mut TaskContext<T>) -> OpResult<SourceStep> {
        match self.queue.get_batch(&mut self.taken, STEP, Wait::Never) {
            Ok(_) => {
                self.pause = PAUSE.0;
                self.taken.drain(..).try_for_each(|item| ctx.emit(item))?;
                Ok(SourceStep::More)
            }
            Err(GetError::Closed) => Ok(SourceStep::Done),
            Err(GetError::Failed(error)) if !error.is_retryable() => Err(error.into()),
            Err(_) => {
                let pause = self.pause;
                self.pause = (pause * 2).min(PAUSE.1);
                Ok(SourceStep::Idle(pause))
            }
        }
    }
}

impl<T> Clone for QueueSource<T> {
    /// Another source of the same queue.
    fn clone(&self) -> Self {
        Self {
            queue: DynQueue::clone(&self.queue),
            taken: Vec::new(),
            pause: PAUSE.0,
        }
    }
}

impl<T> fmt::Debug for QueueSource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueSource").finish_non_exhaustive()
    }
}
