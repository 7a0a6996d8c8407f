//! One result per key, at the end.

use router::{Key, Packet};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::keyed::key_of;
use crate::{Data, KeyedState, OpResult, Operator, State, TaskContext};

/// Folds the packets of each key into a state and emits one result per key, with that key, when the input has ended;
/// in no particular order.
///
/// A packet without a key is an error. Nothing is emitted when the job is aborted. Counting words:
///
/// ```
/// use task::ops::Fold;
/// let counts = Fold::new(
///     || 0_u64,
///     |count, _word: String| *count += 1,
///     |key, count| Ok((key.decode::<String>()?, count)),
/// );
/// # fn is_operator<In: task::Data, Out: task::Data>(_: impl task::Operator<In, Out>) {}
/// # is_operator::<String, (String, u64)>(counts);
/// ```
#[derive(Clone)]
pub struct Fold<S, N, A, F> {
    states: KeyedState<S>,
    start: N,
    add: A,
    finish: F,
    state: fn(&mut KeyedState<S>) -> State<'_>,
}

impl<S, N, A, F> Fold<S, N, A, F> {
    /// Begins each key with `start()`, takes each payload with `add(state, payload)`, and makes the result with
    /// `finish(key, state)`.
    pub fn new<In, Out>(start: N, add: A, finish: F) -> Self
    where
        N: FnMut() -> S,
        A: FnMut(&mut S, In),
        F: FnMut(&Key, S) -> OpResult<Out>,
    {
        Self {
            states: KeyedState::new(),
            start,
            add,
            finish,
            state: |_| State::unknown(),
        }
    }

    /// The same with states that can be written down, for jobs with checkpoints.
    #[must_use]
    pub fn kept(self) -> Self
    where
        S: Serialize + DeserializeOwned,
    {
        Self {
            state: |states| State::by_key(states),
            ..self
        }
    }
}

impl<In: Data, Out: Data, S, N, A, F> Operator<In, Out> for Fold<S, N, A, F>
where
    S: Send + 'static,
    N: FnMut() -> S + Send + 'static,
    A: FnMut(&mut S, In) + Send + 'static,
    F: FnMut(&Key, S) -> OpResult<Out> + Send + 'static,
{
    fn process(&mut self, packet: Packet<In>, ctx: &mut TaskContext<Out>) -> OpResult {
        let key = key_of(&packet, ctx, "fold")?;
        let state = self.states.get_or_insert_with(key, &mut self.start);
        (self.add)(state, packet.payload);
        Ok(())
    }

    fn close(&mut self, ctx: &mut TaskContext<Out>) -> OpResult {
        for (key, state) in self.states.drain() {
            let out = (self.finish)(&key, state)?;
            ctx.emit_keyed(key, out)?;
        }
        Ok(())
    }

    fn state(&mut self) -> State<'_> {
        (self.state)(&mut self.states)
    }
}

opaque_debug!(Fold<S, N, A, F>);
