//! Durable queues in a file: what the broker says is written down as transactions of `redb`, each with one `fsync`.

mod folder;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod keeper;
mod layout;
mod load;
#[cfg(any(test, feature = "power-cuts", feature = "fuzz"))]
#[cfg_attr(
    not(feature = "power-cuts"),
    allow(unreachable_pub, dead_code, reason = "others see it with the feature")
)]
mod medium;
#[cfg(test)]
mod tests;
mod write;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use queue_core::{Error, ErrorKind};
use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageError};
use rpc_broker::{Entry, Restored};

use self::folder::Folder;
pub(crate) use self::keeper::{Keeper, Signal};
use self::layout::VERSION;
#[cfg(all(any(test, feature = "fuzz"), not(feature = "power-cuts")))]
pub(crate) use self::medium::Disk;
#[cfg(feature = "power-cuts")]
pub use self::medium::{Disk, Medium};
use self::write::Doubt;

/// Pages that are kept in memory: the items are there anyway.
const CACHE: usize = 16 << 20;

/// Opens what the pages are in, each time it has to be.
type Opener = Box<dyn FnMut(&Builder) -> Result<Database, DatabaseError> + Send>;

/// Everything that was written down, and the way to write more.
pub(crate) struct Store {
    /// Before the folder, whose lock goes last.
    database: Option<Database>,
    opener: Opener,
    name: String,
    /// The number of the last commit.
    commit: u64,
    /// Puts that were refused, and are in the file all the same.
    doubt: Doubt,
    /// Those of the last commit that failed, of which nobody knows whether they are.
    tried: Doubt,
    _folder: Option<Folder>,
}

impl Store {
    /// Opens the store of a folder, which is made when it is not there, and reads all of it.
    pub(crate) fn open(path: &Path) -> Result<(Self, Restored), Error> {
        let folder = Folder::hold(path)?;
        folder.make_file()?;
        let file = folder.file();
        let opener = move |builder: &Builder| {
            let file = folder::open_file(&file)?;
            builder.create_with_backend(FileBackend::new(file)?)
        };
        Self::with(Box::new(opener), path.display().to_string(), Some(folder))
    }

    /// Opens the store of a disk that only exists in memory.
    #[cfg(any(test, feature = "power-cuts", feature = "fuzz"))]
    pub(crate) fn on(disk: Disk) -> Result<(Self, Restored), Error> {
        let opener = move |builder: &Builder| builder.create_with_backend(disk.clone());
        Self::with(Box::new(opener), "in memory".to_owned(), None)
    }

    fn with(opener: Opener, name: String, folder: Option<Folder>) -> Result<(Self, Restored), Error> {
        let mut store = Self {
            database: None,
            opener,
            name,
            commit: 0,
            doubt: Doubt::default(),
            tried: Doubt::default(),
            _folder: folder,
        };
        // A damaged file may make the library panic; nothing is kept of what it did.
        let opened = catch_unwind(AssertUnwindSafe(|| store.load()));
        match opened {
            Ok(loaded) => loaded.map(|restored| (store, restored)),
            Err(_) => Err(store.damaged("pages that belong together", "others")),
        }
    }

    fn load(&mut self) -> Result<Restored, Error> {
        let database = self.reopen().map_err(|error| self.unreadable(error.into()))?;
        let begun = write::begin(&database).map_err(|error| self.unreadable(error))?;
        if begun.version != VERSION {
            return Err(self
                .error(ErrorKind::Incompatible, "open the store")
                .expected(format!("version {VERSION} of its format"))
                .found(begun.version.to_string())
                .remedy("start the release of the server that wrote it, or name another folder"));
        }
        self.commit = begun.commit;
        let read = database.begin_read().map_err(|error| self.unreadable(error.into()))?;
        let restored = load::load(&read).map_err(|error| match error {
            load::Wrong::Unreadable(error) => self.unreadable(error),
            load::Wrong::Damaged(what) => self.damaged("what was written", what),
        })?;
        drop(read);
        self.database = Some(database);
        Ok(restored)
    }

