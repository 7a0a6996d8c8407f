//! What stream to make, and which part of it.

use serde::{Deserialize, Serialize};

/// Describes a stream, and the part of it that one source makes.
///
/// Every combination of values is a stream. Where a zero would have no meaning (`events_per_second`, `stride`, the
/// windows and the ratios) it counts as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Chooses the stream; another seed gives unrelated prices, names and choices.
    pub seed: u64,
    /// Number of events in the whole stream, over all sources.
    pub events: u64,
    /// Event time of event 0, in milliseconds since the Unix epoch.
    pub first_event_ms: u64,
    /// How many events share one second of event time. This is density, not speed: nothing waits.
    pub events_per_second: u64,
    /// How many of the latest auctions take bids.
    #[doc(alias = "numInFlightAuctions")]
    pub in_flight_auctions: u64,
    /// How many of the latest people bid and sell.
    #[doc(alias = "numActivePeople")]
    pub active_people: u64,
    /// One bid in this many goes to any auction in flight, the others to the hot one.
    #[doc(alias = "hotAuctionRatio")]
    pub hot_auction_ratio: u64,
    /// One auction in this many is opened by any active person, the others by the hot seller.
    #[doc(alias = "hotSellersRatio")]
    pub hot_seller_ratio: u64,
    /// One bid in this many comes from any active person, the others from the hot bidder.
    #[doc(alias = "hotBiddersRatio")]
    pub hot_bidder_ratio: u64,
    /// Number of the first event this source makes.
    pub first: u64,
    /// Distance between the event numbers this source makes; 1 makes all of them.
    pub stride: u64,
}

impl Default for Config {
    /// The workload as Apache Beam runs it: 10,000 events a second from 15 July 2015 00:00 UTC, 100 auctions in
    /// flight, 1,000 active people, every second bid and three of four people hot. One million events, seed 0.
    fn default() -> Self {
        Self {
            seed: 0,
            events: 1_000_000,
            first_event_ms: 1_436_918_400_000,
            events_per_second: 10_000,
            in_flight_auctions: 100,
            active_people: 1_000,
            hot_auction_ratio: 2,
            hot_seller_ratio: 4,
            hot_bidder_ratio: 4,
            first: 0,
            stride: 1,
        }
    }
}

impl Config {
    /// The same events dealt out to `n` sources in turns: event `k` of this one goes to source `k % n`.
    ///
    /// Each source keeps the order, and parts can be split again. No events are dropped: 0 sources count as one,
    /// and with more sources than events the last ones are empty.
    #[must_use]
    pub fn split(&self, n: usize) -> Vec<Self> {
        let n = n.max(1);
        let stride = self.stride();
        // Past the end of the numbers there is no event either.
        let part = |i: u64| match i.checked_mul(stride).and_then(|skip| self.first.checked_add(skip)) {
            Some(first) => Self {
                first,
                stride: stride.saturating_mul(n as u64),
                ..self.clone()
            },
            None => Self {
                first: self.events,
                ..self.clone()
            },
        };
        (0..n as u64).map(part).collect()
    }

    /// How many events this source makes.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.events.saturating_sub(self.first).div_ceil(self.stride())
    }

    /// Event time of event `k` in milliseconds since the Unix epoch, saturating at the end of time.
    #[must_use]
    pub fn timestamp_ms(&self, k: u64) -> u64 {
        let rate = self.events_per_second.max(1);
        let offset = match k.checked_mul(1_000) {
            Some(thousandfold) => thousandfold / rate,
            None => u64::try_from(u128::from(k) * 1_000 / u128::from(rate)).unwrap_or(u64::MAX),
        };
        self.first_event_ms.saturating_add(offset)
    }

    pub(crate) fn stride(&self) -> u64 {
        self.stride.max(1)
    }
}
