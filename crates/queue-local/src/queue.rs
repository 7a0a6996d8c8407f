//! The queue contract over flume.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use descriptor_core::wait::{Fence, WaitList};
use descriptor_core::{Caps, Error, ErrorKind, GetError, Item, PutError, QueueCore, Totals, TryQueue};
use flume::{Receiver, Sender, TryRecvError, TrySendError};

/// Set in `started` once the queue is closed; puts are counted above it.
const CLOSED: u64 = 1;
const ONE_PUT: u64 = 2;

/// A bounded or unbounded queue of `T` inside one process.
///
/// flume stores the items; only its `try_` operations are used. What it lacks is added here: closing while both halves
/// live, waiting for threads and tasks in one line, giving up without losing a wake-up.
pub struct LocalQueue<T: Item> {
    sender: Sender<T>,
    receiver: Receiver<T>,
    // Puts that were let in, stored or still on their way, and the closed mark.
    started: AtomicU64,
    // Items handed out. Closed and `started == taken` means drained: nothing inside, nothing on its way.
    taken: AtomicU64,
    getters: WaitList,
    putters: WaitList,
}

impl<T: Item> LocalQueue<T> {
    /// The largest bounded capacity, in items.
    pub const MAX_CAPACITY: usize = 1 << 24;

    /// A queue for `capacity` items; none or 0 means for as many as memory holds.
    ///
    /// # Errors
    /// `InvalidDescriptor` for a capacity above [`MAX_CAPACITY`](Self::MAX_CAPACITY).
    pub fn new(capacity: Option<usize>) -> Result<Self, Error> {
        let (sender, receiver) = match capacity {
            None | Some(0) => flume::unbounded(),
            Some(capacity @ 1..=Self::MAX_CAPACITY) => flume::bounded(capacity),
            Some(other) => {
                return Err(Error::new(ErrorKind::InvalidDescriptor, "create")
                    .backend("local")
                    .expected("a capacity of at most 16777216 items, or none")
                    .found(other.to_string())
                    .remedy("set maxsize in that range, or leave it out for an unbounded queue"));
            }
        };
        Ok(Self {
            sender,
            receiver,
            started: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            getters: WaitList::new(),
            putters: WaitList::new(),
        })
    }

    /// Stores without waking anybody.
    fn store(&self, item: T) -> Result<(), PutError<T>> {
        if self.started.load(Ordering::Relaxed) & CLOSED != 0 {
            return Err(PutError::Closed(item));
        }
        let before = self.started.fetch_add(ONE_PUT, Ordering::SeqCst);
        if before & CLOSED != 0 {
            self.withdraw_put();
            return Err(PutError::Closed(item));
        }
        self.sender.try_send(item).map_err(|refused| {
            self.withdraw_put();
            match refused {
                TrySendError::Full(item) => PutError::Full(item),
                // Both halves live in `self`.
                TrySendError::Disconnected(item) => PutError::Closed(item),
            }
        })
    }

    /// A put that was let in ends without an item; getters of a closed queue may have been waiting for it.
    fn withdraw_put(&self) {
        if self.started.fetch_sub(ONE_PUT, Ordering::SeqCst) & CLOSED != 0 {
            self.getters.notify_all();
        }
    }

    /// Takes without waking anybody.
    fn take(&self) -> Result<T, GetError> {
        match self.receiver.try_recv() {
            Ok(item) => {
                self.taken.fetch_add(1, Ordering::SeqCst);
                Ok(item)
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => {
                let started = self.started.load(Ordering::SeqCst);
                let drained = started & CLOSED != 0 && started / ONE_PUT == self.taken.load(Ordering::SeqCst);
                Err(if drained { GetError::Closed } else { GetError::Empty })
            }
        }
    }

    /// Takes one item without telling those who wait for room: whoever calls this tells them.
    ///
    /// # Errors
    /// As [`get_now`](TryQueue::get_now).
    pub fn take_quietly(&self) -> Result<T, GetError> {
        self.take()
    }

    fn announce_put(&self, count: usize) {
        if count > 0 && self.getters.notify(count) && self.is_closed() {
            self.getters.notify_all();
        }
    }

    fn announce_get(&self, count: usize) {
        if count > 0 {
            self.putters.notify(count);
            // The last item of a closed queue is gone: the other getters must learn that nothing more will come.
            if self.is_closed() {
                self.getters.notify_all();
            }
        }
    }
}

impl<T: Item> QueueCore for LocalQueue<T> {
    fn depth(&self) -> Option<usize> {
        Some(self.receiver.len())
    }

    fn capacity(&self) -> Option<usize> {
        self.sender.capacity()
    }

    fn caps(&self) -> Caps {
        Caps::IN_PROCESS.with_bounded(self.capacity().is_some())
    }

    fn close(&self) {
        self.started.fetch_or(CLOSED, Ordering::SeqCst);
        self.getters.notify_all();
        self.putters.notify_all();
    }

    fn is_closed(&self) -> bool {
        self.started.load(Ordering::SeqCst) & CLOSED != 0
    }

    fn totals(&self) -> Option<Totals> {
        // Taken first: an item counts as put before it counts as taken.
        let get = self.taken.load(Ordering::SeqCst);
        let put = self.started.load(Ordering::SeqCst) / ONE_PUT;
        Some(Totals { put, get })
    }
}

impl<T: Item> TryQueue<T> for LocalQueue<T> {
    type Barrier = Fence;

    fn getters(&self) -> &WaitList {
        &self.getters
    }

    fn putters(&self) -> &WaitList {
        &self.putters
    }

    fn put_now(&self, item: T) -> Result<(), PutError<T>> {
        self.store(item)?;
        self.announce_put(1);
        Ok(())
    }

    fn get_now(&self) -> Result<T, GetError> {
        let item = self.take()?;
        self.announce_get(1);
        Ok(item)
    }

    fn put_run(&self, items: &mut VecDeque<T>) -> Result<usize, PutError<()>> {
        let mut stored = 0;
        let mut end = None;
        while let Some(item) = items.pop_front() {
            if let Err(refusal) = self.store(item) {
                end = Some(refusal.map(|item| items.push_front(item)));
                break;
            }
            stored += 1;
        }
        self.announce_put(stored);
        match end {
            Some(refusal) if stored == 0 => Err(refusal),
            _ => Ok(stored),
        }
    }

    fn get_run(&self, out: &mut Vec<T>, max: usize) -> Result<usize, GetError> {
        let mut taken = 0;
        let mut end = None;
        while taken < max {
            match self.take() {
                Ok(item) => out.push(item),
                Err(reason) => {
                    end = Some(reason);
                    break;
                }
            }
            taken += 1;
        }
        self.announce_get(taken);
        match end {
            Some(reason) if taken == 0 => Err(reason),
            _ => Ok(taken),
        }
    }
}

descriptor_core::waiting_queue!(LocalQueue);

impl<T: Item> fmt::Debug for LocalQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalQueue")
            .field("capacity", &self.capacity())
            .field("depth", &self.receiver.len())
            .field("closed", &self.is_closed())
            .finish()
    }
}
