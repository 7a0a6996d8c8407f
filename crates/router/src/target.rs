//! The router's own side of one connection: what waits to go out, and the account of what went.

use std::collections::VecDeque;

use descriptor_core::{ErrorKind, Item, PutError, Wait};
use serde::Serialize;

use crate::send_error::{Reason, Target, TargetId, Undelivered, Waiting};
use crate::{Connection, Drain, Envelope, Event, Pack, Packet, Row, StopSignal};

/// The packets of one connection: `routed = sent + buffered + returned`, at any moment.
///
/// `returned` counts every time that a packet came back in an error; sending it again routes it again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ConnectionCounts {
    /// Packets this target was chosen for.
    pub routed: u64,
    /// Packets that its queue accepted.
    pub sent: u64,
    /// Packets in the router's buffer.
    pub buffered: u64,
    /// Packets that came back, by cause.
    pub returned: ReturnedCounts,
    /// Watermarks, barriers and stops given to this target.
    pub controls: u64,
}

/// Packets that came back, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReturnedCounts {
    /// No room until the wait ended.
    pub full: u64,
    /// The queue was closed.
    pub closed: u64,
    /// Stored or not, nobody knew.
    pub unknown: u64,
    /// Refused for another reason.
    pub failed: u64,
    /// Taken out of the buffer when the job was given up.
    pub abandoned: u64,
}

impl ReturnedCounts {
    /// All causes together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.full + self.closed + self.unknown + self.failed + self.abandoned
    }

    const fn count(&mut self, reason: &Reason, packets: u64) {
        let counter = match reason {
            Reason::Full => &mut self.full,
            Reason::Closed => &mut self.closed,
            Reason::Unknown(_) => &mut self.unknown,
            Reason::Failed(_) | Reason::Unroutable(_) => &mut self.failed,
            Reason::Abandoned => &mut self.abandoned,
        };
        *counter += packets;
    }
}

pub(crate) struct Outlet<T: Item> {
    pub(crate) connection: Connection<T>,
    pending: VecDeque<Envelope<T>>,
    /// Behind all that is pending, on its way to becoming one item.
    open: Pack<T>,
    /// Packets in `pending` and `open`.
    packets: usize,
    /// With so many a flush is due.
    due: usize,
    routed: u64,
    controls: u64,
    returned: ReturnedCounts,
    stopped: bool,
    /// The outcome of an earlier event is unknown; nothing may overtake it during this flush.
    pub(crate) halted: bool,
}

impl<T: Item> Outlet<T> {
    pub(crate) const fn new(connection: Connection<T>, batch: usize) -> Self {
        let due = whole_packs(batch, connection.pack());
        Self {
            connection,
            pending: VecDeque::new(),
            open: Pack::new(),
            packets: 0,
            due,
            routed: 0,
            controls: 0,
            returned: ReturnedCounts {
                full: 0,
                closed: 0,
                unknown: 0,
                failed: 0,
                abandoned: 0,
            },
            stopped: false,
            halted: false,
        }
    }

    pub(crate) fn id(&self) -> TargetId {
        let spec = self.connection.spec();
        TargetId {
            group: spec.broadcast_group,
            parallel_index: spec.parallel_index,
        }
    }

    pub(crate) const fn set_batch_limit(&mut self, events: usize) {
        self.due = whole_packs(events, self.connection.pack());
    }

    /// Events that wait, every packet counted.
    pub(crate) fn buffered(&self) -> usize {
        let packs = self.pending.iter().map(|it| it.event.packets().max(1));
        packs.sum::<usize>() + self.open.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.open.is_empty()
    }

    pub(crate) fn counts(&self) -> ConnectionCounts {
        let buffered = self.pending.iter().map(|it| it.event.packets()).sum::<usize>() + self.open.len();
        let buffered = buffered as u64;
        ConnectionCounts {
            routed: self.routed,
            sent: self.routed - buffered - self.returned.total(),
            buffered,
            returned: self.returned,
            controls: self.controls,
        }
    }

