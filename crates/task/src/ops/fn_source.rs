//! A source that is one function.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Data, OpResult, Source, SourceStep, State, TaskContext};

/// Asks a function, again and again, to emit what there is.
///
/// The function should emit up to a few hundred items a call and not block; see [`SourceStep`] for what it returns.
#[derive(Clone, Copy)]
pub struct FnSource<F> {
    step: F,
}

impl<F> FnSource<F> {
    /// Asks `step`.
    pub const fn new<Out: Data>(step: F) -> Self
    where
        F: FnMut(&mut TaskContext<Out>) -> OpResult<SourceStep>,
    {
        Self { step }
    }
}

impl<Out: Data, F> Source<Out> for FnSource<F>
where
    F: FnMut(&mut TaskContext<Out>) -> OpResult<SourceStep> + Send + 'static,
{
    fn step(&mut self, ctx: &mut TaskContext<Out>) -> OpResult<SourceStep> {
        (self.step)(ctx)
    }
}

/// As [`FnSource`], with a position that the function moves and that is kept in checkpoints.
///
/// ```
/// use task::{SourceStep, TaskContext, ops::SeekSource};
/// let numbers = SeekSource::new(0_u64, |next: &mut u64, ctx: &mut TaskContext<u64>| {
///     ctx.emit(*next)?;
///     *next += 1;
///     Ok(SourceStep::More)
/// });
/// ```
#[derive(Clone, Copy)]
pub struct SeekSource<P, F> {
    position: P,
    step: F,
}

impl<P, F> SeekSource<P, F> {
    /// Asks `step(position, context)`; what it emits next has to follow from the position alone.
    pub const fn new<Out: Data>(position: P, step: F) -> Self
    where
        F: FnMut(&mut P, &mut TaskContext<Out>) -> OpResult<SourceStep>,
    {
        Self { position, step }
    }
}

impl<Out: Data, P, F> Source<Out> for SeekSource<P, F>
where
    P: Serialize + DeserializeOwned + Send + 'static,
    F: FnMut(&mut P, &mut TaskContext<Out>) -> OpResult<SourceStep> + Send + 'static,
{
    fn step(&mut self, ctx: &mut TaskContext<Out>) -> OpResult<SourceStep> {
        (self.step)(&mut self.position, ctx)
    }

    fn position(&mut self) -> State<'_> {
        State::of(&mut self.position)
    }
}

opaque_debug!(SeekSource<P, F>);
opaque_debug!(FnSource<F>);
