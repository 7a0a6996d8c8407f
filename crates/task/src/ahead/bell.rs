//! Who wants to be looked at, and a thread that sleeps until somebody does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::time::Duration;

/// Woken by futures, by number, and by the input queue.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: Mutex<Rung>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Rung {
    slots: Vec<usize>,
    input: bool,
}

impl Bell {
    /// Moves the numbers of the woken into `slots`, which is empty.
    pub(super) fn collect(&self, slots: &mut Vec<usize>) {
        let mut rung = self.lock();
        std::mem::swap(&mut rung.slots, slots);
        rung.input = false;
    }

    /// Sleeps until somebody rings, or for this long.
    pub(super) fn wait(&self, limit: Option<Duration>) {
        let quiet = |rung: &mut Rung| rung.slots.is_empty() && !rung.input;
        let rung = self.lock();
        match limit {
            Some(limit) => drop(self.changed.wait_timeout_while(rung, limit, quiet)),
            None => drop(self.changed.wait_while(rung, quiet)),
        }
    }

    /// What rings for the input queue.
    pub(super) fn input(self: &Arc<Self>) -> Waker {
        Arc::new(Input(Arc::clone(self))).into()
    }

    fn ring(&self, change: impl FnOnce(&mut Rung)) {
        change(&mut self.lock());
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Rung> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What rings for one place in flight. A wake-up that comes late reaches the next one there, which is looked at in vain.
#[derive(Debug)]
pub(super) struct Ring {
    bell: Arc<Bell>,
    slot: usize,
    rung: AtomicBool,
}

impl Ring {
    pub(super) fn new(bell: &Arc<Bell>, slot: usize) -> Arc<Self> {
        Arc::new(Self {
            bell: Arc::clone(bell),
            slot,
            rung: AtomicBool::new(false),
        })
    }

    /// It is about to be looked at: who rings from now on means the next look.
    pub(super) fn answer(&self) {
        self.rung.swap(false, Ordering::AcqRel);
    }
}

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Once is enough until somebody looks.
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.bell.ring(|rung| rung.slots.push(self.slot));
        }
    }
}

struct Input(Arc<Bell>);

impl Wake for Input {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.ring(|rung| rung.input = true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_counts_once_until_it_is_answered() {
        let bell = Arc::new(Bell::default());
        let ring = Ring::new(&bell, 3);
        let waker = Waker::from(Arc::clone(&ring));
        waker.wake_by_ref();
        waker.wake_by_ref();
        let mut slots = Vec::new();
        bell.collect(&mut slots);
        assert_eq!(std::mem::take(&mut slots), [3]);
        waker.wake_by_ref();
        bell.collect(&mut slots);
        assert_eq!(slots, [0; 0], "nobody has looked yet");
        ring.answer();
        waker.wake();
        bell.wait(None);
        bell.collect(&mut slots);
        assert_eq!(slots, [3]);
    }

    #[test]
    fn the_input_rings_from_another_thread() {
        let bell = Arc::new(Bell::default());
        let input = bell.input();
        let other = std::thread::spawn(move || input.wake());
        bell.wait(None);
        other.join().unwrap();
        bell.collect(&mut Vec::new());
        bell.wait(Some(Duration::from_millis(1)));
    }
}
