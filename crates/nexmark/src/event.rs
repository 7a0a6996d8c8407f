//! The three kinds of event.

use serde::{Deserialize, Serialize};

/// One event of the stream.
///
/// Nineteen of twenty events are bids, so the two larger kinds are boxed: a bid is moved and queued without
/// allocating, and an event is no larger than a bid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Somebody registers.
    Person(Box<Person>),
    /// Somebody puts an item up for auction.
    Auction(Box<Auction>),
    /// Somebody bids on an auction.
    Bid(Bid),
}

impl Event {
    /// Event time in milliseconds since the Unix epoch.
    #[must_use]
    pub fn timestamp_ms(&self) -> u64 {
        match self {
            Self::Person(person) => person.timestamp_ms,
            Self::Auction(auction) => auction.timestamp_ms,
            Self::Bid(bid) => bid.timestamp_ms,
        }
    }

    /// The bid, if it is one.
    #[must_use]
    pub fn as_bid(&self) -> Option<&Bid> {
        match self {
            Self::Bid(bid) => Some(bid),
            Self::Person(_) | Self::Auction(_) => None,
        }
    }
}

/// A person who may sell and bid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Counts up from 1000.
    pub id: u64,
    /// First and last name.
    pub name: String,
    /// Address in a domain reserved for documentation.
    pub email: String,
    /// City.
    pub city: String,
    /// State the city lies in, two letters.
    pub state: String,
    /// Event time in milliseconds since the Unix epoch.
    pub timestamp_ms: u64,
}

/// An item up for auction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auction {
    /// Counts up from 1000.
    pub id: u64,
    /// What is sold.
    pub item: String,
    /// The item in a few words.
    pub description: String,
    /// Lowest bid, in cents.
    pub initial_bid: u64,
    /// Price below which the seller keeps the item, in cents; at least `initial_bid`.
    pub reserve: u64,
    /// Id of the [`Person`] who sells.
    pub seller: u64,
    /// One of five categories, 10 to 14.
    pub category: u64,
    /// Event time in milliseconds since the Unix epoch.
    pub timestamp_ms: u64,
    /// Event time after which no bid refers to this auction.
    pub expires_ms: u64,
}

/// A bid on an auction. Plain data without heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bid {
    /// Id of the [`Auction`].
    pub auction: u64,
    /// Id of the [`Person`] who bids.
    pub bidder: u64,
    /// Price in cents.
    pub price: u64,
    /// Event time in milliseconds since the Unix epoch.
    pub timestamp_ms: u64,
    /// Where the bid was placed.
    pub channel: Channel,
}

/// Where a bid was placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Channel {
    /// In a browser.
    Web,
    /// In the app of a telephone or tablet.
    App,
    /// By calling.
    Phone,
    /// Through another marketplace.
    Partner,
}
