//! Names within one host.

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use descriptor_core::wait::{WaitList, Waiter};
use descriptor_core::{Error, ErrorKind, Holder, NameService, QueueId, Result};

use crate::place;
use crate::seat::{Seat, folder_of, last_epoch, obituary};

/// How often those who wait look whether another process has given a name up: the kernel tells nobody.
const LOOK: Duration = Duration::from_millis(10);

/// Names within one host, for the processes of one user: each is a lock on a file, and a number beside it that rises with every
/// holder. The kernel gives a lock up with its process, so who died holds nothing. What a forked child inherits it holds
/// too: a process that holds a name should start others with `exec`.
///
/// Those who wait for a name get it in no particular order.
#[derive(Clone)]
pub struct HostNames {
    inner: Arc<Inner>,
}

struct Inner {
    base: PathBuf,
    held: Mutex<HashMap<QueueId, (u64, Seat)>>,
    waiting: WaitList,
    // Whether somebody looks on behalf of those who wait.
    looks: Mutex<bool>,
}

impl HostNames {
    /// The names of this user, where its managers are.
    #[must_use]
    pub fn new() -> Self {
        Self::in_folder(place::usual_folder())
    }

    /// Those of that folder, which is made when it is not there.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            inner: Arc::new(Inner {
                base: folder.into(),
                held: Mutex::default(),
                waiting: WaitList::new(),
                looks: Mutex::new(false),
            }),
        }
    }
}

impl Default for HostNames {
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    fn held(&self) -> MutexGuard<'_, HashMap<QueueId, (u64, Seat)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The new holder; `None` while there is another.
    fn take(&self, name: &QueueId) -> Result<Option<Holder>> {
        let mut held = self.held();
        if held.contains_key(name) {
            return Ok(None);
        }
        let Some(seat) = Seat::take(&self.base, name)? else {
            return Ok(None);
        };
        let epoch = seat.begin()?;
        held.insert(name.clone(), (epoch, seat));
        Ok(Some(Holder::new(name.clone(), epoch)))
    }

    fn holder(&self, name: &QueueId) -> Result<Option<Holder>> {
        if let Some((epoch, _)) = self.held().get(name) {
            return Ok(Some(Holder::new(name.clone(), *epoch)));
        }
        let folder = folder_of(&self.base, name);
        let epoch = last_epoch(&folder)?;
        let lives = epoch > 0 && obituary(&folder, epoch).is_none();
        Ok(lives.then(|| Holder::new(name.clone(), epoch)))
    }
}

/// Looks on behalf of all who wait, as long as somebody does.
fn look_for_others(inner: &Arc<Inner>) -> Result<()> {
    let mut looks = inner.looks.lock().unwrap_or_else(PoisonError::into_inner);
    if *looks {
        return Ok(());
    }
    let theirs = Arc::clone(inner);
    let look = move || {
        loop {
            thread::sleep(LOOK);
            let mut looks = theirs.looks.lock().unwrap_or_else(PoisonError::into_inner);
            if theirs.waiting.waiting() == 0 {
                *looks = false;
                return;
            }
            drop(looks);
            theirs.waiting.notify_all();
        }
    };
    let started = thread::Builder::new().name("sage-names".into()).spawn(look);
    started.map_err(|error| {
        Error::new(ErrorKind::ResourceExhausted, "acquire name")
            .expected("a thread that looks whether the name is free")
            .remedy("raise the limit of threads")
            .caused_by(error)
    })?;
    *looks = true;
    Ok(())
}

/// Leaves the line when the future is dropped.
struct Place<'a> {
    inner: &'a Arc<Inner>,
    waiter: Waiter,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.inner.waiting.cancel(&mut self.waiter);
    }
}

#[async_trait]
impl NameService for HostNames {
    async fn acquire(&self, name: &str) -> Result<Holder> {
        let name = QueueId::new(name)?;
        let mut place = Place {
            inner: &self.inner,
            waiter: Waiter::new(),
        };
        poll_fn(|cx| {
            let attempt = || place.inner.take(&name).transpose();
            let step = place.inner.waiting.poll(cx, &mut place.waiter, attempt);
            if step.is_pending()
                && let Err(error) = look_for_others(place.inner)
            {
                return std::task::Poll::Ready(Err(error));
            }
            step
        })
        .await
    }

    async fn try_acquire(&self, name: &str) -> Result<Holder> {
        let name = QueueId::new(name)?;
        if let Some(holder) = self.inner.take(&name)? {
            return Ok(holder);
        }
        let epoch = last_epoch(&folder_of(&self.inner.base, &name))?;
        Err(Error::new(ErrorKind::Overloaded, "acquire name")
            .expected(format!("the name `{name}` to be free"))
            .found(format!("holder {epoch}"))
            .remedy("wait with acquire, or let the holder release it"))
    }

    async fn release(&self, holder: &Holder) -> Result<()> {
        let mut held = self.inner.held();
        let found = held.get(&holder.name).map(|(epoch, _)| *epoch);
        if found == Some(holder.fencing) {
            held.remove(&holder.name);
            drop(held);
            // Everybody: the line is shared by all names, and the one in front may wait for another.
            self.inner.waiting.notify_all();
            return Ok(());
        }
        drop(held);
        let found = self.inner.holder(&holder.name)?;
        Err(Error::new(ErrorKind::StaleHandle, "release name")
            .expected(holder.to_string())
            .found(found.map_or_else(|| "no holder".to_owned(), |holder| holder.to_string()))
            .remedy("stop acting under this name; acquire it again"))
    }

    async fn holder(&self, name: &str) -> Result<Option<Holder>> {
        self.inner.holder(&QueueId::new(name)?)
    }
}

impl fmt::Debug for HostNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostNames")
            .field("folder", &self.inner.base)
            .finish_non_exhaustive()
    }
}
