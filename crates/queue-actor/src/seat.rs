//! The one who has a name on this host: a lock that the kernel gives up with its process, and a number that only rises.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use descriptor_core::{Error, ErrorKind, QueueId};

use crate::place::{io_error, make_private, open, read, refused, replace};

const LOCK: &str = "lock";
const EPOCH: &str = "epoch";

/// The folder of a name. Ids have no `+`, so no two of them share one.
pub(crate) fn folder_of(base: &Path, name: &QueueId) -> PathBuf {
    base.join(name.as_str().replace('/', "+"))
}

/// The epoch that began last; 0 before the first.
///
/// # Errors
/// `Corrupt` when the file has no number, and what the system says.
pub(crate) fn last_epoch(folder: &Path) -> Result<u64, Error> {
    let path = folder.join(EPOCH);
    let text = read(&path)?;
    let text = text.trim_end();
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|error: std::num::ParseIntError| {
        refused(ErrorKind::Corrupt)
            .expected(format!("a number in `{}`", path.display()))
            .found(descriptor_core::excerpt(text))
            .remedy("end the programs that use that namespace, then remove its folder")
            .caused_by(error)
    })
}

/// How the life with that epoch ended; `None` while it goes on, as far as can be seen.
pub(crate) fn obituary(folder: &Path, epoch: u64) -> Option<String> {
    if !folder.exists() {
        return Some(format!("epoch {epoch}, whose folder is gone"));
    }
    match last_epoch(folder) {
        Ok(now) if now != epoch => return Some(format!("epoch {epoch}, which ended: epoch {now} has begun")),
        _ => {}
    }
    // Of those who only look, any number may at once.
    let lock = open(&folder.join(LOCK)).ok()?;
    match lock.try_lock_shared() {
        Ok(()) => Some(format!("epoch {epoch}, which ended")),
        Err(_) => None,
    }
}

/// A name, taken. Dropping it gives it up.
#[derive(Debug)]
pub(crate) struct Seat {
    folder: PathBuf,
    /// Held, not read. The kernel gives it up with the process, in whatever way that ends.
    _lock: File,
}

impl Seat {
    /// Takes the name when nobody has it.
    ///
    /// # Errors
    /// What the system says to the folder or the lock.
    pub(crate) fn take(base: &Path, name: &QueueId) -> Result<Option<Self>, Error> {
        make_private(base)?;
        let folder = folder_of(base, name);
        make_private(&folder)?;
        let path = folder.join(LOCK);
        let lock = open(&path)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { folder, _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(io_error("lock", &path, error)),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Begins the next epoch, which outlives a loss of power before anybody is told.
    ///
    /// # Errors
    /// As [`last_epoch`], and what the system says.
    pub(crate) fn begin(&self) -> Result<u64, Error> {
        let epoch = last_epoch(&self.folder)?.saturating_add(1);
        replace(&self.folder.join(EPOCH), &format!("{epoch}\n"), true)?;
        Ok(epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_ends_with_its_seat_its_successor_or_its_folder() {
        let base = std::env::temp_dir().join(QueueId::generated("sage-seat").as_str());
        let name = QueueId::new("manager/x").expect("an id");
        let folder = folder_of(&base, &name);
        let seat = Seat::take(&base, &name).expect("a folder").expect("free");
        assert_eq!(seat.begin().expect("room"), 1);
        assert_eq!(obituary(&folder, 1), None);
        assert!(Seat::take(&base, &name).expect("a folder").is_none(), "taken");
        assert_eq!(seat.begin().expect("room"), 2);
        assert!(obituary(&folder, 1).is_some_and(|why| why.contains("epoch 2")));
        assert_eq!(obituary(&folder, 2), None);
        drop(seat);
        assert!(obituary(&folder, 2).is_some());
        std::fs::write(folder.join(EPOCH), "many\n").expect("a file");
        assert_eq!(last_epoch(&folder).expect_err("no number").kind(), ErrorKind::Corrupt);
        std::fs::remove_dir_all(&base).expect("all of it is ours");
        assert!(obituary(&folder, 2).is_some_and(|why| why.contains("gone")));
    }
}
