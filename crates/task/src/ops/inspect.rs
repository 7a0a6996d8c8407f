//! Looking on.

use router::Packet;

use crate::{Data, OpResult, Operator, State, TaskContext};

/// Shows each payload to a function and passes the very packet on.
#[derive(Clone, Copy)]
pub struct Inspect<F> {
    function: F,
}

impl<F> Inspect<F> {
    /// Shows payloads to `function`.
    pub const fn new<T>(function: F) -> Self
    where
        F: FnMut(&T),
    {
        Self { function }
    }
}

impl<T: Data, F> Operator<T, T> for Inspect<F>
where
    F: FnMut(&T) + Send + 'static,
{
    #[inline(always)]
    fn process(&mut self, packet: Packet<T>, ctx: &mut TaskContext<T>) -> OpResult {
        (self.function)(&packet.payload);
        ctx.emit(packet.payload)
    }

    /// What a closure keeps to itself is not in a checkpoint.
    fn state(&mut self) -> State<'_> {
        State::nothing()
    }
}

opaque_debug!(Inspect<F>);
