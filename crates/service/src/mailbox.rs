//! Where the answers of a caller arrive.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use descriptor_core::wait::Waiter;
use descriptor_core::{DescriptorRecord, DynQueue, Error, ErrorKind, GetError, Registry, Wait, process_token};

use crate::message::{Answer, CallId, Reply};
use crate::pending::{Pending, Reader, Sleeper, Stub};
use crate::pump;
use crate::reply_to::ReplyTo;

/// The most calls of one mailbox that wait at once, unless its queue holds fewer.
pub const DEFAULT_PENDING: usize = 10_000;
/// The most parts that wait for one reader while another one reads for both.
const PARTS: usize = 1024;
/// How long a queue that cannot be read is left alone.
const BREATHER: Duration = Duration::from_millis(100);

/// The response queue of a caller and the table of its calls that wait. Cheap to clone; all clones are one mailbox.
///
/// Any number of clients, of any services, can share one. Nobody else may read its queue.
///
/// It has no thread. Whoever waits for an answer reads the queue and hands others what is theirs; the next one in
/// line takes over when he has his own. For asynchronous calls, which must not block, one thread reads for all mailboxes
/// of the process.
#[derive(Clone)]
pub struct Mailbox {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    number: u64,
    queue: DynQueue<Answer>,
    reply_to: ReplyTo,
    most: usize,
    pending: Mutex<Pending>,
    /// Of the one thread that polls.
    waiter: Mutex<Waiter>,
}

/// A call that has been numbered.
pub(crate) struct Begun {
    pub(crate) call: u64,
    /// It reads for everybody.
    pub(crate) leads: bool,
    pub(crate) stub: Stub,
}

static MAILBOXES: AtomicU64 = AtomicU64::new(0);

impl Mailbox {
    /// The mailbox over this queue, which others reach by `record`.
    #[must_use]
    pub fn new(queue: DynQueue<Answer>, record: &DescriptorRecord) -> Self {
        let reply_to = ReplyTo::record(Arc::clone(&queue), record);
        Self::over(queue, reply_to)
    }

    /// Opens the queue of this record as a mailbox.
    ///
    /// # Errors
    /// What opening says.
    pub fn open(registry: &Registry<Answer>, record: &DescriptorRecord) -> Result<Self, Error> {
        Ok(Self::new(registry.open(record)?, record))
    }

    /// The mailbox over this queue, which is number `index` of the pool that both sides have.
    #[must_use]
    pub fn in_pool(queue: DynQueue<Answer>, index: u32) -> Self {
        let reply_to = ReplyTo::in_pool(Arc::clone(&queue), index);
        Self::over(queue, reply_to)
    }

    fn over(queue: DynQueue<Answer>, reply_to: ReplyTo) -> Self {
        let token = process_token();
        let nth = MAILBOXES.fetch_add(1, Ordering::Relaxed);
        // Each call may have one answer that nobody has read yet, so that no worker waits for room.
        let most = queue.capacity().unwrap_or(DEFAULT_PENDING).min(DEFAULT_PENDING);
        Self {
            inner: Arc::new(Inner {
                number: (token as u64 ^ (token >> 64) as u64).wrapping_add(nth.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                queue,
                reply_to,
                most,
                pending: Mutex::new(Pending::new()),
                waiter: Mutex::new(Waiter::new()),
            }),
        }
    }

    /// Calls that wait for an answer.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.inner.lock().len()
    }

