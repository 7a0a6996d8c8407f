//! Items go to those who wait for them, and room to those who wait for it.

use std::time::Instant;

use queue_core::{Error, ErrorKind};
use rpc_wire::{Delivered, Failure, Flag, Items, ItemsWriter, Lent, Loans};

use crate::broker::Broker;
use crate::connection::Connection;
use crate::piece::{FRONT, Most, Piece, first_item};
use crate::queue::{Mode, Waiter};
use crate::session::{Loan, Member};
use crate::store::{End, Store};
use crate::table::Key;
use crate::timers::{Timer, Timers};

/// Bytes of the items in one frame, unless the first has more: others on the connection need not wait long.
pub(crate) const FRAME_BYTES: u64 = 256 << 10;

impl Broker {
    /// Everything that may move moves.
    pub(crate) fn pump_all(&mut self, now: Instant) {
        while let Some(queue) = self.dirty.pop() {
            self.pump(queue, now);
        }
    }

    /// Everything that may move in one queue.
    pub(crate) fn pump(&mut self, at: Key, now: Instant) {
        if let Some(queue) = self.queues.get_mut(at) {
            queue.dirty = false;
        }
        loop {
            let delivered = self.deliver(at, now);
            let admitted = self.admit(at);
            if !delivered && !admitted {
                break;
            }
        }
        let Some(queue) = self.queues.get_mut(at) else {
            return;
        };
        if queue.is_drained() {
            let failure = Failure::plain(ErrorKind::Closed);
            for waiter in std::mem::take(&mut queue.gets) {
                self.fail_get(at, &waiter, &failure);
            }
        }
    }

    fn deliver(&mut self, at: Key, now: Instant) -> bool {
        let mut pieces = std::mem::take(&mut self.scratch);
        let (mut moved, mut index) = (false, 0);
        while let Some(queue) = self.queues.get_mut(at).filter(|queue| queue.store.has_some()) {
            let Some(waiter) = queue.gets.get_mut(index) else {
                break;
            };
            let connection = self.connections.get_mut(waiter.connection);
            let (Some(member), Some(connection)) = (self.members.get_mut(waiter.member), connection) else {
                queue.gets.remove(index);
                continue;
            };
            if connection.unread() >= self.settings.max_output {
                // A slow reader keeps its turn, and keeps nobody back.
                connection.stalled = true;
                index += 1;
                continue;
            }
            let is_loan = matches!(waiter.mode, Mode::Loan(_));
            let most = Most {
                items: waiter.items.into(),
                bytes: waiter.bytes.min(FRAME_BYTES),
                first_may_exceed: true,
                room: connection.room_for_items(),
                front: if is_loan { 2 * FRONT as u64 } else { FRONT as u64 },
            };
            queue.store.take(most, &mut pieces);
            let count: u64 = pieces.iter().map(|piece| u64::from(piece.count)).sum();
            let bytes: u64 = pieces.iter().map(Piece::payload).sum();
            if count == 0 {
                let failure = too_large(&queue.store, connection, queue.error(ErrorKind::TooLarge, "get"));
                if let Some(waiter) = queue.gets.remove(index) {
                    self.fail_get(at, &waiter, &failure);
                }
                continue;
            }
            moved = true;
            waiter.items = waiter.items.saturating_sub(count as u32);
            waiter.bytes = waiter.bytes.saturating_sub(bytes);
            connection.credit = connection.credit.saturating_sub(count);
            let last = waiter.once || waiter.items == 0 || waiter.bytes == 0;
            let waiter = *waiter;
            // What is the client's at once must not come again: it leaves when that is written down.
            let durable = queue.terms.durable;
            let is_held = durable && (waiter.mode == Mode::Outright || !self.journal.is_written(member.delivers_after));
            let said = is_held.then(|| std::mem::take(&mut connection.out));
            write(connection, member, &waiter, last, &pieces);
            let held = said.map(|said| std::mem::replace(&mut connection.out, said));
            let first = member.next_delivery;
            member.next_delivery += count;
            match waiter.mode {
                Mode::Outright => {
                    queue.store.settle(count, bytes, End::Got);
                    self.usage = (self.usage.0 - count, self.usage.1 - bytes);
                    for piece in pieces.drain(..) {
                        queue.settled(&mut self.journal, &piece);
                    }
                }
                Mode::Marked => {
                    let mut number = first;
                    for piece in pieces.drain(..) {
                        let next = number + u64::from(piece.count);
                        member.away.push_back((number, piece));
                        number = next;
                    }
                }
                Mode::Loan(lease) => {
                    connection.asked_loans = connection.asked_loans.saturating_sub(count);
                    connection.loans += count;
                    let until = lease.and_then(|lease| now.checked_add(lease));
                    let timers = &mut self.timers;
                    lend(timers, waiter.member, member, first, until, pieces.drain(..));
                }
            }
            if last {
                queue.gets.remove(index);
                // What is left of the credit goes with the call.
                connection.credit = connection.credit.saturating_sub(waiter.items.into());
                if is_loan {
                    connection.asked_loans = connection.asked_loans.saturating_sub(waiter.items.into());
                }
                connection.calls.remove(&waiter.call.get());
                self.timers.clear(waiter.until, Timer::Get(at, waiter.id));
            }
            if let Some(held) = held {
                member.delivers_after = self.journal.made();
                self.hold_bytes(waiter.connection, held);
            }
            self.note(waiter.connection);
        }
        self.scratch = pieces;
        moved
    }
}

