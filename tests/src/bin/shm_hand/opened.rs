//! One open queue, and what is told of it.

use std::collections::{HashMap, VecDeque};
use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake};
use std::time::Duration;

use sage_comm::wait::Waiter;
use sage_comm::{Error, ErrorKind, GetError, Lease, PutError, Queue as _, QueueCore, QueueId, ShmQueue, ShmSpec, Wire};
use sage_tests::hand::{Answer, Loaned, Look, PLANTED, Packed, Refusal, State, Verb, pack, unpack};

/// A queue of one item type or another.
pub(crate) trait Opened: Send + Sync {
    fn obey(&self, verb: Verb) -> Answer;
}

/// A queue, the futures that wait for it, and what is on loan from it.
pub(crate) struct Queue<T: Wire> {
    queue: ShmQueue<T>,
    futures: Mutex<HashMap<u64, Future<T>>>,
    leases: Mutex<HashMap<u64, Lease<T>>>,
}

/// A future between two polls.
enum Future<T> {
    Put(Option<T>, Waiter),
    // Of an item or of a lease: both wait in one way.
    Get(Waiter),
}

/// Tells who asked that this waker was called.
struct Call(u64);

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        // Nobody listens to a process whose starter has ended.
        let _ = writeln!(std::io::stdout(), "{}", self.0);
    }
}

/// Whether this process is to do it wrong in that way.
fn planted(fault: &str) -> bool {
    static PLAN: LazyLock<Option<String>> = LazyLock::new(|| std::env::var(PLANTED).ok());
    PLAN.as_deref() == Some(fault)
}

pub(crate) fn refusal(error: &Error) -> Refusal {
    match ErrorKind::ALL.iter().position(|kind| *kind == error.kind()) {
        Some(kind) => Refusal::Failed(kind, error.to_string()),
        None => panic!("`ErrorKind::ALL` lacks {:?}", error.kind()),
    }
}

fn put_refused<I>(refused: PutError<I>) -> (Refusal, I) {
    match refused {
        PutError::Full(item) => (Refusal::Full, item),
        PutError::Closed(item) => (Refusal::Closed, item),
        PutError::Failed(item, error) => (refusal(&error), item),
        refused => panic!("a put into shared memory ended with {refused:?}"),
    }
}

fn get_refused(refused: GetError) -> Answer {
    let refusal = match refused {
        GetError::Empty => Refusal::Empty,
        GetError::Closed => Refusal::Closed,
        GetError::Failed(error) => refusal(&error),
        refused => panic!("a get from shared memory ended with {refused:?}"),
    };
    Answer::Refused(refusal, Vec::new())
}

fn ended(end: Result<(), Error>) -> Answer {
    match end {
        Ok(()) => Answer::Done,
        Err(error) => Answer::Refused(refusal(&error), Vec::new()),
    }
}

fn items<T: Wire>(items: impl IntoIterator<Item = T>) -> Answer {
    Answer::Items(items.into_iter().map(|item| pack(&item)).collect())
}

impl<T: Wire> Queue<T> {
    pub(crate) fn open(id: &QueueId, spec: &ShmSpec) -> Result<Arc<dyn Opened>, Error> {
        Ok(Arc::new(Self {
            queue: ShmQueue::open(id, spec)?,
            futures: Mutex::default(),
            leases: Mutex::default(),
        }))
    }

