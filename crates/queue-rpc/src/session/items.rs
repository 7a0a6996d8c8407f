//! Items that come: asking for them, handing them over, giving them back.

use std::time::Instant;

use bytes::Bytes;
use rpc_wire::{Call, Delivered, Flag, Get, Handle, Lease, Lent, Message, Micros, Nack, Ranges};

use super::{Asked, Cause, Key, Loan, Session, Wake};

/// The most bytes that one call for items asks for.
const MOST_CREDIT: u64 = 4 << 20;

/// One step of a get.
#[derive(Debug)]
pub(crate) enum Step {
    /// An item with its codec, and whether more should be asked for ahead of time.
    Item(u8, Bytes, bool),
    /// Not now.
    Empty,
    /// Never again.
    Drained,
    /// Not any more, for this reason.
    Failed(Cause),
}

impl Session {
    /// The next item of a queue, if one is here; for a caller who waited for it, or not.
    #[inline]
    pub(crate) fn pop(&mut self, key: Key, waited: bool) -> Step {
        let Some(queue) = self.queues.get_mut(key).and_then(Option::as_mut) else {
            return Step::Empty;
        };
        let Some((codec, item)) = queue.gets.pop() else {
            return self.no_item(key);
        };
        queue.gets.demand = queue.gets.demand.saturating_sub(usize::from(waited));
        let low = queue.gets.is_short();
        if queue.gets.is_outright() {
            return Step::Item(codec, item, low);
        }
        if !queue.gets.listed {
            queue.gets.listed = true;
            self.marks.push(key);
        }
        if queue.gets.is_mark_urgent() {
            self.is_mark_lazy = false;
            self.poked = true;
        } else if self.asleep && self.marks_due.is_none() {
            self.is_mark_lazy = true;
            self.poked = true;
        }
        Step::Item(codec, item, low)
    }

    #[cold]
    fn no_item(&self, key: Key) -> Step {
        match self.queue(key) {
            Some(queue) if queue.gets.drained => Step::Drained,
            Some(queue) => match queue.failed.as_ref().or(self.gone.as_ref()) {
                Some(cause) => Step::Failed(cause.clone()),
                None => Step::Empty,
            },
            None => Step::Empty,
        }
    }

    /// As [`pop`](Self::pop), for an item on loan.
    pub(crate) fn pop_loan(&mut self, key: Key, waited: bool) -> Result<(u16, Loan), Step> {
        let Some(queue) = self.queue_mut(key) else {
            return Err(Step::Empty);
        };
        let Some(loan) = queue.loans.ready.pop_front() else {
            return Err(self.no_item(key));
        };
        queue.loans.demand = queue.loans.demand.saturating_sub(usize::from(waited));
        queue.loans.held += 1;
        let life = queue.loans.life;
        self.want_loan(key, 0);
        Ok((life, loan))
    }

    /// Another caller waits for an item.
    pub(crate) fn want(&mut self, key: Key, now: Instant) {
        if let Some(queue) = self.queue_mut(key) {
            queue.gets.demand += 1;
            self.ask_for_items(key, now);
        }
    }

    /// A caller gives up. When it was the last one, what was asked for is not wanted any more.
    pub(crate) fn unwant(&mut self, key: Key) {
        let Some(queue) = self.queue_mut(key) else { return };
        queue.gets.demand = queue.gets.demand.saturating_sub(1);
        if queue.gets.demand > 0 {
            return;
        }
        let calls: Vec<Call> = queue.gets.give_up().collect();
        for call in calls {
            self.cancel(call);
        }
    }

    /// How many items may be asked for by one more call: half of what the others leave, so that one call does not keep all others
    /// from asking. None while that is nothing, or too many calls are under way: whoever needs it asks again when one has ended.
    pub(super) fn credit_for(&mut self, wanted: u32, is_loan: bool) -> Option<u32> {
        let free = u64::from(self.limits.credit_items).saturating_sub(self.credit);
        if free == 0 || self.is_full() {
            self.is_crowded = true;
            return None;
        }
        let half = free.div_ceil(2).min(u32::MAX.into()) as u32;
        let loans = if is_loan {
            self.limits.leases.div_ceil(4)
        } else {
            u32::MAX
        };
        Some(wanted.min(half).min(loans))
    }

