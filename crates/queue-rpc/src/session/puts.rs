//! The puts of one queue that are not confirmed: in order, sent or not, and sent again after a connection was lost.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use descriptor_core::{ErrorKind, Wait};
use rpc_wire::{Handle, ItemCodec, WireError};

use super::cause::Cause;
use super::output::{Output, Spare};
use super::parcel::{Parcel, weight_of};
use super::wake::{PutEnd, PutTicket, Wake, Why};

/// A frame is not made larger than this by adding small items.
const FRAME: usize = 120 << 10;
/// The first buffer of a queue; later ones have the size of the one before.
const LEAST_BUFFER: usize = 512;
/// Ends of puts that were unknown to their callers and are known by now; the oldest is forgotten.
const REMEMBERED: usize = 4096;

/// Accepted items that will not be stored.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    pub(crate) count: u64,
    pub(crate) why: Option<Cause>,
}

/// What became of puts.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    pub(crate) items: u64,
    pub(crate) bytes: u64,
    pub(crate) wakes: Vec<Wake>,
}

/// The end of a put that had been told to be unknown.
#[derive(Debug)]
pub(crate) enum Known {
    Stored,
    NotStored,
    /// Still on its way.
    Open,
}

#[derive(Debug)]
pub(crate) struct Puts {
    parcels: VecDeque<Parcel>,
    // So many from the front have been sent on this connection.
    sent: usize,
    // The number of the next item that is sent.
    next: u64,
    pub(crate) items: u64,
    pub(crate) bytes: u64,
    pub(crate) accepted: u64,
    pub(crate) settled: u64,
    pub(crate) losses: Losses,
    /// Not to be sent before this moment: the server asked for it.
    pub(crate) paused: Option<Instant>,
    // What became of those that were told to be unknown, by the number in their tokens.
    ends: BTreeMap<u64, Option<Cause>>,
    last_token: u64,
    hint: usize,
}

impl Default for Puts {
    fn default() -> Self {
        Self {
            parcels: VecDeque::new(),
            sent: 0,
            next: 1,
            items: 0,
            bytes: 0,
            accepted: 0,
            settled: 0,
            losses: Losses::default(),
            paused: None,
            ends: BTreeMap::new(),
            last_token: 0,
            hint: LEAST_BUFFER,
        }
    }
}

impl Puts {
    /// True when everything that was accepted has been settled.
    pub(crate) fn is_settled(&self) -> bool {
        self.parcels.is_empty()
    }

    pub(crate) fn has_unsent(&self) -> bool {
        self.sent < self.parcels.len()
    }

    fn count(&mut self, items: u64, bytes: u64) {
        self.items += items;
        self.bytes += bytes;
        self.accepted += items;
    }

    /// Accepts an item.
    #[inline]
    pub(crate) fn push(&mut self, item: &[u8], spare: &mut Spare) {
        let weight = weight_of(item.len());
        self.count(1, weight);
        if self.sent < self.parcels.len()
            && let Some(last) = self.parcels.back_mut()
            && last.is_open()
            && last.size() + item.len() < FRAME
        {
            last.push(item);
            return;
        }
        self.begin(item.len(), spare).push(item);
    }

    /// Accepts an item without a copy.
    pub(crate) fn push_shared(&mut self, item: Bytes, spare: &mut Spare) {
        self.count(1, weight_of(item.len()));
        self.begin(0, spare).end_with(item);
    }

    #[cold]
    fn begin(&mut self, item: usize, spare: &mut Spare) -> &mut Parcel {
        if let Some(last) = self.parcels.back() {
            self.hint = last.size().next_power_of_two().clamp(LEAST_BUFFER, FRAME);
        }
        let buffer = spare.get(self.hint.max(item + rpc_wire::Put::FRONT + 8));
        self.parcels.push_back(Parcel::new(buffer, Wait::Forever, None));
        let last = self.parcels.len() - 1;
        &mut self.parcels[last]
    }

    /// Accepts the items of one call, laid out as in a frame.
    pub(crate) fn submit(&mut self, items: &[u8], count: u32, wait: Wait, ticket: Arc<PutTicket>) {
        let buffer = BytesMut::with_capacity(items.len() + rpc_wire::Put::FRONT);
        let mut parcel = Parcel::new(buffer, wait, Some(ticket));
        parcel.push_laid_out(items, count);
        self.count(count.into(), parcel.weight);
        self.parcels.push_back(parcel);
    }

