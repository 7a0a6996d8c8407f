//! Ending leases, and the thread that notices when they run out.
//!
//! Whoever waits for items notices too, but perhaps nobody does, and the dead letters must be delivered all the same. So each
//! process that leased from a queue has one thread for it, which sleeps until the next lease runs out and looks five
//! times a second whether other holders live, as long as anything is on loan; else it sleeps for good.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use descriptor_core::{Error, ErrorKind, LeaseKeeper, LeaseTotals, Wire};

use crate::layout::{DEAD_LETTERED, DROPPED, EXPIRED, GETTERS, ITEMS, REDELIVERED, REFUSED};
use crate::lease::{Lent, moment};
use crate::lease_look::Ended;
use crate::loan::Loan;
use crate::lock::Held;
use crate::point;
use crate::segment::Segment;
use crate::sys;

/// The longest rest there is: what must come back some time cannot be put off for ever.
const LONGEST_REST: Duration = Duration::from_secs(366 * 24 * 3600);

#[derive(Default)]
struct Post {
    // Something is due before the thread would look.
    called: bool,
    ended: bool,
    thread: Option<JoinHandle<()>>,
}

struct Watch {
    post: Mutex<Post>,
    change: Condvar,
    // When the thread looks next; everything is earlier while it is awake.
    until: AtomicU64,
}

/// The queue's side of the leases that this process has.
pub(crate) struct Keeper {
    segment: Arc<Segment>,
    watch: Arc<Watch>,
}

impl Keeper {
    pub(crate) fn new(segment: &Arc<Segment>) -> Self {
        Self {
            segment: Arc::clone(segment),
            watch: Arc::new(Watch {
                post: Mutex::default(),
                change: Condvar::new(),
                until: AtomicU64::new(u64::MAX),
            }),
        }
    }

    /// Something was lent, or rests, until `due`; 0 for no limit.
    ///
    /// # Errors
    /// `ResourceExhausted` when the system has no thread for us.
    #[inline]
    pub(crate) fn note(&self, due: u64) -> Result<(), Error> {
        let until = self.watch.until.load(Ordering::SeqCst);
        if until == u64::MAX || (due != 0 && due < until) {
            return self.call();
        }
        Ok(())
    }

    fn call(&self) -> Result<(), Error> {
        let mut post = self.watch.post.lock().unwrap_or_else(PoisonError::into_inner);
        post.called = true;
        if post.thread.is_none() {
            let (segment, watch) = (Arc::clone(&self.segment), Arc::clone(&self.watch));
            let thread = Builder::new()
                .name("shm-leases".into())
                .spawn(move || keep_watch(&segment, &watch))
                .map_err(|error| {
                    self.segment
                        .error(ErrorKind::ResourceExhausted, "lease")
                        .expected("a thread that notices when leases run out")
                        .remedy("raise the limit of threads, or take items with get")
                        .caused_by(error)
                })?;
            post.thread = Some(thread);
        }
        drop(post);
        self.watch.change.notify_one();
        Ok(())
    }

    /// The entry that a ticket is for, as long as that lease has not ended.
    fn lent(&self, operation: &'static str, ticket: u64) -> Result<(Held<'_>, usize, u32), Error> {
        self.segment.check(operation)?;
        let ended = || self.segment.ended(operation, ticket);
        let held = self
            .segment
            .lock(GETTERS, descriptor_core::Wait::Forever)
            .ok_or_else(ended)?;
        let index = self.segment.index_of(ticket).ok_or_else(ended)?;
        let (loan, deliveries) = self.segment.loan(index);
        if loan == Loan::Lent(self.segment.me) || point::planted("late-acks") {
            Ok((held, index, deliveries))
        } else {
            Err(ended())
        }
    }

    /// The item of this lease is done with.
    pub(crate) fn finish(&self, ticket: u64) -> Result<(), Error> {
        let (held, index, _) = self.lent("ack", ticket)?;
        held.end(index);
        drop(held);
        self.segment.announce_room(1);
        Ok(())
    }

