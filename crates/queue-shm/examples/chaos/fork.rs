//! A process that has a queue open forks and does not execute another program. The child cannot use, close or remove
//! what the parent has; it can open the queue for itself; and the parent goes on.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use descriptor_core::wait::Waiter;
use descriptor_core::{Error, ErrorKind, GetError, Lease, PutError, Queue, QueueCore, Wait};
use queue_shm::{Damage, ShmQueue};

use crate::crew::{Crew, Orders, PATIENCE};
use crate::journal::End;
use crate::options::Options;
use crate::payload;
use crate::report::Report;
use crate::scene::Scene;
use crate::sys::{self, ChildEnd};
use crate::worker::{Limit, Worker};

/// What children do, by number.
const WAYS: u64 = 7;
/// The parent has items on loan, and acknowledges them afterwards.
const LENT: u64 = 5;
/// The parent has one on loan and dies, and its child lives on.
const ORPHAN: u64 = 6;
/// In the numbers of the items that a child puts.
const OF_CHILD: u64 = 1 << 30;

pub(crate) fn run(options: &Options, crew: &mut Crew, report: &mut Report) -> Result<(), String> {
    for round in 0..options.rounds {
        let way = format!("way={}", round % WAYS);
        let mut scene = Scene::new(format!("round {round}, {way}"), format!("fork/{round}"));
        // Half of the queues have nobody but the parent.
        if (round / WAYS).is_multiple_of(2) || round % WAYS == ORPHAN {
            scene.keep(crew)?;
        }
        let words = [way.as_str()];
        let orders = Orders {
            words: &words,
            ..scene.orders()
        };
        let mut parent = crew.start("forker", &orders)?;
        if round % WAYS == ORPHAN {
            scene.expect_death(crew, &mut parent, "the fork");
            let mut heir = crew.start("heir", &scene.orders())?;
            crew.farewell(&mut heir, &mut scene.complaints);
            crew.dismiss(&scene.queue)?;
        } else {
            crew.farewell(&mut parent, &mut scene.complaints);
        }
        report.round([]);
        scene.settle(crew, report)?;
    }
    Ok(())
}

/// The parent.
pub(crate) fn play(worker: &mut Worker) -> Result<(), String> {
    let queue = worker.open()?;
    for _ in 0..3 {
        expect(worker.put(&queue, Limit::Never, 0)?, End::Ok, "a put before")?;
    }
    let way = worker.number("way");
    let mut leases = Vec::new();
    if matches!(way, LENT | ORPHAN) {
        let lent = queue.lease_batch(&mut leases, if way == LENT { 2 } else { 3 }, Wait::Never);
        lent.map_err(|error| format!("lease: {error}"))?;
    }
    let child = sys::fork().map_err(|error| format!("fork: {error}"))?;
    let Some(child) = child else {
        sys::leave(match be_child(worker, queue, leases, way) {
            Ok(()) => 0,
            Err(message) => {
                queue_testkit::campaign::complain(format_args!("child, way {way}: {message}"));
                1
            }
        });
    };
    if way == ORPHAN {
        sys::signal(std::process::id(), libc::SIGKILL).map_err(|error| error.to_string())?;
    }
    let end = child.wait().map_err(|error| format!("wait: {error}"))?;
    let wanted = if way == 3 {
        ChildEnd::Signal(libc::SIGKILL)
    } else {
        ChildEnd::Code(0)
    };
    if end != wanted {
        return Err(format!("the child ended by {end:?}"));
    }
    if queue.is_closed() {
        return Err("the child closed the queue".into());
    }
    expect(worker.put(&queue, Limit::Never, 0)?, End::Ok, "a put after")?;
    // Ours, and that of a child that opened the queue for itself; but one that is acknowledged here and not in the child.
    let of_child = usize::from(matches!(way, 2 | 3));
    let lent = leases.len().min(1);
    for lease in leases.drain(..lent) {
        let invoked = sys::now();
        let item = lease.ack().map_err(|error| format!("ack after: {error}"))?;
        worker.acked(&item, invoked)?;
    }
    drop(leases);
    for _ in lent..4 + of_child {
        expect(
            worker.get(&queue, Limit::Within(worker.limit), 1)?,
            End::Ok,
            "a get after",
        )?;
    }
    expect(worker.get(&queue, Limit::Never, 1)?, End::Empty, "the last get")?;
    let again = worker.open()?;
    if again.epoch() != queue.epoch() {
        return Err("the queue was removed and made anew".into());
    }
    worker.leave(again)?;
    worker.leave(queue)
}

