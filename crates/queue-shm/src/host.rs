//! What the processes of one user on one host share beside the segments: the folder, the locks of names, and the proof
//! that a process is alive.
//!
//! The proof is a lock that the kernel holds for the process on one byte of the file `control`, far behind its end: a
//! byte with a random number, so that neither process ids nor their reuse matter. The kernel gives it up when the
//! process ends in whatever way, keeps it while the process is stopped, and does not give it to a forked child.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use descriptor_core::{Error, ErrorKind};

use crate::{point, sys};

/// The variable that names another folder than the usual one.
pub(crate) const FOLDER: &str = "SAGE_SHM_DIR";
const CONTROL: &str = ".control";
/// Names have bytes below this, processes above.
const FIRST_TOKEN: u64 = 1 << 32;
const NAMES: u64 = 1 << 31;
/// What is done under the lock of a name takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// This process among those of its user.
pub(crate) struct Host {
    folder: PathBuf,
    control: File,
    token: u64,
    // The kernel's locks do not tell the threads of a process apart.
    names: Mutex<()>,
    has_opened: AtomicBool,
}

impl Host {
    /// Ours, made when the first queue is opened. A forked child gets its own.
    ///
    /// # Errors
    /// `PermissionDenied`, `Unsupported`, `OutOfSpace` or `Io` when the folder cannot be used.
    pub(crate) fn get() -> Result<&'static Self, Error> {
        static HOST: Mutex<Option<(u32, &'static Host)>> = Mutex::new(None);
        let mut host = HOST.lock().unwrap_or_else(PoisonError::into_inner);
        match *host {
            Some((pid, host)) if pid == std::process::id() => Ok(host),
            _ => {
                // Never given back: closing the file would give up the proof that we live.
                let mine: &'static Self = Box::leak(Box::new(Self::new()?));
                *host = Some((std::process::id(), mine));
                Ok(mine)
            }
        }
    }

    fn new() -> Result<Self, Error> {
        let folder = folder();
        let made = make_private(&folder).and_then(|()| open_control(&folder));
        let control = made?;
        for _ in 0..64 {
            let token = FIRST_TOKEN | (RandomState::new().build_hasher().finish() >> 2);
            if sys::lock_byte(&control, token).map_err(|error| io_error("lock", &folder, error))? {
                return Ok(Self {
                    folder,
                    control,
                    token,
                    names: Mutex::new(()),
                    has_opened: AtomicBool::new(false),
                });
            }
        }
        Err(Error::new(ErrorKind::ResourceExhausted, "open")
            .backend("shm")
            .expected("a free number for this process")
            .found("none in 64 tries"))
    }

    /// As [`lock_name`](Self::lock_name); `None` when somebody else has it now.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn try_lock_name(&self, file: &str) -> Result<Option<NameLock<'_>>, Error> {
        let threads = match self.names.try_lock() {
            Ok(threads) => threads,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(None),
        };
        let byte = byte_of(file);
        let is_ours = sys::lock_byte(&self.control, byte).map_err(|error| io_error("lock", &self.folder, error))?;
        Ok(is_ours.then_some(NameLock {
            host: self,
            byte,
            _threads: threads,
        }))
    }

    /// True once: for the first queue that this process opens.
    pub(crate) fn is_first(&self) -> bool {
        !self.has_opened.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The number that stands for this process.
    pub(crate) const fn token(&self) -> u64 {
        self.token
    }

    /// Device and number of the file whose locks say who lives.
    pub(crate) fn control_identity(&self) -> Result<[u64; 2], Error> {
        let meta = self
            .control
            .metadata()
            .map_err(|error| io_error("look at", &self.folder, error))?;
        if meta.nlink() == 0 {
            return Err(Error::new(ErrorKind::StaleHandle, "open")
                .backend("shm")
                .expected(format!(
                    "the file `{}` that this process knows",
                    self.folder.join(CONTROL).display()
                ))
                .found("that it was removed")
                .remedy("restart the processes that share queues; that file must stay while they run"));
        }
        Ok([meta.dev(), meta.ino()])
    }

    /// True while the process with this number lives, running or stopped.
    pub(crate) fn is_alive(&self, token: u64) -> bool {
        if token == self.token {
            return true;
        }
        // A number that no process can have is a process that does not live; an error proves nothing.
        token >= FIRST_TOKEN && !matches!(sys::byte_holder(&self.control, token & (u64::MAX >> 1)), Ok(None))
    }

    /// The only one on this host who makes, joins, leaves or removes the segment of that file name.
    ///
    /// # Errors
    /// `Timeout` when somebody else has been at it for ten seconds, naming the process.
    pub(crate) fn lock_name(&self, file: &str) -> Result<NameLock<'_>, Error> {
        let threads = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let byte = byte_of(file);
        let start = Instant::now();
        let mut pause = Duration::from_micros(20);
        while !point::planted("no-name-lock")
            && !sys::lock_byte(&self.control, byte).map_err(|error| io_error("lock", &self.folder, error))?
        {
            if start.elapsed() > PATIENCE {
                let holder = sys::byte_holder(&self.control, byte).ok().flatten();
                return Err(Error::new(ErrorKind::Timeout, "open")
                    .backend("shm")
                    .expected("the lock of the queue's name")
                    .found(holder.map_or_else(
                        || "that others keep taking it".into(),
                        |pid| format!("that process {pid} has had it for ten seconds"),
                    ))
                    .remedy("see whether that process is stopped"));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(5));
        }
        Ok(NameLock {
            host: self,
            byte,
            _threads: threads,
        })
    }
}

