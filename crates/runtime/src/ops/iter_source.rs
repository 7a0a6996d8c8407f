//! A source that has an end.

use super::TimedSource;
use super::pace::Pace;
use crate::{Data, OpResult, Source, SourceStep, TaskContext};

/// Emits the items of an iterator, as fast as they are taken, and ends with it.
#[doc(alias = "BatchOperator")]
#[derive(Clone)]
pub struct IterSource<I> {
    items: I,
    pace: Pace,
}

impl<I: Iterator> IterSource<I> {
    /// Emits `items`.
    pub fn new(items: impl IntoIterator<IntoIter = I>) -> Self {
        Self {
            items: items.into_iter(),
            pace: Pace::new(),
        }
    }

    /// Also emits watermarks, by the event time that `time_ms` reads from an item, in milliseconds.
    ///
    /// An item may be up to `max_lateness_ms` older than the newest item before it.
    pub fn with_event_time<F>(self, time_ms: F, max_lateness_ms: u64) -> TimedSource<I, F>
    where
        F: FnMut(&I::Item) -> u64,
    {
        TimedSource::new(self.items, time_ms, max_lateness_ms)
    }
}

impl<I> Source<I::Item> for IterSource<I>
where
    I: Iterator<Item: Data> + Send + 'static,
{
    fn step(&mut self, ctx: &mut TaskContext<I::Item>) -> OpResult<SourceStep> {
        for _ in 0..self.pace.next(ctx.timestamp()) {
            let Some(item) = self.items.next() else {
                return Ok(SourceStep::Done);
            };
            ctx.emit(item)?;
        }
        Ok(SourceStep::More)
    }
}

opaque_debug!(IterSource<I>);
