//! Waiting: nobody is forgotten, nobody is woken in vain for good, and the first in line comes first.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use common::{Flag, PlainQueue, within_a_minute};
use queue_core::wait::{WaitList, Waiter};
use queue_core::{GetError, PutError, Queue, QueueCore, QueueExt, Wait};

/// A task that waits in a list, step by step.
struct Sleeper {
    flag: Arc<Flag>,
    waiter: Waiter,
}

impl Sleeper {
    fn new() -> Self {
        Self {
            flag: Arc::new(Flag::default()),
            waiter: Waiter::new(),
        }
    }

    /// One that is registered, because there was nothing for it.
    fn in_line(list: &WaitList) -> Self {
        let mut sleeper = Self::new();
        assert!(sleeper.poll(list, || None::<()>).is_pending());
        sleeper
    }

    fn poll<R>(&mut self, list: &WaitList, attempt: impl FnMut() -> Option<R>) -> Poll<R> {
        let waker = Waker::from(Arc::clone(&self.flag));
        list.poll(&Context::from_waker(&waker), &mut self.waiter, attempt)
    }

    fn woken(&self) -> bool {
        self.flag.take()
    }
}

fn until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::yield_now();
    }
}

#[test]
fn a_timeout_waits_at_least_its_limit() {
    let list: WaitList = WaitList::new();
    let queue = PlainQueue::new(Some(1));
    queue.put(1_u8).unwrap();
    for limit in [0, 1, 20, 60].map(Duration::from_millis) {
        let start = Instant::now();
        assert_eq!(list.block(Wait::from(limit), || None::<()>), None);
        assert!(start.elapsed() >= limit, "block");
        let start = Instant::now();
        assert!(queue.put_timeout(2, limit).unwrap_err().is_full());
        assert!(start.elapsed() >= limit, "put");
        assert_eq!(queue.get().unwrap(), 1);
        let start = Instant::now();
        assert!(queue.get_timeout(limit).unwrap_err().is_empty());
        assert!(start.elapsed() >= limit, "get");
        let start = Instant::now();
        assert!(
            queue
                .get_batch(&mut Vec::new(), 4, limit.into())
                .unwrap_err()
                .is_empty()
        );
        assert!(start.elapsed() >= limit, "batch");
        queue.put(1).unwrap();
    }
    assert_eq!(
        (list.waiting(), queue.waiting_getters(), queue.waiting_putters()),
        (0, 0, 0)
    );
}

#[test]
fn a_limit_beyond_time_is_forever_and_an_item_that_is_there_needs_no_wait() {
    assert_eq!(Wait::from(Duration::MAX), Wait::Forever);
    assert_eq!(Wait::from(Duration::ZERO), Wait::Never);
    let queue = PlainQueue::new(None);
    queue.put(3_u8).unwrap();
    assert_eq!(queue.get_timeout(Duration::MAX).unwrap(), 3);
    assert!(queue.get_timeout(Duration::ZERO).unwrap_err().is_empty());
}

#[test]
fn never_does_not_even_try() {
    let list: WaitList = WaitList::new();
    let tried = Cell::new(0);
    let none = list.block(Wait::Never, || {
        tried.set(tried.get() + 1);
        Some(())
    });
    assert_eq!((none, tried.get()), (None, 0));
}

#[test]
fn the_longest_waiting_is_woken_first_and_one_at_a_time() {
    let list = WaitList::new();
    let mut line: Vec<_> = (0..4).map(|_| Sleeper::in_line(&list)).collect();
    // Looking again does not cost the place in the line.
    assert!(line[0].poll(&list, || None::<()>).is_pending());
    for first in 0..4 {
        assert_eq!(list.waiting(), 4 - first);
        assert!(list.notify(1));
        let woken: Vec<_> = line.iter().map(Sleeper::woken).collect();
        assert_eq!(woken, (0..4).map(|n| n == first).collect::<Vec<_>>());
    }
    assert!(!list.notify(1), "nobody left");
}

