//! Items as they wait, for an operator who leaves them where they are.
//!
//! Read from the file, like all that an operator sees: nobody is waited for and nobody waits, there is no lock that a death
//! could leave, and the queue does not notice. What is copied may be overwritten meanwhile, but only where the head has gone
//! by then. So the head is read again afterwards, and what it has passed is not shown.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{Ordering, fence};

use descriptor_core::{Error, ErrorKind, QueueId};

use crate::ShmFolder;
use crate::cursor::Cursor;
use crate::header::Header;
use crate::host::io_error;
use crate::layout::{
    BACK, ENTRY, FRONT, HEAD, INLINE, LOANS_HIGH, Layout, ORDER, RECORD, STATE, TAIL, TICKET, record_bytes,
};
use crate::loan::Loan;
use crate::record::Front;
use crate::segment::{file_name, inspect, open_file};

/// Looks at a queue whose items are taken faster than they can be copied.
const LOOKS: usize = 32;
/// Readings of a word that changes all the time.
const READINGS: usize = 64;
/// Bytes read at once.
const CHUNK: u64 = 64 << 10;
/// No more bytes of items than this are shown at once, but for the first one.
const MOST_BYTES: usize = 64 << 20;

/// Items that were looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShmPeek {
    /// Their codec, by [`Codec::id`](descriptor_core::Codec::id); 0 for bytes as they are.
    pub codec: u8,
    /// The items, in the order in which they will be taken.
    pub items: Vec<Vec<u8>>,
    /// Those among them that are left out, because they are not the bytes that were put.
    pub damaged: u64,
}

impl ShmFolder {
    /// Shows items without taking them: up to `most` of them, after the first `skip`, and of large ones as many as have 64 MiB
    /// together. None when there is no such queue.
    ///
    /// Each of them was in the queue when the look began, and none is shown that was taken before it could be copied: of a queue
    /// whose consumers are faster than that, fewer are shown, or none. Items on loan are not shown, those that came back are.
    ///
    /// ```
    /// use descriptor_core::{Queue, QueueId};
    /// use queue_shm::{ShmFolder, ShmQueue, ShmSpec};
    ///
    /// let id = QueueId::generated("doc");
    /// let queue = ShmQueue::<u32>::open(&id, &ShmSpec::bounded(8))?;
    /// queue.put(7)?;
    /// let seen = ShmFolder::of_this_user().peek(&id, 0, 10)?.expect("the queue is there");
    /// assert_eq!((seen.items.len(), queue.get()?), (1, 7));
    /// # Ok::<(), descriptor_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Corrupt` when what is inside cannot be told apart; what [`find`](Self::find) has as a fault; and as
    /// [`entries`](Self::entries).
    pub fn peek(&self, id: &QueueId, skip: u64, most: usize) -> Result<Option<ShmPeek>, Error> {
        let named = |error: Error| error.queue(id.as_str());
        let Some(host) = self.host()? else {
            return Ok(None);
        };
        let path = host.folder().join(file_name(id.as_str()));
        let Some(file) = open_file(&path).map_err(named)? else {
            return Ok(None);
        };
        let (header, layout) = inspect(&file, &path).map_err(named)?;
        let look = Look { file, header, layout };
        let found = look.peek(skip, most).map_err(|fault| match fault {
            Fault::System(error) => io_error("read", &path, error),
            Fault::Numbers => Error::new(ErrorKind::Corrupt, "peek")
                .backend("shm")
                .expected("as many items and bytes as the ring can hold")
                .found("other numbers")
                .remedy("see who else writes to the segment; the next get gives up what is inside"),
        });
        found.map(Some).map_err(named)
    }
}

enum Fault {
    System(io::Error),
    /// They contradict each other.
    Numbers,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

struct Look {
    file: File,
    header: Header,
    layout: Layout,
}

/// How much is still to be passed over and shown.
struct Wanted {
    skip: u64,
    most: usize,
    bytes: usize,
}

impl Wanted {
    /// Whether the next item is one to copy.
    const fn takes(&mut self) -> bool {
        let takes = self.skip == 0;
        self.skip = self.skip.saturating_sub(1);
        takes
    }