    #[inline]
    fn envelope(&self, packet: Packet<T>) -> Envelope<T> {
        let spec = self.connection.spec();
        Envelope {
            from: spec.from,
            event: Event::Packet(packet.with_input_index(spec.target_input_index)),
        }
    }

    /// Keeps a packet for the next flush; true when that is due. Part of whoever calls it: a call would copy the packet.
    #[inline(always)]
    pub(crate) fn buffer(&mut self, packet: Packet<T>) -> bool {
        self.routed += 1;
        self.packets += 1;
        if self.connection.pack() == 1 {
            let envelope = self.envelope(packet);
            self.pending.push_back(envelope);
        } else {
            let index = self.connection.spec().target_input_index;
            if let Err(packet) = self.open.try_push(packet, index) {
                self.pack(packet);
            }
        }
        self.packets >= self.due
    }

    /// As `buffer`, of a packet that need not be put together.
    #[inline(always)]
    pub(crate) fn buffer_as(&mut self, payload: T, like: &Packet<()>) -> bool {
        let index = self.connection.spec().target_input_index;
        match self.open.try_push_as(payload, like, index) {
            Ok(()) => {
                self.routed += 1;
                self.packets += 1;
                self.packets >= self.due
            }
            Err(payload) => self.buffer_other(like.inherit_partition_info(payload)),
        }
    }

    #[inline(never)]
    fn buffer_other(&mut self, packet: Packet<T>) -> bool {
        self.buffer(packet)
    }

    #[inline(never)]
    fn pack(&mut self, packet: Packet<T>) {
        let room = self.connection.pack();
        if self.open.len() >= room {
            self.gather();
        }
        let index = self.connection.spec().target_input_index;
        self.open.push(packet.with_input_index(index), room);
    }

    /// Puts what waits into the order in which it goes out: what is in `open` becomes an item of its own.
    fn gather(&mut self) {
        let event = match self.open.len() {
            0 => return,
            1 => match self.open.drain() {
                Drain::Plain(mut rows) => rows.next().map(Row::into_packet),
                Drain::Int(mut rows) => rows.next().map(Row::into_packet),
                Drain::Mixed(mut packets) => packets.next(),
            }
            .map(Event::Packet),
            _ => Some(Event::Packets(std::mem::take(&mut self.open))),
        };
        let from = self.connection.spec().from;
        self.pending.extend(event.map(|event| Envelope { from, event }));
    }

    pub(crate) fn buffer_control(&mut self, event: Event<T>) {
        self.controls += 1;
        self.gather();
        self.pending.push_back(Envelope {
            from: self.connection.spec().from,
            event,
        });
    }

    /// Keeps the stop for the next flush, once.
    pub(crate) fn buffer_stop(&mut self, stop: &StopSignal) {
        if !self.stopped {
            self.stopped = true;
            self.buffer_control(Event::Stop(Box::new(stop.clone())));
        }
    }

    /// Puts one packet, for an outlet where nothing waits; who is refused goes on with [`refused`](Self::refused).
    #[inline]
    pub(crate) fn put(&mut self, packet: Packet<T>, wait: Wait) -> Result<(), PutError<Envelope<T>>> {
        self.routed += 1;
        let envelope = self.envelope(packet);
        self.connection.queue().put_within(envelope, wait)
    }

    /// Takes note that the queue did not take an event.
    #[cold]
    pub(crate) fn refused(&mut self, refusal: PutError<Envelope<T>>) -> Undelivered<T> {
        let (envelope, reason) = Reason::of(refusal);
        self.give_back(envelope, reason)
    }

    /// Sends one packet behind everything that still waits.
    pub(crate) fn deliver(&mut self, packet: Packet<T>, wait: Wait, back: &mut Vec<Undelivered<T>>) -> bool {
        self.routed += 1;
        let envelope = self.envelope(packet);
        self.deliver_envelope(envelope, wait, back)
    }

    /// Puts one event that is already counted as routed.
    fn deliver_envelope(&mut self, envelope: Envelope<T>, wait: Wait, back: &mut Vec<Undelivered<T>>) -> bool {
        if !self.is_empty() {
            self.halted = false;
            let blocked = self.drain(wait, back);
            if !self.pending.is_empty() {
                back.push(self.give_back(envelope, blocked.unwrap_or(Reason::Full)));
                return false;
            }
        }
        match self.connection.queue().put_within(envelope, wait) {
            Ok(()) => true,
            Err(refusal) => {
                back.push(self.refused(refusal));
                false
            }
        }
    }

