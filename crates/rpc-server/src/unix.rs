//! A Unix socket that is ours as long as the server lives.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use queue_core::{Error, ErrorKind};
use tokio::net::{UnixListener, UnixSocket};

/// The longest path that fits into the address of a Unix socket of Linux: `sun_path` has 108 bytes, one is the end mark.
const LONGEST: usize = 107;
const BACKLOG: u32 = 1024;

/// The path of a socket, held by a lock on a file beside it. When dropped, both files are gone, if they are still ours.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Device and number of the file, once it was made.
    identity: Option<(u64, u64)>,
    lock: PathBuf,
    /// Held, not read.
    _held: File,
}

impl SocketFile {
    /// Listens at the path; a socket that nobody listens on any more is replaced.
    pub(crate) fn bind(path: &Path) -> Result<(Self, UnixListener), Error> {
        check_path(path)?;
        let mut file = Self::hold(path)?;
        remove_stale(path)?;
        let listener = file.listen().map_err(|cause| failed(path, cause))?;
        Ok((file, listener))
    }

    /// Two servers that start at once must not both find the same socket stale.
    fn hold(path: &Path) -> Result<Self, Error> {
        let mut name = OsString::from(path);
        name.push(".lock");
        let lock = PathBuf::from(name);
        loop {
            let held = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(libc::O_NOFOLLOW)
                .open(&lock)
                .map_err(|cause| failed(path, cause).with("lock", lock.display()))?;
            match held.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(taken(path)),
                Err(TryLockError::Error(cause)) => return Err(failed(path, cause).with("lock", lock.display())),
            }
            let ours = held.metadata().map_err(|cause| failed(path, cause))?;
            // Whoever held it before may have removed it meanwhile: then a lock on it means nothing.
            if fs::symlink_metadata(&lock).is_ok_and(|found| identity(&found) == identity(&ours)) {
                return Ok(Self {
                    path: path.to_owned(),
                    identity: None,
                    lock,
                    _held: held,
                });
            }
        }
    }

    fn listen(&mut self) -> io::Result<UnixListener> {
        let socket = UnixSocket::new_stream()?;
        socket.bind(&self.path)?;
        // Nobody can connect before it listens, so nobody does with the rights that the umask left.
        self.identity = Some(identity(&fs::symlink_metadata(&self.path)?));
        fs::set_permissions(&self.path, Permissions::from_mode(0o600))?;
        socket.listen(BACKLOG)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = |found: fs::Metadata| Some(identity(&found)) == self.identity;
        if fs::symlink_metadata(&self.path).is_ok_and(is_ours) {
            // What cannot be removed is replaced by the next server.
            let _ = fs::remove_file(&self.path);
        }
        // Still locked, so that nobody else can believe to hold it.
        let _ = fs::remove_file(&self.lock);
    }
}

fn identity(about: &fs::Metadata) -> (u64, u64) {
    (about.dev(), about.ino())
}

/// Where others can move files about, a socket says nothing about who listens on it.
fn check_path(path: &Path) -> Result<(), Error> {
    let length = path.as_os_str().len();
    if length > LONGEST {
        return Err(error(ErrorKind::InvalidDescriptor, path)
            .expected(format!("a path of at most {LONGEST} bytes"))
            .found(format!("{length} bytes"))
            .remedy("name a shorter one"));
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let about = fs::metadata(folder).map_err(|cause| failed(path, cause).with("folder", folder.display()))?;
    let mode = about.mode() & 0o1777;
    if !about.is_dir() {
        Err(error(ErrorKind::NotFound, path)
            .expected("a path in a folder")
            .found(format!("`{}`, which is none", folder.display()))
            .remedy("name a path in a folder"))
    } else if mode & 0o022 != 0 && mode & 0o1000 == 0 {
        Err(error(ErrorKind::PermissionDenied, path)
            .expected("a folder in which only its owner can replace files")
            .found(format!("mode {mode:04o} of `{}`", folder.display()))
            .remedy("name a path in a folder of mode 0700"))
    } else {
        Ok(())
    }
}

fn remove_stale(path: &Path) -> Result<(), Error> {
    let about = match fs::symlink_metadata(path) {
        Ok(about) => about,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(failed(path, cause)),
    };
    if !about.file_type().is_socket() {
        return Err(error(ErrorKind::InvalidDescriptor, path)
            .expected("nothing or a socket at that path")
            .found("something else")
            .remedy("name another path"));
    }
    match UnixStream::connect(path) {
        // Somebody listens who holds no lock.
        Ok(_) => Err(taken(path)),
        Err(cause) if cause.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|cause| failed(path, cause))
        }
        Err(cause) => Err(failed(path, cause)),
    }
}

fn taken(path: &Path) -> Error {
    error(ErrorKind::ResourceExhausted, path)
        .expected("a path that nobody listens on")
        .found("a server that lives")
        .remedy("stop that one or name another path")
}

fn failed(path: &Path, cause: io::Error) -> Error {
    let (kind, remedy) = match cause.kind() {
        io::ErrorKind::NotFound => (ErrorKind::NotFound, "make the folder or name another path"),
        io::ErrorKind::PermissionDenied => (ErrorKind::PermissionDenied, "name a path in a folder of yours"),
        _ => (ErrorKind::Io, "name another path"),
    };
    error(kind, path).caused_by(cause).remedy(remedy)
}

fn error(kind: ErrorKind, path: &Path) -> Error {
    Error::new(kind, "start the server")
        .backend("rpc")
        .with("unix", path.display())
}