    fn credit_bytes(&self) -> u64 {
        self.limits.credit_bytes.min(MOST_CREDIT)
    }

    /// Asks for items where somebody wants them and none are on their way.
    pub(crate) fn ask_for_items(&mut self, key: Key, now: Instant) {
        let Some(queue) = self.queue_mut(key) else { return };
        let (Some(handle), Some(items)) = (queue.handle(), queue.gets.ask(now)) else {
            return;
        };
        let outright = queue.gets.is_outright();
        let Some(items) = self.credit_for(items, false) else {
            return;
        };
        self.alone = true;
        let call = self.asked(Asked::Credit(key, items));
        if let Some(queue) = self.queue_mut(key) {
            queue.gets.asked(call, items);
        }
        self.send_puts_of(key, Some(now));
        self.say(&Message::from(Get {
            queue: handle,
            once: Flag(false),
            outright: Flag(outright),
            call,
            items,
            bytes: self.credit_bytes(),
            wait: Micros::FOREVER,
        }));
    }

    /// The message of a get that does not wait.
    pub(super) fn get_now(&self, key: Key, call: Call, queue: Handle, items: u32) -> Message {
        let outright = self.queue(key).is_some_and(|queue| queue.gets.is_outright());
        Message::from(Get {
            queue,
            once: Flag(true),
            outright: Flag(outright),
            call,
            items,
            bytes: self.credit_bytes(),
            wait: Micros::ZERO,
        })
    }

    /// The message of a lease that does not wait.
    pub(super) fn lease_now(&self, call: Call, queue: Handle, items: u32) -> Message {
        Message::from(Lease {
            queue,
            once: Flag(true),
            call,
            items,
            bytes: self.credit_bytes(),
            wait: Micros::ZERO,
            lease: Micros::ZERO,
        })
    }

    /// Before anything is leased: items that were fetched ahead go back, as a loan must not overtake them, and no more are. False
    /// while that is under way.
    ///
    /// All loans would go back with them. So while the program has some, what a get asked for and was too late for it stays
    /// here, for the next get or until the last loan has ended; and for good where it is ours already.
    pub(crate) fn prepare_leases(&mut self, key: Key) -> bool {
        let Some(queue) = self.queue_mut(key) else { return true };
        queue.gets.ask_for_single_items();
        if queue.may_give_back() {
            self.reopen(key);
        }
        self.queue(key)
            .is_none_or(|queue| queue.handle().is_some() || queue.failed.is_some())
    }

    /// The program has ended a loan of that life.
    pub(crate) fn loan_ended(&mut self, key: Key, life: u16) {
        let Some(queue) = self.queue_mut(key) else { return };
        if queue.loans.life != life {
            return;
        }
        queue.loans.held = queue.loans.held.saturating_sub(1);
        if queue.loans.demand > 0 && queue.may_give_back() {
            self.reopen(key);
        }
    }

    /// So many more callers wait for an item on loan.
    pub(crate) fn want_loan(&mut self, key: Key, more: usize) {
        let Some(queue) = self.queue_mut(key) else { return };
        queue.loans.demand += more;
        let items = queue.loans.ask();
        let Some(handle) = queue.handle() else { return };
        if items == 0 || queue.gets.drained {
            return;
        }
        let Some(items) = self.credit_for(items, true) else {
            return;
        };
        self.alone = true;
        let call = self.asked(Asked::Loan(key, items));
        if let Some(queue) = self.queue_mut(key) {
            queue.loans.asked(call, items);
        }
        self.send_puts_of(key, None);
        self.say(&Message::from(Lease {
            queue: handle,
            once: Flag(false),
            call,
            items,
            bytes: self.credit_bytes(),
            wait: Micros::FOREVER,
            lease: Micros::ZERO,
        }));
    }

    /// A caller gives up. When it was the last one, nothing is to come any more, and what came goes back.
    pub(crate) fn unwant_loan(&mut self, key: Key) {
        let Some(queue) = self.queue_mut(key) else { return };
        queue.loans.demand = queue.loans.demand.saturating_sub(1);
        if queue.loans.demand > 0 {
            return;
        }
        let calls: Vec<Call> = queue.loans.calls().collect();
        for call in calls {
            self.cancel(call);
        }
        self.give_loans_back(key);
    }

