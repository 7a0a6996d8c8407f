//! A source that knows the time of its items.

use descriptor_core::Error;

use super::pace::Pace;
use super::sought::Sought;
use crate::{Data, OpResult, Source, SourceStep, State, TaskContext};
use checkpoint::{Persist, read, write};

/// Emits the items of an iterator and, after every step, a watermark: the newest event time so far less the lateness
/// allowed. At the end of the stream comes `u64::MAX`, so that every window closes.
///
/// Made by [`IterSource::with_event_time`](super::IterSource::with_event_time).
#[derive(Clone)]
pub struct TimedSource<I, F> {
    items: I,
    taken: u64,
    time_ms: F,
    max_lateness_ms: u64,
    newest_ms: Option<u64>,
    announced_ms: Option<u64>,
    pace: Pace,
}

impl<I, F> TimedSource<I, F> {
    pub(super) const fn new(items: I, taken: u64, time_ms: F, max_lateness_ms: u64) -> Self {
        Self {
            items,
            taken,
            time_ms,
            max_lateness_ms,
            newest_ms: None,
            announced_ms: None,
            pace: Pace::new(),
        }
    }

    fn announce<Out: Data>(&mut self, ctx: &mut TaskContext<Out>) -> OpResult {
        let reached = self.newest_ms.map(|newest| newest.saturating_sub(self.max_lateness_ms));
        match reached {
            Some(time) if reached > self.announced_ms => {
                self.announced_ms = reached;
                ctx.watermark(time)
            }
            _ => Ok(()),
        }
    }
}

impl<I, F> Source<I::Item> for TimedSource<I, F>
where
    I: Iterator<Item: Data> + Send + 'static,
    F: FnMut(&I::Item) -> u64 + Send + 'static,
{
    fn step(&mut self, ctx: &mut TaskContext<I::Item>) -> OpResult<SourceStep> {
        for _ in 0..self.pace.next(ctx.timestamp()) {
            let Some(item) = self.items.next() else {
                return Ok(SourceStep::Done);
            };
            self.taken += 1;
            self.newest_ms = self.newest_ms.max(Some((self.time_ms)(&item)));
            ctx.emit(item)?;
        }
        self.announce(ctx)?;
        Ok(SourceStep::More)
    }

    fn close(&mut self, ctx: &mut TaskContext<I::Item>) -> OpResult {
        ctx.watermark(u64::MAX)
    }

    /// How many items it has taken, and the newest time among them. How far event time has come is said anew: those who
    /// take it begin without.
    fn position(&mut self) -> State<'_> {
        State::kept(Timed {
            sought: Sought {
                items: &mut self.items,
                taken: &mut self.taken,
            },
            newest_ms: &mut self.newest_ms,
        })
    }
}

struct Timed<'a, I> {
    sought: Sought<'a, I>,
    newest_ms: &'a mut Option<u64>,
}

impl<I: Iterator> Persist for Timed<'_, I> {
    fn save(&self, limit: usize, out: &mut Vec<u8>) -> Result<(), Error> {
        write(&(*self.sought.taken, *self.newest_ms), limit, out)
    }

    fn load(&mut self, saved: &[u8]) -> Result<(), Error> {
        let (taken, newest_ms) = read(saved)?;
        *self.newest_ms = newest_ms;
        self.sought.go_to(taken)
    }
}

opaque_debug!(TimedSource<I, F>);
