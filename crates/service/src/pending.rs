//! The table of calls that wait for answers: who waits, who reads, and what has come.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::task::Waker;
use std::thread::Thread;
use std::time::Instant;

use descriptor_core::ErrorKind;

use crate::message::Reply;
use crate::parcel::Blank;
use crate::reply_to::ReplyTo;

/// Mixes numbers that this process counted up itself.
#[derive(Default)]
pub(crate) struct Numbers(u64);

impl Hasher for Numbers {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 32;
    }
}

/// Who takes answers out of the response queue, for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    Nobody,
    /// A thread that waits for an answer of its own.
    Caller,
    /// The thread that reads for asynchronous calls.
    Pump,
}

pub(crate) enum Sleeper {
    Thread(Thread),
    Task(Waker),
    Pump,
}

/// Stubs that are kept at most.
const SPARES: usize = 64;

/// One call.
#[derive(Default)]
pub(crate) struct Slot {
    pub(crate) replies: VecDeque<Reply>,
    pub(crate) sleeper: Option<Sleeper>,
    in_line: bool,
    /// Somebody else looks after its deadline.
    watched: Option<Instant>,
    pub(crate) is_over: bool,
    /// More came than it had room for.
    pub(crate) flooded: bool,
}

impl Slot {
    /// As new; whether its deadline was minded. Little is ever in it: whoever reads takes his answer as it comes.
    fn reset(&mut self) -> Option<Instant> {
        if !self.replies.is_empty() {
            self.replies = VecDeque::new();
        }
        self.sleeper = None;
        self.in_line = false;
        self.is_over = false;
        self.flooded = false;
        self.watched.take()
    }
}

/// What goes to a worker with a request and comes back with the answer, for the next request.
pub(crate) struct Stub {
    pub(crate) reply_to: ReplyTo,
    pub(crate) blank: Blank,
}

impl Stub {
    /// Without a box for the answer.
    pub(crate) fn bare(reply_to: ReplyTo) -> Self {
        let blank = Blank::default();
        Self { reply_to, blank }
    }
}

/// All calls of a mailbox.
pub(crate) struct Pending {
    slots: HashMap<u64, Slot, BuildHasherDefault<Numbers>>,
    // A lone caller needs no table: the number and the slot of one call. There is no call 0.
    lone: (u64, Slot),
    /// Given away with requests and come back.
    pub(crate) spare: Vec<Stub>,
    last: u64,
    pub(crate) reader: Reader,
    // Threads that sleep and could read, the longest waiting first.
    line: VecDeque<u64>,
    pub(crate) watched: usize,
    pub(crate) late: u64,
    pub(crate) corrupt: u64,
    pub(crate) closed: Option<ErrorKind>,
}

impl Pending {
    pub(crate) fn new() -> Self {
        Self {
            slots: HashMap::default(),
            lone: (0, Slot::default()),
            spare: Vec::new(),
            last: 0,
            reader: Reader::Nobody,
            line: VecDeque::new(),
            watched: 0,
            late: 0,
            corrupt: 0,
            closed: None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() + usize::from(self.lone.0 != 0)
    }

    pub(crate) fn open(&mut self, watched: Option<Instant>) -> u64 {
        self.last += 1;
        self.watched += usize::from(watched.is_some());
        if self.lone.0 == 0 {
            self.lone.0 = self.last;
            self.lone.1.watched = watched;
        } else {
            let slot = Slot {
                watched,
                ..Slot::default()
            };
            self.slots.insert(self.last, slot);
        }
        self.last
    }

    pub(crate) fn slot(&mut self, call: u64) -> Option<&mut Slot> {
        if call == self.lone.0 && call != 0 {
            return Some(&mut self.lone.1);
        }
        self.slots.get_mut(&call)
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Slot> {
        // The one of no call waits for nothing.
        self.slots.values_mut().chain([&mut self.lone.1])
    }

    /// Keeps the way back for the next request.
    pub(crate) fn keep(&mut self, stub: Option<Stub>) {
        if self.spare.len() < SPARES {
            self.spare.extend(stub);
        }
    }

    /// Forgets a call; what comes for it later is late.
    pub(crate) fn close(&mut self, call: u64) {
        let watched = if call == self.lone.0 {
            self.lone.0 = 0;
            self.lone.1.reset()
        } else {
            self.slots.remove(&call).and_then(|slot| slot.watched)
        };
        self.watched -= usize::from(watched.is_some());
        // While one call takes long, any number of others may have stood in line behind it.
        if self.line.len() > 2 * self.slots.len() + 64 {
            let (slots, lone) = (&self.slots, self.lone.0);
            self.line.retain(|call| *call == lone || slots.contains_key(call));
        }
    }

    /// Stands in the line of those who could read.
    pub(crate) fn queue_up(&mut self, call: u64, thread: Thread) {
        let Some(slot) = self.slot(call) else { return };
        slot.sleeper = Some(Sleeper::Thread(thread));
        if !slot.in_line {
            slot.in_line = true;
            self.line.push_back(call);
        }
    }

    /// Puts an answer where it belongs, and says who is to be woken. At most `room` wait for one call.
    pub(crate) fn deliver(&mut self, call: u64, reply: Reply, room: usize) -> Option<Sleeper> {
        let Some(slot) = self.slot(call) else {
            self.late += 1;
            return None;
        };
        if slot.replies.len() < room {
            slot.replies.push_back(reply);
        } else {
            slot.flooded = true;
        }
        slot.sleeper.take()
    }

    /// Nobody reads from now on: who is to do it?
    pub(crate) fn hand_on(&mut self) -> Option<Sleeper> {
        if self.reader != Reader::Nobody {
            return None;
        }
        while let Some(call) = self.line.pop_front() {
            if let Some(slot) = self.slot(call) {
                slot.in_line = false;
                if let Some(sleeper) = slot.sleeper.take() {
                    return Some(sleeper);
                }
            }
        }
        (self.watched > 0).then_some(Sleeper::Pump)
    }

    /// Ends the watched calls whose time is over, and says when that of the next one is.
    pub(crate) fn expire(&mut self, now: Instant, wake: &mut Vec<Sleeper>) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        for slot in self.all() {
            match slot.watched {
                Some(_) if slot.is_over => {}
                Some(until) if until <= now => {
                    slot.is_over = true;
                    wake.extend(slot.sleeper.take());
                }
                Some(until) => next = Some(next.map_or(until, |known| known.min(until))),
                None => {}
            }
        }
        next
    }

    /// No answer will come any more.
    pub(crate) fn shut(&mut self, kind: ErrorKind, wake: &mut Vec<Sleeper>) {
        self.closed.get_or_insert(kind);
        wake.extend(self.all().filter_map(|slot| slot.sleeper.take()));
    }
}
