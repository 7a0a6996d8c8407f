//! Puts: stored once, in order, confirmed or refused.

use std::time::Instant;

use queue_core::ErrorKind;
use rpc_wire::{Confirmed, Failure, Handle, Micros, Put, Refused};

use crate::broker::{Broker, stopped};
use crate::dispatch::Stop;
use crate::piece::{Piece, first_item};
use crate::queue::Queue;
use crate::rights::Rights;
use crate::session::Pending;
use crate::store::room;
use crate::table::Key;
use crate::timers::Timer;

/// Why a put is not stored, or not now.
enum Obstacle {
    /// There will be room.
    Full,
    Never(Failure),
}

impl Broker {
    pub(crate) fn put(&mut self, at: Key, put: Put, now: Instant) -> Result<(), Stop> {
        let Some(key) = self.member_at(at, put.queue)? else {
            return Ok(());
        };
        let Some(member) = self.members.get_mut(key) else {
            return Ok(());
        };
        if member.cut.is_some() || member.refusing.is_some() {
            // It falls under a refusal that is still to be said.
            return Ok(());
        }
        let expected = member.arrives();
        if put.first > expected {
            return match member.dropping {
                true => Ok(()),
                false => Err(Stop::wrong(
                    format!("a put from number {expected} on"),
                    put.first.to_string(),
                )),
            };
        }
        let mut piece = Piece {
            order: 0,
            count: put.items.len() as u32,
            codec: put.codec,
            deliveries: 0,
            bytes: put.items.laid_out().clone(),
        };
        let known = expected - put.first;
        if known >= u64::from(piece.count) {
            self.owe_confirmation(key);
            return Ok(());
        }
        if known > 0 {
            let again = room(&piece.bytes, piece.count, known, u64::MAX);
            piece.split_to(again);
        }
        member.dropping = false;
        let queue_key = member.queue;
        let waits = !member.pending.is_empty();
        let rights = member.rights;
        let Some(queue) = self.queues.get(queue_key) else {
            return Ok(());
        };
        let refusal = if !rights.has(Rights::PUT) {
            self.permit(at, queue.id.as_str(), Rights::PUT, "put").err()
        } else if queue.closed {
            Some(queue.error(ErrorKind::Closed, "put"))
        } else if self.stopping {
            Some(stopped("put"))
        } else {
            None
        };
        if let Some(error) = refusal {
            self.refuse(key, &Failure::from(&error));
            return Ok(());
        }
        if !waits && queue.puts.is_empty() {
            match self.store(key, &mut piece) {
                Ok(()) => return Ok(()),
                Err(Obstacle::Never(failure)) => {
                    self.refuse(key, &failure);
                    return Ok(());
                }
                Err(Obstacle::Full) => {}
            }
        }
        self.wait_for_room(at, key, piece, put.wait, now)
    }

    /// Stores what there is room for, and leaves the rest in `piece`.
    fn store(&mut self, key: Key, piece: &mut Piece) -> Result<(), Obstacle> {
        let (Some(member), limits) = (self.members.get_mut(key), &self.settings) else {
            return Ok(());
        };
        let Some(queue) = self.queues.get_mut(member.queue) else {
            return Ok(());
        };
        if queue.terms.durable
            && let Some(trouble) = &self.journal.trouble
        {
            return Err(Obstacle::Never(trouble.clone()));
        }
        let (items, bytes) = queue.room();
        let fits = room(&piece.bytes, piece.count, items, bytes);
        let all_items = limits.max_items.saturating_sub(self.usage.0).min(items);
        let all_bytes = limits.max_bytes.saturating_sub(self.usage.1).min(bytes);
        let stored = room(&piece.bytes, piece.count, all_items, all_bytes);
        if stored.0 > 0 {
            let front = piece.split_to(stored);
            self.usage.0 += u64::from(front.count);
            self.usage.1 += front.payload();
            if queue.terms.durable {
                self.stage(key, front);
            } else {
                queue.store.append(front.codec, front.count, &front.bytes);
                member.next_put += u64::from(front.count);
                let at = member.queue;
                self.mark(at);
                self.owe_confirmation(key);
            }
        }
        if piece.count == 0 {
            return Ok(());
        }
        Err(
            match self.members.get(key).and_then(|member| self.queues.get(member.queue)) {
                Some(queue) => never(queue, piece)
                    .or_else(|| (stored.0 < fits.0).then(|| self.no_memory(queue)))
                    .map_or(Obstacle::Full, Obstacle::Never),
                None => Obstacle::Full,
            },
        )
    }

