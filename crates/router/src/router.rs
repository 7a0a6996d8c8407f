//! Packets out of one instance, to all that are connected to it.

use std::fmt;

use descriptor_core::{Error, ErrorKind, Item, Wait};

use crate::group::{Group, unroutable};
use crate::send_error::{Reason, Report, SendError, TargetId, Undelivered};
use crate::target::Outlet;
use crate::{ConnectionCounts, Event, LoadMeter, Packet, RouterBuilder, RoutingInfo, StopSignal, Waiting};

/// Sends the packets of one instance over its edges, each of which gets its own copy; the last one gets the original.
///
/// Two ways to send: [`send`](Self::send) puts one packet at once; [`push`](Self::push) keeps it and
/// [`flush`](Self::flush) puts whole batches, which is many times cheaper per packet. Either way everything to one
/// target goes in one order, and a packet that does not arrive comes back in the error: none is ever dropped here.
///
/// A router belongs to one instance and is used through `&mut`: counting and buffering need no lock and no atomics.
pub struct Router<T: Item + Clone> {
    pub(crate) name: String,
    pub(crate) groups: Vec<Group<T>>,
    pub(crate) batch: usize,
    pub(crate) stopped: bool,
    /// Where this packet went; kept to be used again.
    pub(crate) reached: Vec<TargetId>,
    /// What came back; empty between calls.
    pub(crate) back: Vec<Undelivered<T>>,
}

impl<T: Item + Clone> Router<T> {
    /// Starts a router for the instance `name`.
    #[must_use]
    pub fn builder(name: impl Into<String>) -> RouterBuilder<T> {
        RouterBuilder::new(name.into())
    }

    /// The instance it sends for.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Keeps a packet for each of its targets until the next [`flush`](Self::flush). True means that a target has a
    /// full batch and a flush is due; a caller who goes on without one lets the buffers grow.
    ///
    /// The round robin of an edge moves on with each packet that is kept.
    ///
    /// # Errors
    /// Lists the groups for which no target could be chosen, with the packet; the others have it in their buffers.
    #[inline(always)]
    pub fn push(&mut self, packet: Packet<T>) -> Result<bool, SendError<T>> {
        if let [only] = &mut self.groups[..]
            && !self.stopped
            && let Some((index, position)) = only.straight(&packet)
            && let Some(outlet) = only.outlets.get_mut(index)
        {
            only.position = position;
            return Ok(outlet.buffer(packet));
        }
        self.push_to_all(packet)
    }

    /// As [`push`](Self::push), of a packet of `payload` with all else as `like` has it, which need not be put together.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    #[inline(always)]
    pub fn push_as(&mut self, payload: T, like: &Packet<()>) -> Result<bool, SendError<T>> {
        if let [only] = &mut self.groups[..]
            && !self.stopped
            && let Some((index, position)) = only.straight(like)
            && let Some(outlet) = only.outlets.get_mut(index)
        {
            only.position = position;
            return Ok(outlet.buffer_as(payload, like));
        }
        self.push_to_all(like.inherit_partition_info(payload))
    }

    /// Apart, so that the short way stays short: every call that a packet is handed on by is a copy of it.
    #[inline(never)]
    fn push_to_all(&mut self, packet: Packet<T>) -> Result<bool, SendError<T>> {
        self.reached.clear();
        let mut due = false;
        match self.groups.split_last_mut() {
            Some((last, others)) if !self.stopped => {
                for group in others {
                    due |= group.push(packet.clone(), &mut self.reached, &mut self.back);
                }
                due |= last.push(packet, &mut self.reached, &mut self.back);
            }
            _ => self.refuse(packet),
        }
        if self.back.is_empty() {
            Ok(due)
        } else {
            Err(self.report(Vec::new()))
        }
    }

    /// Puts one packet into the queue of each of its targets, behind what is still in their buffers, waiting for room
    /// as `wait` allows. A target that fails does not keep the packet from the others.
    ///
    /// The round robin of an edge moves on only when its target took the packet.
    ///
    /// # Errors
    /// Lists every target that did not get it, with the packet, and those that did.
    #[inline]
    pub fn send(&mut self, packet: Packet<T>, wait: Wait) -> Result<(), SendError<T>> {
        if let [only] = &mut self.groups[..]
            && !self.stopped
            && let Some((index, position)) = only.straight(&packet)
            && let Some(outlet) = only.outlets.get_mut(index).filter(|outlet| outlet.is_empty())
        {
            return match outlet.put(packet, wait) {
                Ok(()) => {
                    only.position = position;
                    Ok(())
                }
                Err(refusal) => {
                    let returned = outlet.refused(refusal);
                    Err(self.returned(returned))
                }
            };
        }
        self.send_to_all(packet, wait)
    }

