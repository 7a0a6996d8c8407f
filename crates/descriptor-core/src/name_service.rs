//! Who is the one holder of a name: the control plane's way to elect the owner of something there must be one of.

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::wait::{WaitList, Waiter};
use crate::{Error, ErrorKind, QueueId, Result};

/// Hands out names, each to one holder at a time.
///
/// Every holder of a name gets a higher fencing number than all before it. What the holder writes to carries the
/// number, so that a holder that was replaced without knowing it can be told apart and refused.
#[async_trait]
pub trait NameService: Send + Sync {
    /// Waits until the name is free and takes it. A dropped future has either taken nothing or was already ready.
    ///
    /// # Errors
    /// `InvalidDescriptor` when the name is not a valid queue id, and what the service itself fails with.
    async fn acquire(&self, name: &str) -> Result<Holder>;

    /// Takes the name if it is free.
    ///
    /// # Errors
    /// `Overloaded` naming the present holder's number when it is not; otherwise as [`acquire`](Self::acquire).
    async fn try_acquire(&self, name: &str) -> Result<Holder>;

    /// Gives the name up and wakes those who wait for it.
    ///
    /// # Errors
    /// `StaleHandle` when the name has passed to another holder or is free already.
    async fn release(&self, holder: &Holder) -> Result<()>;

    /// The present holder.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    async fn holder(&self, name: &str) -> Result<Option<Holder>>;
}

/// The right to act under a name until it is released or passes on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Holder {
    /// The name.
    pub name: QueueId,
    /// Higher than that of every earlier holder of the name.
    pub fencing: u64,
}

impl Holder {
    /// For implementations of [`NameService`].
    #[must_use]
    pub const fn new(name: QueueId, fencing: u64) -> Self {
        Self { name, fencing }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "holder {} of `{}`", self.fencing, self.name)
    }
}

/// Names within one process.
///
/// Those who wait for a name get it in no particular order.
///
/// ```
/// # use std::{pin::pin, task::{Context, Poll, Waker}};
/// # fn now<F: Future>(future: F) -> F::Output {
/// #     let Poll::Ready(out) = pin!(future).poll(&mut Context::from_waker(Waker::noop())) else { panic!("held") };
/// #     out
/// # }
/// use descriptor_core::{LocalNames, NameService};
/// let names = LocalNames::new();
/// let first = now(names.acquire("manager"))?;
/// now(names.release(&first))?;
/// let second = now(names.acquire("manager"))?;
/// assert!(second.fencing > first.fencing);
/// # Ok::<(), descriptor_core::Error>(())
/// ```
#[derive(Default)]
pub struct LocalNames {
    state: Mutex<State>,
    waiting: WaitList,
}

#[derive(Default)]
struct State {
    // One series for all names, so that a name needs no memory while nobody holds it.
    last_fencing: u64,
    held: HashMap<QueueId, u64>,
}

impl LocalNames {
    /// Every name is free.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can panic halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The new holder, or the number of the present one.
    fn take(&self, name: &QueueId) -> Result<Holder, u64> {
        let mut state = self.state();
        if let Some(fencing) = state.held.get(name) {
            return Err(*fencing);
        }
        state.last_fencing += 1;
        let fencing = state.last_fencing;
        state.held.insert(name.clone(), fencing);
        Ok(Holder::new(name.clone(), fencing))
    }
}

/// Leaves the line when the future is dropped.
struct Place<'a> {
    line: &'a WaitList,
    waiter: Waiter,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.line.cancel(&mut self.waiter);
    }
}

#[async_trait]
impl NameService for LocalNames {
    async fn acquire(&self, name: &str) -> Result<Holder> {
        let name = QueueId::new(name)?;
        let mut place = Place {
            line: &self.waiting,
            waiter: Waiter::new(),
        };
        Ok(poll_fn(|cx| place.line.poll(cx, &mut place.waiter, || self.take(&name).ok())).await)
    }

    async fn try_acquire(&self, name: &str) -> Result<Holder> {
        let name = QueueId::new(name)?;
        self.take(&name).map_err(|fencing| {
            Error::new(ErrorKind::Overloaded, "acquire name")
                .expected(format!("the name `{name}` to be free"))
                .found(format!("holder {fencing}"))
                .remedy("wait with acquire, or let the holder release it")
        })
    }

    async fn release(&self, holder: &Holder) -> Result<()> {
        let mut state = self.state();
        let found = state.held.get(&holder.name).copied();
        if found == Some(holder.fencing) {
            state.held.remove(&holder.name);
            drop(state);
            // Everybody: the line is shared by all names, and the one in front may wait for another.
            self.waiting.notify_all();
            return Ok(());
        }
        drop(state);
        Err(Error::new(ErrorKind::StaleHandle, "release name")
            .expected(holder.to_string())
            .found(found.map_or_else(|| "no holder".to_owned(), |fencing| format!("holder {fencing}")))
            .remedy("stop acting under this name; acquire it again"))
    }

    async fn holder(&self, name: &str) -> Result<Option<Holder>> {
        let name = QueueId::new(name)?;
        let fencing = self.state().held.get(&name).copied();
        Ok(fencing.map(|fencing| Holder::new(name, fencing)))
    }
}

impl fmt::Debug for LocalNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalNames")
            .field("held", &self.state().held)
            .finish_non_exhaustive()
    }
}
