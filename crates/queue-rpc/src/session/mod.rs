//! One session with a server and its queues: bytes and calls in, bytes and wake-ups out. No sockets, no clocks, no threads.

mod calls;
mod cause;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod gets;
mod handshake;
mod items;
mod loans;
mod output;
mod parcel;
mod puts;
mod queue;
mod receive;
mod resume;
mod send;
#[cfg(test)]
mod tests;
mod ticket;
mod wake;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rpc_wire::{Call, Capabilities, HANDSHAKE_FRAME, Limits};

pub(crate) use calls::Asked;
pub(crate) use cause::Cause;
pub(crate) use items::Step;
pub(crate) use loans::{Loan, delivery, ticket};
pub(crate) use output::Output;
pub(crate) use parcel::{FRONT_OF_ITEM, weight_of};
pub(crate) use puts::Known;
pub(crate) use queue::{Facts, Queue, Stage, Terms};
pub(crate) use send::Accepted;
pub(crate) use wake::{Answer, CallTicket, Lines, PutEnd, PutTicket, Wake, Why};

use self::handshake::Greeting;
use self::output::Spare;
use crate::secret::Token;

/// Silence after which the server is asked whether it is there.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(1);
/// So many of those in a row without a sign of it, and the connection is lost.
const MISSED: u32 = 3;
/// What was handed over is told to the server at least so soon.
const MARKS_WITHIN: Duration = Duration::from_millis(1);
/// Puts that are not confirmed have at most so many bytes, whatever the server takes.
const MOST_WINDOW: u64 = 4 << 20;

/// What this side takes.
pub(crate) const OWN_LIMITS: Limits = Limits {
    frame: rpc_wire::MAX_FRAME,
    ..Limits::DEFAULT
};

/// The number of a queue in its session.
pub(crate) type Key = usize;

/// The state of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// None.
    Down,
    /// The two sides do not know each other yet.
    Greeting,
    /// Anything may be said.
    Up,
}

/// How what is to be said goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ring {
    /// There is nothing, or the connection is awake and finds it.
    Not,
    /// The connection is to be woken.
    Bell,
    /// The connection sleeps, and whoever says it can write it too.
    Aside,
}

/// See [the module](self).
#[derive(Debug)]
pub(crate) struct Session {
    line: Line,
    greeting: Greeting,
    token: Option<Token>,
    /// What the server has to say of itself, when it is to be one and no other.
    pinned: Option<u64>,
    id: [u8; 16],
    epoch: u64,
    limits: Limits,
    capabilities: Capabilities,
    queues: Vec<Option<Queue>>,
    // By the number on this connection.
    handles: HashMap<u32, Key>,
    calls: HashMap<u32, Asked>,
    // Somebody could not make a call because there were too many.
    is_crowded: bool,
    last_call: u32,
    out: Output,
    spare: Spare,
    // Queues whose marks, or puts, are to be sent.
    marks: Vec<Key>,
    unsent: Vec<Key>,
    marks_due: Option<Instant>,
    is_mark_lazy: bool,
    // When the next queue that the server asked to pause may go on.
    paused_until: Option<Instant>,
    // Not confirmed, over all queues.
    window_items: u64,
    window_bytes: u64,
    // Items that all calls may bring.
    credit: u64,
    // Calls whose answer somebody waits for.
    awaited: u32,
    // Somebody was refused room in the window.
    is_short: bool,
    wakes: Vec<Wake>,
    asleep: bool,
    poked: bool,
    // What is said is said while nothing else is unanswered: nothing is to be gathered with it.
    alone: bool,
    heard: Instant,
    pings: u32,
    /// Frames of the server that say nothing, and since when they are counted.
    idle_frames: (u32, Instant),
    users: usize,
    /// Lost for so long that nobody waits for it any more, or never to be made.
    gone: Option<Cause>,
    goodbye: Option<Cause>,
}

impl Session {
    pub(crate) fn new(token: Option<Token>, pinned: Option<u64>, now: Instant) -> Self {
        Self {
            line: Line::Down,
            greeting: Greeting::default(),
            token,
            pinned,
            id: [0; 16],
            epoch: 0,
            limits: Limits::DEFAULT,
            capabilities: Capabilities::default(),
            queues: Vec::new(),
            handles: HashMap::new(),
            calls: HashMap::new(),
            is_crowded: false,
            last_call: 0,
            out: Output::default(),
            spare: Spare::default(),
            marks: Vec::new(),
            unsent: Vec::new(),
            marks_due: None,
            is_mark_lazy: false,
            paused_until: None,
            window_items: 0,
            window_bytes: 0,
            credit: 0,
            awaited: 0,
            is_short: false,
            wakes: Vec::new(),
            asleep: false,
            poked: false,
            alone: false,
            heard: now,
            pings: 0,
            idle_frames: (0, now),
            users: 0,
            gone: None,
            goodbye: None,
        }
    }

    pub(crate) const fn line(&self) -> Line {
        self.line
    }

    pub(crate) fn is_up(&self) -> bool {
        self.line == Line::Up
    }

    pub(crate) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The number of the session, as tokens have it.
    pub(crate) const fn number(&self) -> u128 {
        u128::from_le_bytes(self.id)
    }

    /// Why no call can be answered.
    pub(crate) const fn gone(&self) -> Option<&Cause> {
        self.gone.as_ref()
    }