    #[inline(never)]
    fn send_to_all(&mut self, packet: Packet<T>, wait: Wait) -> Result<(), SendError<T>> {
        self.reached.clear();
        match self.groups.split_last_mut() {
            Some((last, others)) if !self.stopped => {
                for group in others {
                    group.send(packet.clone(), wait, &mut self.reached, &mut self.back);
                }
                last.send(packet, wait, &mut self.reached, &mut self.back);
            }
            _ => self.refuse(packet),
        }
        if self.back.is_empty() {
            Ok(())
        } else {
            Err(self.report(Vec::new()))
        }
    }

    /// Puts everything that was pushed, waiting for room as `wait` allows. Targets with room get theirs before the
    /// first wait for one without.
    ///
    /// # Errors
    /// What a closed queue or a refused item left undelivered comes back; what found no room until the wait ended, or
    /// met a failure that may pass, stays in the buffer and is listed as waiting.
    pub fn flush(&mut self, wait: Wait) -> Result<(), SendError<T>> {
        self.reached.clear();
        let mut waiting = Vec::new();
        let back = &mut self.back;
        let mut left = false;
        for outlet in self.groups.iter_mut().flat_map(|group| &mut group.outlets) {
            outlet.halted = false;
            if let Some(reason) = outlet.drain(Wait::Never, back) {
                left = true;
                if wait == Wait::Never {
                    waiting.push(outlet.waiting(reason));
                }
            }
        }
        if left && wait != Wait::Never {
            for outlet in self.groups.iter_mut().flat_map(|group| &mut group.outlets) {
                if let Some(reason) = outlet.drain(wait, back) {
                    waiting.push(outlet.waiting(reason));
                }
            }
        }
        if self.back.is_empty() && waiting.is_empty() {
            return Ok(());
        }
        Err(self.report(waiting))
    }

