//! What a window makes of its items.

use std::fmt;
use std::marker::PhantomData;

/// Makes one value of many items, in parts: items are added to the accumulator of their pane, and the accumulators of
/// the panes of a window are merged when it fires.
///
/// Merging the accumulators of parts must give what adding all items to one would have given, up to their order.
///
/// ```
/// use keyed_state::{Aggregate, AggregateFn};
/// // The highest price and how many there were.
/// let top = AggregateFn::new(
///     |acc: &mut (u64, u64), price: u64| *acc = (acc.0.max(price), acc.1 + 1),
///     |into: &mut (u64, u64), from: &(u64, u64)| *into = (into.0.max(from.0), into.1 + from.1),
/// );
/// # fn is_aggregate<T, G: Aggregate<T, Acc = (u64, u64)>>(_: G) {}
/// # is_aggregate::<u64, _>(top);
/// ```
pub trait Aggregate<T>: Send + 'static {
    /// What has been made of some items; the default is what is made of none.
    type Acc: Default + Send + 'static;

    /// Takes one more item.
    fn add(&mut self, acc: &mut Self::Acc, item: T);

    /// Takes what was made of others.
    fn merge(&mut self, into: &mut Self::Acc, from: &Self::Acc);
}

/// An [`Aggregate`] of two closures.
pub struct AggregateFn<Acc, A, M> {
    add: A,
    merge: M,
    acc: PhantomData<fn() -> Acc>,
}

impl<Acc, A, M> AggregateFn<Acc, A, M> {
    /// Takes items with `add(accumulator, item)` and joins parts with `merge(into, from)`.
    pub const fn new<T>(add: A, merge: M) -> Self
    where
        A: FnMut(&mut Acc, T),
        M: FnMut(&mut Acc, &Acc),
    {
        Self {
            add,
            merge,
            acc: PhantomData,
        }
    }
}

impl<T, Acc, A, M> Aggregate<T> for AggregateFn<Acc, A, M>
where
    Acc: Default + Send + 'static,
    A: FnMut(&mut Acc, T) + Send + 'static,
    M: FnMut(&mut Acc, &Acc) + Send + 'static,
{
    type Acc = Acc;

    #[inline]
    fn add(&mut self, acc: &mut Acc, item: T) {
        (self.add)(acc, item);
    }

    #[inline]
    fn merge(&mut self, into: &mut Acc, from: &Acc) {
        (self.merge)(into, from);
    }
}

impl<Acc, A: Clone, M: Clone> Clone for AggregateFn<Acc, A, M> {
    fn clone(&self) -> Self {
        Self {
            add: self.add.clone(),
            merge: self.merge.clone(),
            acc: PhantomData,
        }
    }
}

impl<Acc, A, M> fmt::Debug for AggregateFn<Acc, A, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AggregateFn").finish_non_exhaustive()
    }
}
