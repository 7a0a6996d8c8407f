//! What this side says, and in which order.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use descriptor_core::Wait;
use rpc_wire::{Consumed, Handle, Message, Withdraw};

use super::puts::Settled;
use super::{Cause, Key, Known, PutEnd, PutTicket, Session, Wake, weight_of};

/// One step of a put.
#[derive(Debug)]
pub(crate) enum Accepted {
    /// It is on its way.
    Yes,
    /// The window has no room.
    NoRoom,
    /// It does not wait, and is behind others that do: the server ends puts in their order.
    Behind,
    /// The queue is closed.
    Closed,
    /// It never will be, for this reason.
    Failed(Cause),
}

impl Session {
    /// Sends a message behind everything that was handed over or accepted before: what comes of it must not look older.
    pub(super) fn say(&mut self, message: &Message) {
        self.send_marks();
        self.write(message);
    }

    fn write(&mut self, message: &Message) {
        let limit = self.frame_limit();
        self.poked = true;
        if self.out.message(message, limit).is_err() {
            // Too many ranges or too long a text for the least of frames: nothing that this side writes is.
            debug_assert!(false, "{} does not fit into a frame", message.name());
        }
    }

    /// Tells the server what was handed over.
    pub(super) fn send_marks(&mut self) {
        self.marks_due = None;
        self.is_mark_lazy = false;
        for key in std::mem::take(&mut self.marks) {
            self.send_mark(key);
        }
    }

    pub(super) fn send_mark(&mut self, key: Key) {
        let Some(queue) = self.queue_mut(key) else { return };
        queue.gets.listed = false;
        if let (Some(handle), Some(up_to)) = (queue.handle(), queue.gets.mark()) {
            queue.gets.marked(up_to);
            self.write(&Message::from(Consumed { queue: handle, up_to }));
        }
    }

    /// Sends what was accepted for all queues.
    pub(super) fn send_puts(&mut self, now: Instant) {
        for key in std::mem::take(&mut self.unsent) {
            self.send_puts_of(key, Some(now));
        }
    }

    /// Sends what was accepted for one queue, so that what is said next is said behind it.
    pub(super) fn send_puts_of(&mut self, key: Key, now: Option<Instant>) {
        let limit = self.frame_limit();
        let heard = self.heard;
        let Some(queue) = self.queues.get_mut(key).and_then(Option::as_mut) else {
            return;
        };
        queue.listed = false;
        let Some(handle) = queue.handle() else { return };
        if queue.puts.paused.is_some() || !queue.puts.has_unsent() {
            return;
        }
        let now = now.unwrap_or(heard);
        // A frame that is too large was let in with the limits of another server: the call that checks it comes first.
        if queue
            .puts
            .send(handle, queue.terms.codec, now, limit, &mut self.out)
            .is_err()
        {
            let cause = Cause::new(
                descriptor_core::ErrorKind::TooLarge,
                &format!("frames of at most {limit} bytes, as the server has it now"),
                "a larger item",
                "raise the largest frame of the server",
            );
            self.fail_queue(key, cause);
        }
    }

    pub(super) fn list(&mut self, key: Key) {
        self.poked = true;
        if let Some(queue) = self.queues.get_mut(key).and_then(Option::as_mut)
            && !queue.listed
        {
            queue.listed = true;
            self.unsent.push(key);
        }
    }

    /// Whether so much more may be on its way. What others leave free is shared: a queue that nobody takes from keeps no more
    /// than as much as it leaves for others.
    #[inline]
    fn has_room(&self, key: Key, items: u64, bytes: u64) -> bool {
        if self.window_items == 0 {
            return true;
        }
        let Some(queue) = self.queue(key) else { return false };
        let free_items = u64::from(self.limits.window_items).saturating_sub(self.window_items);
        let free_bytes = self
            .limits
            .window_bytes
            .min(super::MOST_WINDOW)
            .saturating_sub(self.window_bytes);
        items <= free_items && bytes <= free_bytes && queue.puts.items <= free_items && queue.puts.bytes <= free_bytes
    }

    /// Why nothing can be put now, if so.
    #[inline]
    fn closed_to_puts(&self, key: Key) -> Option<Accepted> {
        match self.queue(key) {
            Some(queue) if queue.closed => Some(Accepted::Closed),
            Some(queue) => {
                let why = queue.failed.as_ref().or(self.gone.as_ref())?;
                Some(Accepted::Failed(why.clone()))
            }
            None => Some(Accepted::Closed),
        }
    }

    /// Accepts an item; it is sent until it is confirmed.
    #[inline]
    pub(crate) fn put(&mut self, key: Key, item: &[u8]) -> Accepted {
        let weight = weight_of(item.len());
        if let Some(refused) = self.admit(key, 1, weight) {
            return refused;
        }
        if let Some(queue) = self.queues.get_mut(key).and_then(Option::as_mut) {
            queue.puts.push(item, &mut self.spare);
        }
        self.list(key);
        Accepted::Yes
    }

    /// As [`put`](Self::put), for up to `most` items that are laid out as in a frame: how many were accepted, and why no more.
    pub(crate) fn put_run(&mut self, key: Key, mut items: &[u8], most: usize) -> (usize, Option<Accepted>) {
        for taken in 0..most {
            let item = items.split_first_chunk().and_then(|(len, rest)| {
                let len = u32::from_le_bytes(*len) as usize;
                rest.split_at_checked(len)
            });
            let Some((item, rest)) = item else { return (taken, None) };
            match self.put(key, item) {
                Accepted::Yes => items = rest,
                refused => return (taken, Some(refused)),
            }
        }
        (most, None)
    }

