//! The items of one queue that have come and not been handed over, and the credit for more.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rpc_wire::Call;

use super::parcel::FRONT_OF_ITEM;

/// A consumer that uses up its credit faster than this gets four times as much next time. It has room for the turns that many
/// consumers of one thread take; the most that a slower one has ahead is what it takes in four times as long.
const BRISK: Duration = Duration::from_millis(20);
/// One that is slower than this gets single items again.
const SLOW: Duration = Duration::from_millis(200);
/// From this credit on more is asked for before all of it has come.
const AHEAD: u32 = 8;

/// Items as they lie in a frame.
#[derive(Debug)]
struct Block {
    items: Bytes,
    at: usize,
    left: u32,
    next: u64,
    codec: u8,
}

impl Block {
    fn pop(&mut self) -> Option<Bytes> {
        let len = u32::from_le_bytes(*self.items.get(self.at..)?.first_chunk()?) as usize;
        let from = self.at + FRONT_OF_ITEM;
        let to = from.checked_add(len)?;
        self.items.get(from..to)?;
        self.at = to;
        self.left -= 1;
        self.next += 1;
        Some(self.items.slice(from..to))
    }
}

#[derive(Debug)]
struct Credit {
    call: Call,
    left: u64,
}

#[derive(Debug)]
pub(crate) struct Gets {
    blocks: VecDeque<Block>,
    items: usize,
    credits: Vec<Credit>,
    outstanding: u64,
    // What is asked for at once.
    window: u32,
    most: u32,
    asked_at: Option<Instant>,
    /// Items that callers wait for right now.
    pub(crate) demand: usize,
    // The last one handed over, and the last one the server knows of.
    handed: u64,
    marked: u64,
    /// The last delivery that came, loans included.
    pub(crate) received: u64,
    /// Nothing will ever come.
    pub(crate) drained: bool,
    /// Whether the mark is on the list of those to be sent.
    pub(crate) listed: bool,
}

impl Gets {
    pub(crate) const fn new(prefetch: u32) -> Self {
        Self {
            blocks: VecDeque::new(),
            items: 0,
            credits: Vec::new(),
            outstanding: 0,
            window: 1,
            most: prefetch,
            asked_at: None,
            demand: 0,
            handed: 0,
            marked: 0,
            received: 0,
            drained: false,
            listed: false,
        }
    }

    /// Each item is asked for when somebody wants it, and is gone from the server as soon as it was sent.
    pub(crate) const fn is_outright(&self) -> bool {
        self.most == 0
    }

    /// Whether items come ahead of gets, so that what the server has is on its way.
    pub(crate) const fn is_flowing(&self) -> bool {
        self.window >= AHEAD && self.outstanding > 0
    }

    /// From now on nothing is fetched ahead: items on loan come in the same order.
    pub(crate) fn ask_for_single_items(&mut self) {
        self.most = self.most.min(1);
        self.window = 1;
    }

    /// Whether anything here, or on its way, would be overtaken by a loan.
    pub(crate) const fn is_ahead(&self) -> bool {
        self.items > 0 || self.outstanding > 0
    }

    pub(crate) fn delivered(&mut self, first: u64, count: usize, items: Bytes, codec: u8) {
        self.blocks.push_back(Block {
            items,
            at: 0,
            left: count as u32,
            next: first,
            codec,
        });
        self.items += count;
    }

    /// The next item with its codec.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<(u8, Bytes)> {
        let front = self.blocks.front_mut()?;
        let (number, codec) = (front.next, front.codec);
        let item = front.pop();
        self.items -= 1;
        self.handed = number;
        if front.left == 0 || item.is_none() {
            self.blocks.pop_front();
        }
        item.map(|item| (codec, item))
    }

    /// Up to which delivery everything was handed over, when the server does not know it yet.
    pub(crate) const fn mark(&self) -> Option<u64> {
        if self.most > 0 && self.handed > self.marked {
            Some(self.handed)
        } else {
            None
        }
    }

    pub(crate) const fn marked(&mut self, up_to: u64) {
        self.marked = up_to;
    }

    /// Whether the server should hear of what was handed over without delay: it may have nothing left to send, or no room.
    pub(crate) const fn is_mark_urgent(&self) -> bool {
        self.items == 0 || (self.handed - self.marked) * 2 >= self.window as u64
    }

    /// How many items to ask for, if any: for those who wait, and ahead of those who take many.
    pub(crate) fn ask(&mut self, now: Instant) -> Option<u32> {
        if self.drained {
            return None;
        }
        let have = self.items as u64 + self.outstanding;
        let demand = self.demand as u64;
        if self.is_outright() {
            let wanted = demand.saturating_sub(have);
            return (wanted > 0).then(|| wanted.min(u32::MAX.into()) as u32);
        }
        let starved = demand > 0 && have == 0;
        if !(demand > have || self.runs_low()) {
            return None;
        }
        if starved || self.runs_low() {
            let since = self.asked_at.map(|at| now.saturating_duration_since(at));
            match since {
                Some(since) if since < BRISK => self.window = self.window.saturating_mul(4).min(self.most),
                Some(since) if since > SLOW => self.window = 1,
                _ => {}
            }
            self.asked_at = Some(now);
        }
        let target = demand.max(self.window.into());
        let items = target.saturating_sub(have).min(u32::MAX.into()) as u32;
        (items > 0).then_some(items)
    }

    /// Whether more should be asked for although nobody waits: whoever takes many would have to.
    #[inline]
    pub(crate) const fn runs_low(&self) -> bool {
        self.window >= AHEAD && !self.drained && (self.items as u64 + self.outstanding) * 2 <= self.window as u64
    }

    /// Whether something should be asked for.
    #[inline]
    pub(crate) const fn is_short(&self) -> bool {
        self.demand as u64 > self.items as u64 + self.outstanding || self.runs_low()
    }

    pub(crate) fn asked(&mut self, call: Call, items: u32) {
        let left = items.into();
        self.outstanding += left;
        self.credits.push(Credit { call, left });
    }

    /// Items came for a call, or it ended. False when it is not known, because it belongs to an earlier opening of the queue.
    pub(crate) fn used(&mut self, call: Call, items: u64, last: bool) -> bool {
        let Some(at) = self.credits.iter().position(|credit| credit.call == call) else {
            return false;
        };
        if let Some(credit) = self.credits.get_mut(at) {
            let used = if last { credit.left } else { items.min(credit.left) };
            credit.left -= used;
            self.outstanding -= used;
        }
        if last {
            self.credits.swap_remove(at);
        }
        true
    }

    /// Nobody waits any more: which calls to take back.
    pub(crate) fn give_up(&mut self) -> impl Iterator<Item = Call> + '_ {
        self.window = 1;
        self.asked_at = None;
        self.credits.iter().map(|credit| credit.call)
    }

    /// The connection is gone, and with it all calls.
    pub(crate) fn disconnected(&mut self) {
        self.credits.clear();
        self.outstanding = 0;
    }

    /// What came and was not handed over went back to the server.
    pub(crate) fn gone_back(&mut self, next: u64) {
        self.blocks.clear();
        self.items = 0;
        self.received = next.saturating_sub(1);
        self.handed = self.received;
        self.marked = self.received;
    }

    /// Everything that came is still ours; what the server last heard is not certain.
    pub(crate) const fn kept(&mut self) {
        self.marked = 0;
    }
}
