//! One packet in, one packet out.

use router::Packet;

use crate::{Data, OpError, OpResult, Operator, State, TaskContext};

/// Emits what a function makes of each payload.
#[doc(alias = "MapOperator")]
#[derive(Clone, Copy)]
pub struct Map<F> {
    function: F,
}

impl<F> Map<F> {
    /// Maps with `function`.
    pub const fn new<In, Out>(function: F) -> Self
    where
        F: FnMut(In) -> Out,
    {
        Self { function }
    }
}

impl<In: Data, Out: Data, F> Operator<In, Out> for Map<F>
where
    F: FnMut(In) -> Out + Send + 'static,
{
    #[inline(always)]
    fn process(&mut self, packet: Packet<In>, ctx: &mut TaskContext<Out>) -> OpResult {
        ctx.emit((self.function)(packet.payload))
    }

    /// What a closure keeps to itself is not in a checkpoint.
    fn state(&mut self) -> State<'_> {
        State::nothing()
    }
}

opaque_debug!(Map<F>);

/// Emits what a function makes of each payload; its errors go to the node's error policy.
#[derive(Clone, Copy)]
pub struct TryMap<F> {
    function: F,
}

impl<F> TryMap<F> {
    /// Maps with `function`.
    pub const fn new<In, Out, E>(function: F) -> Self
    where
        F: FnMut(In) -> Result<Out, E>,
    {
        Self { function }
    }
}

impl<In: Data, Out: Data, E: Into<OpError>, F> Operator<In, Out> for TryMap<F>
where
    F: FnMut(In) -> Result<Out, E> + Send + 'static,
{
    #[inline(always)]
    fn process(&mut self, packet: Packet<In>, ctx: &mut TaskContext<Out>) -> OpResult {
        let out = (self.function)(packet.payload).map_err(Into::into)?;
        ctx.emit(out)
    }

    /// What a closure keeps to itself is not in a checkpoint.
    fn state(&mut self) -> State<'_> {
        State::nothing()
    }
}

opaque_debug!(TryMap<F>);
