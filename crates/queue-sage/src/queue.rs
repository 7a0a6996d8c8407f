//! The queue contract over the ring.

use std::collections::VecDeque;
use std::fmt;

use descriptor_core::wait::WaitList;
use descriptor_core::{Caps, Error, ErrorKind, GetError, Item, PutError, QueueCore, Totals, TryQueue};

use crate::barrier::Asymmetric;
use crate::ring::Ring;
use crate::sync::Padded;

/// A bounded queue of `T` inside one process, for threads and tasks alike.
///
/// Each side has one thread inside at a time, for a few moves of memory; a thread that is put off its processor there
/// holds up that side, and others yield meanwhile. Not for signal handlers, nor for threads of different real-time
/// priority on one processor.
///
/// Items are moved, never serialized or boxed. See [`Queue`](descriptor_core::Queue) for the contract.
pub struct SageQueue<T: Item> {
    ring: Ring<T>,
    // Padded: a sleeper's registration must not disturb those who are working.
    getters: Padded<WaitList<Asymmetric>>,
    putters: Padded<WaitList<Asymmetric>>,
}

impl<T: Item> SageQueue<T> {
    /// The largest capacity, in items.
    pub const MAX_CAPACITY: usize = 1 << 24;

    /// A queue for exactly `capacity` items.
    ///
    /// # Errors
    /// `InvalidDescriptor` unless `capacity` is between 1 and [`MAX_CAPACITY`](Self::MAX_CAPACITY);
    /// `ResourceExhausted` when the memory cannot be had.
    pub fn new(capacity: usize) -> Result<Self, Error> {
        let ring = checked::<T, _>(capacity, Ring::new)?;
        Ok(Self {
            ring,
            getters: Padded(WaitList::new()),
            putters: Padded(WaitList::new()),
        })
    }

    /// Takes one item without telling those who wait for room: whoever calls this tells them.
    ///
    /// # Errors
    /// As [`get_now`](TryQueue::get_now).
    pub fn take_quietly(&self) -> Result<T, GetError> {
        Ok(self.ring.try_get()?)
    }
}

/// A ring of a capacity within the limits, if there is memory for it.
pub(crate) fn checked<T: Item, R>(capacity: usize, ring: impl FnOnce(usize) -> Option<R>) -> Result<R, Error> {
    if capacity == 0 || capacity > SageQueue::<T>::MAX_CAPACITY {
        return Err(Error::new(ErrorKind::InvalidDescriptor, "create")
            .backend("sage_queue")
            .expected("a capacity from 1 to 16777216 items")
            .found(capacity.to_string())
            .remedy("set maxsize in that range, or use `local` for an unbounded queue"));
    }
    ring(capacity).ok_or_else(|| {
        Error::new(ErrorKind::ResourceExhausted, "create")
            .backend("sage_queue")
            .expected(format!("memory for {capacity} items of {} bytes", size_of::<T>()))
            .remedy("lower maxsize, or queue boxed items")
    })
}

/// The contract, for a type of this crate with a `ring` and two lists of those who wait, `getters` and `putters`.
macro_rules! queue_over_ring {
    ($name:ident) => {
        impl<T: Item> QueueCore for $name<T> {
            fn depth(&self) -> Option<usize> {
                let (put, got) = self.ring.totals();
                Some(put.saturating_sub(got) as usize)
            }

            fn capacity(&self) -> Option<usize> {
                Some(self.ring.capacity())
            }

            fn caps(&self) -> Caps {
                Caps::IN_PROCESS
            }

            fn close(&self) {
                self.ring.close();
                descriptor_core::try_queue::wake_everybody(&self.getters, &self.putters);
            }

            fn is_closed(&self) -> bool {
                self.ring.is_closed()
            }

            fn totals(&self) -> Option<Totals> {
                let (put, get) = self.ring.totals();
                Some(Totals { put, get })
            }
        }

        impl<T: Item> TryQueue<T> for $name<T> {
            type Barrier = Asymmetric;

            #[inline]
            fn getters(&self) -> &WaitList<Asymmetric> {
                &self.getters
            }

            #[inline]
            fn putters(&self) -> &WaitList<Asymmetric> {
                &self.putters
            }

            #[inline]
            fn put_at_once(&self, item: T) -> Result<(), T> {
                self.ring.put_owned(item)?;
                self.getters.notify(1);
                Ok(())
            }

            #[inline]
            fn get_at_once(&self) -> Option<T> {
                let item = self.ring.get_owned()?;
                self.putters.notify(1);
                Some(item)
            }

            fn put_now(&self, item: T) -> Result<(), PutError<T>> {
                self.ring.try_put(item).map_err(|(item, why)| why.of(item))?;
                self.getters.notify(1);
                Ok(())
            }

            fn get_now(&self) -> Result<T, GetError> {
                let item = self.ring.try_get()?;
                self.putters.notify(1);
                Ok(item)
            }

            #[inline]
            fn seems_full(&self) -> bool {
                self.ring.seems_full()
            }

            #[inline]
            fn seems_empty(&self) -> bool {
                self.ring.seems_empty()
            }

            fn items_come_singly(&self) -> bool {
                self.ring.items_come_singly()
            }

            fn put_run(&self, items: &mut VecDeque<T>) -> Result<usize, PutError<()>> {
                if items.is_empty() {
                    return Ok(0);
                }
                let stored = self.ring.try_put_run(items).map_err(|why| why.of(()))?;
                self.getters.notify(stored);
                Ok(stored)
            }

            fn get_run(&self, out: &mut Vec<T>, max: usize) -> Result<usize, GetError> {
                if max == 0 {
                    return Ok(0);
                }
                let taken = self.ring.try_get_run(out, max)?;
                self.putters.notify(taken);
                Ok(taken)
            }
        }

        descriptor_core::waiting_queue!($name);
    };
}
pub(crate) use queue_over_ring;

queue_over_ring!(SageQueue);

impl<T: Item> fmt::Debug for SageQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (put, got) = self.ring.totals();
        f.debug_struct("SageQueue")
            .field("capacity", &self.ring.capacity())
            .field("put", &put)
            .field("got", &got)
            .field("closed", &self.ring.is_closed())
            .finish()
    }
}
