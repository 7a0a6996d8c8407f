//! Giving packets a key.

use router::{Key, Packet};

use crate::{Data, OpError, OpResult, Operator, State, TaskContext};

/// Gives each packet the key that a function reads from its payload; payload and timestamp stay.
///
/// How keyed packets are spread is a matter of the edge behind it.
#[doc(alias = "KeyByOperator")]
#[derive(Clone, Copy)]
pub struct KeyBy<F> {
    key: F,
}

impl<F> KeyBy<F> {
    /// Keys by `key`: integers, text and `bool` are keys as they are; make any other with [`Key::of`] and
    /// [`TryKeyBy`], or without an allocation from a borrow with `Key::from(item.name.as_str())`.
    pub const fn new<T, K: Into<Key>>(key: F) -> Self
    where
        F: FnMut(&T) -> K,
    {
        Self { key }
    }
}

impl<T: Data, K: Into<Key>, F> Operator<T, T> for KeyBy<F>
where
    F: FnMut(&T) -> K + Send + 'static,
{
    #[inline(always)]
    fn process(&mut self, packet: Packet<T>, ctx: &mut TaskContext<T>) -> OpResult {
        let key = (self.key)(&packet.payload).into();
        ctx.emit_as(key, packet.payload)
    }

    /// What a closure keeps to itself is not in a checkpoint.
    fn state(&mut self) -> State<'_> {
        State::nothing()
    }
}

opaque_debug!(KeyBy<F>);

/// As [`KeyBy`], for keys that may fail to be made; the error goes to the node's error policy, and the packet is not
/// passed on without its key.
///
/// `TryKeyBy::new(|bid: &Bid| Key::of(&(bid.auction, &bid.channel)))` keys by a tuple.
#[derive(Clone, Copy)]
pub struct TryKeyBy<F> {
    key: F,
}

impl<F> TryKeyBy<F> {
    /// Keys by `key`.
    pub const fn new<T, K: Into<Key>, E>(key: F) -> Self
    where
        F: FnMut(&T) -> Result<K, E>,
    {
        Self { key }
    }
}

impl<T: Data, K: Into<Key>, E: Into<OpError>, F> Operator<T, T> for TryKeyBy<F>
where
    F: FnMut(&T) -> Result<K, E> + Send + 'static,
{
    #[inline(always)]
    fn process(&mut self, packet: Packet<T>, ctx: &mut TaskContext<T>) -> OpResult {
        let key = (self.key)(&packet.payload).map_err(Into::into)?.into();
        ctx.emit_as(key, packet.payload)
    }

    /// What a closure keeps to itself is not in a checkpoint.
    fn state(&mut self) -> State<'_> {
        State::nothing()
    }
}

opaque_debug!(TryKeyBy<F>);
