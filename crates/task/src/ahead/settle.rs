//! How a future ended, as an operator: what comes of it is that of any packet.

use std::any::Any;
use std::panic::resume_unwind;

use router::Packet;

use crate::{Data, OpError, OpResult, Operator, TaskContext};

/// What became of a future.
pub(super) enum Done<Out> {
    Made(Out),
    Failed(OpError),
    Panicked(Box<dyn Any + Send>),
}

/// Emits what was made, and fails as the future failed: accounts, policies and rules are then those of every operator.
pub(super) struct Settle<In: Data, Out: Data> {
    /// How the next packet ended.
    pub(super) done: Option<Done<Out>>,
    /// The packet that it failed on.
    pub(super) failed: Option<Packet<In>>,
}

impl<In: Data, Out: Data> Settle<In, Out> {
    pub(super) const fn new() -> Self {
        Self {
            done: None,
            failed: None,
        }
    }
}

impl<In: Data, Out: Data> Operator<In, Out> for Settle<In, Out> {
    fn process(&mut self, packet: Packet<In>, ctx: &mut TaskContext<Out>) -> OpResult {
        match self.done.take() {
            Some(Done::Made(out)) => ctx.emit(out),
            Some(Done::Failed(error)) => {
                self.failed = Some(packet);
                Err(error)
            }
            Some(Done::Panicked(panic)) => {
                self.failed = Some(packet);
                // It was reported where it happened; here it takes the way of all panics.
                resume_unwind(panic)
            }
            None => Err("its future has not ended".into()),
        }
    }
}