    /// Tells every target that no packet of an earlier event time follows, and flushes.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn send_watermark(&mut self, time: u64, wait: Wait) -> Result<(), SendError<T>> {
        self.push_watermark(time);
        self.flush(wait)
    }

    /// Puts a barrier behind everything sent so far, to every target, and flushes.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn send_barrier(&mut self, number: u64, wait: Wait) -> Result<(), SendError<T>> {
        self.outlets()
            .for_each(|outlet| outlet.buffer_control(Event::Barrier(number)));
        self.flush(wait)
    }

    /// Keeps a watermark for every target until the next [`flush`](Self::flush).
    pub fn push_watermark(&mut self, time: u64) {
        self.outlets()
            .for_each(|outlet| outlet.buffer_control(Event::Watermark(time)));
    }

    /// Ends the stream: the stop goes to every connection once, behind all data. No packet is accepted afterwards.
    ///
    /// Calling it again sends no second stop; it only tries once more to get the first one out.
    ///
    /// # Errors
    /// As [`flush`](Self::flush): a full queue keeps the stop in the buffer, behind its data, for the next flush.
    #[doc(alias = "send_stop_signal")]
    pub fn send_stop(&mut self, stop: &StopSignal, wait: Wait) -> Result<(), SendError<T>> {
        self.stopped = true;
        self.outlets().for_each(|outlet| outlet.buffer_stop(stop));
        self.flush(wait)
    }

    /// Waits until every queue has confirmed what it accepted, the stop included: a sender that ends before that could take
    /// with it what a queue at another place has not stored yet. In process, accepted is confirmed.
    ///
    /// # Errors
    /// The first queue's that could not confirm everything; the others are asked all the same.
    pub fn confirm(&self, wait: Wait) -> Result<(), Error> {
        let outlets = self.groups.iter().flat_map(|group| &group.outlets);
        outlets
            .map(|outlet| outlet.connection.queue().flush(wait))
            .fold(Ok(()), Result::and)
    }

    /// Sends again what came back, each event to the very target it was meant for. Events for which no target could be
    /// chosen come back once more.
    ///
    /// An event whose outcome was unknown goes ahead of the target's buffer and is stored once; the others go behind it.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn resend(&mut self, items: Vec<Undelivered<T>>, wait: Wait) -> Result<(), SendError<T>> {
        self.reached.clear();
        for item in items {
            let id = item.target.as_ref().map(|target| target.id);
            match id.and_then(|id| {
                self.groups
                    .iter_mut()
                    .flat_map(|it| &mut it.outlets)
                    .find(|it| it.id() == id)
            }) {
                Some(outlet) => {
                    outlet.resend(item, wait, &mut self.back);
                }
                None => self.back.push(item),
            }
        }
        if self.back.is_empty() {
            Ok(())
        } else {
            Err(self.report(Vec::new()))
        }
    }

    /// Empties the buffers of a router that is given up; the caller accounts for what comes back.
    #[must_use]
    pub fn abandon(&mut self) -> Vec<Undelivered<T>> {
        let mut back = Vec::new();
        self.outlets()
            .for_each(|outlet| outlet.give_back_all(|| Reason::Abandoned, &mut back));
        back
    }

    /// True when nothing waits for a flush.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        self.groups
            .iter()
            .flat_map(|group| &group.outlets)
            .all(Outlet::is_empty)
    }

    /// Events in all buffers.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.groups
            .iter()
            .flat_map(|group| &group.outlets)
            .map(Outlet::buffered)
            .sum()
    }

    /// How many events in one buffer make a flush due.
    #[must_use]
    pub const fn batch_limit(&self) -> usize {
        self.batch
    }

    /// Sets how many events in one buffer make a flush due, at least 1; see [`RouterBuilder::batch_limit`].
    pub fn set_batch_limit(&mut self, events: usize) {
        self.batch = events.max(1);
        let batch = self.batch;
        self.outlets().for_each(|outlet| outlet.set_batch_limit(batch));
    }

    /// The packets of every connection so far.
    pub fn counts(&self) -> impl Iterator<Item = (TargetId, ConnectionCounts)> + '_ {
        self.groups
            .iter()
            .flat_map(|group| &group.outlets)
            .map(|outlet| (outlet.id(), outlet.counts()))
    }

    /// Packets for which an edge had no target: without the key it needs, or with an index out of range.
    #[must_use]
    pub fn unroutable(&self) -> u64 {
        self.groups.iter().map(|group| group.unroutable).sum()
    }

    /// The load of every target's queue, for the monitor to sample.
    pub fn meters(&self) -> impl Iterator<Item = (TargetId, LoadMeter)> + '_ {
        let outlets = self.groups.iter().flat_map(|group| &group.outlets);
        outlets.map(|outlet| (outlet.id(), outlet.connection.meter().clone()))
    }

    /// Everything there is to know about where packets go and went.
    #[doc(alias = "get_connections_info")]
    #[must_use]
    pub fn routing_info(&self) -> RoutingInfo {
        RoutingInfo::of(self)
    }

    fn outlets(&mut self) -> impl Iterator<Item = &mut Outlet<T>> {
        self.groups.iter_mut().flat_map(|group| &mut group.outlets)
    }

    #[cold]
    fn refuse(&mut self, packet: Packet<T>) {
        let error = if self.stopped {
            Error::new(ErrorKind::Closed, "route")
                .expected("no packet after the stop")
                .remedy("send the stop last")
        } else {
            Error::new(ErrorKind::InvalidGraph, "route")
                .expected("a downstream")
                .found("none")
                .remedy("connect the output or end with a sink")
        };
        self.back.push(unroutable(0, packet, error));
    }

    /// The one target of a packet did not take it.
    #[cold]
    fn returned(&mut self, returned: Undelivered<T>) -> SendError<T> {
        self.reached.clear();
        self.back.push(returned);
        self.report(Vec::new())
    }

    #[cold]
    fn report(&mut self, waiting: Vec<Waiting>) -> SendError<T> {
        SendError::new(Report {
            router: self.name.clone(),
            delivered: std::mem::take(&mut self.reached),
            undelivered: std::mem::take(&mut self.back),
            waiting,
        })
    }
}

impl<T: Item + Clone> Drop for Router<T> {
    fn drop(&mut self) {
        let buffered = self.buffered();
        if buffered > 0 {
            tracing::warn!(router = %self.name, buffered, "router dropped with unsent events; flush or abandon it first");
        }
    }
}

impl<T: Item + Clone> fmt::Debug for Router<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router")
            .field("name", &self.name)
            .field("groups", &self.groups.len())
            .field("buffered", &self.buffered())
            .finish_non_exhaustive()
    }
}