    fn reopen(&mut self) -> Result<Database, DatabaseError> {
        let mut builder = Builder::new();
        (self.opener)(builder.set_cache_size(CACHE).set_check_integrity_on_open(true))
    }

    /// Begins a life of the server whose epoch is larger than any that was given before: at least `wanted`.
    pub(crate) fn begin_life(&mut self, wanted: u64) -> Result<u64, Error> {
        let Some(database) = &self.database else {
            return Ok(wanted);
        };
        // As at the start: pages that nobody has looked at so far may be damaged.
        match catch_unwind(AssertUnwindSafe(|| write::begin_life(database, wanted))) {
            Ok(begun) => begun.map_err(|error| self.failed(error)),
            Err(_) => Err(self.damaged("pages that belong together", "others")),
        }
    }

    /// Writes all entries down, or nothing that matters. It is on the disk when this returns.
    pub(crate) fn write(&mut self, entries: &[Entry]) -> Result<(), Error> {
        let written = catch_unwind(AssertUnwindSafe(|| self.try_write(entries)));
        let error = match written {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => self.failed(error),
            Err(_) => self.damaged("pages that belong together", "others"),
        };
        // The library does nothing more after an error; the next one opens it again, and sees how far this one came.
        drop(catch_unwind(AssertUnwindSafe(|| self.database.take())));
        Err(error)
    }

    fn try_write(&mut self, entries: &[Entry]) -> Result<(), redb::Error> {
        if self.database.is_none() {
            let database = self.reopen()?;
            let found = write::last_commit(&database)?;
            if found > self.commit {
                // That commit was not so much of a failure; it has taken back what was there to take back.
                self.doubt = std::mem::take(&mut self.tried);
            }
            self.commit = found;
            self.database = Some(database);
        }
        let Some(database) = &self.database else {
            return Err(StorageError::DatabaseClosed.into());
        };
        let number = self.commit + 1;
        self.tried = Doubt::of(entries);
        write::write(database, number, &self.doubt, entries)?;
        self.commit = number;
        self.doubt = Doubt::default();
        Ok(())
    }

    fn error(&self, kind: ErrorKind, operation: &'static str) -> Error {
        Error::new(kind, operation).backend("rpc").with("folder", &self.name)
    }

    fn damaged(&self, expected: &'static str, found: impl Into<String>) -> Error {
        self.error(ErrorKind::Corrupt, "open the store")
            .expected(expected)
            .found(found)
            .remedy("restore the folder from a copy, or move it away and begin with an empty one; nothing was changed")
    }

    /// It cannot be read when the server starts.
    fn unreadable(&self, error: redb::Error) -> Error {
        match &error {
            redb::Error::Corrupted(what) => {
                let what = what.clone();
                self.damaged("pages as they were written", what)
            }
            redb::Error::Io(cause) if cause.kind() == io::ErrorKind::InvalidData => {
                self.damaged("a store", "another file")
            }
            redb::Error::UpgradeRequired(_) | redb::Error::TableTypeMismatch { .. } => self
                .error(ErrorKind::Incompatible, "open the store")
                .caused_by(error)
                .remedy("start the release of the server that wrote it, or name another folder"),
            redb::Error::DatabaseAlreadyOpen => folder::taken(Path::new(&self.name)),
            _ => self.failed(error),
        }
    }

    fn failed(&self, error: redb::Error) -> Error {
        let full = matches!(&error, redb::Error::Io(cause) if matches!(
            cause.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
        ));
        let (kind, remedy) = match full {
            true => (ErrorKind::OutOfSpace, "make room on the disk of the server"),
            false => (ErrorKind::Io, "look after the disk of the server; its log has more"),
        };
        self.error(kind, "write down").caused_by(error).remedy(remedy)
    }
}
