//! One packet in, any number out.

use router::Packet;

use crate::{Data, OpResult, Operator, State, TaskContext};

/// Emits each element of what a function makes of a payload, in order; each inherits the packet's key and timestamp.
#[doc(alias = "FlatMapOperator")]
#[derive(Clone, Copy)]
pub struct FlatMap<F> {
    function: F,
}

impl<F> FlatMap<F> {
    /// Maps with `function`; an `Option` is a collection of at most one element.
    pub const fn new<In, I: IntoIterator>(function: F) -> Self
    where
        F: FnMut(In) -> I,
    {
        Self { function }
    }
}

impl<In: Data, I, F> Operator<In, I::Item> for FlatMap<F>
where
    I: IntoIterator<Item: Data>,
    F: FnMut(In) -> I + Send + 'static,
{
    #[inline(always)]
    fn process(&mut self, packet: Packet<In>, ctx: &mut TaskContext<I::Item>) -> OpResult {
        (self.function)(packet.payload)
            .into_iter()
            .try_for_each(|element| ctx.emit(element))
    }

    /// What a closure keeps to itself is not in a checkpoint.
    fn state(&mut self) -> State<'_> {
        State::nothing()
    }
}

opaque_debug!(FlatMap<F>);