    /// As [`put`](Self::put), for an item that is not copied.
    pub(crate) fn put_shared(&mut self, key: Key, item: &Bytes) -> Accepted {
        if let Some(refused) = self.admit(key, 1, weight_of(item.len())) {
            return refused;
        }
        if let Some(queue) = self.queues.get_mut(key).and_then(Option::as_mut) {
            queue.puts.push_shared(item.clone(), &mut self.spare);
        }
        self.list(key);
        Accepted::Yes
    }

    #[inline]
    fn admit(&mut self, key: Key, items: u64, bytes: u64) -> Option<Accepted> {
        let refused = self.closed_to_puts(key);
        if refused.is_some() {
            return refused;
        }
        if !self.has_room(key, items, bytes) {
            self.is_short = true;
            return Some(Accepted::NoRoom);
        }
        self.alone |= self.window_items == 0;
        self.window_items += items;
        self.window_bytes += bytes;
        None
    }

    /// Sends the items of one call, laid out as in a frame, and tells `ticket` how that ended.
    pub(crate) fn submit(
        &mut self,
        key: Key,
        items: &[u8],
        count: u32,
        wait: Wait,
        ticket: &Arc<PutTicket>,
    ) -> Accepted {
        if wait == Wait::Never
            && let Some(queue) = self.queue(key)
            && queue.puts.may_wait()
        {
            return self.closed_to_puts(key).unwrap_or(Accepted::Behind);
        }
        if let Some(refused) = self.admit(key, count.into(), items.len() as u64) {
            return refused;
        }
        if let Some(queue) = self.queues.get_mut(key).and_then(Option::as_mut) {
            queue.puts.submit(items, count, wait, Arc::clone(ticket));
        }
        self.list(key);
        Accepted::Yes
    }

    /// Room was made, and ends are to be told.
    pub(super) fn settle(&mut self, key: Key, settled: Settled) {
        self.window_items = self.window_items.saturating_sub(settled.items);
        self.window_bytes = self.window_bytes.saturating_sub(settled.bytes);
        self.wakes.extend(settled.wakes);
        if settled.items == 0 {
            return;
        }
        if let Some(queue) = self.queue(key) {
            let lines = Arc::clone(&queue.lines);
            self.wake(Wake::Flushers(lines));
        }
        if self.is_short && self.window_items <= u64::from(self.limits.window_items) / 4 * 3 {
            self.is_short = false;
            let all: Vec<_> = self
                .queues
                .iter()
                .flatten()
                .map(|queue| Arc::clone(&queue.lines))
                .collect();
            for lines in all {
                if lines.putters.waiting() > 0 {
                    self.wake(Wake::Putters(lines));
                }
            }
        }
        self.close_if_due(key);
        self.release_if_unused(key);
    }

    pub(super) fn confirmed(&mut self, handle: Handle, up_to: u64) {
        if let Some(key) = self.handles.get(&handle.get()).copied()
            && let Some(queue) = self.queues.get_mut(key).and_then(Option::as_mut)
        {
            let settled = queue.puts.confirmed(up_to, &mut self.spare);
            self.settle(key, settled);
        }
    }

    pub(super) fn refused(&mut self, handle: Handle, from: u64, cause: &Cause, now: Instant) {
        let Some(key) = self.handles.get(&handle.get()).copied() else {
            return;
        };
        if let Some(queue) = self.queues.get_mut(key).and_then(Option::as_mut) {
            if cause.kind() == descriptor_core::ErrorKind::Closed {
                queue.closed = true;
            }
            let settled = queue.puts.refused(from, cause, now, &mut self.spare);
            self.paused_until = self.paused_until.or(queue.puts.paused);
            self.settle(key, settled);
            self.list(key);
        }
    }

    /// The caller of a put does not wait any longer: how it ends for it, if it has not ended already.
    pub(crate) fn give_up(&mut self, key: Key, ticket: &Arc<PutTicket>, cause: &Cause) -> Option<PutEnd> {
        let queue = self.queues.get_mut(key).and_then(Option::as_mut)?;
        let (end, settled) = queue.puts.give_up(ticket, cause, &mut self.spare)?;
        self.settle(key, settled);
        Some(end)
    }

    /// The caller of a put does not want it any more.
    pub(crate) fn withdraw(&mut self, key: Key, ticket: &Arc<PutTicket>) {
        let Some(queue) = self.queues.get_mut(key).and_then(Option::as_mut) else {
            return;
        };
        let (from, settled) = queue.puts.withdraw(ticket, &mut self.spare);
        let handle = queue.handle();
        self.settle(key, settled);
        if let (Some(from), Some(queue)) = (from, handle) {
            self.say(&Message::from(Withdraw { queue, from }));
        }
    }

    /// The time of a put is over. The server ends puts in their order, so those before it are withdrawn with it, and sent again.
    pub(crate) fn overtake(&mut self, key: Key, ticket: &Arc<PutTicket>) {
        let Some(queue) = self.queue_mut(key) else { return };
        if let (Some(from), Some(handle)) = (queue.puts.overtake(ticket), queue.handle()) {
            self.say(&Message::from(Withdraw { queue: handle, from }));
        }
    }

    /// What became of a put whose end had been unknown; its end is told to `ticket` if it is still open.
    pub(crate) fn known(&mut self, key: Key, token: u64, ticket: &Arc<PutTicket>) -> Option<Known> {
        self.queue_mut(key)?.puts.known(token, ticket)
    }
}
