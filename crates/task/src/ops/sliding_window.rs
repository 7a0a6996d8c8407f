//! Aggregates by key over windows of event time.

use std::fmt;

use descriptor_core::DropCause;
use keyed_state::{Panes, Place};
use router::{Key, Packet};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::keyed::{beyond_time, kept_panes, key_of};
use super::{Aggregate, WindowSpec};
use crate::{Data, OpResult, Operator, State, TaskContext};

const OPERATION: &str = "window";

/// One result per window and key that has data in it, emitted with that key once the watermark has reached the end of
/// the window, windows in order of their ends. When the input ends, the windows still open fire.
///
/// A packet without a key is an error. An item all of whose windows have fired is dropped and counted as `late`; one
/// that missed some windows is in the others.
pub struct SlidingWindow<In, G: Aggregate<In>, T, F> {
    panes: Panes<G::Acc>,
    aggregate: G,
    time_ms: T,
    finish: F,
    state: fn(&mut Panes<G::Acc>) -> State<'_>,
}

impl<In, G: Aggregate<In>, T, F> SlidingWindow<In, G, T, F> {
    /// Aggregates over the windows of `spec`, by the event time that `time_ms` reads from an item, in milliseconds,
    /// and makes results with `finish(end of the window in ms, key, aggregate)`.
    pub fn new<Out>(spec: WindowSpec, time_ms: T, aggregate: G, finish: F) -> Self
    where
        T: FnMut(&In) -> u64,
        F: FnMut(u64, &Key, G::Acc) -> OpResult<Out>,
    {
        Self {
            panes: Panes::new(spec),
            aggregate,
            time_ms,
            finish,
            state: |_| State::unknown(),
        }
    }

    /// The same with accumulators that can be written down, for jobs with checkpoints.
    #[must_use]
    pub fn kept(self) -> Self
    where
        G::Acc: Serialize + DeserializeOwned,
    {
        Self {
            state: kept_panes,
            ..self
        }
    }

    /// Items that were dropped because all of their windows had fired.
    pub const fn late(&self) -> u64 {
        self.panes.late()
    }

    /// Items that are missing in some of their windows, which had fired, and are in the others.
    pub const fn partly_late(&self) -> u64 {
        self.panes.partly_late()
    }

    fn fire<Out: Data>(&mut self, watermark_ms: u64, ctx: &mut TaskContext<Out>) -> OpResult
    where
        F: FnMut(u64, &Key, G::Acc) -> OpResult<Out>,
    {
        let Self {
            panes,
            aggregate,
            finish,
            ..
        } = self;
        panes.fire(watermark_ms, |window| {
            let mut whole = window.merged(|into, from| aggregate.merge(into, from));
            whole.drain().try_for_each(|(key, acc)| {
                let out = finish(window.end_ms, &key, acc)?;
                ctx.emit_keyed(key, out)
            })
        })
    }
}

impl<In, Out, G, T, F> Operator<In, Out> for SlidingWindow<In, G, T, F>
where
    In: Data,
    Out: Data,
    G: Aggregate<In>,
    T: FnMut(&In) -> u64 + Send + 'static,
    F: FnMut(u64, &Key, G::Acc) -> OpResult<Out> + Send + 'static,
{
    fn process(&mut self, packet: Packet<In>, ctx: &mut TaskContext<Out>) -> OpResult {
        let key = key_of(&packet, ctx, OPERATION)?;
        let time_ms = (self.time_ms)(&packet.payload);
        match self.panes.place(time_ms, key) {
            Place::Open(acc) => self.aggregate.add(acc, packet.payload),
            Place::Late => ctx.count_dropped(DropCause::Late, 1),
            Place::BeyondTime => return Err(beyond_time(ctx, OPERATION, time_ms).into()),
        }
        Ok(())
    }

    fn watermark(&mut self, time: u64, ctx: &mut TaskContext<Out>) -> OpResult {
        self.fire(time, ctx)
    }

    fn close(&mut self, ctx: &mut TaskContext<Out>) -> OpResult {
        self.fire(u64::MAX, ctx)
    }

    fn state(&mut self) -> State<'_> {
        (self.state)(&mut self.panes)
    }
}

impl<In, G, T, F> Clone for SlidingWindow<In, G, T, F>
where
    G: Aggregate<In, Acc: Clone> + Clone,
    T: Clone,
    F: Clone,
{
    fn clone(&self) -> Self {
        Self {
            panes: self.panes.clone(),
            aggregate: self.aggregate.clone(),
            time_ms: self.time_ms.clone(),
            finish: self.finish.clone(),
            state: self.state,
        }
    }
}

impl<In, G: Aggregate<In>, T, F> fmt::Debug for SlidingWindow<In, G, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlidingWindow")
            .field("panes", &self.panes)
            .finish_non_exhaustive()
    }
}
