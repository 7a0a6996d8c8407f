//! Queues on their way to the server and back, over any number of connections.

use std::sync::Arc;

use descriptor_core::ErrorKind;
use rpc_wire::{Call, Creation, Handle, Message, Open, Opened, Release};

use super::handshake::unexpected;
use super::{Asked, Cause, Facts, Key, Line, Session, Stage, Wake};

/// More items than any queue has had: what is added to it still fits.
const MOST: u64 = 1 << 62;

/// Why puts of a session that the server does not know any more are not stored, as far as anybody can tell.
fn session_lost() -> Cause {
    Cause::new(
        ErrorKind::StaleHandle,
        "the session to go on where the connection was lost",
        "a server that was started anew, or forgot it",
        "put again what must not be missing; use durability=disk to have items outlive the server",
    )
}

impl Session {
    /// Asks the server for a queue, once there is a connection.
    pub(super) fn open(&mut self, key: Key) {
        if !self.is_up() {
            return;
        }
        let call = self.asked(Asked::Open(key));
        let Some(queue) = self.queue_mut(key) else { return };
        queue.stage = Stage::Opening(call);
        let open = Message::from(Open {
            call,
            creation: Creation::IfAbsent,
            tag: queue.terms.tag.clone(),
            record: queue.terms.record.clone(),
        });
        self.say(&open);
    }

    /// Gives a queue back and opens it again: everything that came and was not handed over goes back to it, in order.
    pub(super) fn reopen(&mut self, key: Key) {
        let Some(handle) = self.queue(key).and_then(|queue| queue.handle()) else {
            return;
        };
        self.send_puts_of(key, None);
        self.send_mark(key);
        let call = self.asked(Asked::Release(key, handle));
        self.say(&Message::from(Release { queue: handle, call }));
        if let Some(queue) = self.queue_mut(key) {
            queue.gets.disconnected();
            queue.loans.disconnected();
            queue.loans.gone_back();
            queue.gets.gone_back(1);
            queue.is_fresh = true;
            queue.stage = Stage::Absent;
        }
        self.open(key);
    }

    /// Gives a queue back for good, if nobody uses it and all that was accepted for it is settled.
    pub(super) fn release_if_unused(&mut self, key: Key) {
        let Some(queue) = self.queue(key) else { return };
        if queue.users > 0 || (!queue.puts.is_settled() && queue.failed.is_none()) {
            return;
        }
        match queue.stage {
            _ if queue.failed.is_some() || self.gone.is_some() => self.drop_queue(key),
            Stage::Open(handle) => {
                self.send_mark(key);
                let call = self.asked(Asked::Release(key, handle));
                self.say(&Message::from(Release { queue: handle, call }));
                if let Some(queue) = self.queue_mut(key) {
                    queue.stage = Stage::Releasing(call);
                }
            }
            // Once it is open it is given back.
            Stage::Opening(_) | Stage::Releasing(_) => {}
            Stage::Absent => self.drop_queue(key),
        }
        self.poked = true;
    }

    pub(super) fn released(&mut self, key: Key, handle: Handle, call: Call) {
        self.handles.remove(&handle.get());
        if self
            .queue(key)
            .is_some_and(|queue| queue.stage == Stage::Releasing(call))
        {
            self.drop_queue(key);
        }
    }

    /// The two sides know each other: everything is opened again.
    pub(super) fn went_up(&mut self, is_resumed: bool, is_first: bool) {
        for key in self.keys() {
            let Some(queue) = self.queues.get_mut(key).and_then(Option::as_mut) else {
                continue;
            };
            if matches!(queue.stage, Stage::Releasing(_)) || (queue.users == 0 && queue.puts.is_settled()) {
                self.drop_queue(key);
                continue;
            }
            if !is_resumed && !is_first {
                let settled = queue.puts.begin_again(1, &session_lost(), &mut self.spare);
                queue.loans.gone_back();
                queue.gets.gone_back(1);
                queue.is_fresh = true;
                self.settle(key, settled);
            }
            self.open(key);
        }
    }

