//! The stream as iterators.

use std::iter::FusedIterator;

use crate::config::Config;
use crate::event::{Bid, Event};
use crate::layout::{self, Kind};
use crate::nth;

/// Makes the events of one source, in order.
///
/// ```
/// # use nexmark::{Config, Event, Generator};
/// let config = Config { events: 100, ..Config::default() };
/// let mut generator = Generator::new(config.clone());
/// assert_eq!(generator.next(), Some(Event::nth(&config, 0)));
///
/// // Stop here, go on elsewhere.
/// let rest: Config = generator.rest().clone();
/// assert!(Generator::new(rest).eq(generator));
/// ```
#[derive(Clone, Debug)]
pub struct Generator {
    config: Config,
}

impl Generator {
    /// A generator at the first event of `config`.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// What is still to be made: a generator of this configuration goes on where this one stands.
    #[must_use]
    pub fn rest(&self) -> &Config {
        &self.config
    }

    /// Only the bids, in order; people and auctions are not even made.
    #[must_use]
    pub fn bids(self) -> Bids {
        Bids { generator: self }
    }

    /// Takes the number of the next event.
    #[inline]
    fn advance(&mut self) -> Option<u64> {
        let k = self.config.first;
        if k >= self.config.events {
            return None;
        }
        // Saturation ends the stream: no number lies below `events` then.
        self.config.first = k.saturating_add(self.config.stride());
        Some(k)
    }
}

impl Iterator for Generator {
    type Item = Event;

    #[inline]
    fn next(&mut self) -> Option<Event> {
        self.advance().map(|k| Event::nth(&self.config, k))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.config.count());
        (left.unwrap_or(usize::MAX), left.ok())
    }

    /// Skips in one step.
    fn nth(&mut self, n: usize) -> Option<Event> {
        let skip = self.config.stride().saturating_mul(n as u64);
        self.config.first = self.config.first.saturating_add(skip);
        self.next()
    }
}

impl FusedIterator for Generator {}

/// Makes the bids of one source, in order; see [`Generator::bids`].
#[derive(Clone, Debug)]
pub struct Bids {
    generator: Generator,
}

impl Iterator for Bids {
    type Item = Bid;

    #[inline]
    fn next(&mut self) -> Option<Bid> {
        loop {
            let k = self.generator.advance()?;
            if layout::kind(k) == Kind::Bid {
                return Some(nth::bid(&self.generator.config, k));
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.generator.size_hint().1)
    }
}

impl FusedIterator for Bids {}
