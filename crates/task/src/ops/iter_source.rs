//! A source that has an end.

use super::TimedSource;
use super::pace::Pace;
use super::sought::Sought;
use crate::{Data, OpResult, Source, SourceStep, State, TaskContext};

/// Emits the items of an iterator, as fast as they are taken, and ends with it.
#[doc(alias = "BatchOperator")]
#[derive(Clone)]
pub struct IterSource<I> {
    items: I,
    taken: u64,
    pace: Pace,
}

impl<I: Iterator> IterSource<I> {
    /// Emits `items`.
    pub fn new(items: impl IntoIterator<IntoIter = I>) -> Self {
        Self {
            items: items.into_iter(),
            taken: 0,
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
        TimedSource::new(self.items, self.taken, time_ms, max_lateness_ms)
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
            self.taken += 1;
            ctx.emit(item)?;
        }
        Ok(SourceStep::More)
    }

    /// How many items it has taken; a new iterator has to have the same ones.
    fn position(&mut self) -> State<'_> {
        State::kept(Sought {
            items: &mut self.items,
            taken: &mut self.taken,
        })
    }
}

opaque_debug!(IterSource<I>);