    /// Sends what was not sent.
    ///
    /// # Errors
    /// `Excess`, when a frame is larger than the server takes: it was looked at before, with another limit.
    pub(crate) fn send(
        &mut self,
        queue: Handle,
        codec: ItemCodec,
        now: Instant,
        limit: u32,
        out: &mut Output,
    ) -> Result<(), WireError> {
        while let Some(parcel) = self.parcels.get_mut(self.sent) {
            parcel.first = self.next;
            let (frame, tail) = parcel.seal(queue, codec, now, limit)?;
            out.piece(frame);
            if let Some(tail) = tail {
                out.piece(tail);
            }
            self.next += u64::from(parcel.count);
            self.sent += 1;
        }
        Ok(())
    }

    /// All up to this number are stored.
    pub(crate) fn confirmed(&mut self, up_to: u64, spare: &mut Spare) -> Settled {
        let mut settled = Settled::default();
        while self.sent > 0
            && let Some(parcel) = self.parcels.front_mut()
            && parcel.first <= up_to
        {
            let items = (up_to - parcel.first).saturating_add(1).min(parcel.count.into()) as u32;
            settled.items += u64::from(items);
            parcel.stored += items;
            settled.bytes += parcel.drop_front(items);
            if parcel.count > 0 {
                break;
            }
            self.sent -= 1;
            if let Some(parcel) = self.parcels.pop_front() {
                let end = PutEnd {
                    stored: parcel.stored,
                    why: None,
                };
                self.end(parcel, end, &mut settled, spare);
            }
        }
        self.account(&settled);
        settled
    }

    fn account(&mut self, settled: &Settled) {
        self.items = self.items.saturating_sub(settled.items);
        self.bytes = self.bytes.saturating_sub(settled.bytes);
        self.settled += settled.items;
    }

    /// Tells the end of a parcel that was taken out.
    fn end(&mut self, parcel: Parcel, end: PutEnd, settled: &mut Settled, spare: &mut Spare) {
        if let Some(token) = parcel.remembered {
            let why = match &end.why {
                Some(Why::Refused(cause)) => Some(cause.clone()),
                _ => None,
            };
            self.ends.insert(token, why);
            if self.ends.len() > REMEMBERED {
                self.ends.pop_first();
            }
        }
        match &parcel.ticket {
            Some(ticket) => settled.wakes.push(Wake::Put(Arc::clone(ticket), end)),
            None if parcel.withdrawn || parcel.remembered.is_some() => {}
            None => {
                if let Some(Why::Refused(cause)) = end.why {
                    self.losses.count += u64::from(parcel.count);
                    self.losses.why.get_or_insert(cause);
                }
            }
        }
        if let Some(buffer) = parcel.into_buffer() {
            spare.give(buffer);
        }
    }

    fn take_out(&mut self, at: usize, why: &Cause, settled: &mut Settled, spare: &mut Spare) {
        if let Some(parcel) = self.parcels.remove(at) {
            settled.items += u64::from(parcel.count);
            settled.bytes += parcel.weight;
            let end = PutEnd {
                stored: parcel.stored,
                why: Some(Why::Refused(why.clone())),
            };
            self.end(parcel, end, settled, spare);
        }
    }

    /// Nothing from this number on is stored. What is not to blame is sent again.
    pub(crate) fn refused(&mut self, from: u64, cause: &Cause, now: Instant, spare: &mut Spare) -> Settled {
        let mut settled = match from.checked_sub(1) {
            Some(up_to) => self.confirmed(up_to, spare),
            None => Settled::default(),
        };
        let before = settled.items;
        let bytes_before = settled.bytes;
        // Nothing that is left is stored, whether or not it was sent. A server cannot refuse what it was not sent.
        self.unsend(from.min(self.next));
        match cause.kind() {
            ErrorKind::Cancelled => {}
            ErrorKind::TooLarge => self.blame_first_item(cause, &mut settled, spare),
            ErrorKind::Full | ErrorKind::Timeout => match self.parcels.front() {
                Some(front) if front.ticket.is_some() || front.withdrawn || front.remembered.is_some() => {
                    self.take_out(0, cause, &mut settled, spare);
                }
                _ => self.paused = Some(now + RETRY),
            },
            _ if cause.is_retryable() => self.paused = Some(now + RETRY),
            _ => {
                while !self.parcels.is_empty() {
                    self.take_out(0, cause, &mut settled, spare);
                }
            }
        }
        self.drop_withdrawn(cause, &mut settled, spare);
        let rest = Settled {
            items: settled.items - before,
            bytes: settled.bytes - bytes_before,
            wakes: Vec::new(),
        };
        self.account(&rest);
        settled
    }

