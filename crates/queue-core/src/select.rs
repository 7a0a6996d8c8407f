//! The first of several gets and puts, on queues of any types.

mod arm;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use self::arm::{Arm, GetArm, PutArm, Step};
use crate::sync::{AtomicUsize, MOMENT, Ordering, Thread, park, park_timeout, spin, thread_current};
use crate::{GetError, Item, PutError, Queue, Wait};

/// Waits for the first of several operations, each on a queue of its own kind and item type, and turns whatever
/// happened into one `R`.
///
/// * *It loses nothing.* An item is taken from exactly one queue; the others are left as they were, and a wake-up that
///   reached this waiter in vain goes on to the next one. That holds as well for a wait that ends and for a future
///   that is dropped.
/// * *It is fair.* The search for something ready starts behind the arm that was served last, and at a random arm the
///   first time: while several arms are ready they take turns, and none is starved.
/// * *It does not poll.* Who finds nothing sleeps in the line of every queue, first come, first woken.
///
/// A `Select` can be used again and again. It allocates for each arm once and for each sleep of a thread once, never for
/// an item. A closed and drained queue is skipped; when no arm is left, the answer is [`GetError::Closed`].
///
/// The queues are borrowed. An `Arc` of one, such as a [`DynQueue`](crate::DynQueue), is given as `&*queue`.
///
/// ```
/// # use std::collections::VecDeque;
/// # use std::sync::Mutex;
/// use queue_core::{DynQueue, GetError, Select, Wait};
///
/// fn serve(numbers: &DynQueue<u64>, words: &DynQueue<String>) -> Vec<String> {
///     let mut either = Select::new()
///         .get(&**numbers, |number| format!("number {number}"))
///         .get(&**words, |word| format!("word {word}"));
///     let mut seen = Vec::new();
///     // Until both queues are closed and drained.
///     while let Ok(line) = either.next_within(Wait::Forever) {
///         seen.push(line);
///     }
///     seen
/// }
/// ```
#[must_use = "nothing happens until next_within or next_async"]
pub struct Select<'a, R> {
    arms: Vec<Box<dyn Arm<R> + 'a>>,
    // Where the next search starts; taken modulo the number of arms.
    start: usize,
}