    /// One of so many bytes was copied.
    const fn took(&mut self, len: usize) {
        self.most -= 1;
        self.bytes = self.bytes.saturating_sub(len);
    }

    const fn is_over(&self) -> bool {
        self.most == 0 || self.bytes == 0
    }
}

/// A copy of an item, and how many bytes of the ring are before it.
struct Copied {
    before: u64,
    front: Front,
    item: Vec<u8>,
}

impl Look {
    fn peek(&self, skip: u64, most: usize) -> Result<ShmPeek, Fault> {
        let mut peek = ShmPeek {
            codec: self.header.codec,
            ..ShmPeek::default()
        };
        for _ in 0..LOOKS {
            let mut wanted = Wanted {
                skip,
                most,
                bytes: MOST_BYTES,
            };
            let mut copied = self.returned(&mut wanted)?;
            let more = self.waiting(&mut wanted, &mut copied)?;
            (peek.items, peek.damaged) = (Vec::with_capacity(copied.len()), 0);
            for Copied { front, item, .. } in copied {
                match front.check(&item) {
                    Ok(()) => peek.items.push(item),
                    Err(_) => peek.damaged += 1,
                }
            }
            if !more || !peek.items.is_empty() || peek.damaged > 0 {
                break;
            }
        }
        Ok(peek)
    }

    /// The items in the ring. True when all of them were taken meanwhile.
    fn waiting(&self, wanted: &mut Wanted, copied: &mut Vec<Copied>) -> Result<bool, Fault> {
        let (head, tail) = (self.cursor(HEAD)?, self.cursor(TAIL)?);
        // What was put before the tail was written can be read after it.
        fence(Ordering::SeqCst);
        let had = copied.len();
        let walked = self.walk(head, tail, wanted, copied);
        // And what the head had not passed after all of that was not written to before.
        fence(Ordering::SeqCst);
        let passed = self.cursor(HEAD)?.bytes_since(head);
        let before = copied.len();
        let mut place = 0;
        copied.retain(|copy| {
            place += 1;
            place <= had || copy.before >= passed
        });
        match walked {
            // Numbers that were overwritten while they were read.
            Err(Fault::Numbers) if passed > 0 => Ok(true),
            walked => walked.map(|()| copied.len() == had && before > had),
        }
    }

    /// Copies what is wanted of the items between these places.
    fn walk(&self, head: Cursor, tail: Cursor, wanted: &mut Wanted, copied: &mut Vec<Copied>) -> Result<(), Fault> {
        let (items, bytes) = (tail.items_since(head), tail.bytes_since(head));
        if items > self.header.capacity || bytes > self.header.ring_bytes {
            return Err(Fault::Numbers);
        }
        let mut window = Window {
            look: self,
            head: head.position(),
            bytes,
            from: 0,
            held: Vec::new(),
        };
        let mut before = 0;
        for _ in 0..items {
            if wanted.is_over() {
                break;
            }
            let front = window.at(before, RECORD)?.first_chunk();
            let front = front.map_or(Front::from_word(u64::MAX), |front| {
                Front::from_word(u64::from_le_bytes(*front))
            });
            let len = front.len();
            if len as u64 > self.header.max_item || record_bytes(len) as u64 > bytes - before {
                return Err(Fault::Numbers);
            }
            if wanted.takes() {
                let item = window.at(before + RECORD as u64, len)?.to_vec();
                wanted.took(len);
                copied.push(Copied { before, front, item });
            }
            before += record_bytes(len) as u64;
        }
        Ok(())
    }