    /// All that is left is to be sent, from this number on.
    fn unsend(&mut self, next: u64) {
        self.sent = 0;
        // 0 is for what was not sent.
        self.next = next.max(1);
        for parcel in &mut self.parcels {
            parcel.first = 0;
        }
    }

    /// What nobody wants and is not stored is not sent again.
    fn drop_withdrawn(&mut self, cause: &Cause, settled: &mut Settled, spare: &mut Spare) {
        let mut at = 0;
        while let Some(parcel) = self.parcels.get(at) {
            if parcel.withdrawn {
                self.take_out(at, cause, settled, spare);
            } else {
                at += 1;
            }
        }
    }

    /// The queue is lost: so is all that was accepted for it.
    pub(crate) fn refused_all(&mut self, cause: &Cause, spare: &mut Spare) -> Settled {
        let mut settled = Settled::default();
        while !self.parcels.is_empty() {
            self.take_out(0, cause, &mut settled, spare);
        }
        self.sent = 0;
        self.account(&settled);
        settled
    }

    /// One item is refused, and those behind it may be well.
    fn blame_first_item(&mut self, cause: &Cause, settled: &mut Settled, spare: &mut Spare) {
        let Some(front) = self.parcels.front_mut() else {
            return;
        };
        if front.count <= 1 || front.ticket.is_some() {
            self.take_out(0, cause, settled, spare);
            return;
        }
        settled.items += 1;
        settled.bytes += front.drop_front(1);
        self.losses.count += 1;
        self.losses.why.get_or_insert_with(|| cause.clone());
    }

    /// A connection was made anew and the session went on: everything below `next` is stored, the rest is sent again.
    pub(crate) fn resume(&mut self, next: u64, spare: &mut Spare) -> Settled {
        // All that was ever sent in this session counts.
        self.sent = self.parcels.iter().take_while(|parcel| parcel.first != 0).count();
        let mut settled = self.confirmed(next.saturating_sub(1), spare);
        self.unsend(next);
        let (items, bytes) = (settled.items, settled.bytes);
        let cause = Cause::new(ErrorKind::Cancelled, "", "a put that was given up", "");
        self.drop_withdrawn(&cause, &mut settled, spare);
        let rest = Settled {
            items: settled.items - items,
            bytes: settled.bytes - bytes,
            wakes: Vec::new(),
        };
        self.account(&rest);
        settled
    }

    /// The session is gone: what was sent may be stored or not, what was not begins a new one.
    pub(crate) fn begin_again(&mut self, next: u64, cause: &Cause, spare: &mut Spare) -> Settled {
        let mut settled = Settled::default();
        while self.was_sent(0) {
            if let Some(parcel) = self.parcels.front_mut() {
                let told = parcel.remembered.take().is_some() || parcel.ticket.is_some();
                parcel.withdrawn |= told;
                if let Some(ticket) = parcel.ticket.take() {
                    self.last_token += 1;
                    let end = PutEnd {
                        stored: parcel.stored,
                        why: Some(Why::Unknown(self.last_token)),
                    };
                    settled.wakes.push(Wake::Put(ticket, end));
                }
            }
            self.take_out(0, cause, &mut settled, spare);
        }
        self.account(&settled);
        self.unsend(next);
        settled
    }

    /// The connection has been lost for too long: whoever waits is told. What was sent may still come to be stored.
    pub(crate) fn give_up_all(&mut self, cause: &Cause, spare: &mut Spare) -> Settled {
        let mut settled = Settled::default();
        let mut at = 0;
        while at < self.parcels.len() {
            let was_sent = self.was_sent(at);
            let Some(parcel) = self.parcels.get_mut(at) else { break };
            if parcel.ticket.is_none() {
                at += 1;
            } else if was_sent {
                let (end, ticket) = self.forget(at);
                if let Some(ticket) = ticket {
                    settled.wakes.push(Wake::Put(ticket, end));
                }
                at += 1;
            } else {
                self.take_out(at, cause, &mut settled, spare);
            }
        }
        self.account(&settled);
        settled
    }

