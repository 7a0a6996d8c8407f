//! Sliding hot items: how many bids each auction had lately, at what average price, and which had the most.
//!
//! The plain single-threaded answer, to hold a distributed one against. A window ends at every multiple of the slide
//! and holds the bids of the event time `end - size <= t < end`; windows that would begin before time 0 count too.
//! Windows and auctions without bids have no entry.

mod reference;
mod tally;
mod window;

pub use reference::{Hottest, reference, top};
pub use tally::{Average, Tally};
pub use window::{WindowError, WindowSpec};