/// The byte whose lock is that of a name. Names that share one wait for each other now and then.
fn byte_of(file: &str) -> u64 {
    u64::from(crc32c::crc32c(file.as_bytes())) % NAMES
}

/// See [`Host::lock_name`].
pub(crate) struct NameLock<'a> {
    host: &'a Host,
    byte: u64,
    _threads: MutexGuard<'a, ()>,
}

impl Drop for NameLock<'_> {
    fn drop(&mut self) {
        sys::unlock_byte(&self.host.control, self.byte);
    }
}

pub(crate) fn folder() -> PathBuf {
    std::env::var_os(FOLDER).map_or_else(
        || PathBuf::from(format!("/dev/shm/sage-{}", sys::user())),
        PathBuf::from,
    )
}

/// The folder, ours alone.
fn make_private(folder: &Path) -> Result<(), Error> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(io_error("make", folder, error)),
        _ => {}
    }
    let meta = folder
        .symlink_metadata()
        .map_err(|error| io_error("look at", folder, error))?;
    if meta.is_dir() && meta.uid() == sys::user() && meta.mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(Error::new(ErrorKind::PermissionDenied, "open")
        .backend("shm")
        .expected(format!(
            "`{}` to be a folder of user {} with mode 0700",
            folder.display(),
            sys::user()
        ))
        .found(format!(
            "{} of user {} with mode {:04o}",
            if meta.is_dir() { "a folder" } else { "something else" },
            meta.uid(),
            meta.mode() & 0o7777
        ))
        .remedy("remove it, or set SAGE_SHM_DIR to a folder of your own"))
}

fn open_control(folder: &Path) -> Result<File, Error> {
    let path = folder.join(CONTROL);
    let file = open_options()
        .create(true)
        .open(&path)
        .map_err(|error| io_error("open", &path, error))?;
    check_file(&file, &path)?;
    Ok(file)
}

/// How every file of this crate is opened: no links, not for children, for nobody else.
pub(crate) fn open_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    // Opening a pipe would wait for its other end.
    options.custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK);
    options
}

/// A plain file of ours that nobody else can reach.
pub(crate) fn check_file(file: &File, path: &Path) -> Result<Metadata, Error> {
    let meta = file.metadata().map_err(|error| io_error("look at", path, error))?;
    check_kind(&meta, path)?;
    Ok(meta)
}

/// What [`check_file`] asks of a file, before it is opened or after.
pub(crate) fn check_kind(meta: &Metadata, path: &Path) -> Result<(), Error> {
    if meta.is_file() && meta.uid() == sys::user() && meta.mode() & 0o077 == 0 && meta.nlink() == 1 {
        return Ok(());
    }
    Err(Error::new(ErrorKind::PermissionDenied, "open")
        .backend("shm")
        .expected(format!(
            "`{}` to be a plain file of user {} with mode 0600 and one name",
            path.display(),
            sys::user()
        ))
        .found(format!(
            "{} of user {} with mode {:04o} and {} names",
            if meta.is_file() { "a file" } else { "something else" },
            meta.uid(),
            meta.mode() & 0o7777,
            meta.nlink()
        ))
        .remedy("remove it; somebody else put it there"))
}

/// What the system said, as one of our errors.
pub(crate) fn io_error(verb: &str, path: &Path, error: io::Error) -> Error {
    let (kind, remedy) = match error.raw_os_error() {
        Some(libc::ENOSPC | libc::EDQUOT) => (
            ErrorKind::OutOfSpace,
            "free some shared memory (`sage clean` removes what nobody uses), or lower maxsize or max_bytes",
        ),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM) => (
            ErrorKind::ResourceExhausted,
            "raise the limit of the system, or close what is not needed",
        ),
        Some(libc::EACCES | libc::EPERM | libc::EROFS | libc::ELOOP | libc::ENXIO | libc::EISDIR | libc::ENOTDIR) => (
            ErrorKind::PermissionDenied,
            "make it a place where this user may write, or set SAGE_SHM_DIR to one",
        ),
        // No right to make it either: the system has no place for shared memory, or this user may not see it.
        Some(libc::ENOENT) => (
            ErrorKind::PermissionDenied,
            "mount a tmpfs at /dev/shm, or set SAGE_SHM_DIR to a folder on one",
        ),
        _ => (ErrorKind::Io, "see what the system says about that place"),
    };
    Error::new(kind, "open")
        .backend("shm")
        .expected(format!("to {verb} `{}`", path.display()))
        .remedy(remedy)
        .caused_by(error)
}
