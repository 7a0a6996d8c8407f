//! A place that items are written to first: as long as all of it fits, nothing has to be asked before each number.

use std::cell::Cell;

use bincode::config::Config;
use serde::Serialize;

/// The room of a thread, at first and at most.
const FEW: usize = 4 * 1024;
const MOST: usize = 1 << 20;

/// Appends the item to `out`, if it has at most `limit` bytes and fits into the room of this thread; false when it does not, and
/// for whatever else stands against it.
pub(super) fn write<T: Serialize + ?Sized, C: Config>(item: &T, config: C, limit: usize, out: &mut Vec<u8>) -> bool {
    thread_local! {
        static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    // An item that encodes items while it is written finds none and makes its own.
    let mut room = ROOM.take();
    if room.is_empty() {
        room.resize(FEW, 0);
    }
    let within = limit.min(room.len());
    let written = bincode::serde::encode_into_slice(item, room.get_mut(..within).unwrap_or_default(), config);
    let frame = written.ok().and_then(|size| room.get(..size));
    let fits = frame.is_some();
    match frame {
        Some(frame) => out.extend_from_slice(frame),
        // For the next one.
        None if within == room.len() && within < MOST => room.resize(within * 4, 0),
        None => {}
    }
    ROOM.set(room);
    fits
}
