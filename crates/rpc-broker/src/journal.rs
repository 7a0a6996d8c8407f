//! What is to be written down about durable queues, and what waits for it.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use rpc_wire::{Failure, ItemCodec, Opened};

use crate::table::Key;

/// Something about durable queues that outlives the server. Queues are named by the number of their life, which no two have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A queue was made.
    Made {
        /// Its life.
        queue: u64,
        /// Its descriptor in binary.
        record: Vec<u8>,
    },
    /// Somebody said what type the items are of.
    Typed {
        /// The life of the queue.
        queue: u64,
        /// The name of the type.
        name: String,
        /// The hash of its shape.
        shape: u64,
    },
    /// Items were put.
    Put {
        /// The life of the queue.
        queue: u64,
        /// The place of the first one in the order of the queue; the others follow without gaps.
        order: u64,
        /// Their codec.
        codec: ItemCodec,
        /// How many they are.
        count: u32,
        /// As they lie in a frame: each behind its length in four bytes.
        items: Bytes,
        /// Whose put it was: none for dead letters.
        by: Option<Author>,
    },
    /// Items left the queue for good.
    Settled {
        /// The life of the queue.
        queue: u64,
        /// The place of the first one.
        first: u64,
        /// How many they are.
        count: u64,
    },
    /// The queue was closed.
    Closed {
        /// Its life.
        queue: u64,
    },
    /// The queue was removed with everything in it.
    Deleted {
        /// Its life.
        queue: u64,
    },
    /// A session has put something for the first time.
    Session {
        /// The session.
        id: [u8; 16],
        /// Who it belongs to; none where nobody is asked.
        identity: Option<String>,
    },
    /// The numbers of a session are not kept any more.
    Forgotten {
        /// The session.
        id: [u8; 16],
        /// The queues it has numbers in.
        queues: Vec<u64>,
    },
}

/// Whose put it was, and how far its numbers are with it: both are written down together, so that nothing is stored twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Author {
    /// The session.
    pub session: [u8; 16],
    /// The number of its next put into that queue.
    pub next_put: u64,
}

/// What is to be written down at once: all of it or nothing.
#[derive(Debug)]
pub struct Batch {
    pub(crate) entries: Vec<Entry>,
    pub(crate) upto: u64,
    pub(crate) puts: usize,
}

impl Batch {
    /// In their order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many puts are among them.
    #[must_use]
    pub const fn puts(&self) -> usize {
        self.puts
    }
}

/// What is said only when everything before it is written down.
#[derive(Debug)]
pub(crate) enum Held {
    /// To a connection.
    Said(Key, Vec<u8>),
    /// To a connection about a member, whose number of the next put is known only then.
    Opened(Key, Key, Opened),
    /// The end of a get of a queue, by its number.
    Late(Key, u64),
    /// The last words to a connection that has said its own.
    Leave(Key),
}

/// The entries that nobody has taken yet, and what waits for those that are not written down.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: Vec<Entry>,
    // Puts among them.
    puts: usize,
    /// Entries ever made, and marks between them.
    made: u64,
    taken: u64,
    written: u64,
    pub(crate) held: VecDeque<(u64, Held)>,
    /// Queues with items that are not written down.
    pub(crate) staging: BTreeSet<Key>,
    /// Why nothing can be written down at present.
    pub(crate) trouble: Option<Failure>,
}

impl Journal {
    pub(crate) fn push(&mut self, entry: Entry) {
        self.made += 1;
        self.puts += usize::from(matches!(entry, Entry::Put { .. }));
        if let (
            Entry::Settled { queue, first, count },
            Some(Entry::Settled {
                queue: of,
                first: from,
                count: so_far,
            }),
        ) = (&entry, self.entries.last_mut())
            && queue == of
        {
            if *from + *so_far == *first {
                *so_far += count;
                return;
            }
            if *first + count == *from {
                *from = *first;
                *so_far += count;
                return;
            }
        }
        self.entries.push(entry);
    }

    /// From here on everything is behind what was pushed, though nothing new is.
    pub(crate) const fn touch(&mut self) {
        self.made += 1;
    }

    /// How many entries were ever made.
    pub(crate) const fn made(&self) -> u64 {
        self.made
    }

    pub(crate) const fn is_written(&self, upto: u64) -> bool {
        self.written >= upto
    }

    /// Whether something is not written down.
    pub(crate) const fn is_behind(&self) -> bool {
        self.written < self.made
    }

    /// How many puts there are to take.
    pub(crate) const fn puts(&self) -> usize {
        self.puts
    }

    /// Whether there is something to take.
    pub(crate) const fn has_more(&self) -> bool {
        self.taken < self.made
    }

    pub(crate) fn take(&mut self) -> Option<Batch> {
        if !self.has_more() {
            return None;
        }
        self.taken = self.made;
        Some(Batch {
            entries: std::mem::take(&mut self.entries),
            upto: self.made,
            puts: std::mem::take(&mut self.puts),
        })
    }

    pub(crate) fn wrote(&mut self, upto: u64) {
        self.written = upto.max(self.written);
    }

    /// A batch was not written down: those of its entries, and of all since, that are not up to clients are for the next one.
    pub(crate) fn give_back(&mut self, batch: Batch) {
        let since = std::mem::take(&mut self.entries);
        let all = batch.entries.into_iter().chain(since);
        self.entries = all
            .filter(|entry| !matches!(entry, Entry::Put { by: Some(_), .. }))
            .collect();
        self.puts = 0;
        self.taken = self.written;
    }

    /// Takes what is held no longer.
    pub(crate) fn release(&mut self) -> Option<Held> {
        let written = self.written;
        let next = self.held.pop_front_if(|(upto, _)| *upto <= written);
        next.map(|(_, held)| held)
    }
}