impl<'a, R: 'a> Select<'a, R> {
    /// Without arms; the answer of such a select is `Closed`.
    pub fn new() -> Self {
        Self {
            arms: Vec::new(),
            // Keys of a fresh `RandomState` differ from call to call. Programs that make a select for each item must
            // not always serve the arm that they name first.
            start: RandomState::new().build_hasher().finish() as usize,
        }
    }

    /// Also takes an item from `queue`; `then` makes the answer of it. The closure runs after all other arms were given
    /// up, so it may take its time and may use the queues.
    pub fn get<T: Item, Q: Queue<T> + ?Sized>(mut self, queue: &'a Q, then: impl FnMut(T) -> R + Send + 'a) -> Self {
        self.arms.push(Box::new(GetArm::new(queue, then)));
        self
    }

    /// Also puts what is in `slot` into `queue`; `then` makes the answer of the outcome. A refusal other than `Full`,
    /// such as `Closed`, is an outcome too, with the item inside. The slot is empty afterwards and the arm is done with;
    /// an item that was not put, because another arm was first or the wait ended, stays in its slot.
    pub fn put<T: Item, Q: Queue<T> + ?Sized>(
        mut self,
        queue: &'a Q,
        slot: &'a mut Option<T>,
        then: impl FnMut(Result<(), PutError<T>>) -> R + Send + 'a,
    ) -> Self {
        self.arms.push(Box::new(PutArm::new(queue, slot, then)));
        self
    }

    /// Waits for the first arm as `wait` allows and answers for it.
    ///
    /// # Errors
    /// `Empty` when the wait ended with no arm ready, `Closed` when no arm is left, and what the backend of a get adds.
    /// After a failure the queue is asked again the next time, and the other arms get their turns.
    pub fn next_within(&mut self, wait: Wait) -> Result<R, GetError> {
        if let Some(answer) = self.attempt() {
            return answer;
        }
        let deadline = match wait {
            Wait::Never => return Err(GetError::Empty),
            Wait::Until(deadline) => Some(deadline),
            Wait::Forever => None,
        };
        if let Some(answer) = spin(MOMENT, || true, &mut || self.attempt()) {
            return answer;
        }
        let sleeper = Arc::new(Sleeper {
            thread: thread_current(),
            woken: AtomicUsize::new(0),
        });
        let waker = Waker::from(Arc::clone(&sleeper));
        let mut cx = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(answer) = self.poll_arms(&mut cx) {
                return answer;
            }
            if !sleeper.sleep(deadline) {
                self.disarm();
                return self.attempt().unwrap_or(Err(GetError::Empty));
            }
        }
    }

    /// The first arm as a future. It needs no runtime; dropped before it is ready, nothing has happened.
    ///
    /// # Errors
    /// It resolves like [`next_within`](Self::next_within) does with [`Wait::Forever`].
    pub const fn next_async(&mut self) -> SelectAsync<'_, 'a, R> {
        SelectAsync {
            select: self,
            is_armed: false,
        }
    }

    /// One look at every arm, without waiting.
    fn attempt(&mut self) -> Option<Result<R, GetError>> {
        self.search(|arm| arm.attempt())
    }

    /// One look at every arm; those that have nothing will wake `cx`.
    fn poll_arms(&mut self, cx: &mut Context<'_>) -> Poll<Result<R, GetError>> {
        self.search(|arm| arm.poll(cx)).map_or(Poll::Pending, Poll::Ready)
    }

    fn search(&mut self, mut look: impl FnMut(&mut (dyn Arm<R> + 'a)) -> Step) -> Option<Result<R, GetError>> {
        let count = self.arms.len();
        let start = self.start.checked_rem(count).unwrap_or(0);
        let mut any_left = false;
        for index in (start..count).chain(0..start) {
            let step = self.arms.get_mut(index).map_or(Step::Over, |arm| look(&mut **arm));
            match step {
                Step::Over => {}
                Step::Waiting => any_left = true,
                Step::Done => {
                    self.start = index + 1;
                    // Before the closure: what the other arms hold back might be all that somebody else waits for.
                    self.disarm();
                    return self.arms.get_mut(index)?.answer();
                }
            }
        }
        (!any_left).then_some(Err(GetError::Closed))
    }

    fn disarm(&mut self) {
        for arm in &mut self.arms {
            arm.disarm();
        }
    }
}

impl<'a, R: 'a> Default for Select<'a, R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R> Drop for Select<'_, R> {
    /// A thread that panicked in the middle of a wait, or a future that was forgotten, may have left arms behind.
    fn drop(&mut self) {
        for arm in &mut self.arms {
            arm.disarm();
        }
    }
}

impl<R> fmt::Debug for Select<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select").field("arms", &self.arms.len()).finish()
    }
}

/// Future of [`Select::next_async`].
#[must_use = "futures do nothing unless polled"]
pub struct SelectAsync<'s, 'a, R: 'a> {
    select: &'s mut Select<'a, R>,
    is_armed: bool,
}

impl<'a, R: 'a> Future for SelectAsync<'_, 'a, R> {
    type Output = Result<R, GetError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if !this.is_armed {
            // Nothing has to be registered and given up again while an arm is ready.
            if let Some(answer) = this.select.attempt() {
                return Poll::Ready(answer);
            }
            this.is_armed = true;
        }
        let step = this.select.poll_arms(cx);
        this.is_armed = step.is_pending();
        step
    }
}

impl<'a, R: 'a> Drop for SelectAsync<'_, 'a, R> {
    fn drop(&mut self) {
        if self.is_armed {
            self.select.disarm();
        }
    }
}

impl<'a, R: 'a> fmt::Debug for SelectAsync<'_, 'a, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectAsync").field("armed", &self.is_armed).finish()
    }
}

/// A thread as a task.
struct Sleeper {
    thread: Thread,
    // Beside the token of `unpark`, which anybody on this thread may have taken.
    woken: AtomicUsize,
}

impl Sleeper {
    /// Sleeps until woken since the last time; false when the deadline came first.
    fn sleep(&self, deadline: Option<Instant>) -> bool {
        while self.woken.swap(0, Ordering::Acquire) == 0 {
            match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => park(),
                Some(left) if left.is_zero() => return false,
                Some(left) => park_timeout(left),
            }
        }
        true
    }
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.woken.store(1, Ordering::Release);
        self.thread.unpark();
    }
}
