//! The end of a stream in a function.

use router::Packet;

use crate::{Data, OpError, OpResult, Operator, State, TaskContext};

/// Gives each payload to a function.
#[doc(alias = "SinkOperator")]
#[derive(Clone, Copy)]
pub struct ForEach<F> {
    function: F,
}

impl<F> ForEach<F> {
    /// Gives payloads to `function`.
    pub const fn new<In>(function: F) -> Self
    where
        F: FnMut(In),
    {
        Self { function }
    }
}

impl<In: Data, F> Operator<In, ()> for ForEach<F>
where
    F: FnMut(In) + Send + 'static,
{
    #[inline(always)]
    fn process(&mut self, packet: Packet<In>, _ctx: &mut TaskContext<()>) -> OpResult {
        (self.function)(packet.payload);
        Ok(())
    }

    /// What has been done stays done when the job goes on from a checkpoint, and some is done again.
    fn state(&mut self) -> State<'_> {
        State::nothing()
    }
}

opaque_debug!(ForEach<F>);

/// Gives each payload to a function; its errors go to the node's error policy.
#[derive(Clone, Copy)]
pub struct TryForEach<F> {
    function: F,
}

impl<F> TryForEach<F> {
    /// Gives payloads to `function`.
    pub const fn new<In, E>(function: F) -> Self
    where
        F: FnMut(In) -> Result<(), E>,
    {
        Self { function }
    }
}

impl<In: Data, E: Into<OpError>, F> Operator<In, ()> for TryForEach<F>
where
    F: FnMut(In) -> Result<(), E> + Send + 'static,
{
    #[inline(always)]
    fn process(&mut self, packet: Packet<In>, _ctx: &mut TaskContext<()>) -> OpResult {
        (self.function)(packet.payload).map_err(Into::into)
    }

    /// What has been done stays done when the job goes on from a checkpoint, and some is done again.
    fn state(&mut self) -> State<'_> {
        State::nothing()
    }
}

opaque_debug!(TryForEach<F>);