    fn give_loans_back(&mut self, key: Key) {
        let Some(queue) = self.queue_mut(key) else { return };
        let (Some(handle), false) = (queue.handle(), queue.loans.ready.is_empty()) else {
            return;
        };
        let numbers: Vec<u64> = queue.loans.ready.drain(..).map(|loan| loan.number).collect();
        for some in numbers.chunks(Ranges::MAX) {
            // Few enough to make few enough ranges.
            if let Ok(deliveries) = Ranges::of(some.iter().copied()) {
                let call = self.asked(Asked::Unheard);
                self.say(&Message::from(Nack {
                    queue: handle,
                    call,
                    after: Micros::ZERO,
                    deliveries,
                }));
            }
        }
    }

    /// Asks again for what is still wanted after a call ended.
    pub(super) fn ask_again(&mut self, key: Key) {
        self.want_loan(key, 0);
        let heard = self.heard;
        self.ask_for_items(key, heard);
    }

    /// Nothing will ever come from that queue.
    pub(crate) fn note_drained(&mut self, key: Key) {
        if let Some(queue) = self.queue_mut(key) {
            queue.gets.drained = true;
            let lines = std::sync::Arc::clone(&queue.lines);
            self.wake(Wake::Getters(std::sync::Arc::clone(&lines), usize::MAX));
            self.wake(Wake::Borrowers(lines, usize::MAX));
        }
    }

    /// # Errors
    /// When the numbers of the deliveries have a gap.
    pub(super) fn delivered(&mut self, delivered: Delivered) -> Result<(), Cause> {
        let count = delivered.items.len();
        let key = self.handles.get(&delivered.queue.get()).copied();
        if let Some(key) = key
            && let Some(queue) = self.queue_mut(key)
            && queue.handle() == Some(delivered.queue)
        {
            queue.gets.received = follow(queue.gets.received, delivered.first, count)?;
            let codec = delivered.codec.0;
            queue
                .gets
                .delivered(delivered.first, count, delivered.items.laid_out().clone(), codec);
            let lines = std::sync::Arc::clone(&queue.lines);
            self.wake(Wake::Getters(lines, count));
        }
        self.call_used(delivered.call, count as u64, delivered.last.0);
        if delivered.last.0 {
            let call = delivered.call;
            self.heard_answer(call, rpc_wire::Done { call }.into());
            if let Some(key) = key {
                self.ask_again(key);
            }
        }
        Ok(())
    }

    /// # Errors
    /// As [`delivered`](Self::delivered).
    pub(super) fn lent(&mut self, lent: Lent) -> Result<(), Cause> {
        let count = lent.items.len();
        let key = self.handles.get(&lent.queue.get()).copied();
        let is_call = self.calls.contains_key(&lent.call.get());
        if let Some(key) = key
            && let Some(queue) = self.queue_mut(key)
            && queue.handle() == Some(lent.queue)
        {
            queue.gets.received = follow(queue.gets.received, lent.first, count)?;
            let codec = lent.codec.0;
            let items = (lent.first..).zip(lent.items.shared());
            queue.loans.ready.extend(items.map(|(number, (deliveries, item))| Loan {
                number,
                deliveries,
                codec,
                item,
            }));
            let lines = std::sync::Arc::clone(&queue.lines);
            let unwanted = queue.loans.demand == 0 && !self.is_awaited(lent.call);
            self.wake(Wake::Borrowers(lines, count));
            if unwanted || !is_call {
                self.give_loans_back(key);
            }
        }
        self.call_used(lent.call, count as u64, lent.last.0);
        if lent.last.0 {
            let call = lent.call;
            self.heard_answer(call, rpc_wire::Done { call }.into());
            if let Some(key) = key {
                self.ask_again(key);
            }
        }
        Ok(())
    }

    fn is_awaited(&self, call: Call) -> bool {
        matches!(self.calls.get(&call.get()), Some(Asked::Ticket(..)))
    }
}

/// The number of the last delivery, when these come next.
fn follow(received: u64, first: u64, count: usize) -> Result<u64, Cause> {
    if received.checked_add(1) == Some(first) {
        return Ok(received + count as u64);
    }
    Err(Cause::new(
        descriptor_core::ErrorKind::Corrupt,
        &format!("delivery {}", received.saturating_add(1)),
        format!("delivery {first}"),
        "bring both sides to the same release",
    ))
}
