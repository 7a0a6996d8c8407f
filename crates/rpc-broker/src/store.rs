//! The items of one queue. Nothing else touches them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use rpc_wire::ItemCodec;

use crate::journal::Journal;
use crate::piece::{FRONT, Most, Piece, payload, prefix};
use crate::table::Key;

/// From so many bytes on, items stay in the block of memory that they were received in. Fewer would keep a block that is many times
/// larger.
const SHARED: usize = 16 << 10;
/// Fewer are gathered in blocks of this size.
const BLOCK: usize = 16 << 10;

/// Numbers of items since the queue was made: `put` are `got`, `buried`, `dropped`, waiting or away.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) put: u64,
    pub(crate) got: u64,
    pub(crate) redelivered: u64,
    pub(crate) buried: u64,
    pub(crate) dropped: u64,
    /// Loans that ran out.
    pub(crate) expired: u64,
    /// Items that came back because there was no room among the dead letters.
    pub(crate) refused: u64,
}

/// First in, first out. What was delivered and comes back has its old place.
#[derive(Debug, Default)]
pub(crate) struct Store {
    /// What came back, by its order: all of it is before everything that was never delivered.
    returned: BTreeMap<u64, Piece>,
    /// What came back and is not to be seen before its moment.
    hidden: BTreeMap<(Instant, u64), Piece>,
    hidden_items: u64,
    /// What was never delivered, but for the last of it.
    fresh: VecDeque<Piece>,
    /// The last of it: small puts are gathered here.
    tail: BytesMut,
    tail_items: u32,
    tail_codec: ItemCodec,
    /// The order of the next item.
    next: u64,
    /// Of a durable queue: what is not written down yet, behind all the rest.
    staged: VecDeque<Staged>,
    staged_items: u64,
    waiting: u64,
    away: u64,
    bytes: u64,
    pub(crate) totals: Totals,
}

/// Items that are on their way to the disk.
#[derive(Debug)]
pub(crate) struct Staged {
    /// How far everything has to be written down.
    pub(crate) upto: u64,
    /// The member that put them.
    pub(crate) key: Key,
    pub(crate) piece: Piece,
}

/// How an item that is away leaves for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Got,
    Buried,
    Dropped,
}

impl Store {
    pub(crate) const fn waiting(&self) -> u64 {
        self.waiting
    }

    pub(crate) const fn away(&self) -> u64 {
        self.away
    }

    /// Waiting, away and staged.
    pub(crate) const fn items(&self) -> u64 {
        self.waiting + self.away + self.staged_items
    }

    /// Of these items, without their lengths.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Those of the waiting ones that are not to be seen yet.
    pub(crate) const fn resting(&self) -> u64 {
        self.hidden_items
    }

    /// Whether something can be taken.
    pub(crate) const fn has_some(&self) -> bool {
        self.waiting > self.hidden_items
    }

    /// Adds items at the end.
    pub(crate) fn append(&mut self, codec: ItemCodec, count: u32, items: &Bytes) {
        let large = items.len() >= SHARED;
        if large || codec != self.tail_codec || self.tail.len() + items.len() > BLOCK {
            self.end_tail();
        }
        if large {
            self.fresh.push_back(Piece {
                order: self.next,
                count,
                codec,
                deliveries: 0,
                bytes: items.clone(),
            });
        } else {
            self.tail.extend_from_slice(items);
            self.tail_items += count;
            self.tail_codec = codec;
        }
        self.next += u64::from(count);
        self.waiting += u64::from(count);
        self.bytes += payload(items, count);
        self.totals.put += u64::from(count);
    }

    /// Gives items of a durable queue their place, for good. They are not gathered: each has to be found again.
    pub(crate) fn number(&mut self, mut piece: Piece) -> Piece {
        piece.order = self.next;
        piece.deliveries = 0;
        self.next += u64::from(piece.count);
        if piece.bytes.len() < SHARED {
            piece.bytes = Bytes::copy_from_slice(&piece.bytes);
        }
        piece
    }

    /// Adds items that have their place at the end.
    pub(crate) fn append_numbered(&mut self, piece: Piece) {
        self.bytes += piece.payload();
        self.add(piece);
    }

    fn add(&mut self, piece: Piece) {
        self.next = self.next.max(piece.order.saturating_add(piece.count.into()));
        self.waiting += u64::from(piece.count);
        self.totals.put += u64::from(piece.count);
        self.fresh.push_back(piece);
    }

    /// They count, and nobody can take them.
    pub(crate) fn stage(&mut self, staged: Staged) {
        self.staged_items += u64::from(staged.piece.count);
        self.bytes += staged.piece.payload();
        self.staged.push_back(staged);
    }

    /// The next ones that are written down can be taken: whose they were, and how many.
    pub(crate) fn unstage(&mut self, journal: &Journal) -> Option<(Key, u64)> {
        let staged = self.staged.pop_front_if(|staged| journal.is_written(staged.upto))?;
        let count = u64::from(staged.piece.count);
        self.staged_items -= count;
        self.add(staged.piece);
        Some((staged.key, count))
    }

    pub(crate) fn has_staged(&self) -> bool {
        !self.staged.is_empty()
    }

    /// What is not written down is not stored: how many items, and their bytes.
    pub(crate) fn drop_staged(&mut self) -> (u64, u64) {
        let bytes = self.staged.drain(..).map(|staged| staged.piece.payload()).sum();
        self.bytes -= bytes;
        (std::mem::take(&mut self.staged_items), bytes)
    }

