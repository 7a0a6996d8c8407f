//! The end of a stream in a list.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use router::Packet;

use crate::{Data, OpResult, Operator, TaskContext};

/// Keeps every payload of all its clones in one list, for [`Collected`] to read. It grows with the stream.
///
/// ```
/// use runtime::ops::Collect;
/// let sink = Collect::<u64>::new();
/// let collected = sink.collected();
/// // give `sink` to a job, wait for it, and then
/// let items: Vec<u64> = collected.take();
/// # assert!(items.is_empty());
/// ```
pub struct Collect<T> {
    collected: Collected<T>,
}

/// Reads what a [`Collect`] has got.
pub struct Collected<T> {
    items: Arc<Mutex<Vec<T>>>,
}

impl<T> Collect<T> {
    /// With an empty list.
    #[must_use]
    pub fn new() -> Self {
        Self {
            collected: Collected {
                items: Arc::new(Mutex::new(Vec::new())),
            },
        }
    }

    /// The handle to the list.
    #[must_use]
    pub fn collected(&self) -> Collected<T> {
        self.collected.clone()
    }
}

impl<T> Collected<T> {
    /// Hands over what is there, in the order of its arrival, and leaves nothing.
    #[must_use]
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.lock())
    }

    /// The number of payloads there.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// True when nothing is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Nothing but a push happens under this lock: a list is whole even after a panic.
    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Data> Operator<T, ()> for Collect<T> {
    fn process(&mut self, packet: Packet<T>, _ctx: &mut TaskContext<()>) -> OpResult {
        self.collected.lock().push(packet.payload);
        Ok(())
    }
}

impl<T> Default for Collect<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for Collect<T> {
    /// Another sink into the same list.
    fn clone(&self) -> Self {
        Self {
            collected: self.collected(),
        }
    }
}

impl<T> Clone for Collected<T> {
    fn clone(&self) -> Self {
        Self {
            items: Arc::clone(&self.items),
        }
    }
}

impl<T> fmt::Debug for Collect<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collect").field("len", &self.collected.len()).finish()
    }
}

impl<T> fmt::Debug for Collected<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collected").field("len", &self.len()).finish()
    }
}
