//! What the fuzzer calls: the files that a server is given, as bytes.

use std::path::Path;

use queue_core::Error;
use rpc_broker::{Broker, Entry, Rule, Secret, Settings};

use crate::file::Given;
use crate::life::resume;
use crate::store::{Disk, Store, fuzz};
use crate::tokens::identities;

/// The identities of a token file with this content.
///
/// # Errors
/// What the server says at its start.
pub fn tokens(content: &[u8], for_all: &[Rule]) -> Result<Vec<Secret>, Error> {
    identities(
        &Given::with(Path::new("tokens"), "token file", content.to_vec()),
        for_all,
    )
}

/// The file of a store that these were written to, one after the other.
///
/// # Errors
/// What the store says.
pub fn image(entries: &[Entry]) -> Result<Vec<u8>, Error> {
    let disk = Disk::new(Vec::new());
    let (mut store, _) = Store::on(disk.clone())?;
    for entry in entries {
        store.write(std::slice::from_ref(entry))?;
    }
    drop(store);
    let image = disk.medium().bytes().to_vec();
    Ok(image)
}

/// A server starts with that file, and once more with what it made of it.
///
/// # Errors
/// What the server says at its start.
///
/// # Panics
/// When the second start fails.
pub fn start(image: Vec<u8>) -> Result<Broker, Error> {
    let disk = Disk::new(image);
    start_on(&disk)?;
    let again = start_on(&disk);
    assert!(again.is_ok(), "what was read once is not read again: {again:?}");
    again
}

/// The same with a sound file, whose rows these bytes say.
///
/// # Errors
/// What the server says at its start.
pub fn start_with_rows(bytes: &[u8]) -> Result<Broker, Error> {
    let disk = Disk::new(Vec::new());
    fuzz::write_rows(&disk, bytes);
    start_on(&disk)
}

fn start_on(disk: &Disk) -> Result<Broker, Error> {
    let (mut store, restored) = Store::on(disk.clone())?;
    let mut settings = Settings::default();
    settings.durable = true;
    resume(&mut store, restored, settings, 1, Box::new(|bytes| bytes.fill(7)))
}
