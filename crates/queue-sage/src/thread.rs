//! What a side knows about a thread.
//!
//! Each thread that ever used a ring has a [`Mark`], in which it says which side it is inside of as its owner. Marks are
//! never freed, so a side may look at the mark of an owner that is long gone; a thread that ends leaves its mark to the
//! next one that starts. Such a heir may find itself owner of sides its predecessor owned. That is in order: it has the
//! mark from the list of those that are free, so all that the predecessor did happened before.

use crate::side::Side;
use crate::sync::{AtomicPtr, Ordering, Padded, load_latest, planted};

/// One thread, and where it is.
pub(crate) struct Mark {
    inside: Padded<AtomicPtr<Side>>,
}

impl Default for Mark {
    fn default() -> Self {
        Self {
            inside: Padded(AtomicPtr::new(std::ptr::null_mut())),
        }
    }
}

impl Mark {
    #[inline]
    pub(crate) fn is(&self, other: *mut Self) -> bool {
        std::ptr::eq(self, other)
    }

    pub(crate) const fn address(&'static self) -> *mut Self {
        std::ptr::from_ref(self).cast_mut()
    }

    /// Says that this thread is inside `side` as its owner, which is so if it still owns it then.
    #[inline]
    pub(crate) fn enter(&self, side: &Side) {
        // Released: who waits for the owner of another side to leave may see this mark instead of its absence, and then
        // all that was done inside that side must have happened before as well.
        let order = if planted("enter-relaxed") {
            Ordering::Relaxed
        } else {
            Ordering::Release
        };
        self.inside.store(std::ptr::from_ref(side).cast_mut(), order);
    }

    #[inline]
    pub(crate) fn leave(&self) {
        self.inside.store(std::ptr::null_mut(), Ordering::Release);
    }

    pub(crate) fn is_inside(&self, side: &Side) -> bool {
        std::ptr::eq(self.inside.load(Ordering::Acquire), side)
    }

    /// As [`is_inside`](Self::is_inside), asked again and again.
    pub(crate) fn is_still_inside(&self, side: &Side) -> bool {
        std::ptr::eq(load_latest(&self.inside), side)
    }
}

#[cfg(loom)]
pub(crate) use modelled::{known_thread, this_thread};
#[cfg(not(loom))]
pub(crate) use real::{known_thread, this_thread};

#[cfg(not(loom))]
mod real {
    use std::cell::Cell;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use super::Mark;

    /// Marks of threads that have ended.
    static FREE: Mutex<Vec<&'static Mark>> = Mutex::new(Vec::new());

    #[cfg(not(sage_tsan))]
    fn free() -> MutexGuard<'static, Vec<&'static Mark>> {
        FREE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waiting for a lock is code of the standard library, in which ThreadSanitizer sees no order; an attempt is inlined.
    #[cfg(sage_tsan)]
    fn free() -> MutexGuard<'static, Vec<&'static Mark>> {
        use std::sync::TryLockError;
        loop {
            match FREE.try_lock() {
                Ok(free) => return free,
                Err(TryLockError::Poisoned(free)) => return PoisonError::into_inner(free),
                Err(TryLockError::WouldBlock) => std::thread::yield_now(),
            }
        }
    }

    /// Gives the mark back when the thread ends.
    struct Lent(&'static Mark);

    impl Drop for Lent {
        fn drop(&mut self) {
            let _ = MINE.try_with(|mine| mine.set(None));
            free().push(self.0);
        }
    }

    thread_local! {
        static MINE: Cell<Option<&'static Mark>> = const { Cell::new(None) };
        static LENT: Cell<Option<Lent>> = const { Cell::new(None) };
    }

    /// The mark of the thread that runs this, if it has one yet; without one it owns nothing.
    #[inline]
    pub(crate) fn known_thread() -> Option<&'static Mark> {
        MINE.with(Cell::get)
    }

    /// The mark of the thread that runs this.
    #[inline]
    pub(crate) fn this_thread() -> &'static Mark {
        known_thread().unwrap_or_else(borrow)
    }

    #[cold]
    fn borrow() -> &'static Mark {
        let left_behind = free().pop();
        let mark = left_behind.unwrap_or_else(|| Box::leak(Box::default()));
        // Refused in a thread that is about to end and uses a ring in the destructors of its locals: it keeps its mark.
        let _ = LENT.try_with(|lent| lent.set(Some(Lent(mark))));
        MINE.with(|mine| mine.set(Some(mark)));
        mark
    }

    #[cfg(test)]
    mod tests {
        use std::thread;

        use super::{Mark, this_thread};

        #[test]
        fn a_thread_keeps_its_mark_and_leaves_it_behind() {
            let address = || std::ptr::from_ref::<Mark>(this_thread()).addr();
            let mine = address();
            assert_eq!(address(), mine);
            let theirs = thread::spawn(move || (address(), address())).join().expect("no panic");
            assert_eq!(theirs.0, theirs.1);
            assert_ne!(theirs.0, mine, "two threads at one time have two marks");
        }
    }
}

/// In a model the marks live as long as one execution.
#[cfg(loom)]
mod modelled {
    use std::sync::Mutex;

    use super::Mark;

    loom::lazy_static! {
        static ref MARKS: Mutex<Vec<Box<Mark>>> = Mutex::new(Vec::new());
    }

    loom::thread_local! {
        static MINE: &'static Mark = {
            let mark = Box::<Mark>::default();
            // SAFETY: the box stays in the list, and so in its place, to the end of the execution.
            // Leaned on by every model.
            let shared = unsafe { &*std::ptr::from_ref(&*mark) };
            MARKS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(mark);
            shared
        };
    }

    pub(crate) fn known_thread() -> Option<&'static Mark> {
        Some(this_thread())
    }

    pub(crate) fn this_thread() -> &'static Mark {
        MINE.with(|mark| *mark)
    }
}
