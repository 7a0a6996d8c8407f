//! Files that a server is given: certificates, keys, secrets.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use queue_core::{Error, ErrorKind};

/// No such file is larger.
const MOST: u64 = 1 << 20;

/// A file that was read, and what it is called in errors.
#[derive(Debug)]
pub(crate) struct Given<'a> {
    path: &'a Path,
    what: &'static str,
    pub(crate) content: Vec<u8>,
}

impl<'a> Given<'a> {
    /// Reads `what`, which nobody may be able to read who has one of these bits of the mode.
    pub(crate) fn read(path: &'a Path, what: &'static str, forbidden: u32) -> Result<Self, Error> {
        let given = Self {
            path,
            what,
            content: Vec::new(),
        };
        let file = File::open(path).map_err(|cause| given.unreadable(cause))?;
        let about = file.metadata().map_err(|cause| given.unreadable(cause))?;
        if !about.is_file() {
            return Err(given.refuse(ErrorKind::NotFound, "a regular file", "something else", "name the file"));
        }
        // Judged by what was opened: the name may mean another file by now.
        let mode = about.permissions().mode() & 0o777;
        if mode & forbidden != 0 {
            let (expected, remedy) = match forbidden {
                0o077 => (
                    "a file that only its owner can read",
                    "take the rights of the others away: chmod 600",
                ),
                _ => (
                    "a file that only owner and group can read",
                    "take the rights of the others away: chmod 640",
                ),
            };
            return Err(given.refuse(
                ErrorKind::PermissionDenied,
                expected,
                format!("mode {mode:04o}"),
                remedy,
            ));
        }
        let mut content = Vec::new();
        file.take(MOST + 1)
            .read_to_end(&mut content)
            .map_err(|cause| given.unreadable(cause))?;
        if content.len() as u64 > MOST {
            return Err(given.refuse(ErrorKind::TooLarge, "at most 1 MiB", "more", "name the right file"));
        }
        Ok(Self { content, ..given })
    }

    /// One that has this content.
    #[cfg(feature = "fuzz")]
    pub(crate) const fn with(path: &'a Path, what: &'static str, content: Vec<u8>) -> Self {
        Self { path, what, content }
    }

    /// The error for what is wrong with the file. `found` must not be made of its content.
    pub(crate) fn refuse(
        &self,
        kind: ErrorKind,
        expected: impl Into<String>,
        found: impl Into<String>,
        remedy: &'static str,
    ) -> Error {
        self.error(kind).expected(expected).found(found).remedy(remedy)
    }

    fn unreadable(&self, cause: io::Error) -> Error {
        let kind = match cause.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            _ => ErrorKind::Io,
        };
        self.error(kind)
            .caused_by(cause)
            .remedy("name a file that this user can read")
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind, "start the server")
            .backend("rpc")
            .with(self.what, self.path.display())
    }
}
