//! Durable queues: nothing is confirmed before it is written down, and nobody sees an item that could vanish.

use std::time::Instant;

use descriptor_record::QueueId;
use queue_core::{Error, ErrorKind};
use rpc_wire::{Failure, Message, Opened};

use crate::broker::Broker;
use crate::journal::{Author, Batch, Entry, Held, Journal};
use crate::piece::Piece;
use crate::queue::{Queue, about};
use crate::store::Staged;
use crate::table::Key;
use crate::timers::Timer;

impl Broker {
    /// Whether there is something to be written down: see [`take_batch`](Self::take_batch).
    #[must_use]
    pub const fn has_batch(&self) -> bool {
        self.journal.has_more()
    }

    /// How many puts have gathered since the last batch was taken.
    #[must_use]
    pub const fn gathered_puts(&self) -> usize {
        self.journal.puts()
    }

    /// What is to be written down, as one. When it is, call [`wrote_down`](Self::wrote_down), and
    /// [`not_written_down`](Self::not_written_down) when that failed. One batch at a time.
    pub fn take_batch(&mut self) -> Option<Batch> {
        self.journal.take()
    }

    /// The batch would survive whatever happens to this process: what waited for it is said, and its items can be taken.
    pub fn wrote_down(&mut self, batch: &Batch, now: Instant) {
        self.journal.trouble = None;
        self.journal.wrote(batch.upto);
        for at in self.journal.staging.iter().copied().collect::<Vec<_>>() {
            self.unstage(at);
        }
        self.say_held(now);
        self.settle_down(now);
    }

    /// The batch could not be written down. Its puts, and all since, are refused with this error, and so are those that come until
    /// a batch is written down again. Everything else in it is in the next one; answers wait for that.
    pub fn not_written_down(&mut self, batch: Batch, error: &Error, now: Instant) {
        let failure = Failure::from(error);
        self.journal.trouble = Some(failure.clone());
        self.journal.give_back(batch);
        let mut refused = Vec::new();
        for at in std::mem::take(&mut self.journal.staging) {
            let Some(queue) = self.queues.get_mut(at) else {
                continue;
            };
            let (items, bytes) = queue.store.drop_staged();
            self.usage = (self.usage.0 - items, self.usage.1 - bytes);
            for key in queue.members.iter().copied() {
                if let Some(member) = self.members.get_mut(key).filter(|member| member.staged > 0) {
                    member.next_put -= std::mem::take(&mut member.staged);
                    member.refusing = None;
                    refused.push(key);
                }
            }
            self.mark(at);
        }
        // Who waits to hear how far a put has come can be told now, and who waits for an item of its own, that there is none. That is
        // all there is to tell.
        for (upto, held) in std::mem::take(&mut self.journal.held) {
            match held {
                Held::Opened(at, member, opened) => {
                    refused.retain(|key| *key != member);
                    self.say_opened(at, member, opened);
                }
                Held::Late(at, id) => self.end_when_pumped(at, id, now),
                held => self.journal.held.push_back((upto, held)),
            }
        }
        for key in refused {
            self.refuse(key, &failure);
        }
        self.settle_down(now);
    }

    /// Items of a put of that member are stored once they are written down.
    pub(crate) fn stage(&mut self, key: Key, piece: Piece) {
        let Some(member) = self.members.get_mut(key) else {
            return;
        };
        let Some(queue) = self.queues.get_mut(member.queue) else {
            return;
        };
        let Some(session) = self.sessions.get_mut(member.session) else {
            return;
        };
        if !std::mem::replace(&mut session.written, true) {
            self.journal.push(Entry::Session {
                id: session.id,
                identity: session.identity.clone(),
            });
        }
        member.next_put += u64::from(piece.count);
        member.staged += u64::from(piece.count);
        let by = Author {
            session: session.id,
            next_put: member.next_put,
        };
        let (codec, count, epoch) = (piece.codec, piece.count, queue.epoch);
        let piece = queue.store.number(piece);
        self.journal.push(Entry::Put {
            queue: epoch,
            order: piece.order,
            codec,
            count,
            items: piece.bytes.clone(),
            by: Some(by),
        });
        let upto = self.journal.made();
        queue.store.stage(Staged { upto, key, piece });
        self.journal.staging.insert(member.queue);
    }

    /// What is written down of a queue can be taken, and is confirmed.
    fn unstage(&mut self, at: Key) {
        while let Some(queue) = self.queues.get_mut(at)
            && let Some(staged) = queue.store.unstage(&self.journal)
        {
            if let Some(member) = self.members.get_mut(staged.0) {
                member.staged = member.staged.saturating_sub(staged.1);
                let refusal = member.refusing.take_if(|_| member.staged == 0);
                self.owe_confirmation(staged.0);
                if let Some(failure) = refusal {
                    self.refuse(staged.0, &failure);
                }
            }
        }
        if self.queues.get(at).is_none_or(|queue| !queue.store.has_staged()) {
            self.journal.staging.remove(&at);
        }
        self.mark(at);
    }