    /// Sends again what came back earlier.
    pub(crate) fn resend(&mut self, item: Undelivered<T>, wait: Wait, back: &mut Vec<Undelivered<T>>) -> bool {
        self.routed += item.envelope.event.packets() as u64;
        let Reason::Unknown(token) = item.reason else {
            return self.deliver_envelope(item.envelope, wait, back);
        };
        // It is older than all that waits here, so it goes first.
        match self.connection.queue().retry(item.envelope, token, wait) {
            Ok(()) => true,
            Err(refusal) => {
                back.push(self.refused(refusal));
                false
            }
        }
    }

    /// Puts what waits, as far as it goes. `Some` says why the rest is still here.
    pub(crate) fn drain(&mut self, wait: Wait, back: &mut Vec<Undelivered<T>>) -> Option<Reason> {
        self.gather();
        let stopped = self.drain_pending(wait, back);
        self.packets = if self.pending.is_empty() { 0 } else { self.buffered() };
        stopped
    }

    fn drain_pending(&mut self, wait: Wait, back: &mut Vec<Undelivered<T>>) -> Option<Reason> {
        while !self.pending.is_empty() && !self.halted {
            match self.connection.queue().put_batch(&mut self.pending, wait) {
                Ok(0) | Err(PutError::Full(())) => return Some(Reason::Full),
                Ok(_) => {}
                Err(PutError::Closed(())) => {
                    self.give_back_all(|| Reason::Closed, back);
                }
                Err(PutError::Failed((), error)) if error.is_retryable() => return Some(Reason::Failed(error)),
                // A queue of bytes may be too small for a full pack.
                Err(PutError::Failed((), error)) if error.kind() == ErrorKind::TooLarge && self.halve() => {}
                Err(refusal) => {
                    let ((), reason) = Reason::of(refusal);
                    self.halted = matches!(reason, Reason::Unknown(_));
                    if let Some(envelope) = self.pending.pop_front() {
                        back.push(self.give_back(envelope, reason));
                    }
                }
            }
        }
        (!self.pending.is_empty()).then_some(Reason::Full)
    }

    /// Makes two items of the first; false when it cannot be divided.
    #[cold]
    fn halve(&mut self) -> bool {
        let Some(Envelope {
            event: Event::Packets(packets),
            ..
        }) = self.pending.front_mut().filter(|first| first.event.packets() > 1)
        else {
            return false;
        };
        let rest = packets.split_off(packets.len() / 2);
        let from = self.connection.spec().from;
        let event = Event::Packets(rest);
        self.pending.insert(1, Envelope { from, event });
        true
    }

    /// Empties the buffer into `back`.
    pub(crate) fn give_back_all(&mut self, reason: impl Fn() -> Reason, back: &mut Vec<Undelivered<T>>) {
        self.gather();
        while let Some(envelope) = self.pending.pop_front() {
            back.push(self.give_back(envelope, reason()));
        }
    }

    fn give_back(&mut self, envelope: Envelope<T>, reason: Reason) -> Undelivered<T> {
        self.returned.count(&reason, envelope.event.packets() as u64);
        Undelivered {
            group: self.id().group,
            target: Some(self.target()),
            envelope,
            reason,
        }
    }

    fn target(&self) -> Target {
        let spec = self.connection.spec();
        Target {
            id: self.id(),
            name: spec.target_name.clone(),
            queue_id: spec.descriptor.queue_id.clone(),
        }
    }

    pub(crate) fn waiting(&self, reason: Reason) -> Waiting {
        Waiting {
            target: self.target(),
            events: self.buffered(),
            reason,
        }
    }
}

/// So many packets, or as many as fill whole packs of an item each, where it is enough for one.
const fn whole_packs(events: usize, pack: usize) -> usize {
    if events < pack { events } else { events - events % pack }
}