    /// The item of this lease comes back after so long.
    pub(crate) fn give_back(&self, ticket: u64, after: Duration) -> Result<(), Error> {
        let (held, index, deliveries) = self.lent("nack", ticket)?;
        if !after.is_zero() && !self.segment.is_enough(deliveries) {
            let due = moment(after.min(LONGEST_REST));
            self.segment.set_due(index, due);
            self.segment.set_loan(index, Loan::Resting, deliveries);
            point::reach("lease.rests");
            held.look_by(due);
            drop(held);
            return self.note(due);
        }
        let ended = held.end_delivery(index, deliveries);
        drop(held);
        match ended {
            Ended::Returned => self.segment.ring(ITEMS, 1),
            Ended::Dropped => self.segment.announce_room(1),
            Ended::Dying(letter) => self.segment.bury(letter),
        }
        Ok(())
    }

    fn extend(&self, ticket: u64, by: Duration) -> Result<(), Error> {
        let (_held, index, _) = self.lent("extend", ticket)?;
        let (old, new) = (self.segment.due(index), moment(by));
        if old != 0 && (new == 0 || new > old) {
            self.segment.set_due(index, new);
        }
        Ok(())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // A forked child does not have the thread, and perhaps a locked lock.
        if !self.segment.map.is_mine() {
            return;
        }
        let thread = {
            let mut post = self.watch.post.lock().unwrap_or_else(PoisonError::into_inner);
            post.ended = true;
            post.thread.take()
        };
        self.watch.change.notify_one();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

fn keep_watch(segment: &Segment, watch: &Watch) {
    loop {
        watch.until.store(u64::MAX, Ordering::SeqCst);
        let next = segment.watch_loans();
        let mut post = watch.post.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = next {
            watch.until.store(next, Ordering::SeqCst);
            if !post.called && !post.ended {
                let left = Duration::from_nanos(next.saturating_sub(sys::monotonic()));
                post = watch
                    .change
                    .wait_timeout(post, left)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
            }
        } else {
            while !post.called && !post.ended {
                post = watch.change.wait(post).unwrap_or_else(PoisonError::into_inner);
            }
        }
        if post.ended {
            return;
        }
        post.called = false;
    }
}

impl<T: Wire> LeaseKeeper<T> for Keeper {
    fn ack(&self, ticket: u64) -> Result<(), Error> {
        self.finish(ticket)
    }

    fn nack(&self, ticket: u64, item: T, after: Duration) -> Result<(), Error> {
        // What comes back is the copy in the segment.
        drop(item);
        self.give_back(ticket, after)
    }

    fn extend(&self, ticket: u64, by: Duration) -> Result<(), Error> {
        Self::extend(self, ticket, by)
    }
}

/// A lease between being granted and being handed over: given back when decoding its item panics.
pub(crate) struct Granted<'a> {
    pub(crate) keeper: &'a Keeper,
    pub(crate) lent: Lent,
    pub(crate) is_handed_over: bool,
}

impl Drop for Granted<'_> {
    fn drop(&mut self) {
        if !self.is_handed_over {
            let _ = self.keeper.give_back(self.lent.ticket, Duration::ZERO);
        }
    }
}

impl Segment {
    pub(crate) fn lease_totals(&self) -> LeaseTotals {
        let total = |word| self.map.u64(word).load(Ordering::Acquire);
        let (mut leased, mut resting) = (0, 0);
        for index in 0..self.loans_used() {
            match self.loan(index).0 {
                Loan::Lent(_) => leased += 1,
                Loan::Resting => resting += 1,
                _ => {}
            }
        }
        LeaseTotals {
            leased,
            resting,
            redelivered: total(REDELIVERED),
            expired: total(EXPIRED),
            dead_lettered: total(DEAD_LETTERED),
            dropped: total(DROPPED),
            refused: total(REFUSED),
        }
    }
}