    /// Says what is held no longer.
    fn say_held(&mut self, now: Instant) {
        while let Some(held) = self.journal.release() {
            match held {
                Held::Said(at, bytes) => {
                    if let Some(connection) = self.connections.get_mut(at).filter(|connection| !connection.is_over()) {
                        connection.held = connection.held.saturating_sub(bytes.len());
                        connection.out.extend_from_slice(&bytes);
                        self.note(at);
                    }
                }
                Held::Opened(at, member, opened) => self.say_opened(at, member, opened),
                Held::Late(at, id) => self.end_when_pumped(at, id, now),
                Held::Leave(at) => self.leave(at, now),
            }
        }
    }

    /// What a late get waited for can be taken, or is gone: it ends once the queue has handed out what it has.
    fn end_when_pumped(&mut self, at: Key, id: u64, now: Instant) {
        self.timers.set(now, Timer::Get(at, id));
    }

    /// Says something when everything so far is written down.
    pub(crate) fn hold(&mut self, at: Key, message: impl Into<Message>) {
        if let Some(connection) = self.connections.get_mut(at) {
            let bytes = connection.encoded(message);
            self.hold_bytes(at, bytes);
        }
    }

    /// As `hold`, for what is encoded.
    pub(crate) fn hold_bytes(&mut self, at: Key, bytes: Vec<u8>) {
        if let Some(connection) = self.connections.get_mut(at) {
            connection.held += bytes.len();
            self.journal
                .held
                .push_back((self.journal.made(), Held::Said(at, bytes)));
        }
    }

    /// Says something about a queue; when that is durable, behind everything that is not written down yet.
    pub(crate) fn tell_in_turn(&mut self, durable: bool, at: Key, message: impl Into<Message>) {
        match durable && self.journal.is_behind() {
            true => self.hold(at, message),
            false => self.tell(at, message),
        }
    }

    /// Answers: at once, unless something was to be written down since `before`.
    pub(crate) fn answer_after(&mut self, before: u64, at: Key, message: impl Into<Message>) {
        self.tell_in_turn(self.journal.made() != before, at, message);
    }

    /// Says that a queue is open. While puts of the member are on their way to the disk nobody knows which number is next.
    pub(crate) fn tell_opened(&mut self, before: u64, at: Key, member: Key, opened: Opened) {
        if self.members.get(member).is_some_and(|member| member.staged > 0) {
            self.journal.touch();
            let held = Held::Opened(at, member, opened);
            self.journal.held.push_back((self.journal.made(), held));
        } else {
            self.answer_after(before, at, opened);
        }
    }

    fn say_opened(&mut self, at: Key, key: Key, mut opened: Opened) {
        // It may have been given back meanwhile.
        if let Some(member) = self.members.get(key)
            && member.open == Some((at, opened.queue))
        {
            opened.next_put = member.next_put - member.staged;
            self.tell(at, opened);
        }
    }

    /// Fails when nothing can be written down at present.
    pub(crate) fn can_write(&self, id: &QueueId) -> Result<(), Error> {
        let Some(trouble) = &self.journal.trouble else {
            return Ok(());
        };
        Err(about(id, ErrorKind::OutOfSpace, "make")
            .expected("a disk that the queue can be written to")
            .found(trouble.message.as_str().to_owned())
            .remedy("make room on the disk of the server"))
    }

    /// A client has said `Goodbye`: it is answered when everything that it was not told is written down.
    pub(crate) fn take_leave(&mut self, at: Key, now: Instant) {
        let waits = self.connections.get(at).is_some_and(|connection| {
            let staged = |member: &Key| self.members.get(*member).is_some_and(|member| member.staged > 0);
            connection.held > 0 || connection.open.values().any(staged)
        });
        match waits {
            true => self.journal.held.push_back((self.journal.made(), Held::Leave(at))),
            false => self.leave(at, now),
        }
    }
}

impl Queue {
    /// Items of a durable queue have left it for good.
    pub(crate) fn settled(&self, journal: &mut Journal, piece: &Piece) {
        if self.terms.durable {
            journal.push(Entry::Settled {
                queue: self.epoch,
                first: piece.order,
                count: piece.count.into(),
            });
        }
    }

    /// A durable queue was made.
    pub(crate) fn made(&self, journal: &mut Journal) {
        if self.terms.durable
            && let Ok(record) = self.record.read()
        {
            journal.push(Entry::Made {
                queue: self.epoch,
                record: record.to_bytes(),
            });
        }
    }

    /// Somebody said what type the items of a durable queue are of.
    pub(crate) fn typed(&self, journal: &mut Journal) {
        if let Some(tag) = self.tag.as_ref().filter(|_| self.terms.durable) {
            journal.push(Entry::Typed {
                queue: self.epoch,
                name: tag.name.as_str().to_owned(),
                shape: tag.shape,
            });
        }
    }

    /// Takes a dead letter.
    pub(crate) fn bury(&mut self, journal: &mut Journal, piece: &Piece) {
        if !self.terms.durable {
            return self.store.append(piece.codec, piece.count, &piece.bytes);
        }
        let piece = self.store.number(piece.clone());
        journal.push(Entry::Put {
            queue: self.epoch,
            order: piece.order,
            codec: piece.codec,
            count: piece.count,
            items: piece.bytes.clone(),
            by: None,
        });
        self.store.append_numbered(piece);
    }
}
