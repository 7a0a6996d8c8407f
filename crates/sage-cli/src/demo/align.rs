//! Keeps the instances of the source together in event time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sage_comm::{Data, OpResult, Source, SourceStep, State, TaskContext};

/// Steps that one instance may be ahead of the slowest.
const AHEAD: u64 = 64;
/// How long one that is waits before it looks again.
const PAUSE: Duration = Duration::from_micros(500);

/// How many steps every instance has made.
///
/// A window stays open until the slowest instance has passed its end. Were one instance given more of the processors
/// for a long time, all that the others have not caught up with would have to be kept.
#[derive(Clone, Debug)]
pub(super) struct Alignment(Arc<[AtomicU64]>);

impl Alignment {
    pub(super) fn new(instances: u32) -> Self {
        Self((0..instances).map(|_| AtomicU64::new(0)).collect())
    }

    fn is_ahead(&self, steps: u64) -> bool {
        let slowest = self.0.iter().map(|steps| steps.load(Ordering::Relaxed)).min();
        steps > slowest.unwrap_or(steps).saturating_add(AHEAD)
    }

    fn record(&self, instance: u32, steps: u64) {
        if let Some(mine) = self.0.get(instance as usize) {
            mine.store(steps, Ordering::Relaxed);
        }
    }

    /// This source, which is one instance of those that are kept together.
    pub(super) fn keep<S>(&self, instance: u32, source: S) -> Aligned<S> {
        Aligned {
            source,
            alignment: self.clone(),
            instance,
            steps: 0,
        }
    }
}

/// A source that waits for its siblings.
#[derive(Debug)]
pub(super) struct Aligned<S> {
    source: S,
    alignment: Alignment,
    instance: u32,
    steps: u64,
}

impl<Out: Data, S: Source<Out>> Source<Out> for Aligned<S> {
    fn open(&mut self, ctx: &mut TaskContext<Out>) -> OpResult {
        self.source.open(ctx)
    }

    fn step(&mut self, ctx: &mut TaskContext<Out>) -> OpResult<SourceStep> {
        if self.alignment.is_ahead(self.steps) {
            return Ok(SourceStep::Idle(PAUSE));
        }
        let step = self.source.step(ctx)?;
        self.steps += 1;
        // Nobody waits for one that has reached its end.
        let reached = if step == SourceStep::Done { u64::MAX } else { self.steps };
        self.alignment.record(self.instance, reached);
        Ok(step)
    }

    fn close(&mut self, ctx: &mut TaskContext<Out>) -> OpResult {
        self.source.close(ctx)
    }

    /// How far the others are is theirs to say: with checkpoints nobody waits for anybody.
    fn position(&mut self) -> State<'_> {
        self.source.position()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_that_is_far_ahead_of_the_slowest_waits() {
        let alignment = Alignment::new(3);
        assert!(!alignment.is_ahead(AHEAD));
        assert!(alignment.is_ahead(AHEAD + 1));
        for instance in [0, 2] {
            alignment.record(instance, 100);
        }
        assert!(alignment.is_ahead(100), "the second has not begun");
        alignment.record(1, 100 - AHEAD);
        assert!(!alignment.is_ahead(100));
    }

    #[test]
    fn the_slowest_never_waits() {
        let alignment = Alignment::new(2);
        alignment.record(0, 5);
        alignment.record(1, u64::MAX);
        assert!(!alignment.is_ahead(5 + AHEAD));
        alignment.record(0, u64::MAX);
        assert!(!alignment.is_ahead(u64::MAX));
        assert!(!Alignment::new(0).is_ahead(1_000));
    }
}
