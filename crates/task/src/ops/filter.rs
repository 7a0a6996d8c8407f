//! Some packets pass.

use router::Packet;

use crate::{Data, OpResult, Operator, State, TaskContext};

/// Passes on the very packets whose payload a predicate accepts: key, strategy and timestamp stay.
#[doc(alias = "FilterOperator")]
#[derive(Clone, Copy)]
pub struct Filter<F> {
    predicate: F,
}

impl<F> Filter<F> {
    /// Keeps what `predicate` accepts.
    pub const fn new<T>(predicate: F) -> Self
    where
        F: FnMut(&T) -> bool,
    {
        Self { predicate }
    }
}

impl<T: Data, F> Operator<T, T> for Filter<F>
where
    F: FnMut(&T) -> bool + Send + 'static,
{
    #[inline(always)]
    fn process(&mut self, packet: Packet<T>, ctx: &mut TaskContext<T>) -> OpResult {
        if (self.predicate)(&packet.payload) {
            ctx.emit(packet.payload)
        } else {
            Ok(())
        }
    }

    /// What a closure keeps to itself is not in a checkpoint.
    fn state(&mut self) -> State<'_> {
        State::nothing()
    }
}

opaque_debug!(Filter<F>);