    /// All queues together have as much as there may be.
    fn no_memory(&self, queue: &Queue) -> Failure {
        let (items, bytes) = (self.settings.max_items, self.settings.max_bytes);
        let error = queue.error(ErrorKind::ResourceExhausted, "put");
        Failure::from(
            &error
                .expected(format!(
                    "at most {items} items and {bytes} bytes in all queues of the server"
                ))
                .found("more")
                .remedy("take items from the queues, or raise the limits of the server"),
        )
    }

    /// A put that does not fit waits behind those that came before.
    fn wait_for_room(&mut self, at: Key, key: Key, piece: Piece, wait: Micros, now: Instant) -> Result<(), Stop> {
        let id = self.next_id();
        let limits = self.settings.limits;
        let (Some(member), Some(connection)) = (self.members.get_mut(key), self.connections.get_mut(at)) else {
            return Ok(());
        };
        let window = &mut connection.window;
        *window = (window.0 + u64::from(piece.count), window.1 + piece.payload());
        if window.0 > limits.window_items.into() || window.1 > limits.window_bytes {
            let most = format!(
                "at most {} items and {} bytes",
                limits.window_items, limits.window_bytes
            );
            let found = format!("{} items and {} bytes that are not confirmed", window.0, window.1);
            return Err(Stop::too_much(most, found));
        }
        let until = wait.duration().and_then(|wait| now.checked_add(wait));
        member.pending_items += u64::from(piece.count);
        member.pending.push_back(Pending { id, piece, until });
        let queue_key = member.queue;
        if let Some(until) = until {
            self.timers.set(until, Timer::Put(key, id));
        }
        if let Some(queue) = self.queues.get_mut(queue_key) {
            queue.puts.push_back((key, id));
        }
        // Who waits for items may make room at once.
        self.pump(queue_key, now);
        if wait == Micros::ZERO {
            self.put_is_late(key, id);
        }
        Ok(())
    }

    /// Stores pending puts as far as there is room, in their order.
    pub(crate) fn admit(&mut self, at: Key) -> bool {
        let mut moved = false;
        while let Some((key, id)) = self.queues.get(at).and_then(|queue| queue.puts.front().copied()) {
            let member = self.members.get_mut(key);
            let Some(mut pending) = member.and_then(|member| member.pending.pop_front()) else {
                // Whoever gives up a put takes it out of the queue's list as well, so this is for safety.
                self.queues.get_mut(at).map(|queue| queue.puts.pop_front());
                continue;
            };
            let before = (u64::from(pending.piece.count), pending.piece.payload());
            let outcome = self.store(key, &mut pending.piece);
            let after = (u64::from(pending.piece.count), pending.piece.payload());
            let stored = (before.0 - after.0, before.1 - after.1);
            moved |= stored.0 > 0;
            self.leave_window(key, stored);
            let Some(member) = self.members.get_mut(key) else {
                break;
            };
            member.pending_items -= stored.0;
            if outcome.is_err() {
                member.pending.push_front(pending);
            } else {
                let cut = member.cut.take_if(|_| member.pending.is_empty());
                self.timers.clear(pending.until, Timer::Put(key, id));
                if let Some(queue) = self.queues.get_mut(at) {
                    queue.puts.pop_front();
                }
                if let Some(kind) = cut {
                    self.refuse(key, &Failure::plain(kind));
                }
            }
            match outcome {
                Ok(()) => {}
                Err(Obstacle::Full) => break,
                Err(Obstacle::Never(failure)) => {
                    self.refuse(key, &failure);
                    moved = true;
                }
            }
        }
        moved
    }

    /// A put has waited as long as it may.
    pub(crate) fn put_is_late(&mut self, key: Key, id: u64) {
        let pending = self.members.get(key).map(|member| &member.pending);
        if let Some(first) = pending.and_then(|pending| pending.iter().position(|put| put.id == id)) {
            self.cut(key, first, ErrorKind::Full);
        }
    }

    /// The client does not wait any more for puts from this number on.
    pub(crate) fn withdraw(&mut self, at: Key, queue: Handle, from: u64) -> Result<(), Stop> {
        let Some(key) = self.member_at(at, queue)? else {
            return Ok(());
        };
        let Some(member) = self.members.get_mut(key) else {
            return Ok(());
        };
        // The one that the number is in the middle of keeps what is before.
        let mut first = member.next_put;
        let mut split = None;
        for (index, pending) in member.pending.iter_mut().enumerate() {
            let next = first + u64::from(pending.piece.count);
            if from < next {
                let keep = from.saturating_sub(first);
                split = Some((index, keep));
                break;
            }
            first = next;
        }
        match split {
            Some((index, 0)) => self.cut(key, index, ErrorKind::Cancelled),
            Some((index, keep)) => {
                if let Some(pending) = member.pending.get_mut(index) {
                    let kept = room(&pending.piece.bytes, pending.piece.count, keep, u64::MAX);
                    let front = pending.piece.split_to(kept);
                    let rest = std::mem::replace(&mut pending.piece, front);
                    member.pending_items -= u64::from(rest.count);
                    self.leave_window(key, (rest.count.into(), rest.payload()));
                }
                self.cut(key, index + 1, ErrorKind::Cancelled);
            }
            None => self.owe_confirmation(key),
        }
        Ok(())
    }