#[test]
fn notify_wakes_as_many_as_it_says_and_notify_all_everybody() {
    let list = WaitList::new();
    let line: Vec<_> = (0..5).map(|_| Sleeper::in_line(&list)).collect();
    assert!(!list.notify(0));
    assert!(list.notify(2));
    assert_eq!(
        line.iter().map(Sleeper::woken).collect::<Vec<_>>(),
        [true, true, false, false, false]
    );
    list.notify_all();
    assert_eq!(
        line.iter().map(Sleeper::woken).collect::<Vec<_>>(),
        [false, false, true, true, true]
    );
    assert_eq!(list.waiting(), 0);
}

#[test]
fn who_gives_up_after_being_woken_passes_it_on() {
    let list = WaitList::new();
    let (mut first, second) = (Sleeper::in_line(&list), Sleeper::in_line(&list));
    list.notify(1);
    assert!(first.woken() && !second.woken());
    assert!(first.waiter.is_armed());
    list.cancel(&mut first.waiter);
    assert!(second.woken(), "the wake-up went on");
    assert!(!first.waiter.is_armed());
    list.cancel(&mut first.waiter);
    assert_eq!(list.waiting(), 0);
}

#[test]
fn who_gives_up_without_being_woken_passes_nothing_on() {
    let list = WaitList::new();
    let (mut first, second) = (Sleeper::in_line(&list), Sleeper::in_line(&list));
    list.cancel(&mut first.waiter);
    assert!(!second.woken());
    assert_eq!(list.waiting(), 1);
    list.notify(1);
    assert!(second.woken());
}

#[test]
fn who_succeeds_alone_passes_on_a_wake_up_that_was_on_its_way() {
    let list = WaitList::new();
    let mut first = Sleeper::in_line(&list);
    let second = Sleeper::in_line(&list);
    let done = first.poll(&list, || {
        // Between the look at the line and the attempt somebody wakes the first one.
        list.notify(1);
        Some(7)
    });
    assert_eq!(done, Poll::Ready(7));
    assert!(second.woken());
}

#[test]
fn who_was_woken_and_finds_nothing_waits_again_at_the_end() {
    let list = WaitList::new();
    let (mut first, second) = (Sleeper::in_line(&list), Sleeper::in_line(&list));
    list.notify(1);
    assert!(first.woken());
    assert!(first.poll(&list, || None::<()>).is_pending());
    list.notify(1);
    assert!(second.woken() && !first.woken());
    list.notify(1);
    assert!(first.woken());
}

/// Runs a `block` whose time is up and that is woken just before it notices; says what it returned and whether the one
/// behind it was woken.
fn wake_at_the_deadline(last_attempt_succeeds: bool) -> (Option<u8>, bool) {
    let list = WaitList::new();
    let behind = Mutex::new(None);
    let woken = Cell::new(false);
    let result = list.block(Wait::Until(Instant::now()), || {
        if woken.get() {
            return last_attempt_succeeds.then_some(9);
        }
        if list.waiting() == 1 {
            *behind.lock().unwrap() = Some(Sleeper::in_line(&list));
            assert!(list.notify(1));
            woken.set(true);
        }
        None
    });
    assert!(woken.get());
    let behind = behind.into_inner().unwrap().unwrap();
    (result, behind.woken())
}

#[test]
fn a_wake_up_at_the_deadline_is_used_or_passed_on() {
    assert_eq!(
        wake_at_the_deadline(false),
        (None, true),
        "not needed: the next one has it"
    );
    assert_eq!(
        wake_at_the_deadline(true),
        (Some(9), false),
        "used: nobody else needs to look"
    );
}

#[test]
fn the_newest_waker_of_a_task_is_the_one_that_is_called() {
    let list = WaitList::new();
    let mut task = Sleeper::in_line(&list);
    let old = std::mem::take(&mut task.flag);
    assert!(task.poll(&list, || None::<()>).is_pending());
    assert_eq!(list.waiting(), 1);
    list.notify(1);
    assert!(task.woken() && !old.take());
}

