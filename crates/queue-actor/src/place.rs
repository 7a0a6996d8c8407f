//! Folders and files of this user alone.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use descriptor_core::{Error, ErrorKind};

/// The variable that names another folder than the usual one.
pub(crate) const FOLDER: &str = "SAGE_MANAGER_DIR";
/// No file here is larger.
const MOST_BYTES: u64 = 8 << 20;

fn user() -> u32 {
    rustix::process::getuid().as_raw()
}

/// Where all managers of this user are: where the variable says, else beside what else this user's session has, else among
/// temporary files.
pub(crate) fn usual_folder() -> PathBuf {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return folder.into();
    }
    let session = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    match session.filter(|folder| folder.is_absolute() && folder.is_dir()) {
        Some(folder) => folder.join("sage-comm"),
        None => std::env::temp_dir().join(format!("sage-comm-{}", user())),
    }
}

/// Makes the folder unless it is there, and checks that it is ours alone.
///
/// # Errors
/// `PermissionDenied` for a link, a folder of somebody else, or one that others can read.
pub(crate) fn make_private(folder: &Path) -> Result<(), Error> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(io_error("make", folder, error)),
        _ => {}
    }
    let meta = folder
        .symlink_metadata()
        .map_err(|error| io_error("look at", folder, error))?;
    if meta.is_dir() && meta.uid() == user() && meta.mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(refused(ErrorKind::PermissionDenied)
        .expected(format!(
            "`{}` to be a folder of user {} with mode 0700",
            folder.display(),
            user()
        ))
        .found(format!(
            "{} of user {} with mode {:04o}",
            if meta.is_dir() { "a folder" } else { "something else" },
            meta.uid(),
            meta.mode() & 0o7777
        ))
        .remedy("remove it, or set SAGE_MANAGER_DIR to a folder of your own"))
}

/// How every file here is opened: no links, not for children, for nobody else.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    // Opening a pipe would wait for its other end.
    options.custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK);
    options
}

/// Opens a plain file of ours, or makes it.
///
/// # Errors
/// `PermissionDenied` for one that is somebody else's or no plain file, and what the system says.
pub(crate) fn open(path: &Path) -> Result<File, Error> {
    let file = options()
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|error| io_error("open", path, error))?;
    check(&file, path)?;
    Ok(file)
}

fn check(file: &File, path: &Path) -> Result<(), Error> {
    let meta = file.metadata().map_err(|error| io_error("look at", path, error))?;
    if meta.is_file() && meta.uid() == user() && meta.mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(refused(ErrorKind::PermissionDenied)
        .expected(format!(
            "`{}` to be a plain file of user {} with mode 0600",
            path.display(),
            user()
        ))
        .found(format!(
            "one of user {} with mode {:04o}",
            meta.uid(),
            meta.mode() & 0o7777
        ))
        .remedy("remove it; somebody else put it there"))
}

/// The text of a file; nothing where there is none.
///
/// # Errors
/// `TooLarge` beyond eight megabytes, `Corrupt` when it is no text, and as [`open`].
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    let file = match options().open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(io_error("open", path, error)),
    };
    check(&file, path)?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| io_error("read", path, error))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(refused(ErrorKind::TooLarge)
            .expected(format!("at most {MOST_BYTES} bytes in `{}`", path.display()))
            .found("more")
            .remedy("remove the file"));
    }
    String::from_utf8(bytes).map_err(|error| {
        refused(ErrorKind::Corrupt)
            .expected(format!("text in `{}`", path.display()))
            .remedy("remove the file")
            .caused_by(error)
    })
}

/// Puts that text in the place of the file, whole or not at all; `safely` so that it outlives a loss of power.
///
/// # Errors
/// What the system says.
pub(crate) fn replace(path: &Path, text: &str, safely: bool) -> Result<(), Error> {
    let fresh = path.with_extension("new");
    let written = || -> io::Result<()> {
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = options().create_new(true).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        if safely {
            file.sync_all()?;
        }
        fs::rename(&fresh, path)?;
        match path.parent().filter(|_| safely) {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    written().map_err(|error| io_error("write", path, error))
}

pub(crate) fn refused(kind: ErrorKind) -> Error {
    Error::new(kind, "open").backend("ray_queue")
}

/// What the system said, as one of our errors.
pub(crate) fn io_error(verb: &str, path: &Path, error: io::Error) -> Error {
    let (kind, remedy) = match error.raw_os_error() {
        Some(libc::ENOSPC | libc::EDQUOT) => (ErrorKind::OutOfSpace, "free some room on that device"),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM) => (
            ErrorKind::ResourceExhausted,
            "raise the limit of the system, or close what is not needed",
        ),
        _ => (
            ErrorKind::PermissionDenied,
            "make it a place where this user may write, or set SAGE_MANAGER_DIR to one",
        ),
    };
    refused(kind)
        .expected(format!("to {verb} `{}`", path.display()))
        .remedy(remedy)
        .caused_by(error)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use descriptor_core::QueueId;

    use super::*;

    fn scratch() -> PathBuf {
        let folder = std::env::temp_dir().join(QueueId::generated("sage-place").as_str());
        make_private(&folder).expect("a folder");
        folder
    }

    #[test]
    fn a_folder_that_others_can_read_and_a_link_are_refused() {
        let folder = scratch();
        let open = folder.join("open");
        fs::create_dir(&open).expect("a folder");
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).expect("its owner");
        let link = folder.join("link");
        symlink(&folder, &link).expect("a link");
        for wrong in [&open, &link] {
            let error = make_private(wrong).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        }
        let target = folder.join("target");
        fs::write(&target, "7").expect("a file");
        let link = folder.join("epoch");
        symlink(&target, &link).expect("a link");
        assert!(open_fails(&link) && read(&link).is_err());
        fs::remove_dir_all(folder).expect("all of it is ours");
    }

    fn open_fails(path: &Path) -> bool {
        open(path).is_err()
    }

    #[test]
    fn what_replaces_a_file_is_there_whole() {
        let folder = scratch();
        let path = folder.join("epoch");
        assert_eq!(read(&path).expect("nothing"), "");
        for safely in [true, false] {
            replace(&path, "12\n", safely).expect("room");
            assert_eq!(read(&path).expect("a text"), "12\n");
        }
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::remove_dir_all(folder).expect("all of it is ours");
    }
}
