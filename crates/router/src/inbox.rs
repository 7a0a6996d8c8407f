//! The consumer's side: who is still sending, and how far event time has come.

use descriptor_core::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

use crate::{Envelope, Event, Pack, Packet, StopCause, StopSignal, UpstreamId};

/// What an envelope means to its consumer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Received<T> {
    /// An item to work on.
    Packet(Packet<T>),
    /// Items to work on, in this order.
    Packets(Pack<T>),
    /// Event time has come this far on every upstream that still sends, in milliseconds.
    Watermark(u64),
    /// A barrier came over this connection.
    Barrier(UpstreamId, u64),
    /// An upstream has ended.
    Ended {
        /// Which one.
        from: UpstreamId,
        /// The new watermark, where the one that ended was holding it back.
        watermark: Option<u64>,
        /// True when it was the last one: nothing follows.
        all: bool,
    },
    /// Nothing new: a repeated stop, a watermark that others still hold back.
    Nothing,
}

/// What went against the plan, or came twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Irregular {
    /// Stops of connections that had already ended.
    pub duplicate_stops: u64,
    /// Packets and watermarks of connections that had already ended. The packets are handed out all the same.
    pub after_stop: u64,
    /// Events of connections that the plan does not know. Packets are handed out all the same.
    pub unexpected: u64,
    /// Watermarks behind an earlier one of the same connection.
    pub regressed: u64,
}

/// One consumer's account of its upstream connections.
///
/// It ends when every expected connection has sent its stop, and not before: how many stops came is beside the point,
/// which connections they came from is what counts.
///
/// ```
/// use router::{Envelope, Event, Inbox, Packet, Received, StopCause, StopSignal, UpstreamId};
/// let (a, b) = (UpstreamId(1), UpstreamId(2));
/// let mut inbox = Inbox::new([a, b])?;
/// let stop = |from| Envelope::<u8> { from, event: Event::Stop(Box::new(StopSignal::new("map", StopCause::Finished))) };
/// inbox.accept(stop(a));
/// assert_eq!(inbox.accept(stop(a)), Received::Nothing); // the same connection again
/// let packet = Packet::new(7, 0);
/// assert_eq!(inbox.accept(Envelope { from: b, event: Event::Packet(packet.clone()) }), Received::Packet(packet));
/// assert_eq!(inbox.accept(stop(b)), Received::Ended { from: b, watermark: None, all: true });
/// # Ok::<(), descriptor_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Inbox {
    /// In the order of their ids.
    upstreams: Vec<Upstream>,
    /// The upstream of the last packet: packets come in runs.
    recent: usize,
    live: usize,
    watermark: Option<u64>,
    irregular: Irregular,
}

#[derive(Clone, Debug)]
struct Upstream {
    id: UpstreamId,
    packets: u64,
    watermark: Option<u64>,
    end: Option<StopSignal>,
}

impl Inbox {
    /// Expects one stop from each of these connections.
    ///
    /// # Errors
    /// `InvalidGraph` when one comes twice.
    pub fn new(expected: impl IntoIterator<Item = UpstreamId>) -> Result<Self, Error> {
        let mut upstreams: Vec<_> = expected
            .into_iter()
            .map(|id| Upstream {
                id,
                packets: 0,
                watermark: None,
                end: None,
            })
            .collect();
        upstreams.sort_by_key(|it| it.id);
        if let Some([twice, _]) = upstreams.array_windows().find(|[a, b]| a.id == b.id) {
            return Err(Error::new(ErrorKind::InvalidGraph, "expect upstreams")
                .expected("each connection once")
                .found(format!("{} twice", twice.id))
                .remedy("number the connections of one queue differently"));
        }
        Ok(Self {
            live: upstreams.len(),
            upstreams,
            recent: 0,
            watermark: None,
            irregular: Irregular::default(),
        })
    }

    /// Takes note of an envelope and says what it means.
    #[inline]
    pub fn accept<T>(&mut self, envelope: Envelope<T>) -> Received<T> {
        let from = envelope.from;
        match envelope.event {
            Event::Packet(packet) => {
                self.count_packets(from, 1);
                Received::Packet(packet)
            }
            Event::Packets(packets) => {
                self.count_packets(from, packets.len() as u64);
                Received::Packets(packets)
            }
            // Whoever opened the queue has put the packets in its place; this is word of some that are not here.
            Event::Here { packets, .. } => {
                self.irregular.unexpected += u64::from(packets);
                Received::Nothing
            }
            Event::Watermark(time) => self.advance(from, time).map_or(Received::Nothing, Received::Watermark),
            Event::Barrier(number) => Received::Barrier(from, number),
            Event::Stop(stop) => self.end(from, *stop),
        }
    }

