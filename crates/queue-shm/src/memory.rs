//! Memory for large bytes, used again: what the system gives anew it has to clear first, page by page, which takes longer
//! than to copy the bytes.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// The memory of smaller ones is used again by the allocator.
const LARGE: usize = 16 * 1024;
/// The most bytes that are kept for a next time, in all of the process.
const KEPT: usize = 8 << 20;

static SHELF: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// An empty buffer with room for `len` bytes.
#[inline]
pub(crate) fn room(len: usize) -> Vec<u8> {
    if len < LARGE {
        Vec::with_capacity(len)
    } else {
        used(len)
    }
}

fn used(len: usize) -> Vec<u8> {
    let mut shelf = SHELF.lock().unwrap_or_else(PoisonError::into_inner);
    // The last one given back is the most likely to be in a cache. None that is much too large: it may be kept for long.
    let fits = shelf
        .iter()
        .rposition(|buffer| buffer.capacity() >= len && buffer.capacity() / 2 <= len);
    let buffer = fits.map(|place| shelf.remove(place));
    drop(shelf);
    buffer.unwrap_or_else(|| Vec::with_capacity(len))
}

/// The bytes of a buffer, whose memory comes back when nobody needs them any more.
#[inline]
pub(crate) fn bytes(buffer: Vec<u8>) -> Bytes {
    if buffer.capacity() < LARGE {
        Bytes::from(buffer)
    } else {
        Bytes::from_owner(Lent(buffer))
    }
}

/// A copy.
pub(crate) fn copy(item: &[u8]) -> Bytes {
    let mut buffer = room(item.len());
    buffer.extend_from_slice(item);
    bytes(buffer)
}

struct Lent(Vec<u8>);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut buffer = std::mem::take(&mut self.0);
        buffer.clear();
        let mut shelf = SHELF.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: usize = shelf.iter().map(Vec::capacity).sum();
        if kept + buffer.capacity() <= KEPT {
            shelf.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_memory_comes_back_and_is_bounded() {
        let len = 3 << 20;
        let mut buffer = room(len);
        buffer.resize(len, 7);
        let place = buffer.as_ptr();
        let item = bytes(buffer);
        let part = item.slice(5..9);
        drop(item);
        let other = room(len);
        assert_ne!(other.as_ptr(), place, "a part of it is still in use");
        assert_eq!(part, [7; 4].as_slice());
        drop(part);
        let again = room(len - 1);
        assert_eq!(again.as_ptr(), place);
        assert!(again.is_empty());
        drop(bytes(again));
        let small = room(len / 4);
        assert_ne!(small.as_ptr(), place);
        for buffer in (0..9).map(|_| Vec::with_capacity(len)).collect::<Vec<_>>() {
            drop(Lent(buffer));
        }
        let shelf = SHELF.lock().expect("no panic under it");
        assert!(shelf.iter().map(Vec::capacity).sum::<usize>() <= KEPT);
    }
}
