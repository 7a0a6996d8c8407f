//! Operators that see their context.

use descriptor_core::Backends;
use router::Packet;

use crate::{Data, NodeKind, OpResult, Operator, Stream, TaskContext};

impl<T: Data, B: Backends> Stream<T, B> {
    /// One packet out for each in, made with the context at hand: its key, its descriptors, the services of the job. An
    /// error goes to the node's error policy.
    pub fn map_with<Out, F>(&self, name: &str, function: F) -> Stream<Out, B>
    where
        Out: Data,
        F: FnMut(&mut TaskContext<Out>, T) -> OpResult<Out> + Clone + Send + Sync + 'static,
    {
        self.process(name, NodeKind::Map, move |_| MapWith {
            function: function.clone(),
        })
    }
}

struct MapWith<F> {
    function: F,
}

impl<In: Data, Out: Data, F> Operator<In, Out> for MapWith<F>
where
    F: FnMut(&mut TaskContext<Out>, In) -> OpResult<Out> + Send + 'static,
{
    fn process(&mut self, packet: Packet<In>, ctx: &mut TaskContext<Out>) -> OpResult {
        let out = (self.function)(ctx, packet.payload)?;
        ctx.emit(out)
    }
}
