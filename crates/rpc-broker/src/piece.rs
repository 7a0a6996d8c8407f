//! Items as they lie in a frame, split without a look at each.

use bytes::Bytes;
use rpc_wire::ItemCodec;

/// The length in front of each item.
pub(crate) const FRONT: usize = 4;

/// Items that follow one another in a queue, of one codec and delivered equally often.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    /// The place of the first one in the order of the queue.
    pub(crate) order: u64,
    pub(crate) count: u32,
    pub(crate) codec: ItemCodec,
    /// How often they were delivered.
    pub(crate) deliveries: u32,
    /// As they lie in a frame.
    pub(crate) bytes: Bytes,
}

/// What may be taken at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most {
    pub(crate) items: u64,
    /// Bytes of the items themselves.
    pub(crate) bytes: u64,
    /// Whether the first item may have more bytes.
    pub(crate) first_may_exceed: bool,
    /// Bytes of the items with what stands in front of each.
    pub(crate) room: u64,
    /// Bytes that stand in front of each.
    pub(crate) front: u64,
}

impl Piece {
    /// Bytes of the items themselves.
    pub(crate) fn payload(&self) -> u64 {
        payload(&self.bytes, self.count)
    }

    /// Takes so many items, of so many bytes as they lie, from the front.
    pub(crate) fn split_to(&mut self, (count, len): (u32, usize)) -> Self {
        let front = Self {
            bytes: self.bytes.split_to(len.min(self.bytes.len())),
            count,
            ..*self
        };
        self.order += u64::from(count);
        self.count = self.count.saturating_sub(count);
        front
    }

    /// Its items one by one.
    pub(crate) fn each(mut self) -> impl Iterator<Item = Self> {
        std::iter::from_fn(move || {
            let len = first(&self.bytes).filter(|_| self.count > 0)?;
            Some(self.split_to((1, len)))
        })
    }
}

/// Bytes of `count` items without what stands in front of each.
pub(crate) const fn payload(laid_out: &[u8], count: u32) -> u64 {
    (laid_out.len() as u64).saturating_sub(count as u64 * FRONT as u64)
}

/// The bytes of the first item with its length.
fn first(laid_out: &[u8]) -> Option<usize> {
    let len = u32::from_le_bytes(*laid_out.first_chunk()?);
    Some((len as usize).saturating_add(FRONT).min(laid_out.len()))
}

/// The first item without its length.
pub(crate) fn first_item(laid_out: &[u8]) -> Option<&[u8]> {
    laid_out.get(FRONT..first(laid_out)?)
}

/// The items without their lengths.
pub(crate) fn each_item(mut laid_out: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (item, rest) = laid_out.split_at_checked(first(laid_out)?)?;
        laid_out = rest;
        item.get(FRONT..)
    })
}

/// How many of these items may be taken, and their bytes as they lie.
pub(crate) fn prefix(laid_out: &[u8], count: u32, most: &Most) -> (u32, usize) {
    let all = payload(laid_out, count);
    let fronts = u64::from(count) * most.front;
    if u64::from(count) <= most.items && all <= most.bytes && all + fronts <= most.room {
        return (count, laid_out.len());
    }
    let (mut taken, mut at) = (0, 0);
    let mut bytes = 0;
    while taken < count && u64::from(taken) < most.items {
        let Some(len) = laid_out.get(at..).and_then(first) else {
            break;
        };
        bytes += (len - FRONT) as u64;
        let exceeds = bytes > most.bytes && !(taken == 0 && most.first_may_exceed);
        if exceeds || bytes + (u64::from(taken) + 1) * most.front > most.room {
            break;
        }
        taken += 1;
        at += len;
    }
    (taken, at)
}