    fn futures(&self) -> MutexGuard<'_, HashMap<u64, Future<T>>> {
        self.futures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leases(&self) -> MutexGuard<'_, HashMap<u64, Lease<T>>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, item: &[u8], wait: sage_comm::Wait) -> Answer {
        if planted("loses") {
            return Answer::Done;
        }
        if planted("doubles") {
            let _ = self.queue.try_put(unpack(item));
        }
        match self.queue.put_within(unpack(item), wait) {
            Ok(()) => Answer::Done,
            Err(refused) => {
                let (refusal, item) = put_refused(refused);
                Answer::Refused(refusal, vec![pack(&item)])
            }
        }
    }

    fn put_batch(&self, items: &[Packed], wait: sage_comm::Wait) -> Answer {
        let mut items: VecDeque<T> = items.iter().map(|item| unpack(item)).collect();
        let stored = self.queue.put_batch(&mut items, wait);
        let left = items.iter().map(pack).collect();
        match stored {
            Ok(stored) => Answer::Stored(stored as u64, left),
            Err(refused) => Answer::Refused(put_refused(refused).0, left),
        }
    }

    fn get_batch(&self, max: u64, wait: sage_comm::Wait) -> Answer {
        let mut out = Vec::new();
        match self.queue.get_batch(&mut out, max as usize, wait) {
            Ok(count) => {
                assert_eq!(count, out.len(), "a batch miscounts");
                items(out)
            }
            Err(refused) => get_refused(refused),
        }
    }

    fn lease_batch(&self, max: u64, wait: sage_comm::Wait) -> Answer {
        let mut out = Vec::new();
        match self.queue.lease_batch(&mut out, max as usize, wait) {
            Ok(count) => {
                assert_eq!(count, out.len(), "a batch of leases miscounts");
                self.lent(out)
            }
            Err(refused) => get_refused(refused),
        }
    }

    /// Keeps the leases until they are ended.
    fn lent(&self, leases: impl IntoIterator<Item = Lease<T>>) -> Answer {
        let keep = |lease: Lease<T>| {
            let loaned = Loaned {
                item: lease.item().map(pack).unwrap_or_default(),
                ticket: lease.ticket(),
                deliveries: lease.deliveries(),
            };
            let before = self.leases().insert(loaned.ticket, lease);
            assert!(before.is_none(), "ticket {} was used twice", loaned.ticket);
            loaned
        };
        Answer::Lent(leases.into_iter().map(keep).collect())
    }

    fn end(&self, ticket: u64, end: impl FnOnce(Lease<T>) -> Result<(), Error>) -> Answer {
        let lease = self.leases().remove(&ticket);
        match lease {
            Some(lease) => ended(end(lease)),
            None => panic!("no lease has the ticket {ticket}"),
        }
    }

    fn extend(&self, ticket: u64, by: Duration) -> Answer {
        match self.leases().get(&ticket) {
            Some(lease) => ended(lease.extend(by)),
            None => panic!("no lease has the ticket {ticket}"),
        }
    }

    fn poll_put(&self, look: Look, item: Option<&Packed>) -> Answer {
        let known = self.futures().remove(&look.future);
        let (mut item, mut waiter) = match (known, item) {
            (Some(Future::Put(item, waiter)), None) => (item, waiter),
            (None, Some(item)) => (Some(unpack(item)), Waiter::new()),
            _ => panic!("the future {} is something else", look.future),
        };
        let waker = Arc::new(Call(look.waker)).into();
        match self
            .queue
            .poll_put(&mut Context::from_waker(&waker), &mut item, &mut waiter)
        {
            Poll::Pending => {
                assert!(
                    item.is_some() && waiter.is_armed(),
                    "a put that waits lost its item or its place"
                );
                self.futures().insert(look.future, Future::Put(item, waiter));
                Answer::Pending
            }
            Poll::Ready(Ok(())) => {
                assert!(item.is_none(), "a put that was done left its item");
                Answer::Done
            }
            Poll::Ready(Err(refused)) => {
                let (refusal, item) = put_refused(refused);
                Answer::Refused(refusal, vec![pack(&item)])
            }
        }
    }

    fn poll_get<R>(
        &self,
        look: Look,
        poll: impl FnOnce(&ShmQueue<T>, &mut Context<'_>, &mut Waiter) -> Poll<Result<R, GetError>>,
        done: impl FnOnce(R) -> Answer,
    ) -> Answer {
        let known = self.futures().remove(&look.future);
        let mut waiter = match known {
            Some(Future::Get(waiter)) => waiter,
            None => Waiter::new(),
            Some(Future::Put(..)) => panic!("the future {} is a put", look.future),
        };
        let waker = Arc::new(Call(look.waker)).into();
        match poll(&self.queue, &mut Context::from_waker(&waker), &mut waiter) {
            Poll::Pending => {
                assert!(waiter.is_armed(), "a get that waits lost its place");
                self.futures().insert(look.future, Future::Get(waiter));
                Answer::Pending
            }
            Poll::Ready(Ok(item)) => done(item),
            Poll::Ready(Err(refused)) => get_refused(refused),
        }
    }

    fn cancel(&self, future: u64) -> Answer {
        let known = self.futures().remove(&future);
        match known {
            Some(Future::Put(_, mut waiter)) => self.queue.cancel_put(&mut waiter),
            Some(Future::Get(mut waiter)) => self.queue.cancel_get(&mut waiter),
            None => panic!("the future {future} does not wait"),
        }
        Answer::Done
    }
}

impl<T: Wire> Opened for Queue<T> {
    fn obey(&self, verb: Verb) -> Answer {
        match verb {
            Verb::Put(item, limit) => self.put(&item, limit.into()),
            Verb::PutBatch(items, limit) => self.put_batch(&items, limit.into()),
            Verb::Get(limit) => match self.queue.get_within(limit.into()) {
                Ok(item) => items([item]),
                Err(refused) => get_refused(refused),
            },
            Verb::GetBatch(max, limit) => self.get_batch(max, limit.into()),
            Verb::Lease(limit) => match self.queue.lease(limit.into()) {
                Ok(lease) => self.lent([lease]),
                Err(refused) => get_refused(refused),
            },
            Verb::LeaseBatch(max, limit) => self.lease_batch(max, limit.into()),
            Verb::PollPut(look, item) => self.poll_put(look, item.as_ref()),
            Verb::PollGet(look) => self.poll_get(
                look,
                |queue, cx, waiter| queue.poll_get(cx, waiter),
                |item| items([item]),
            ),
            Verb::PollLease(look) => {
                let poll =
                    |queue: &ShmQueue<T>, cx: &mut Context<'_>, waiter: &mut Waiter| queue.poll_lease(cx, waiter);
                self.poll_get(look, poll, |lease| self.lent([lease]))
            }
            Verb::Cancel(future) => self.cancel(future),
            Verb::Ack(ticket) => self.end(ticket, |lease| lease.ack().map(drop)),
            Verb::Nack(ticket, after) => self.end(ticket, |lease| lease.nack(after)),
            Verb::Extend(ticket, by) => self.extend(ticket, by),
            Verb::Close => {
                self.queue.close();
                Answer::Done
            }
            Verb::State => Answer::State(State {
                depth: self.queue.depth(),
                capacity: self.queue.capacity(),
                is_closed: self.queue.is_closed(),
                totals: self.queue.totals().map(|totals| (totals.put, totals.get)),
            }),
        }
    }
}
