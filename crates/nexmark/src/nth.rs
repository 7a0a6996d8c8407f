//! Event `k` from nothing but the configuration and `k`.

use crate::config::Config;
use crate::event::{Auction, Bid, Channel, Event, Person};
use crate::layout::{self, FIRST_ID, Kind};
use crate::random::Random;
use crate::words;

/// Every hundredth person or auction becomes the hot one, until the next such one.
const HOT_SPACING: u64 = 100;
/// Prices spread over this many doublings from [`LOWEST_PRICE`]: one dollar to about a million.
const PRICE_OCTAVES: u64 = 20;
/// One dollar in cents.
const LOWEST_PRICE: u64 = 100;
const FIRST_CATEGORY: u64 = 10;
const CATEGORIES: u64 = 5;

impl Event {
    /// Event `k` of the stream, whichever source of a split makes it.
    ///
    /// `k` may lie beyond `config.events`: the stream has no end of its own.
    #[must_use]
    #[inline]
    pub fn nth(config: &Config, k: u64) -> Self {
        match layout::kind(k) {
            Kind::Bid => Self::Bid(bid(config, k)),
            Kind::Person { ordinal } => Self::Person(Box::new(person(config, k, ordinal))),
            Kind::Auction { ordinal } => Self::Auction(Box::new(auction(config, k, ordinal))),
        }
    }
}

/// The bid that event `k` is.
#[inline]
pub(crate) fn bid(config: &Config, k: u64) -> Bid {
    let mut random = Random::of_event(config.seed, k);
    let last_auction = layout::last_auction_at_bid(k);
    let last_person = layout::last_person(k);
    // The hot bidder is the person after the hot seller, once registered: the two are seldom the same.
    let auction = choose(
        &mut random,
        last_auction,
        config.in_flight_auctions,
        config.hot_auction_ratio,
        0,
    );
    let bidder = choose(
        &mut random,
        last_person,
        config.active_people,
        config.hot_bidder_ratio,
        1,
    );
    let price = price(&mut random);
    let channel = match random.below(8) {
        0..=3 => Channel::Web,
        4 | 5 => Channel::App,
        6 => Channel::Phone,
        _ => Channel::Partner,
    };
    Bid {
        auction: FIRST_ID + auction,
        bidder: FIRST_ID + bidder,
        price,
        timestamp_ms: config.timestamp_ms(k),
        channel,
    }
}

fn person(config: &Config, k: u64, ordinal: u64) -> Person {
    let mut random = Random::of_event(config.seed, k);
    let id = FIRST_ID + ordinal;
    let (first, last) = (random.word(&words::FIRST_NAMES), random.word(&words::LAST_NAMES));
    let (city, state) = words::CITIES[random.below(words::CITIES.len() as u64) as usize];
    Person {
        id,
        name: format!("{first} {last}"),
        email: format!(
            "{}.{}.{id}@example.org",
            first.to_ascii_lowercase(),
            last.to_ascii_lowercase()
        ),
        city: city.to_owned(),
        state: state.to_owned(),
        timestamp_ms: config.timestamp_ms(k),
    }
}

fn auction(config: &Config, k: u64, ordinal: u64) -> Auction {
    let mut random = Random::of_event(config.seed, k);
    let (look, thing) = (random.word(&words::LOOKS), random.word(&words::THINGS));
    let (origin, state) = (random.word(&words::ORIGINS), random.word(&words::STATES_OF_REPAIR));
    let initial_bid = price(&mut random);
    let reserve = initial_bid + random.below(initial_bid);
    let seller = choose(
        &mut random,
        layout::last_person(k),
        config.active_people,
        config.hot_seller_ratio,
        0,
    );
    // No bid refers to it once that many auctions were opened after it.
    let last_call = layout::event_of_auction(ordinal.saturating_add(config.in_flight_auctions.max(1)));
    Auction {
        id: FIRST_ID + ordinal,
        item: format!("{look} {thing}"),
        description: format!("{thing} {origin}, {look}, {state}"),
        initial_bid,
        reserve,
        seller: FIRST_ID + seller,
        category: FIRST_CATEGORY + random.below(CATEGORIES),
        timestamp_ms: config.timestamp_ms(k),
        expires_ms: config.timestamp_ms(last_call),
    }
}

/// An ordinal among the latest `window` up to `last`: one time in `ratio` any of them, else the hot one.
///
/// The hot one is the latest multiple of [`HOT_SPACING`] (of the window where that is smaller), moved on by
/// `neighbour` as far as there is one.
#[inline]
fn choose(random: &mut Random, last: u64, window: u64, ratio: u64, neighbour: u64) -> u64 {
    let window = window.max(1);
    if random.below(ratio.max(1)) == 0 {
        return last - random.below(window.min(last + 1));
    }
    // The usual window is wider, and a constant divisor is several times cheaper.
    let behind = if window >= HOT_SPACING {
        last % HOT_SPACING
    } else {
        last % window
    };
    last - behind.saturating_sub(neighbour)
}

/// A price in cents: an octave evenly, then evenly inside it. That is close to a uniform logarithm without
/// floating point, whose results differ between platforms.
#[inline]
fn price(random: &mut Random) -> u64 {
    let base = LOWEST_PRICE << random.below(PRICE_OCTAVES);
    base + random.below(base)
}