    /// What is gathered becomes a piece.
    fn end_tail(&mut self) {
        if self.tail_items > 0 {
            self.fresh.push_back(Piece {
                order: self.next - u64::from(self.tail_items),
                count: self.tail_items,
                codec: self.tail_codec,
                deliveries: 0,
                bytes: self.tail.split().freeze(),
            });
            self.tail_items = 0;
        }
    }

    /// Takes items of one codec from the head into `out`, which is empty. They are away then. None when there are none, or when
    /// `most` has no room for the first.
    pub(crate) fn take(&mut self, mut most: Most, out: &mut Vec<Piece>) {
        while let Some(piece) = self.take_piece(&most, out.first().map(|piece| piece.codec)) {
            let count = u64::from(piece.count);
            self.waiting -= count;
            self.away += count;
            if piece.deliveries > 0 {
                self.totals.redelivered += count;
            }
            most.items -= count;
            most.bytes = most.bytes.saturating_sub(piece.payload());
            most.room = most.room.saturating_sub(piece.payload() + count * most.front);
            most.first_may_exceed = false;
            out.push(piece);
        }
    }

    fn take_piece(&mut self, most: &Most, codec: Option<ItemCodec>) -> Option<Piece> {
        let fits = |piece: &Piece| codec.is_none_or(|codec| codec == piece.codec);
        if let Some(mut entry) = self.returned.first_entry() {
            let of = prefix(&entry.get().bytes, entry.get().count, most);
            if of.0 == 0 || !fits(entry.get()) {
                return None;
            }
            let piece = entry.get_mut().split_to(of);
            let rest = entry.remove();
            if rest.count > 0 {
                self.returned.insert(rest.order, rest);
            }
            return Some(piece);
        }
        if self.fresh.is_empty() {
            return self.take_tail(most, codec);
        }
        let first = self.fresh.front_mut().filter(|piece| fits(piece))?;
        let of = prefix(&first.bytes, first.count, most);
        if of.0 == 0 {
            return None;
        }
        let piece = first.split_to(of);
        if first.count == 0 {
            self.fresh.pop_front();
        }
        Some(piece)
    }

    fn take_tail(&mut self, most: &Most, codec: Option<ItemCodec>) -> Option<Piece> {
        if codec.is_some_and(|codec| codec != self.tail_codec) {
            return None;
        }
        let (count, len) = prefix(&self.tail, self.tail_items, most);
        let order = self.next - u64::from(self.tail_items);
        if count == 0 {
            return None;
        }
        self.tail_items -= count;
        Some(Piece {
            order,
            count,
            codec: self.tail_codec,
            deliveries: 0,
            bytes: self.tail.split_to(len).freeze(),
        })
    }

    /// Items that were away wait again, in their old place, from `visible` on when that is given.
    pub(crate) fn give_back(&mut self, mut piece: Piece, visible: Option<Instant>) {
        if piece.bytes.len() < SHARED {
            // It may stay for long, and shall not keep the block it was a small part of.
            piece.bytes = Bytes::copy_from_slice(&piece.bytes);
        }
        let count = u64::from(piece.count);
        self.away -= count;
        self.waiting += count;
        match visible {
            Some(at) => {
                self.hidden_items += count;
                self.hidden.insert((at, piece.order), piece);
            }
            None => {
                self.returned.insert(piece.order, piece);
            }
        }
    }

    /// What was hidden until now can be taken. When the next will be.
    pub(crate) fn reveal(&mut self, now: Instant) -> Option<Instant> {
        while let Some(entry) = self.hidden.first_entry() {
            let (at, order) = *entry.key();
            if at > now {
                return Some(at);
            }
            let piece = entry.remove();
            self.hidden_items -= u64::from(piece.count);
            self.returned.insert(order, piece);
        }
        None
    }

    /// Items that were away leave.
    pub(crate) fn settle(&mut self, count: u64, bytes: u64, end: End) {
        self.away -= count;
        self.bytes -= bytes;
        match end {
            End::Got => self.totals.got += count,
            End::Buried => self.totals.buried += count,
            End::Dropped => self.totals.dropped += count,
        }
    }

    /// The items that can be taken, without taking them: as they lie, and how many.
    pub(crate) fn peek(&self) -> impl Iterator<Item = (ItemCodec, &[u8], u32)> {
        let pieces = self.returned.values().chain(&self.fresh);
        let tail = (self.tail_items > 0).then_some((self.tail_codec, &self.tail[..], self.tail_items));
        pieces
            .map(|piece| (piece.codec, &piece.bytes[..], piece.count))
            .chain(tail)
    }

    /// Gives memory back that nothing is in.
    pub(crate) fn trim(&mut self) {
        if self.tail.is_empty() {
            self.tail = BytesMut::new();
        }
        if self.fresh.is_empty() {
            self.fresh = VecDeque::new();
        }
    }
}

/// How many of these items there is room for, and their bytes as they lie: `items` and `bytes` are what is free.
pub(crate) fn room(laid_out: &[u8], count: u32, items: u64, bytes: u64) -> (u32, usize) {
    let most = Most {
        items,
        bytes,
        first_may_exceed: false,
        room: u64::MAX,
        front: FRONT as u64,
    };
    prefix(laid_out, count, &most)
}