#[test]
fn threads_are_served_in_the_order_they_came() {
    within_a_minute(|| {
        let queue = Arc::new(PlainQueue::new(Some(8)));
        let (served, order) = channel();
        let mut threads = Vec::new();
        for number in 0..4 {
            let (mine, served) = (Arc::clone(&queue), served.clone());
            threads.push(thread::spawn(move || {
                let item: u32 = mine.get().unwrap();
                served.send((number, item)).unwrap();
            }));
            until(|| queue.waiting_getters() == number + 1);
        }
        for item in 0..4 {
            queue.put(item).unwrap();
            assert_eq!(order.recv().unwrap(), (item as usize, item));
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn close_wakes_everybody_and_says_so() {
    within_a_minute(|| {
        let (full, empty) = (
            Arc::new(PlainQueue::new(Some(1))),
            Arc::new(PlainQueue::<u8>::new(Some(1))),
        );
        full.put(0_u8).unwrap();
        let putters: Vec<_> = (1..4)
            .map(|item| {
                let full = Arc::clone(&full);
                thread::spawn(move || full.put(item))
            })
            .collect();
        let getters: Vec<_> = (1..4)
            .map(|_| {
                let empty = Arc::clone(&empty);
                thread::spawn(move || empty.get())
            })
            .collect();
        until(|| full.waiting_putters() == 3 && empty.waiting_getters() == 3);
        full.close();
        empty.close();
        for (item, putter) in (1..4).zip(putters) {
            assert!(matches!(putter.join().unwrap(), Err(PutError::Closed(back)) if back == item));
        }
        for getter in getters {
            assert!(matches!(getter.join().unwrap(), Err(GetError::Closed)));
        }
        assert_eq!(full.get().unwrap(), 0);
        assert!(full.get().unwrap_err().is_closed());
    });
}

#[test]
fn a_dropped_future_leaves_its_wake_up_to_the_next() {
    let queue = PlainQueue::<u8>::new(Some(1));
    let (flags, wakers): (Vec<_>, Vec<_>) = (0..2)
        .map(|_| {
            let flag = Arc::new(Flag::default());
            (Arc::clone(&flag), Waker::from(flag))
        })
        .unzip();
    let mut first = Box::pin(queue.get_async());
    let mut second = pin!(queue.get_async());
    assert!(first.as_mut().poll(&mut Context::from_waker(&wakers[0])).is_pending());
    assert!(second.as_mut().poll(&mut Context::from_waker(&wakers[1])).is_pending());
    queue.put(5).unwrap();
    assert!(flags[0].take() && !flags[1].take());
    drop(first);
    assert!(flags[1].take());
    let got = second.as_mut().poll(&mut Context::from_waker(&wakers[1]));
    assert!(matches!(got, Poll::Ready(Ok(5))));
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return done;
        }
        thread::park();
    }
}

/// Polls a future once and drops it, as a task does that is cancelled.
fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    let waker = Waker::from(Arc::new(Flag::default()));
    match pin!(future).poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}

#[test]
fn a_task_that_finds_nothing_gives_few_turns_away_and_then_waits_in_line_unpolled() {
    let queue = PlainQueue::<u8>::new(Some(1));
    let flag = Arc::new(Flag::default());
    let waker = Waker::from(Arc::clone(&flag));
    // So many that those waits are among them that give turns away.
    for _ in 0..40 {
        let mut getting = pin!(queue.get_async());
        let mut polls = 0;
        while polls == 0 || flag.take() {
            assert!(getting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            polls += 1;
        }
        assert!(polls < 16, "{polls} polls for nothing");
        assert_eq!(queue.waiting_getters(), 1, "nobody wakes who is not in line");
    }
    assert_eq!(queue.waiting_getters(), 0);
}

#[test]
fn threads_and_tasks_hammer_one_queue_and_no_wake_up_is_lost() {
    const ITEMS: u64 = 20_000;
    const SIDES: u64 = 4;
    for capacity in [1, 3] {
        within_a_minute(move || {
            let queue = Arc::new(PlainQueue::new(Some(capacity)));
            let (sum, count) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(0)));
            let producers: Vec<_> = (0..SIDES)
                .map(|side| {
                    let queue = Arc::clone(&queue);
                    thread::spawn(move || {
                        for item in (side..ITEMS).step_by(SIDES as usize) {
                            if side % 2 == 0 {
                                queue.put(item).unwrap();
                            } else {
                                block_on(queue.put_async(item)).unwrap();
                            }
                        }
                    })
                })
                .collect();
            let consumers: Vec<_> = (0..SIDES)
                .map(|side| {
                    let (queue, sum, count) = (Arc::clone(&queue), Arc::clone(&sum), Arc::clone(&count));
                    thread::spawn(move || {
                        for round in 0_u64.. {
                            // Some give up now and then, which must not strand the others.
                            let got = match (side, round % 5) {
                                (0, _) => queue.get(),
                                (1, 0) => queue.get_timeout(Duration::from_micros(round % 50)),
                                (2, 0) => poll_once(queue.get_async()).unwrap_or(Err(GetError::Empty)),
                                (1, _) => queue.get_timeout(Duration::MAX),
                                _ => block_on(queue.get_async()),
                            };
                            match got {
                                Ok(item) => {
                                    sum.fetch_add(item, Ordering::Relaxed);
                                    count.fetch_add(1, Ordering::Relaxed);
                                }
                                Err(GetError::Empty) => {}
                                Err(_) => return,
                            }
                        }
                    })
                })
                .collect();
            producers.into_iter().for_each(|thread| thread.join().unwrap());
            queue.close();
            consumers.into_iter().for_each(|thread| thread.join().unwrap());
            assert_eq!(count.load(Ordering::Relaxed), ITEMS as usize);
            assert_eq!(sum.load(Ordering::Relaxed), ITEMS * (ITEMS - 1) / 2);
            assert_eq!((queue.waiting_getters(), queue.waiting_putters()), (0, 0));
        });
    }
}

