//! A disk in memory that remembers what was not synced.

use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use redb::{BackendError, StorageBackend};

use super::model::Dice;

const SECTOR: usize = 512;

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Len(usize),
}

#[derive(Debug)]
pub(super) struct Medium {
    bytes: Vec<u8>,
    /// What is there whatever happens.
    synced: Vec<u8>,
    since: Vec<Change>,
    /// So many more changes, then the power fails for good.
    power: Option<u64>,
    /// So many more changes, then nothing works; with the kind of error.
    fails: Option<(u64, io::ErrorKind)>,
    lies: bool,
}

impl Medium {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self {
            synced: bytes.clone(),
            bytes,
            since: Vec::new(),
            power: None,
            fails: None,
            lies: false,
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    pub(super) const fn lies(&mut self) {
        self.lies = true;
    }

    pub(super) const fn power_fails_after(&mut self, changes: u64) {
        self.power = Some(changes);
    }

    pub(super) const fn fails_after(&mut self, changes: u64, full: bool) {
        let kind = match full {
            true => io::ErrorKind::StorageFull,
            false => io::ErrorKind::Other,
        };
        self.fails = Some((changes, kind));
    }

    pub(super) const fn works_again(&mut self) {
        self.fails = None;
    }

    /// What is on the disk when the power comes back: any part of what was not synced, sector by sector.
    pub(super) fn after_power_cut(&self, dice: &mut Dice) -> Vec<u8> {
        let mut image = self.synced.clone();
        let chance = dice.below(5);
        for change in &self.since {
            match change {
                Change::Len(len) if dice.below(4) < chance => image.resize(*len, 0),
                Change::Len(_) => {}
                Change::Write(at, bytes) => {
                    for (index, sector) in bytes.chunks(SECTOR).enumerate() {
                        if dice.below(4) < chance {
                            put(&mut image, at + index * SECTOR, sector);
                        }
                    }
                }
            }
        }
        image
    }

    fn step(&mut self) -> io::Result<()> {
        if let Some(left) = &mut self.power {
            *left = left.checked_sub(1).ok_or(io::ErrorKind::NotConnected)?;
        }
        if let Some((left, kind)) = &mut self.fails {
            *left = left.checked_sub(1).ok_or(*kind)?;
        }
        Ok(())
    }

    fn change(&mut self, change: Change) -> io::Result<()> {
        self.step()?;
        match &change {
            Change::Write(at, bytes) => put(&mut self.bytes, *at, bytes),
            Change::Len(len) => self.bytes.resize(*len, 0),
        }
        self.since.push(change);
        Ok(())
    }
}

fn put(image: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if image.len() < at + bytes.len() {
        image.resize(at + bytes.len(), 0);
    }
    image[at..at + bytes.len()].copy_from_slice(bytes);
}

#[derive(Debug)]
pub(super) struct Disk(Arc<Mutex<Medium>>);

impl Disk {
    pub(super) fn new(medium: &Arc<Mutex<Medium>>) -> Self {
        Self(Arc::clone(medium))
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let medium = self.0.lock().unwrap();
        let found = medium.bytes.get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.lock().unwrap().change(Change::Len(len as usize))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut medium = self.0.lock().unwrap();
        medium.step()?;
        if !medium.lies {
            medium.synced = medium.bytes.clone();
            medium.since.clear();
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let change = Change::Write(offset as usize, data.to_vec());
        self.0.lock().unwrap().change(change)
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }
}
