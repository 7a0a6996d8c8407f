//! Two streams, one operator.

use router::Packet;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Either;
use crate::{Data, OpResult, Operator, State, TaskContext};

/// Maps the packets of two streams, each with a function of its own; both see one state.
///
/// The state belongs to the instance, not to a key: key both streams the same way to see a key's packets together.
#[doc(alias = "CoMapOperator")]
#[derive(Clone)]
pub struct CoMap<S, FA, FB> {
    state: S,
    left: FA,
    right: FB,
    kept: fn(&mut S) -> State<'_>,
}

impl<S, FA, FB> CoMap<S, FA, FB> {
    /// Maps port 0 with `left(state, payload)` and port 1 with `right(state, payload)`.
    pub const fn new<A, B, Out>(state: S, left: FA, right: FB) -> Self
    where
        FA: FnMut(&mut S, A) -> Out,
        FB: FnMut(&mut S, B) -> Out,
    {
        Self {
            state,
            left,
            right,
            kept: |_| State::unknown(),
        }
    }

    /// The same with a state that can be written down, for jobs with checkpoints.
    #[must_use]
    pub fn kept(self) -> Self
    where
        S: Serialize + DeserializeOwned,
    {
        Self {
            kept: |state| State::of(state),
            ..self
        }
    }
}

impl<A, B, Out, S, FA, FB> Operator<Either<A, B>, Out> for CoMap<S, FA, FB>
where
    A: Data,
    B: Data,
    Out: Data,
    S: Send + 'static,
    FA: FnMut(&mut S, A) -> Out + Send + 'static,
    FB: FnMut(&mut S, B) -> Out + Send + 'static,
{
    #[inline(always)]
    fn process(&mut self, packet: Packet<Either<A, B>>, ctx: &mut TaskContext<Out>) -> OpResult {
        let out = match packet.payload {
            Either::Left(payload) => (self.left)(&mut self.state, payload),
            Either::Right(payload) => (self.right)(&mut self.state, payload),
        };
        ctx.emit(out)
    }

    fn state(&mut self) -> State<'_> {
        (self.kept)(&mut self.state)
    }
}

opaque_debug!(CoMap<S, FA, FB>);
