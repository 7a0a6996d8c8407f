//! A disk in memory that remembers what was not synced, for tests and campaigns.

use std::fmt;
use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{BackendError, StorageBackend};

const SECTOR: usize = 512;

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Len(usize),
}

/// A number below this one, by lot.
type Below<'a> = &'a mut dyn FnMut(u64) -> u64;
type OnCut = Box<dyn FnOnce(&Medium) + Send>;

/// A disk that fills up, fails, lies or loses its power. All who have a clone see the same one.
#[derive(Clone, Debug)]
pub struct Disk(Arc<Mutex<Medium>>);

/// What is on a [`Disk`].
#[derive(Default)]
pub struct Medium {
    bytes: Vec<u8>,
    /// What is there whatever happens.
    synced: Vec<u8>,
    since: Vec<Change>,
    /// So many more changes, then the power fails for good.
    power: Option<u64>,
    on_cut: Option<OnCut>,
    /// So many more changes, then nothing works; with the kind of error.
    fails: Option<(u64, io::ErrorKind)>,
    lies: bool,
}

impl Disk {
    /// A disk with something on it.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        let medium = Medium {
            synced: bytes.clone(),
            bytes,
            ..Medium::default()
        };
        Self(Arc::new(Mutex::new(medium)))
    }

    /// What is on it.
    pub fn medium(&self) -> MutexGuard<'_, Medium> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Medium {
    /// As it would be read now.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// From now on it says that it has synced, and does not.
    pub const fn lies(&mut self) {
        self.lies = true;
    }

    /// After so many more changes the power fails: this is run, and nothing works any more.
    pub fn power_fails_after(&mut self, changes: u64, on_cut: impl FnOnce(&Self) + Send + 'static) {
        self.power = Some(changes);
        self.on_cut = Some(Box::new(on_cut));
    }

    /// After so many more changes nothing works, because the disk is full or for another reason.
    pub const fn fails_after(&mut self, changes: u64, full: bool) {
        let kind = match full {
            true => io::ErrorKind::StorageFull,
            false => io::ErrorKind::Other,
        };
        self.fails = Some((changes, kind));
    }

    /// The end of that.
    pub const fn works_again(&mut self) {
        self.fails = None;
    }

    /// What is on the disk when the power comes back: any part of what was not synced, sector by sector.
    pub fn after_power_cut(&self, below: Below<'_>) -> Vec<u8> {
        let mut image = self.synced.clone();
        let chance = below(5);
        for change in &self.since {
            match change {
                Change::Len(len) if below(4) < chance => image.resize(*len, 0),
                Change::Len(_) => {}
                Change::Write(at, bytes) => {
                    for (index, sector) in bytes.chunks(SECTOR).enumerate() {
                        if below(4) < chance {
                            put(&mut image, at + index * SECTOR, sector);
                        }
                    }
                }
            }
        }
        image
    }

    fn step(&mut self) -> io::Result<()> {
        if let Some(left) = self.power {
            let Some(left) = left.checked_sub(1) else {
                if let Some(on_cut) = self.on_cut.take() {
                    on_cut(self);
                }
                return Err(io::ErrorKind::NotConnected.into());
            };
            self.power = Some(left);
        }
        if let Some((left, kind)) = &mut self.fails {
            *left = left.checked_sub(1).ok_or(*kind)?;
        }
        Ok(())
    }

    fn change(&mut self, change: Change) -> io::Result<()> {
        self.step()?;
        change.apply(&mut self.bytes);
        self.since.push(change);
        Ok(())
    }
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => put(image, *at, bytes),
            Self::Len(len) => image.resize(*len, 0),
        }
    }
}

fn put(image: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if image.len() < end {
        image.resize(end, 0);
    }
    if let Some(place) = image.get_mut(at..end) {
        place.copy_from_slice(bytes);
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.medium().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let medium = self.medium();
        let found = medium.bytes.get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.medium().change(Change::Len(len as usize))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut medium = self.medium();
        medium.step()?;
        if !medium.lies {
            let since = std::mem::take(&mut medium.since);
            since.iter().for_each(|change| change.apply(&mut medium.synced));
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.medium().change(Change::Write(offset as usize, data.to_vec()))
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }
}

impl fmt::Debug for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Medium")
            .field("len", &self.bytes.len())
            .finish_non_exhaustive()
    }
}
