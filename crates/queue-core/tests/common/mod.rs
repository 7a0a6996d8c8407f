//! A plain working queue, and a guard against hangs. The tests of the crates above use it too.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "each test binary uses a part of it"
)]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use queue_core::wait::{Fence, WaitList};
use queue_core::{Caps, GetError, Item, PutError, QueueCore, Totals, TryQueue};

#[derive(Default)]
struct Inside<T> {
    items: VecDeque<T>,
    totals: Totals,
    closed: bool,
}

/// A bounded or unbounded queue under one lock.
pub struct PlainQueue<T: Item> {
    inside: Mutex<Inside<T>>,
    capacity: Option<usize>,
    getters: WaitList,
    putters: WaitList,
}

impl<T: Item> PlainQueue<T> {
    pub fn new(capacity: Option<usize>) -> Self {
        let inside = Inside {
            items: VecDeque::new(),
            totals: Totals::default(),
            closed: false,
        };
        Self {
            inside: Mutex::new(inside),
            capacity,
            getters: WaitList::new(),
            putters: WaitList::new(),
        }
    }

    pub fn waiting_getters(&self) -> usize {
        self.getters.waiting()
    }

    pub fn waiting_putters(&self) -> usize {
        self.putters.waiting()
    }
}

impl<T: Item> QueueCore for PlainQueue<T> {
    fn depth(&self) -> Option<usize> {
        Some(self.inside.lock().unwrap().items.len())
    }
    fn capacity(&self) -> Option<usize> {
        self.capacity
    }
    fn caps(&self) -> Caps {
        Caps::IN_PROCESS.with_bounded(self.capacity.is_some())
    }
    fn close(&self) {
        self.inside.lock().unwrap().closed = true;
        self.getters.notify_all();
        self.putters.notify_all();
    }
    fn is_closed(&self) -> bool {
        self.inside.lock().unwrap().closed
    }
    fn totals(&self) -> Option<Totals> {
        Some(self.inside.lock().unwrap().totals)
    }
}

impl<T: Item> TryQueue<T> for PlainQueue<T> {
    type Barrier = Fence;

    fn getters(&self) -> &WaitList {
        &self.getters
    }
    fn putters(&self) -> &WaitList {
        &self.putters
    }

    fn put_now(&self, item: T) -> Result<(), PutError<T>> {
        let mut inside = self.inside.lock().unwrap();
        if inside.closed {
            return Err(PutError::Closed(item));
        }
        if self.capacity.is_some_and(|capacity| inside.items.len() >= capacity) {
            return Err(PutError::Full(item));
        }
        inside.items.push_back(item);
        inside.totals.put += 1;
        drop(inside);
        self.getters.notify(1);
        Ok(())
    }

    fn get_now(&self) -> Result<T, GetError> {
        let mut inside = self.inside.lock().unwrap();
        match inside.items.pop_front() {
            Some(item) => {
                inside.totals.get += 1;
                drop(inside);
                self.putters.notify(1);
                Ok(item)
            }
            None if inside.closed => Err(GetError::Closed),
            None => Err(GetError::Empty),
        }
    }

    fn put_run(&self, items: &mut VecDeque<T>) -> Result<usize, PutError<()>> {
        let mut count = 0;
        while let Some(item) = items.pop_front() {
            if let Err(refused) = self.put_now(item) {
                let mut back = None;
                let refused = refused.map(|item| back = Some(item));
                items.extend(back);
                items.rotate_right(1);
                return if count > 0 { Ok(count) } else { Err(refused) };
            }
            count += 1;
        }
        Ok(count)
    }

    fn get_run(&self, out: &mut Vec<T>, max: usize) -> Result<usize, GetError> {
        let mut count = 0;
        while count < max {
            match self.get_now() {
                Ok(item) => out.push(item),
                Err(_) if count > 0 => break,
                Err(error) => return Err(error),
            }
            count += 1;
        }
        Ok(count)
    }
}

queue_core::waiting_queue!(PlainQueue);

/// Runs `test` and fails when it takes longer than a minute, which no test here does unless it hangs.
pub fn within_a_minute(test: impl FnOnce() + Send + 'static) {
    let (done, end) = channel();
    let worker = std::thread::spawn(move || {
        test();
        let _ = done.send(());
    });
    match end.recv_timeout(Duration::from_secs(60)) {
        Ok(()) => worker.join().unwrap(),
        Err(RecvTimeoutError::Disconnected) => std::panic::resume_unwind(worker.join().unwrap_err()),
        Err(RecvTimeoutError::Timeout) => panic!("the test hangs"),
    }
}

/// A waker that remembers being woken.
#[derive(Default)]
pub struct Flag(AtomicBool);

impl Flag {
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

impl std::task::Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}