    /// Why the server ended the connection, if it said so.
    pub(crate) const fn goodbye(&self) -> Option<&Cause> {
        self.goodbye.as_ref()
    }

    /// The largest item that the server takes.
    pub(crate) fn largest_item(&self) -> usize {
        (self.limits.frame as usize).saturating_sub(rpc_wire::Put::FRONT + FRONT_OF_ITEM)
    }

    pub(crate) fn queue(&self, key: Key) -> Option<&Queue> {
        self.queues.get(key)?.as_ref()
    }

    pub(crate) fn queue_mut(&mut self, key: Key) -> Option<&mut Queue> {
        self.queues.get_mut(key)?.as_mut()
    }

    fn keys(&self) -> Vec<Key> {
        let known = self.queues.iter().enumerate();
        known
            .filter_map(|(key, queue)| queue.is_some().then_some(key))
            .collect()
    }

    /// Another one who needs the session.
    pub(crate) const fn enter(&mut self) {
        self.users += 1;
    }

    pub(crate) const fn leave(&mut self) {
        self.users = self.users.saturating_sub(1);
        self.poked = true;
    }

    /// True when nobody needs it and nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.users == 0 && self.queues.iter().all(Option::is_none)
    }

    /// A handle for a queue: the one that is open already with the same terms, or a new one. `None` when it is open with others.
    pub(crate) fn attach(&mut self, terms: &Terms) -> Option<(Key, Arc<Lines>)> {
        let known = self.queues.iter_mut().enumerate().find_map(|(key, queue)| {
            let queue = queue.as_mut()?;
            let ours = queue.terms.id == terms.id && !matches!(queue.stage, Stage::Releasing(_));
            (ours && queue.failed.is_none()).then_some((key, queue))
        });
        if let Some((key, queue)) = known {
            if !queue.terms.agree(terms) {
                return None;
            }
            queue.users += 1;
            return Some((key, Arc::clone(&queue.lines)));
        }
        let queue = Queue::new(terms.clone());
        let lines = Arc::clone(&queue.lines);
        let free = self.queues.iter().position(Option::is_none);
        let key = free.unwrap_or(self.queues.len());
        match self.queues.get_mut(key) {
            Some(slot) => *slot = Some(queue),
            None => self.queues.push(Some(queue)),
        }
        self.open(key);
        Some((key, lines))
    }

    /// A handle less. Once there is none and everything accepted is settled, the queue is given back.
    pub(crate) fn detach(&mut self, key: Key) {
        if let Some(queue) = self.queue_mut(key) {
            queue.users = queue.users.saturating_sub(1);
        }
        self.release_if_unused(key);
    }

    fn drop_queue(&mut self, key: Key) {
        if let Some(slot) = self.queues.get_mut(key)
            && let Some(queue) = slot.take()
        {
            self.window_items = self.window_items.saturating_sub(queue.puts.items);
            self.window_bytes = self.window_bytes.saturating_sub(queue.puts.bytes);
            self.handles.retain(|_, known| *known != key);
            self.wakes.push(Wake::All(queue.lines));
        }
    }

    /// Wake-ups that are due, to be run without the lock, and how what is to be said goes out.
    pub(crate) fn after(&mut self) -> (Vec<Wake>, Ring) {
        let ring = match (self.poked && self.asleep, self.alone) {
            (false, _) => Ring::Not,
            (true, true) => Ring::Aside,
            (true, false) => Ring::Bell,
        };
        self.poked = false;
        self.alone = false;
        self.asleep &= ring != Ring::Bell;
        (std::mem::take(&mut self.wakes), ring)
    }

    /// What could not be written of the output goes out first. True when that is nothing, and the connection sleeps on.
    pub(crate) fn put_back(&mut self, pieces: &mut VecDeque<Bytes>) -> bool {
        self.out.put_back(pieces);
        self.asleep = self.out.is_empty();
        self.asleep
    }

    /// The connection is woken.
    pub(crate) const fn rung(&mut self) {
        self.asleep = false;
    }

    fn wake(&mut self, wake: Wake) {
        self.wakes.push(wake);
    }

    /// The largest frame that may be sent now.
    fn frame_limit(&self) -> u32 {
        if self.is_up() {
            self.limits.frame
        } else {
            HANDSHAKE_FRAME
        }
    }

    /// What is to be sent; when it is nothing, the next call that has something wakes the connection.
    pub(crate) fn take_output(&mut self, now: Instant, into: &mut VecDeque<Bytes>) {
        if self.is_up() {
            if self.is_mark_lazy && self.out.is_empty() && self.unsent.is_empty() {
                // Nothing else to send: perhaps there is soon.
                if *self.marks_due.get_or_insert(now + MARKS_WITHIN) <= now {
                    self.send_marks();
                }
            } else {
                self.send_marks();
            }
            self.send_puts(now);
        }
        self.out.take(into);
        self.asleep = into.is_empty();
    }

    fn next_call(&mut self) -> Call {
        loop {
            self.last_call = self.last_call.wrapping_add(1);
            if let Some(call) = Call::new(self.last_call)
                && !self.calls.contains_key(&self.last_call)
            {
                return call;
            }
        }
    }

    /// When [`tick`](Self::tick) is due.
    pub(crate) fn next_due(&self) -> Instant {
        let beat = self.heard + HEARTBEAT * (self.pings + 1);
        [self.paused_until, self.marks_due]
            .into_iter()
            .flatten()
            .fold(beat, Instant::min)
    }
}
