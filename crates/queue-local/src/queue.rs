//! The queue contract over flume.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use descriptor_core::wait::{Locked, WaitList};
use descriptor_core::{Caps, Error, ErrorKind, GetError, Item, PutError, QueueCore, Totals, TryQueue};
use flume::{Receiver, Sender, TrySendError};

/// Set in `started` once the queue is closed; puts are counted above it.
const CLOSED: u64 = 1;
const ONE_PUT: u64 = 2;

/// Keeps what it holds on cache lines of its own: processors fetch lines in pairs, and some have lines of that size.
#[repr(align(128))]
struct Padded<T>(T);

/// A bounded or unbounded queue of `T` inside one process.
///
/// flume stores the items; only its `try_` operations are used. What it lacks is added here: closing while both halves
/// live, waiting for threads and tasks in one line, giving up without losing a wake-up.
///
/// flume's lock orders a change with those who wait for it, see [`Locked`]: items move under it, and what is changed
/// beside it, all about closing, is announced only after the lock was had once more.
pub struct LocalQueue<T: Item> {
    sender: Sender<T>,
    receiver: Receiver<T>,
    getters: WaitList<Locked>,
    putters: WaitList<Locked>,
    // What the mark in `started` says, a moment later and for those who would have to fetch that from a producer.
    closed: AtomicBool,
    // Puts that were let in, stored or still on their way, and the closed mark.
    started: Padded<AtomicU64>,
    // Items handed out. Closed and `started == taken` means drained: nothing inside, nothing on its way.
    taken: Padded<AtomicU64>,
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
            getters: WaitList::new(),
            putters: WaitList::new(),
            closed: AtomicBool::new(false),
            started: Padded(AtomicU64::new(0)),
            taken: Padded(AtomicU64::new(0)),
        })
    }

    /// Lets this many puts in, unless the queue is closed.
    #[inline]
    fn admit(&self, puts: usize) -> bool {
        if self.closed.load(Ordering::Relaxed) {
            return false;
        }
        let is_open = self.started.0.fetch_add(ONE_PUT * puts as u64, Ordering::SeqCst) & CLOSED == 0;
        if !is_open {
            self.withdraw_puts(puts);
        }
        is_open
    }

    /// Puts that were let in end without an item; getters of a closed queue may have been waiting for them.
    #[cold]
    fn withdraw_puts(&self, puts: usize) {
        if self.started.0.fetch_sub(ONE_PUT * puts as u64, Ordering::SeqCst) & CLOSED != 0 {
            self.announce_end();
        }
    }

    /// Wakes the getters after a change that was not made under the lock.
    #[cold]
    fn announce_end(&self) {
        self.pass_through_the_lock();
        self.getters.notify_all();
    }

    /// Whoever looked before this is in the list for what follows it; whoever looks after it sees what came before.
    fn pass_through_the_lock(&self) {
        let _ = self.receiver.len();
    }

    /// Why there is nothing to be had.
    #[cold]
    fn nothing(&self) -> GetError {
        let started = self.started.0.load(Ordering::SeqCst);
        if started & CLOSED != 0 && started / ONE_PUT == self.taken.0.load(Ordering::SeqCst) {
            GetError::Closed
        } else {
            GetError::Empty
        }
    }

    /// Takes one item without telling those who wait for room: whoever calls this tells them.
    ///
    /// # Errors
    /// As [`get_now`](TryQueue::get_now).
    #[inline]
    pub fn take_quietly(&self) -> Result<T, GetError> {
        // Both halves live in `self`, so nothing else than an empty queue refuses.
        let item = self.receiver.try_recv().map_err(|_| self.nothing())?;
        self.taken.0.fetch_add(1, Ordering::SeqCst);
        Ok(item)
    }

    #[inline]
    fn announce_put(&self, count: usize) {
        if self.getters.notify(count) && self.closed.load(Ordering::SeqCst) {
            self.announce_end();
        }
    }

    #[inline]
    fn announce_get(&self, count: usize) {
        self.putters.notify(count);
        // The last item of a closed queue may be gone: the other getters must learn that nothing more will come.
        if self.closed.load(Ordering::SeqCst) {
            self.announce_end();
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
        self.started.0.fetch_or(CLOSED, Ordering::SeqCst);
        self.closed.store(true, Ordering::SeqCst);
        self.pass_through_the_lock();
        descriptor_core::try_queue::wake_everybody(&self.getters, &self.putters);
    }

    fn is_closed(&self) -> bool {
        self.started.0.load(Ordering::SeqCst) & CLOSED != 0
    }

    fn totals(&self) -> Option<Totals> {
        // Taken first: an item counts as put before it counts as taken.
        let get = self.taken.0.load(Ordering::SeqCst);
        let put = self.started.0.load(Ordering::SeqCst) / ONE_PUT;
        Some(Totals { put, get })
    }
}

impl<T: Item> TryQueue<T> for LocalQueue<T> {
    type Barrier = Locked;

    #[inline]
    fn getters(&self) -> &WaitList<Locked> {
        &self.getters
    }

    #[inline]
    fn putters(&self) -> &WaitList<Locked> {
        &self.putters
    }

    // Short ways, though they are the same ways: the waiting half has them inlined, and that is a fifth of what a pair costs.

    #[inline]
    fn put_at_once(&self, item: T) -> Result<(), T> {
        self.put_now(item).map_err(PutError::into_item)
    }

    #[inline]
    fn get_at_once(&self) -> Option<T> {
        self.get_now().ok()
    }

    #[inline]
    fn put_now(&self, item: T) -> Result<(), PutError<T>> {
        if !self.admit(1) {
            return Err(PutError::Closed(item));
        }
        match self.sender.try_send(item) {
            Ok(()) => {
                self.announce_put(1);
                Ok(())
            }
            // Both halves live in `self`: they are never disconnected.
            Err(TrySendError::Full(item) | TrySendError::Disconnected(item)) => {
                self.withdraw_puts(1);
                Err(PutError::Full(item))
            }
        }
    }

    #[inline]
    fn get_now(&self) -> Result<T, GetError> {
        let item = self.take_quietly()?;
        self.announce_get(1);
        Ok(item)
    }

    fn put_run(&self, items: &mut VecDeque<T>) -> Result<usize, PutError<()>> {
        let asked = items.len();
        if asked == 0 {
            return Ok(0);
        }
        if !self.admit(asked) {
            return Err(PutError::Closed(()));
        }
        while let Some(item) = items.pop_front() {
            if let Err(TrySendError::Full(item) | TrySendError::Disconnected(item)) = self.sender.try_send(item) {
                items.push_front(item);
                break;
            }
        }
        let stored = asked - items.len();
        if stored < asked {
            self.withdraw_puts(asked - stored);
        }
        if stored == 0 {
            return Err(PutError::Full(()));
        }
        self.announce_put(stored);
        Ok(stored)
    }

    fn get_run(&self, out: &mut Vec<T>, max: usize) -> Result<usize, GetError> {
        if max == 0 {
            return Ok(0);
        }
        let before = out.len();
        out.extend(self.receiver.try_iter().take(max));
        let taken = out.len() - before;
        if taken == 0 {
            return Err(self.nothing());
        }
        self.taken.0.fetch_add(taken as u64, Ordering::SeqCst);
        self.announce_get(taken);
        Ok(taken)
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