fn expect(found: End, wanted: End, what: &str) -> Result<(), String> {
    if found == wanted {
        return Ok(());
    }
    Err(format!("{what} ended by {found:?} and not by {wanted:?}"))
}

/// Takes what a dead process had on loan although its child lives.
pub(crate) fn inherit(worker: &mut Worker) -> Result<(), String> {
    let queue = worker.open()?;
    for _ in 0..3 {
        expect(
            worker.get(&queue, Limit::Within(PATIENCE), 1)?,
            End::Ok,
            "a get of the heir",
        )?;
    }
    worker.leave(queue)
}

fn be_child(
    worker: &mut Worker,
    queue: ShmQueue<Bytes>,
    mut leases: Vec<Lease<Bytes>>,
    way: u64,
) -> Result<(), String> {
    match way {
        LENT => {
            match leases.remove(0).ack() {
                Err(error) => stale(&error)?,
                Ok(_) => return Err("the child acknowledged what its parent has".into()),
            }
            match leases.remove(0).nack(Duration::ZERO) {
                Err(error) => stale(&error),
                Ok(()) => Err("the child gave back what its parent has".into()),
            }
        }
        ORPHAN => {
            worker.wait_for_stop(PATIENCE);
            Ok(())
        }
        0 => {
            is_refused(&queue)?;
            drop(queue);
            Ok(())
        }
        // Ends as programs do, without a word to the queue.
        1 => std::process::exit(0),
        2 | 3 => {
            let mine = worker.open()?;
            expect(
                worker.put(&mine, Limit::Never, OF_CHILD)?,
                End::Ok,
                "a put of the child",
            )?;
            if way == 3 {
                sys::signal(std::process::id(), libc::SIGKILL).map_err(|error| error.to_string())?;
            }
            drop(queue);
            worker.leave(mine)
        }
        // The queue of the child is closed by nobody, and the child's own child has none either.
        _ => {
            let Some(child) = sys::fork().map_err(|error| format!("fork: {error}"))? else {
                let refused = is_refused(&queue);
                sys::leave(i32::from(refused.is_err()));
            };
            match child.wait() {
                Ok(ChildEnd::Code(0)) => is_refused(&queue),
                end => Err(format!("the grandchild ended by {end:?}")),
            }
        }
    }
}

fn stale(error: &Error) -> Result<(), String> {
    if error.kind() == ErrorKind::StaleHandle {
        Ok(())
    } else {
        Err(format!("expected StaleHandle, found {error}"))
    }
}

/// Every call on a handle of the parent says so and does nothing.
fn is_refused(queue: &ShmQueue<Bytes>) -> Result<(), String> {
    match queue.put_within(payload::make(1), Wait::Never) {
        Err(PutError::Failed(_, error)) => stale(&error)?,
        other => return Err(format!("a put in the child: {other:?}")),
    }
    match queue.get_within(Wait::Never) {
        Err(GetError::Failed(error)) => stale(&error)?,
        other => return Err(format!("a get in the child: {other:?}")),
    }
    let mut out = Vec::new();
    match queue.get_batch(&mut out, 8, Wait::Never) {
        Err(GetError::Failed(error)) => stale(&error)?,
        other => return Err(format!("a get of a batch in the child: {other:?}")),
    }
    match queue.put_batch(&mut [payload::make(1)].into(), Wait::Never) {
        Err(PutError::Failed((), error)) => stale(&error)?,
        other => return Err(format!("a put of a batch in the child: {other:?}")),
    }
    queue.close();
    if (queue.depth(), queue.totals()) != (None, None) {
        return Err("the child sees into the queue".into());
    }
    // Looks at what is not there in a child.
    if queue.damage() != Damage::default() {
        return Err("the child sees what the queue went through".into());
    }
    let _ = (queue.is_closed(), format!("{queue:?}"));
    // As a task does it, and gives up.
    let mut waiter = Waiter::new();
    let mut cx = Context::from_waker(Waker::noop());
    match queue.poll_get(&mut cx, &mut waiter) {
        Poll::Ready(Err(GetError::Failed(error))) => stale(&error)?,
        other => return Err(format!("a get of a task in the child: {other:?}")),
    }
    match queue.poll_put(&mut cx, &mut Some(payload::make(1)), &mut waiter) {
        Poll::Ready(Err(PutError::Failed(_, error))) => stale(&error)?,
        other => return Err(format!("a put of a task in the child: {other:?}")),
    }
    queue.cancel_get(&mut waiter);
    queue.cancel_put(&mut waiter);
    Ok(())
}
