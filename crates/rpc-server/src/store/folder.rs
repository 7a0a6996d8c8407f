//! The folder of a server: for nobody but its owner, and for one server at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use queue_core::{Error, ErrorKind};

const LOCK: &str = "lock";
const FILE: &str = "queues.redb";

/// A folder that no other server has, as long as this lives.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Locked, not read.
    _held: File,
}

impl Folder {
    pub(super) fn hold(path: &Path) -> Result<Self, Error> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|cause| failed(path, cause))?;
        let about = fs::metadata(path).map_err(|cause| failed(path, cause))?;
        let mode = about.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(error(ErrorKind::PermissionDenied, path)
                .expected("a folder that only its owner can look into")
                .found(format!("mode {mode:04o}"))
                .remedy("take the rights of the others away: chmod 700"));
        }
        let held = open_file(&path.join(LOCK)).map_err(|cause| failed(path, cause))?;
        match held.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _held: held,
            }),
            Err(TryLockError::WouldBlock) => Err(taken(path)),
            Err(TryLockError::Error(cause)) => Err(failed(path, cause)),
        }
    }

    pub(super) fn file(&self) -> PathBuf {
        self.path.join(FILE)
    }

    /// Makes the file, and what leads to it, outlive a power cut.
    pub(super) fn make_file(&self) -> Result<(), Error> {
        let made = open_file(&self.file()).and_then(|file| file.sync_all());
        made.map_err(|cause| failed(&self.path, cause))?;
        let parents = [Some(self.path.as_path()), self.path.parent()];
        for folder in parents
            .into_iter()
            .flatten()
            .filter(|path| !path.as_os_str().is_empty())
        {
            let synced = File::open(folder).and_then(|folder| folder.sync_all());
            synced.map_err(|cause| failed(&self.path, cause))?;
        }
        Ok(())
    }
}

/// A file of this user alone. A link in its place is refused.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
}

/// Another server has it.
pub(super) fn taken(path: &Path) -> Error {
    error(ErrorKind::ResourceExhausted, path)
        .expected("a folder that no server uses")
        .found("a server that lives")
        .remedy("stop that one or name another folder")
}

fn failed(path: &Path, cause: io::Error) -> Error {
    let (kind, remedy) = match cause.kind() {
        io::ErrorKind::PermissionDenied => (ErrorKind::PermissionDenied, "name a folder of this user"),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            (ErrorKind::OutOfSpace, "make room on the disk, or name another folder")
        }
        _ => (ErrorKind::Io, "name a folder that this user can write to"),
    };
    error(kind, path).caused_by(cause).remedy(remedy)
}

fn error(kind: ErrorKind, path: &Path) -> Error {
    Error::new(kind, "open the store")
        .backend("rpc")
        .with("folder", path.display())
}
