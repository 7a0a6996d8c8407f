//! Who has a manager: this process, another one, or whoever asks first.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use descriptor_core::{Error, ErrorKind, QueueId, Result, excerpt};
use queue_rpc::ServerLife;

use crate::host::{Host, server_epoch};
use crate::seat::{Seat, folder_of, last_epoch, obituary};
use crate::{ManagerSettings, ledger, place};

pub(crate) const SOCKET: &str = "manager.sock";
pub(crate) const MODE: &str = "mode";
const DETACHED: &str = "detached\n";
const EMBEDDED: &str = "embedded\n";
/// The longest path that fits into the address of a Unix socket of Linux.
const LONGEST: usize = 107;

pub(crate) const fn mode_of(detached: bool) -> &'static str {
    if detached { DETACHED } else { EMBEDDED }
}

/// Where a manager is.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    /// The folder of all names.
    pub(crate) base: PathBuf,
    pub(crate) name: QueueId,
    /// As `sage serve --manager` takes it.
    pub(crate) namespace: String,
}

/// A manager that was found.
pub(crate) enum Reached {
    Here(Arc<Host>),
    There(Remote),
}

/// One in another process.
pub(crate) struct Remote {
    pub(crate) folder: PathBuf,
    pub(crate) socket: String,
    pub(crate) epoch: u64,
    pub(crate) life: ServerLife,
    pub(crate) detached: bool,
}

type Hosts = HashMap<PathBuf, Arc<Host>>;

/// Those of this process, and which epochs' reports were told to its log.
#[derive(Default)]
struct Mine {
    process: u32,
    hosts: Hosts,
    told: HashMap<PathBuf, u64>,
}

static MINE: Mutex<Option<Mine>> = Mutex::new(None);

/// What belongs to this process: what one that it was forked from has is not.
fn mine(slot: &mut Option<Mine>) -> &mut Mine {
    let process = std::process::id();
    if slot.as_ref().is_some_and(|mine| mine.process != process) {
        // Not dropped: it would end what belongs to the other process.
        std::mem::forget(slot.take());
    }
    slot.get_or_insert_with(|| Mine {
        process,
        ..Mine::default()
    })
}

fn lock() -> MutexGuard<'static, Option<Mine>> {
    MINE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Address {
    pub(crate) fn folder(&self) -> PathBuf {
        folder_of(&self.base, &self.name)
    }

    /// # Errors
    /// `InvalidDescriptor` when the socket's path would be too long.
    fn check(&self) -> Result<PathBuf> {
        let folder = self.folder();
        let length = folder.join(SOCKET).as_os_str().len();
        if length <= LONGEST {
            return Ok(folder);
        }
        Err(place::refused(ErrorKind::InvalidDescriptor)
            .expected(format!("a path of at most {LONGEST} bytes for the manager's socket"))
            .found(format!("{length} bytes: `{}`", excerpt(&folder.to_string_lossy())))
            .remedy("choose a shorter name, or set SAGE_MANAGER_DIR to a shorter folder"))
    }

    /// The manager: this process becomes it when nobody is, unless it shall only attach.
    ///
    /// # Errors
    /// `NotFound` when there is none and this process shall not become it, with how to start one; what the system says.
    pub(crate) fn reach(&self, settings: &ManagerSettings, attach_only: bool) -> Result<Reached> {
        let folder = self.check()?;
        let mut slot = lock();
        let mine = mine(&mut slot);
        if let Some(host) = mine.hosts.get(&folder) {
            return Ok(Reached::Here(Arc::clone(host)));
        }
        let epoch = match Seat::take(&self.base, &self.name)? {
            None => last_epoch(&folder)?,
            Some(_) if attach_only => return Err(self.absent()),
            Some(seat) => {
                let host = Host::start(seat, settings, false)?;
                mine.hosts.insert(folder.clone(), Arc::clone(&host));
                mine.tell(&folder, host.epoch());
                return Ok(Reached::Here(host));
            }
        };
        mine.tell(&folder, epoch);
        let seen = folder.clone();
        Ok(Reached::There(Remote {
            socket: folder.join(SOCKET).to_string_lossy().into_owned(),
            epoch,
            life: ServerLife::new(server_epoch(epoch), move || obituary(&seen, epoch)),
            detached: place::read(&folder.join(MODE)).is_ok_and(|mode| mode == DETACHED),
            folder,
        }))
    }

    /// Becomes the manager, on its own and not for a queue.
    ///
    /// # Errors
    /// `ResourceExhausted` when there is one already; what the system says.
    pub(crate) fn host(&self, settings: &ManagerSettings) -> Result<Arc<Host>> {
        let folder = self.check()?;
        let mut patience = Patience::new(Duration::from_secs(1));
        loop {
            let mut slot = lock();
            let mine = mine(&mut slot);
            // Somebody may only look whether it is free.
            if !mine.hosts.contains_key(&folder)
                && let Some(seat) = Seat::take(&self.base, &self.name)?
            {
                let host = Host::start(seat, settings, true)?;
                mine.hosts.insert(folder.clone(), Arc::clone(&host));
                mine.tell(&folder, host.epoch());
                return Ok(host);
            }
            drop(slot);
            if !patience.rests() {
                let epoch = last_epoch(&folder)?;
                return Err(Error::new(ErrorKind::ResourceExhausted, "start the manager")
                    .backend("ray_queue")
                    .expected(format!("no manager of namespace `{}`", self.namespace))
                    .found(format!("one that lives, of epoch {epoch}"))
                    .remedy("use that one, end its process, or choose another namespace"));
            }
        }
    }

    fn absent(&self) -> Error {
        let namespace = &self.namespace;
        place::refused(ErrorKind::NotFound)
            .expected(format!("a manager of namespace `{namespace}`"))
            .found("none")
            .remedy(format!(
                "start one with `sage serve --manager {namespace}`, or leave `attach_only` out so that this process becomes it"
            ))
    }
}

