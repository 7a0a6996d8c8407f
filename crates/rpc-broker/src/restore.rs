//! What a server that stands up again brings along.

use std::time::Instant;

use bytes::Bytes;
use descriptor_record::DescriptorRecord;
use queue_core::{Error, ErrorKind};
use rpc_wire::{ItemCodec, Record, Tag, Text};

use crate::broker::Broker;
use crate::piece::Piece;
use crate::queue::{Queue, about};
use crate::session::{Member, Session};
use crate::store::Store;
use crate::table::Key;
use crate::terms::Wanted;
use crate::timers::Timer;

/// Everything that was written down: the sum of all entries.
#[derive(Debug, Default)]
pub struct Restored {
    /// The sessions, and who they belong to.
    pub sessions: Vec<([u8; 16], Option<String>)>,
    /// The queues.
    pub queues: Vec<RestoredQueue>,
}

/// A durable queue with its items.
#[derive(Debug)]
pub struct RestoredQueue {
    /// Its life.
    pub epoch: u64,
    /// Its descriptor in binary.
    pub record: Vec<u8>,
    /// Name and shape of the type of its items, when somebody said it.
    pub tag: Option<(String, u64)>,
    /// Whether it was closed.
    pub closed: bool,
    /// The items, by their order.
    pub runs: Vec<Run>,
    /// Sessions, with the number of the next put of each.
    pub next_puts: Vec<([u8; 16], u64)>,
}

/// Items that follow one another.
#[derive(Debug)]
pub struct Run {
    /// The place of the first one.
    pub order: u64,
    /// Their codec.
    pub codec: ItemCodec,
    /// How many they are.
    pub count: u32,
    /// As in [`Entry::Put`](crate::Entry::Put).
    pub items: Bytes,
}

impl Broker {
    /// Takes over what was written down in earlier lives. To be called before anybody joins, on a broker whose epoch is larger than
    /// all that were given before. What was delivered and not settled waits again, and counts as never delivered; sessions wait for their
    /// clients as if they had just lost the connection.
    ///
    /// # Errors
    /// `Corrupt` or `InvalidDescriptor` when it makes no sense; the broker is of no use then.
    pub fn restore(&mut self, restored: Restored, now: Instant) -> Result<(), Error> {
        for (id, identity) in restored.sessions {
            let key = self.restore_session(id, identity, now);
            self.session_ids.insert(id, key);
        }
        for queue in restored.queues {
            self.restore_queue(queue)?;
        }
        Ok(())
    }

    fn restore_session(&mut self, id: [u8; 16], identity: Option<String>, now: Instant) -> Key {
        let forget_due = now.checked_add(self.settings.session_grace);
        let key = self.sessions.insert(Session {
            id,
            identity,
            written: true,
            restored: true,
            connection: None,
            members: Default::default(),
            return_due: None,
            forget_due,
            absent_since: Some(now),
        });
        self.detached.insert((now, key));
        if let Some(due) = forget_due {
            self.timers.set(due, Timer::Forget(key));
        }
        key
    }

    fn restore_queue(&mut self, restored: RestoredQueue) -> Result<(), Error> {
        let record = DescriptorRecord::from_bytes(&restored.record)?;
        let id = record.queue_id.clone();
        let broken = |expected: &'static str, found: &'static str| {
            about(&id, ErrorKind::Corrupt, "restore")
                .expected(expected)
                .found(found)
                .remedy("restore the folder of the server from a copy, or move it away and begin with an empty one")
        };
        let terms = Wanted::read(&record)?.terms(&self.settings);
        if !terms.durable {
            return Err(broken("a durable queue", "another one"));
        }
        if self.names.contains_key(&id) {
            return Err(broken("one queue of a name", "two"));
        }
        let tag = restored.tag.map(|(name, shape)| Tag {
            name: Text::clipped(name),
            shape,
        });
        let mut store = Store::default();
        for run in restored.runs {
            let piece = Piece {
                order: run.order,
                count: run.count,
                codec: run.codec,
                deliveries: 0,
                bytes: run.items,
            };
            if !piece.is_sound() {
                return Err(broken("items behind their lengths", "other bytes"));
            }
            store.append_numbered(piece);
        }
        self.usage.0 += store.items();
        self.usage.1 += store.bytes();
        let key = self.queues.insert(Queue {
            id: id.clone(),
            epoch: restored.epoch,
            record: Record::new(&record)?,
            terms,
            tag,
            closed: restored.closed,
            store,
            gets: Default::default(),
            puts: Default::default(),
            members: Default::default(),
            dirty: false,
            touched: false,
            sight_due: None,
        });
        self.names.insert(id, key);
        for (session, next_put) in restored.next_puts {
            if let Some(session_key) = self.session_ids.get(&session).copied() {
                self.restore_member(session_key, key, next_put.max(1));
            }
        }
        Ok(())
    }

    fn restore_member(&mut self, session_key: Key, queue_key: Key, next_put: u64) {
        let key = self.members.insert(Member {
            next_put,
            // Whatever was delivered to it waits again.
            lost: true,
            ..Member::new(session_key, queue_key)
        });
        if let Some(session) = self.sessions.get_mut(session_key) {
            session.members.insert(queue_key, key);
        }
        if let Some(queue) = self.queues.get_mut(queue_key) {
            queue.members.insert(key);
        }
    }
}

impl Piece {
    /// Whether it has as many items as it says, and nothing else.
    fn is_sound(&self) -> bool {
        let mut rest = &self.bytes[..];
        let mut count = 0_u32;
        while let Some((len, behind)) = rest.split_first_chunk() {
            let Some(behind) = behind.get(u32::from_le_bytes(*len) as usize..) else {
                return false;
            };
            rest = behind;
            count = count.saturating_add(1);
        }
        rest.is_empty() && count == self.count && count > 0
    }
}
