//! Names: one holder at a time, rising numbers, nobody forgotten.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use descriptor_core::{ErrorKind, Holder, LocalNames, NameService};

/// Drives a future on this thread, asleep while it waits.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll<T>(future: &mut Pin<Box<dyn Future<Output = T> + Send + '_>>, woken: &Arc<Woken>) -> Poll<T> {
    future
        .as_mut()
        .poll(&mut Context::from_waker(&Waker::from(woken.clone())))
}

#[test]
fn a_name_has_one_holder_and_every_next_one_a_higher_number() {
    let names = LocalNames::new();
    let first = block_on(names.acquire("manager")).unwrap();
    assert_eq!(block_on(names.holder("manager")).unwrap(), Some(first.clone()));
    let error = block_on(names.try_acquire("manager")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert!(error.is_retryable() && error.to_string().contains("manager"), "{error}");
    let other = block_on(names.try_acquire("another")).unwrap();
    assert_ne!(other.name, first.name);

    block_on(names.release(&first)).unwrap();
    assert_eq!(block_on(names.holder("manager")).unwrap(), None);
    let second = block_on(names.try_acquire("manager")).unwrap();
    assert!(second.fencing > first.fencing);

    for stale in [&first, &Holder::new(second.name.clone(), second.fencing + 1)] {
        let error = block_on(names.release(stale)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StaleHandle, "{error}");
    }
    assert_eq!(block_on(names.holder("manager")).unwrap(), Some(second.clone()));
    block_on(names.release(&second)).unwrap();
    assert!(block_on(names.release(&second)).is_err(), "a release counts once");
    assert_eq!(
        block_on(names.acquire("..")).unwrap_err().kind(),
        ErrorKind::InvalidDescriptor
    );
}

#[test]
fn a_dropped_wait_takes_nothing_and_the_next_one_is_woken() {
    let names = LocalNames::new();
    let held = block_on(names.acquire("n")).unwrap();
    let (a, b) = (Arc::new(Woken::default()), Arc::new(Woken::default()));
    let mut leaves = names.acquire("n");
    let mut stays = names.acquire("n");
    assert!(poll(&mut leaves, &a).is_pending() && poll(&mut stays, &b).is_pending());
    drop(leaves);
    block_on(names.release(&held)).unwrap();
    assert_eq!(b.0.load(Ordering::SeqCst), 1);
    let Poll::Ready(Ok(next)) = poll(&mut stays, &b) else {
        panic!("free and woken, yet not taken")
    };
    assert!(next.fencing > held.fencing);
}

#[test]
fn those_who_wait_for_other_names_do_not_swallow_the_wake_up() {
    let names = LocalNames::new();
    let (a, b) = (
        block_on(names.acquire("a")).unwrap(),
        block_on(names.acquire("b")).unwrap(),
    );
    let (for_a, for_b) = (Arc::new(Woken::default()), Arc::new(Woken::default()));
    let (mut wants_a, mut wants_b) = (names.acquire("a"), names.acquire("b"));
    assert!(poll(&mut wants_a, &for_a).is_pending() && poll(&mut wants_b, &for_b).is_pending());
    block_on(names.release(&b)).unwrap();
    assert!(poll(&mut wants_a, &for_a).is_pending());
    assert!(poll(&mut wants_b, &for_b).is_ready());
    block_on(names.release(&a)).unwrap();
    assert!(for_a.0.load(Ordering::SeqCst) >= 1);
    assert!(poll(&mut wants_a, &for_a).is_ready());
}

#[test]
fn threads_take_turns() {
    const THREADS: usize = 8;
    const TURNS: usize = 200;
    let names = Arc::new(LocalNames::new());
    let inside = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..THREADS)
        .map(|_| {
            let (names, inside) = (names.clone(), inside.clone());
            thread::spawn(move || {
                let mut numbers = Vec::with_capacity(TURNS);
                for _ in 0..TURNS {
                    let holder = block_on(names.acquire("turn")).unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two holders at once");
                    numbers.push(holder.fencing);
                    assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                    block_on(names.release(&holder)).unwrap();
                }
                numbers
            })
        })
        .collect();
    let mut numbers = Vec::new();
    for worker in workers {
        let own = worker.join().unwrap();
        assert!(own.windows(2).all(|pair| pair[0] < pair[1]));
        numbers.extend(own);
    }
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), THREADS * TURNS, "no number was given twice");
}