impl Mine {
    /// Says once in the log of this process what the epochs before had that is gone.
    fn tell(&mut self, folder: &Path, epoch: u64) {
        if self.told.insert(folder.to_owned(), epoch) == Some(epoch) {
            return;
        }
        let Ok(losses) = ledger::losses(folder) else { return };
        let last: Vec<_> = losses
            .iter()
            .filter(|lost| lost.epoch.saturating_add(1) == epoch)
            .collect();
        if last.is_empty() {
            return;
        }
        let items: u64 = last.iter().map(|lost| lost.items).sum();
        let names: Vec<String> = last
            .iter()
            .take(8)
            .map(|lost| format!("{} ({} items)", lost.id, lost.items))
            .collect();
        tracing::warn!(
            epoch,
            queues = last.len(),
            items,
            names = names.join(", "),
            "the manager before ended with its queues; they begin empty"
        );
    }
}

/// Takes a manager of this process out of use.
pub(crate) fn retire(host: &Arc<Host>) {
    let mut slot = lock();
    mine(&mut slot).hosts.retain(|_, known| !Arc::ptr_eq(known, host));
}

/// Whether the manager of that folder is this process.
pub(crate) fn is_mine(folder: &Path) -> bool {
    let mut slot = lock();
    mine(&mut slot).hosts.contains_key(folder)
}

/// How long something that passes is tried again.
pub(crate) struct Patience {
    until: Option<Instant>,
    pause: Duration,
}

impl Patience {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            until: Instant::now().checked_add(limit),
            pause: Duration::from_micros(500),
        }
    }

    /// Rests a little; false when the time is over.
    pub(crate) fn rests(&mut self) -> bool {
        if self.until.is_some_and(|until| until <= Instant::now()) {
            return false;
        }
        thread::sleep(self.pause);
        self.pause = (self.pause * 2).min(Duration::from_millis(20));
        true
    }

    /// Rests a little when trying again may help: the manager may have ended in this moment, another one may be about to
    /// begin, and a queue may be on its way to the server.
    pub(crate) fn suffers(&mut self, error: &Error) -> bool {
        let passes = matches!(
            error.kind(),
            ErrorKind::Disconnected | ErrorKind::PeerDied | ErrorKind::StaleHandle | ErrorKind::Overloaded
        );
        passes && self.rests()
    }
}
