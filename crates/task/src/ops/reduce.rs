//! A running value per key.

use router::Packet;

use super::keyed::key_of;
use crate::{Data, KeyedState, OpResult, Operator, State, TaskContext};

/// Combines the packets of each key and emits the value so far after every one of them.
///
/// The first packet of a key is its first value. A packet without a key is an error.
#[derive(Clone)]
pub struct Reduce<T, F> {
    // None only between the insertion of a key and its first value.
    values: KeyedState<Option<T>>,
    combine: F,
}

impl<T, F> Reduce<T, F> {
    /// Combines with `combine(value so far, next)`.
    pub fn new(combine: F) -> Self
    where
        F: FnMut(&T, T) -> T,
    {
        Self {
            values: KeyedState::new(),
            combine,
        }
    }
}

impl<T: Data, F> Operator<T, T> for Reduce<T, F>
where
    F: FnMut(&T, T) -> T + Send + 'static,
{
    fn process(&mut self, packet: Packet<T>, ctx: &mut TaskContext<T>) -> OpResult {
        let key = key_of(&packet, ctx, "reduce")?;
        let slot = self.values.get_or_insert_with(key, || None);
        let value = match slot.as_ref() {
            Some(so_far) => (self.combine)(so_far, packet.payload),
            None => packet.payload,
        };
        *slot = Some(value.clone());
        ctx.emit(value)
    }

    fn state(&mut self) -> State<'_> {
        State::by_key(&mut self.values)
    }
}

opaque_debug!(Reduce<T, F>);