/// A waker that panics, as foreign code may.
struct Grenade;

impl Wake for Grenade {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics");
    }
}

#[test]
fn a_waker_that_panics_takes_nobody_else_down() {
    let list: WaitList = WaitList::new();
    let mut first = Waiter::new();
    let grenade = Waker::from(Arc::new(Grenade));
    assert!(
        list.poll(&Context::from_waker(&grenade), &mut first, || None::<()>)
            .is_pending()
    );
    let others = [Sleeper::in_line(&list), Sleeper::in_line(&list)];
    let woken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| list.notify_all()));
    assert!(woken.is_err(), "the panic is not swallowed");
    assert!(others.iter().all(Sleeper::woken));
    assert_eq!(list.waiting(), 0);
}

#[test]
fn a_waiter_shown_to_another_list_harms_nobody_there() {
    let (here, there): (WaitList, WaitList) = (WaitList::new(), WaitList::new());
    let innocent = Sleeper::in_line(&there);
    let mut stray = Sleeper::in_line(&here);
    assert!(stray.poll(&there, || None::<()>).is_pending());
    there.notify(1);
    assert!(innocent.woken());
}

#[test]
fn those_who_come_back_during_a_call_to_all_wait_for_the_next_one() {
    /// Registers again whenever it is woken, as a task does that finds nothing and is polled at once.
    struct Again(Arc<WaitList>, AtomicUsize);
    impl Wake for Again {
        fn wake(self: Arc<Self>) {
            self.1.fetch_add(1, Ordering::SeqCst);
            let waker = Waker::from(Arc::clone(&self));
            let mut waiter = Waiter::new();
            assert!(
                self.0
                    .poll(&Context::from_waker(&waker), &mut waiter, || None::<()>)
                    .is_pending()
            );
        }
    }
    within_a_minute(|| {
        let list = Arc::new(WaitList::new());
        let again = Arc::new(Again(Arc::clone(&list), AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&again));
        assert!(
            list.poll(&Context::from_waker(&waker), &mut Waiter::new(), || None::<()>)
                .is_pending()
        );
        list.notify_all();
        assert_eq!(again.1.load(Ordering::SeqCst), 1);
    });
}