    /// # Errors
    /// When nobody asked.
    pub(super) fn opened(&mut self, opened: &Opened) -> Result<(), Cause> {
        let key = match self.calls.get(&opened.call.get()) {
            Some(Asked::Open(key)) => *key,
            // Somebody looks into a queue without using it.
            Some(Asked::Ticket(..)) => {
                self.heard_answer(opened.call, opened.clone().into());
                return Ok(());
            }
            _ => return Err(unexpected("Opened")),
        };
        if opened.next_put.max(opened.next_delivery) > MOST {
            return Err(unexpected("Opened, with a number of items that no queue reaches"));
        }
        self.calls.remove(&opened.call.get());
        let is_known = self
            .queue(key)
            .is_some_and(|queue| queue.stage == Stage::Opening(opened.call));
        if !is_known {
            return Ok(());
        }
        let Some(queue) = self.queues.get_mut(key).and_then(Option::as_mut) else {
            return Ok(());
        };
        self.handles.insert(opened.queue.get(), key);
        queue.stage = Stage::Open(opened.queue);
        let is_another = queue.facts.is_some_and(|facts| facts.epoch != opened.epoch);
        if is_another {
            // The session outlived the server, and this queue did not: what was sent may have been stored in the one before.
            let lost = queue.puts.begin_again(1, &session_lost(), &mut self.spare);
            queue.loans.gone_back();
            queue.is_fresh = true;
            self.settle(key, lost);
        }
        let Some(queue) = self.queues.get_mut(key).and_then(Option::as_mut) else {
            return Ok(());
        };
        queue.facts = Some(Facts {
            epoch: opened.epoch,
            capacity: opened.capacity,
        });
        let settled = queue.puts.resume(opened.next_put, &mut self.spare);
        let is_fresh = std::mem::take(&mut queue.is_fresh);
        let missed = opened.next_delivery != queue.gets.received.saturating_add(1);
        let lines = Arc::clone(&queue.lines);
        match (opened.kept.0, missed) {
            _ if is_fresh => queue.gets.gone_back(opened.next_delivery),
            (true, false) => queue.gets.kept(),
            (true, true) => {
                // Some were sent and never came: with them, all that was not handed over goes back, and then comes again.
                queue.gets.kept();
                self.settle(key, settled);
                self.reopen(key);
                return Ok(());
            }
            (false, _) => {
                if queue.gets.received > 0 {
                    queue.loans.gone_back();
                }
                queue.gets.gone_back(opened.next_delivery);
            }
        }
        if queue.gets.mark().is_some() && !queue.gets.listed {
            queue.gets.listed = true;
            self.marks.push(key);
        }
        self.settle(key, settled);
        self.wake(Wake::Openers(lines));
        self.send_puts_of(key, None);
        self.ask_again(key);
        self.close_if_due(key);
        self.release_if_unused(key);
        Ok(())
    }

    /// That queue cannot be used any more.
    pub(super) fn fail_queue(&mut self, key: Key, cause: Cause) {
        let Some(queue) = self.queues.get_mut(key).and_then(Option::as_mut) else {
            return;
        };
        queue.stage = Stage::Absent;
        queue.gets.disconnected();
        queue.loans.disconnected();
        queue.loans.gone_back();
        let settled = queue.puts.refused_all(&cause, &mut self.spare);
        queue.failed = Some(cause);
        let lines = Arc::clone(&queue.lines);
        self.settle(key, settled);
        self.wake(Wake::All(lines));
        self.release_if_unused(key);
    }

    /// The connection is gone.
    pub(crate) fn disconnected(&mut self, cause: &Cause) {
        self.line = Line::Down;
        self.out.clear();
        self.handles.clear();
        self.marks_due = None;
        self.lose_calls(cause);
        for key in self.keys() {
            if let Some(queue) = self.queue_mut(key) {
                queue.gets.disconnected();
                queue.loans.disconnected();
                if matches!(queue.stage, Stage::Releasing(_)) {
                    self.drop_queue(key);
                } else {
                    queue.stage = Stage::Absent;
                }
            }
        }
    }

    /// Nobody shall wait for the connection any more; it may come back all the same.
    pub(crate) fn give_all_up(&mut self, cause: &Cause) {
        self.gone = Some(cause.clone());
        for key in self.keys() {
            let Some(queue) = self.queues.get_mut(key).and_then(Option::as_mut) else {
                continue;
            };
            let lines = Arc::clone(&queue.lines);
            let settled = queue.puts.give_up_all(cause, &mut self.spare);
            self.settle(key, settled);
            self.wake(Wake::All(lines));
            self.release_if_unused(key);
        }
    }
}