    /// The items that came back from a loan: they are taken before those in the ring.
    fn returned(&self, wanted: &mut Wanted) -> Result<Vec<Copied>, Fault> {
        let mut copied = Vec::new();
        if self.word(BACK as u64)? == 0 {
            return Ok(copied);
        }
        let used = self.word(LOANS_HIGH as u64)?.min(self.layout.entries as u64) as usize;
        let mut entries = Vec::new();
        for index in 0..used {
            let words = self.loan(index)?;
            if words.loan() == Loan::Returned {
                entries.push((words.order, index, words));
            }
        }
        entries.sort_unstable_by_key(|(order, index, _)| (*order, *index));
        for (_, index, words) in entries {
            if wanted.is_over() {
                break;
            }
            let len = words.front.len();
            // An item that cannot be there is none that a get would find.
            if len as u64 > self.header.max_item || !wanted.takes() {
                continue;
            }
            let place = if len <= INLINE {
                self.layout.loans + index * ENTRY + ENTRY - INLINE
            } else {
                self.layout.extents + index * self.layout.extent
            };
            let mut item = vec![0; len];
            self.file.read_exact_at(&mut item, place as u64)?;
            fence(Ordering::SeqCst);
            // The item of an entry changes with its place in the order, and never otherwise.
            if self.loan(index)? == words {
                wanted.took(len);
                copied.push(Copied {
                    before: 0,
                    front: words.front,
                    item,
                });
            }
        }
        Ok(copied)
    }

    fn loan(&self, index: usize) -> io::Result<LoanWords> {
        let mut bytes = [0; FRONT + 8];
        self.file
            .read_exact_at(&mut bytes, (self.layout.loans + index * ENTRY) as u64)?;
        let word = |at: usize| {
            bytes
                .get(at..)
                .and_then(<[u8]>::first_chunk)
                .map_or(0, |word| u64::from_le_bytes(*word))
        };
        fence(Ordering::SeqCst);
        Ok(LoanWords {
            state: word(STATE),
            ticket: word(TICKET),
            order: word(ORDER),
            front: Front::from_word(word(FRONT)),
        })
    }

    fn cursor(&self, at: usize) -> io::Result<Cursor> {
        self.word(at as u64).map(Cursor)
    }

    /// A word of the segment. The system copies bytes, so half of it may be from before a change: what is read twice alike is whole.
    fn word(&self, at: u64) -> io::Result<u64> {
        let read = || {
            let mut bytes = [0; 8];
            self.file.read_exact_at(&mut bytes, at)?;
            Ok::<_, io::Error>(u64::from_le_bytes(bytes))
        };
        let mut last = read()?;
        for _ in 0..READINGS {
            let next = read()?;
            if next == last {
                break;
            }
            last = next;
        }
        Ok(last)
    }
}

/// What an entry of the table of loans says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LoanWords {
    state: u64,
    ticket: u64,
    order: u64,
    front: Front,
}

impl LoanWords {
    const fn loan(&self) -> Loan {
        Loan::from_word(self.state).0
    }
}

/// A part of what is in the ring.
struct Window<'a> {
    look: &'a Look,
    /// Where the first item is, in bytes since ever.
    head: u64,
    /// From there on.
    bytes: u64,
    /// Where what is held begins, from the head.
    from: u64,
    held: Vec<u8>,
}

impl Window<'_> {
    /// So many bytes, of which the first is so far from the head; fewer where the ring has no more.
    fn at(&mut self, at: u64, len: usize) -> io::Result<&[u8]> {
        let is_held = |from: u64, held: usize| at >= from && at - from + len as u64 <= held as u64;
        if !is_held(self.from, self.held.len()) {
            let left = self.bytes.saturating_sub(at);
            let wanted = left.min(CHUNK.max(len as u64));
            self.held.resize(usize::try_from(wanted).unwrap_or(usize::MAX), 0);
            self.from = at;
            let ring_bytes = self.look.header.ring_bytes;
            let place = self.head.wrapping_add(at) & (ring_bytes - 1);
            let until_end = usize::try_from(ring_bytes - place).unwrap_or(usize::MAX);
            let (first, second) = self.held.split_at_mut(until_end.min(wanted as usize));
            let ring = self.look.layout.ring as u64;
            self.look.file.read_exact_at(first, ring + place)?;
            self.look.file.read_exact_at(second, ring)?;
        }
        let start = (at - self.from) as usize;
        let end = (start + len).min(self.held.len());
        Ok(self.held.get(start..end).unwrap_or_default())
    }
}
