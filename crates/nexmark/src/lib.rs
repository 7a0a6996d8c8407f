//! A deterministic NEXMark auction stream: people register, open auctions and bid.
//!
//! NEXMark is the online-auction workload of Tucker, Tufte, Papadimos and Maier, *NEXMark - A Benchmark for
//! Queries over Data Streams*; proportions, hot ratios and first ids are those popularised by the Apache Beam
//! suite. Left out of the records: credit cards, URLs and the padding that only makes them longer.
//!
//! * Of every fifty events one is a [`Person`], three are [`Auction`]s and forty-six are [`Bid`]s.
//! * Event `k` is a pure function of the [`Config`] and `k` ([`Event::nth`]), in integers only: the stream is the
//!   same on every platform, can be entered anywhere and can be [split](Config::split) over several sources.
//! * A person or auction an event refers to was opened by an earlier event.
//! * [`hot_items`] holds the plain answer to "which auctions had the most bids lately", to verify a job against.
//!
//! ```
//! use nexmark::hot_items::{WindowSpec, reference, top};
//! use nexmark::{Config, Event, Generator};
//!
//! let config = Config { seed: 7, events: 10_000, ..Config::default() };
//! let bids = Generator::new(config.clone()).filter(|event| matches!(event, Event::Bid(_))).count();
//! assert_eq!(bids, 9_200);
//!
//! // Two sources make the same events as one, in turns.
//! let mut sources: Vec<_> = config.split(2).into_iter().map(Generator::new).collect();
//! for (k, event) in Generator::new(config.clone()).enumerate() {
//!     assert_eq!(sources[k % 2].next(), Some(event));
//! }
//!
//! let spec = WindowSpec::new(400, 100)?;
//! for (window_end, hottest) in top(&reference(Generator::new(config), spec)) {
//!     assert_eq!(window_end % 100, 0);
//!     assert!(hottest.tally.count > 0);
//! }
//! # Ok::<(), nexmark::hot_items::WindowError>(())
//! ```
#![forbid(unsafe_code)]

mod config;
mod event;
mod generator;
pub mod hot_items;
mod layout;
mod nth;
mod random;
mod words;

pub use config::Config;
pub use event::{Auction, Bid, Channel, Event, Person};
pub use generator::{Bids, Generator};