    /// Answers that came when their callers had given up, and were dropped.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.inner.lock().late
    }

    /// Items of the response queue that nobody could read.
    #[must_use]
    pub fn corrupt(&self) -> u64 {
        self.inner.lock().corrupt
    }

    /// Ends it: whoever waits gets an error.
    pub fn close(&self) {
        self.inner.queue.close();
        self.inner.shut(ErrorKind::Closed);
    }

    pub(crate) fn id(&self, call: u64) -> CallId {
        CallId {
            mailbox: self.inner.number,
            call,
        }
    }

    /// Makes room for one more call, and reads for it from now on if nobody does and it `can`; with `watched`, its deadline
    /// is minded by somebody else.
    pub(crate) fn begin(&self, can: bool, watched: Option<Instant>) -> Result<Begun, Error> {
        let mut pending = self.inner.lock();
        if let Some(kind) = pending.closed {
            return Err(gone(kind));
        }
        if pending.len() >= self.inner.most {
            let waiting = pending.len();
            drop(pending);
            return Err(Error::new(ErrorKind::Overloaded, "call service")
                .expected(format!("at most {} calls that wait for an answer", self.inner.most))
                .found(format!("{waiting}"))
                .remedy("wait for some of them, or give the response queue more room"));
        }
        let call = pending.open(watched);
        let leads = can && pending.reader == Reader::Nobody;
        if leads {
            pending.reader = Reader::Caller;
        }
        let spare = pending.spare.pop();
        drop(pending);
        if watched.is_some()
            && let Err(error) = pump::watch(&self.inner)
        {
            self.end(call);
            return Err(error);
        }
        Ok(Begun {
            call,
            leads,
            stub: spare.unwrap_or_else(|| Stub::bare(self.inner.reply_to.clone())),
        })
    }

    /// For the one that reads.
    pub(crate) fn lead(&self) -> Lead<'_> {
        Lead { inner: &self.inner }
    }

    /// Waits for the next answer of a call; `None` when the time is over. With its last answer a call is forgotten.
    pub(crate) fn wait(&self, call: u64, until: Instant) -> Result<Option<Reply>, Error> {
        let inner = &*self.inner;
        let mut woken = false;
        loop {
            let mut pending = inner.lock();
            let closed = pending.closed;
            let lead = pending.reader == Reader::Nobody;
            let Some(slot) = pending.slot(call) else {
                return Err(gone(ErrorKind::Cancelled));
            };
            if let Some(reply) = slot.replies.pop_front() {
                if reply.is_last() {
                    pending.close(call);
                }
                let next = pending.hand_on();
                drop(pending);
                wake(next);
                return Ok(Some(reply));
            }
            if slot.flooded {
                return Err(flooded());
            }
            if let Some(kind) = closed {
                return Err(gone(kind));
            }
            slot.sleeper = None;
            if lead {
                pending.reader = Reader::Caller;
                drop(pending);
                let lead = Lead { inner };
                return match lead.read(call, until)? {
                    Some(answer) => {
                        let stub = answer.stub.map(Stub::bare);
                        lead.done(call, answer.reply.is_last(), stub);
                        Ok(Some(answer.reply))
                    }
                    None => Ok(None),
                };
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() && woken {
                return Ok(None);
            }
            pending.queue_up(call, thread::current());
            drop(pending);
            thread::park_timeout(left);
            woken = true;
        }
    }

    /// The next answer of a watched call, when it is there.
    pub(crate) fn poll(&self, call: u64, cx: &Context<'_>) -> Poll<Result<Option<Reply>, Error>> {
        // Cloning and dropping a waker may run anything, so neither happens under the lock.
        let waker = cx.waker().clone();
        let mut pending = self.inner.lock();
        let closed = pending.closed;
        let Some(slot) = pending.slot(call) else {
            return Poll::Ready(Err(gone(ErrorKind::Cancelled)));
        };
        let found = match slot.replies.pop_front() {
            Some(reply) => Ok(Some(reply)),
            None if slot.flooded => Err(flooded()),
            None if slot.is_over => Ok(None),
            None => match closed {
                Some(kind) => Err(gone(kind)),
                None => {
                    let before = slot.sleeper.replace(Sleeper::Task(waker));
                    drop(pending);
                    drop(before);
                    return Poll::Pending;
                }
            },
        };
        drop(pending);
        Poll::Ready(found)
    }

    /// Forgets a call. Whoever waited beside it may have to read now.
    pub(crate) fn end(&self, call: u64) {
        let mut pending = self.inner.lock();
        pending.close(call);
        let next = pending.hand_on();
        drop(pending);
        wake(next);
    }
}

impl Inner {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Pending> {
        // Nothing under the lock can panic halfway through a change.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deliver(&self, answer: Answer) {
        let mut pending = self.lock();
        pending.keep(answer.stub.map(Stub::bare));
        let sleeper = if answer.id.mailbox == self.number {
            pending.deliver(answer.id.call, answer.reply, PARTS)
        } else {
            // For somebody who had this queue before.
            pending.late += 1;
            None
        };
        drop(pending);
        wake(sleeper);
    }

    fn shut(&self, kind: ErrorKind) {
        let mut sleepers = Vec::new();
        self.lock().shut(kind, &mut sleepers);
        sleepers.into_iter().for_each(|sleeper| wake(Some(sleeper)));
    }

