//! What a side knows about a thread.
//!
//! Each thread that ever used a ring has a [`Mark`], in which it says which side it is inside of as its owner. Marks are
//! never freed, so a side may look at the mark of an owner that is long gone; a thread that ends leaves its mark to the
//! next one that starts. Such a heir may find itself owner of sides its predecessor owned. That is in order: it has the
//! mark from the list of those that are free, so all that the predecessor did happened before.

use std::cell::Cell;

use crate::side::Side;
use crate::sync::{AtomicPtr, Mutex, Ordering, Padded, planted};

/// One thread, and where it is.
#[derive(Default)]
pub(crate) struct Mark {
    inside: Padded<AtomicPtr<Side>>,
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
        self.inside
            .store(std::ptr::from_ref(side).cast_mut(), Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn leave(&self) {
        let order = if planted("leave-relaxed") {
            Ordering::Relaxed
        } else {
            Ordering::Release
        };
        self.inside.store(std::ptr::null_mut(), order);
    }

    pub(crate) fn is_inside(&self, side: &Side) -> bool {
        std::ptr::eq(self.inside.load(Ordering::Acquire), side)
    }
}

/// Marks of threads that have ended.
static FREE: Mutex<Vec<&'static Mark>> = Mutex::new(Vec::new());

fn free() -> std::sync::MutexGuard<'static, Vec<&'static Mark>> {
    FREE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
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
    let free = free().pop();
    let mark = free.unwrap_or_else(|| Box::leak(Box::default()));
    // Not possible in a thread that is about to end and uses a ring in the destructors of its locals: its mark stays lent.
    let _ = LENT.try_with(|lent| lent.set(Some(Lent(mark))));
    MINE.with(|mine| mine.set(Some(mark)));
    mark
}
