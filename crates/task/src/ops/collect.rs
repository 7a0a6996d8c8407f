//! The end of a stream in a list.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use descriptor_core::Error;
use router::Packet;

use crate::{Data, OpResult, Operator, State, TaskContext};
use checkpoint::{Persist, read, write};

/// Keeps every payload of all its clones in one list, for [`Collected`] to read. It grows with the stream.
///
/// The list is the state of a job with checkpoints, so one that is restored has in it what the others before it had: read
/// it when the job has ended.
///
/// ```
/// use task::ops::Collect;
/// let sink = Collect::<u64>::new();
/// let collected = sink.collected();
/// // give `sink` to a job, wait for it, and then
/// let items: Vec<u64> = collected.take();
/// # assert!(items.is_empty());
/// ```
pub struct Collect<T> {
    collected: Collected<T>,
    /// Tells what it got from what its clones did.
    number: u32,
    /// By instance: one that is made again, as when its job goes back to a checkpoint, has the number of the one before.
    numbers: Arc<Mutex<BTreeMap<String, u32>>>,
}

/// Reads what a [`Collect`] has got.
pub struct Collected<T> {
    items: Arc<Mutex<Vec<(u32, T)>>>,
}

impl<T> Collect<T> {
    /// With an empty list.
    #[must_use]
    pub fn new() -> Self {
        Self {
            collected: Collected {
                items: Arc::new(Mutex::new(Vec::new())),
            },
            number: 0,
            numbers: Arc::default(),
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
        let items = std::mem::take(&mut *self.lock());
        items.into_iter().map(|(_, item)| item).collect()
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

    /// Nothing happens under this lock that would leave half an item: a list is whole even after a panic.
    fn lock(&self) -> MutexGuard<'_, Vec<(u32, T)>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Data> Operator<T, ()> for Collect<T> {
    fn open(&mut self, ctx: &mut TaskContext<()>) -> OpResult {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        self.number = *numbers.entry(ctx.instance().name.clone()).or_insert(next);
        Ok(())
    }

    fn process(&mut self, packet: Packet<T>, _ctx: &mut TaskContext<()>) -> OpResult {
        self.collected.lock().push((self.number, packet.payload));
        Ok(())
    }

    fn state(&mut self) -> State<'_> {
        State::kept(Part(self))
    }
}

/// What one clone got.
struct Part<'a, T>(&'a Collect<T>);

impl<T: Data> Persist for Part<'_, T> {
    fn save(&self, limit: usize, out: &mut Vec<u8>) -> Result<(), Error> {
        let Self(sink) = self;
        let items = sink.collected.lock();
        let own = items.iter().filter(|(from, _)| *from == sink.number);
        write(&own.map(|(_, item)| item).collect::<Vec<_>>(), limit, out)
    }

    fn load(&mut self, saved: &[u8]) -> Result<(), Error> {
        let Self(sink) = self;
        let own: Vec<T> = read(saved)?;
        let mut items = sink.collected.lock();
        items.retain(|(from, _)| *from != sink.number);
        items.extend(own.into_iter().map(|item| (sink.number, item)));
        Ok(())
    }

    fn reset(&mut self) {
        let Self(sink) = self;
        sink.collected.lock().retain(|(from, _)| *from != sink.number);
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
            number: self.number,
            numbers: Arc::clone(&self.numbers),
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