    /// What the thread of the asynchronous calls does here: takes what is there, ends what is over. Says when to come
    /// back, and nothing when no call needs it.
    pub(crate) fn pump(&self, cx: &mut Context<'_>) -> Option<Instant> {
        let mut waiter = self.waiter.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pending = self.lock();
        if pending.watched == 0 {
            let mut next = None;
            if pending.reader == Reader::Pump {
                pending.reader = Reader::Nobody;
                next = pending.hand_on();
            }
            drop(pending);
            self.queue.cancel_get(&mut waiter);
            wake(next);
            return None;
        }
        if pending.reader == Reader::Nobody {
            pending.reader = Reader::Pump;
        }
        let reads = pending.reader == Reader::Pump && pending.closed.is_none();
        drop(pending);
        let mut look_again = None;
        while reads && look_again.is_none() {
            match self.queue.poll_get(cx, &mut waiter) {
                Poll::Pending => break,
                Poll::Ready(Ok(answer)) => self.deliver(answer),
                Poll::Ready(Err(GetError::Failed(error))) if is_item(&error) => self.lock().corrupt += 1,
                Poll::Ready(Err(GetError::Closed)) => {
                    self.shut(ErrorKind::Closed);
                    break;
                }
                Poll::Ready(Err(_)) => {
                    look_again = Instant::now().checked_add(BREATHER);
                }
            }
        }
        let mut sleepers = Vec::new();
        let next = self.lock().expire(Instant::now(), &mut sleepers);
        sleepers.into_iter().for_each(|sleeper| wake(Some(sleeper)));
        let far = || Instant::now().checked_add(Duration::from_secs(3600));
        next.into_iter().chain(look_again).min().or_else(far)
    }
}

/// The one that reads. However it ends, somebody else goes on.
pub(crate) struct Lead<'a> {
    inner: &'a Inner,
}

impl Lead<'_> {
    /// Reads for everybody until an answer of `call` is there; `None` when the time is over.
    pub(crate) fn read(&self, call: u64, until: Instant) -> Result<Option<Answer>, Error> {
        let inner = self.inner;
        loop {
            match inner.queue.get_within(Wait::Until(until)) {
                Ok(answer) if answer.id.mailbox == inner.number && answer.id.call == call => return Ok(Some(answer)),
                Ok(answer) => inner.deliver(answer),
                Err(GetError::Empty) => return Ok(None),
                Err(GetError::Closed) => {
                    inner.shut(ErrorKind::Closed);
                    return Err(gone(ErrorKind::Closed));
                }
                Err(GetError::Failed(error)) if is_item(&error) => inner.lock().corrupt += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads no more. With its `last` answer a call is forgotten.
    pub(crate) fn done(self, call: u64, last: bool, stub: Option<Stub>) {
        let mut pending = self.inner.lock();
        pending.keep(stub);
        if last {
            pending.close(call);
        }
        pending.reader = Reader::Nobody;
        let next = pending.hand_on();
        drop(pending);
        std::mem::forget(self);
        wake(next);
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        let mut pending = self.inner.lock();
        pending.reader = Reader::Nobody;
        let next = pending.hand_on();
        drop(pending);
        wake(next);
    }
}

/// Never under a lock: a waker may run anything.
fn wake(sleeper: Option<Sleeper>) {
    match sleeper {
        Some(Sleeper::Thread(thread)) => thread.unpark(),
        Some(Sleeper::Task(waker)) => waker.wake(),
        Some(Sleeper::Pump) => pump::wake(),
        None => {}
    }
}

/// One bad item is one error, and the queue goes on.
pub(crate) const fn is_item(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Corrupt | ErrorKind::TooLarge | ErrorKind::Incompatible
    )
}

fn gone(kind: ErrorKind) -> Error {
    Error::new(kind, "call service")
        .expected("an answer")
        .found("the end of the response queue")
        .remedy("stop calling: the caller, or its job, is being ended")
}

fn flooded() -> Error {
    Error::new(ErrorKind::Overloaded, "call service")
        .expected(format!("a reader that leaves at most {PARTS} parts unread"))
        .found("more, while another call read the answers of both")
        .remedy("read the parts sooner, or give this call a mailbox of its own")
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox")
            .field("reply_to", &self.inner.reply_to)
            .field("most", &self.inner.most)
            .finish_non_exhaustive()
    }
}