/// Keeps what is lent, item by item.
fn lend(
    timers: &mut Timers,
    key: Key,
    member: &mut Member,
    first: u64,
    until: Option<Instant>,
    pieces: impl Iterator<Item = Piece>,
) {
    for (number, mut piece) in (first..).zip(pieces.flat_map(Piece::each)) {
        piece.deliveries = piece.deliveries.saturating_add(1);
        if let Some(until) = until {
            timers.set(until, Timer::Loan(key, number));
        }
        member.loans.insert(number, Loan { piece, until });
    }
}

/// Writes one frame. There is room for it: `Store::take` was told how much.
fn write(connection: &mut Connection, member: &Member, waiter: &Waiter, last: bool, pieces: &[Piece]) {
    let (Some((_, queue)), Some(first)) = (member.open, pieces.first()) else {
        return;
    };
    let (codec, frame) = (first.codec, connection.takes.frame);
    let (call, number, last) = (waiter.call, member.next_delivery, Flag(last));
    let written = if let Mode::Loan(_) = waiter.mode {
        let head = Lent {
            queue,
            codec,
            last,
            call,
            first: number,
            items: Loans::empty(),
        };
        let mut writer = ItemsWriter::new(&mut connection.out, frame, head);
        for piece in pieces.iter().cloned().flat_map(Piece::each) {
            let item = first_item(&piece.bytes).unwrap_or_default();
            let added = writer.push(piece.deliveries.saturating_add(1), item);
            debug_assert_eq!(added, Ok(true));
        }
        writer.finish()
    } else {
        let head = Delivered {
            queue,
            codec,
            last,
            call,
            first: number,
            items: Items::empty(),
        };
        let mut writer = ItemsWriter::new(&mut connection.out, frame, head);
        for piece in pieces {
            let added = writer.push_laid_out(piece.count, &piece.bytes);
            debug_assert!(added);
        }
        writer.finish()
    };
    debug_assert_eq!(written, Ok(()));
}

/// The item at the head is too large for this client.
fn too_large(store: &Store, connection: &Connection, error: Error) -> Failure {
    let first = store.peek().next().and_then(|(_, items, _)| first_item(items));
    let found = first.map_or(0, <[u8]>::len);
    Failure::from(
        &error
            .expected(format!(
                "items that fit into frames of {} bytes, which this client takes",
                connection.takes.frame
            ))
            .found(format!("one of {found} bytes"))
            .remedy("raise the largest frame of the client"),
    )
}