    /// Gives up the pending puts from the one at `index` on, and everything behind them.
    pub(crate) fn cut(&mut self, key: Key, index: usize, kind: ErrorKind) {
        let Some(member) = self.members.get_mut(key) else {
            return;
        };
        if index == 0 {
            if !member.pending.is_empty() {
                self.refuse(key, &Failure::plain(kind));
            }
            return;
        }
        let given_up: Vec<Pending> = member.pending.drain(index.min(member.pending.len())..).collect();
        member.cut.get_or_insert(kind);
        self.forget_puts(key, &given_up);
    }

    /// Nothing from the next number on is stored.
    pub(crate) fn refuse(&mut self, key: Key, failure: &Failure) {
        self.confirm(key);
        self.drop_puts(key);
        let Some(member) = self.members.get_mut(key) else {
            return;
        };
        member.dropping = true;
        if member.staged > 0 {
            // It says that all before is stored.
            member.refusing.get_or_insert_with(|| failure.clone());
            return;
        }
        let from = member.next_put;
        if let Some((at, queue)) = member.open {
            self.tell(
                at,
                Refused {
                    queue,
                    from,
                    failure: failure.clone(),
                },
            );
        }
    }

    /// All pending puts of a member are as if they had never come.
    pub(crate) fn drop_puts(&mut self, key: Key) {
        if let Some(member) = self.members.get_mut(key) {
            member.cut = None;
            let given_up: Vec<Pending> = member.pending.drain(..).collect();
            self.forget_puts(key, &given_up);
        }
    }

    fn forget_puts(&mut self, key: Key, given_up: &[Pending]) {
        let (Some(member), Some(first)) = (self.members.get_mut(key), given_up.first()) else {
            return;
        };
        let at = member.queue;
        let mut sum = (0, 0);
        for pending in given_up {
            sum.0 += u64::from(pending.piece.count);
            sum.1 += pending.piece.payload();
            self.timers.clear(pending.until, Timer::Put(key, pending.id));
        }
        member.pending_items -= sum.0;
        if let Some(queue) = self.queues.get_mut(at) {
            queue.puts.retain(|(member, id)| *member != key || *id < first.id);
        }
        self.leave_window(key, sum);
        // Somebody else may be the first now.
        self.mark(at);
    }

    fn leave_window(&mut self, key: Key, (items, bytes): (u64, u64)) {
        let open = self.members.get(key).and_then(|member| member.open);
        if let Some(connection) = open.and_then(|(at, _)| self.connections.get_mut(at)) {
            let window = &mut connection.window;
            *window = (window.0.saturating_sub(items), window.1.saturating_sub(bytes));
        }
    }

    /// A server that stops takes no more puts.
    pub(crate) fn refuse_all_puts(&mut self, now: Instant) {
        let failure = Failure::from(&stopped("put"));
        self.pump_all(now);
        for key in self.members.keys() {
            if self.members.get(key).is_some_and(|member| !member.pending.is_empty()) {
                self.refuse(key, &failure);
            }
        }
    }

    /// The member gets a confirmation when everything that was received is handled.
    pub(crate) fn owe_confirmation(&mut self, key: Key) {
        if let Some(member) = self.members.get_mut(key)
            && !std::mem::replace(&mut member.unconfirmed, true)
        {
            self.unconfirmed.push(key);
        }
    }

    /// Confirms what is stored, if that is owed.
    pub(crate) fn confirm(&mut self, key: Key) {
        let Some(member) = self.members.get_mut(key) else {
            return;
        };
        let owed = std::mem::replace(&mut member.unconfirmed, false);
        let up_to = member.next_put - member.staged - 1;
        if let Some((at, queue)) = member.open.filter(|_| owed && up_to > 0) {
            self.tell(at, Confirmed { queue, up_to });
        }
    }
}

/// Why the first of these items can never be stored, if so.
fn never(queue: &Queue, piece: &Piece) -> Option<Failure> {
    let first = first_item(&piece.bytes)?.len() as u64;
    (first > queue.terms.max_bytes).then(|| {
        let error = queue.error(ErrorKind::TooLarge, "put");
        Failure::from(
            &error
                .expected(format!(
                    "items of at most {} bytes, which is all the queue may have",
                    queue.terms.max_bytes
                ))
                .found(format!("{first} bytes"))
                .remedy("send smaller items, or make the queue with a larger `max_bytes`"),
        )
    })
}
