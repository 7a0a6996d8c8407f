//! A source that is one function.

use crate::{Data, OpResult, Source, SourceStep, TaskContext};

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

opaque_debug!(FnSource<F>);