    /// Ends a connection whose producer died without a stop. Its data is incomplete, and [`causes`](Self::causes) say so.
    pub fn peer_died<T>(&mut self, from: UpstreamId, source: impl Into<String>, why: impl Into<String>) -> Received<T> {
        self.end(from, StopSignal::new(source, StopCause::PeerDied(why.into())))
    }

    /// True when every expected upstream has ended; at once when none is expected.
    #[must_use]
    pub const fn all_ended(&self) -> bool {
        self.live == 0
    }

    /// The upstreams that have not ended.
    pub fn live(&self) -> impl Iterator<Item = UpstreamId> + '_ {
        self.upstreams.iter().filter(|it| it.end.is_none()).map(|it| it.id)
    }

    /// How the upstreams that have ended did.
    pub fn causes(&self) -> impl Iterator<Item = (UpstreamId, &StopSignal)> {
        self.upstreams
            .iter()
            .filter_map(|it| it.end.as_ref().map(|stop| (it.id, stop)))
    }

    /// The first upstream that ended without being complete, if there is one.
    #[must_use]
    pub fn incomplete(&self) -> Option<(UpstreamId, &StopSignal)> {
        self.causes().find(|(_, stop)| !stop.cause.is_complete())
    }

    /// How far event time has come, in milliseconds: the minimum over the upstreams that still send, never falling.
    #[must_use]
    pub const fn watermark(&self) -> Option<u64> {
        self.watermark
    }

    /// Packets that came over each expected connection.
    pub fn packets(&self) -> impl Iterator<Item = (UpstreamId, u64)> + '_ {
        self.upstreams.iter().map(|it| (it.id, it.packets))
    }

    /// What went against the plan so far.
    #[must_use]
    pub const fn irregular(&self) -> Irregular {
        self.irregular
    }

    fn find(&self, id: UpstreamId) -> Option<usize> {
        self.upstreams.binary_search_by_key(&id, |it| it.id).ok()
    }

    #[inline]
    fn count_packets(&mut self, from: UpstreamId, packets: u64) {
        if self.upstreams.get(self.recent).is_none_or(|it| it.id != from) {
            match self.find(from) {
                Some(index) => self.recent = index,
                None => {
                    self.irregular.unexpected += packets;
                    return;
                }
            }
        }
        if let Some(upstream) = self.upstreams.get_mut(self.recent) {
            upstream.packets += packets;
            if upstream.end.is_some() {
                self.irregular.after_stop += packets;
            }
        }
    }

    fn end<T>(&mut self, from: UpstreamId, stop: StopSignal) -> Received<T> {
        let Some(upstream) = self.find(from).and_then(|index| self.upstreams.get_mut(index)) else {
            self.irregular.unexpected += 1;
            return Received::Nothing;
        };
        if upstream.end.is_some() {
            self.irregular.duplicate_stops += 1;
            return Received::Nothing;
        }
        upstream.end = Some(stop);
        self.live -= 1;
        Received::Ended {
            from,
            watermark: self.merge(),
            all: self.live == 0,
        }
    }

    fn advance(&mut self, from: UpstreamId, time: u64) -> Option<u64> {
        let Some(upstream) = self.find(from).and_then(|index| self.upstreams.get_mut(index)) else {
            self.irregular.unexpected += 1;
            return None;
        };
        if upstream.end.is_some() {
            self.irregular.after_stop += 1;
            return None;
        }
        if upstream.watermark.is_some_and(|last| time < last) {
            self.irregular.regressed += 1;
            return None;
        }
        let before = upstream.watermark.replace(time);
        // Only the slowest upstream can hold the minimum back.
        if before.is_some() && before > self.watermark {
            None
        } else {
            self.merge()
        }
    }

    /// The new minimum, when it is higher than the old one.
    fn merge(&mut self) -> Option<u64> {
        let mut live = self
            .upstreams
            .iter()
            .filter(|it| it.end.is_none())
            .map(|it| it.watermark);
        let first = live.next()??;
        let lowest = live.try_fold(first, |lowest, it| it.map(|it| lowest.min(it)))?;
        if self.watermark.is_some_and(|last| lowest <= last) {
            return None;
        }
        self.watermark = Some(lowest);
        self.watermark
    }
}