    /// Whether the bytes of that parcel have left, on this connection or one before.
    fn was_sent(&self, at: usize) -> bool {
        self.parcels.get(at).is_some_and(|parcel| parcel.first != 0)
    }

    /// Nobody waits for the parcel any more, but it may be stored.
    fn forget(&mut self, at: usize) -> (PutEnd, Option<Arc<PutTicket>>) {
        self.last_token += 1;
        let token = self.last_token;
        let Some(parcel) = self.parcels.get_mut(at) else {
            let why = Some(Why::Unknown(token));
            return (PutEnd { stored: 0, why }, None);
        };
        parcel.remembered = Some(token);
        let end = PutEnd {
            stored: parcel.stored,
            why: Some(Why::Unknown(token)),
        };
        (end, parcel.ticket.take())
    }

    fn position(&self, ticket: &Arc<PutTicket>) -> Option<usize> {
        let mine = |parcel: &Parcel| parcel.ticket.as_ref().is_some_and(|other| Arc::ptr_eq(other, ticket));
        self.parcels.iter().position(mine)
    }

    /// The caller does not wait any longer. What was not sent is taken back, with `cause`; otherwise it is unknown.
    pub(crate) fn give_up(
        &mut self,
        ticket: &Arc<PutTicket>,
        cause: &Cause,
        spare: &mut Spare,
    ) -> Option<(PutEnd, Settled)> {
        let at = self.position(ticket)?;
        if self.was_sent(at) {
            return Some((self.forget(at).0, Settled::default()));
        }
        let mut settled = Settled::default();
        if let Some(parcel) = self.parcels.get_mut(at) {
            parcel.ticket = None;
            parcel.withdrawn = true;
        }
        self.take_out(at, cause, &mut settled, spare);
        self.account(&settled);
        let why = Some(Why::Refused(cause.clone()));
        Some((PutEnd { stored: 0, why }, settled))
    }

    /// The caller does not want it stored any more. Says from which number on it is to be withdrawn, if it was sent.
    pub(crate) fn withdraw(&mut self, ticket: &Arc<PutTicket>, spare: &mut Spare) -> (Option<u64>, Settled) {
        let mut settled = Settled::default();
        let Some(at) = self.position(ticket) else {
            return (None, settled);
        };
        let sent = at < self.sent;
        let was_sent = self.was_sent(at);
        let mut from = None;
        if let Some(parcel) = self.parcels.get_mut(at) {
            parcel.ticket = None;
            parcel.withdrawn = true;
            from = sent.then_some(parcel.first);
        }
        if !was_sent {
            let cause = Cause::new(ErrorKind::Cancelled, "", "a put that was given up", "");
            self.take_out(at, &cause, &mut settled, spare);
            self.account(&settled);
        }
        (from, settled)
    }

    /// Whether there is a put that the server may let wait for room.
    pub(crate) fn may_wait(&self) -> bool {
        self.parcels.iter().any(|parcel| parcel.wait != Wait::Never)
    }

    /// A put is not to be stored any more, although it is behind others: from which number on to withdraw. None when it is the first
    /// one, which the server ends by itself, or was not sent; then it ends here.
    pub(crate) fn overtake(&mut self, ticket: &Arc<PutTicket>) -> Option<u64> {
        let at = self.position(ticket)?;
        if at == 0 || at >= self.sent {
            return None;
        }
        self.parcels.get_mut(at)?.withdrawn = true;
        self.parcels.front().map(|front| front.first)
    }

    /// What became of a put that was told to be unknown; who asks while it is open may wait for it.
    pub(crate) fn known(&mut self, token: u64, ticket: &Arc<PutTicket>) -> Option<Known> {
        if let Some(end) = self.ends.remove(&token) {
            return Some(end.map_or(Known::Stored, |_| Known::NotStored));
        }
        let parcel = self
            .parcels
            .iter_mut()
            .find(|parcel| parcel.remembered == Some(token))?;
        parcel.remembered = None;
        parcel.ticket = Some(Arc::clone(ticket));
        Some(Known::Open)
    }
}

/// How long to wait before items are sent again that the server had no room for in general.
const RETRY: std::time::Duration = std::time::Duration::from_millis(20);
