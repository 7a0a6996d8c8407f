//! The answer of one plain loop.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::{Tally, WindowSpec};
use crate::event::Event;

/// Tally of every auction in every window, by end of the window in milliseconds and id of the auction.
///
/// The events may come in any order. Each bid is counted once, in its pane; the windows are then put together from
/// panes, so a long overlap costs per auction and not per bid. Memory grows with the answer.
pub fn reference<I>(events: I, spec: WindowSpec) -> BTreeMap<(u64, u64), Tally>
where
    I: IntoIterator,
    I::Item: Borrow<Event>,
{
    let mut panes: BTreeMap<u64, HashMap<u64, Tally>> = BTreeMap::new();
    for event in events {
        let Event::Bid(bid) = event.borrow() else { continue };
        let Some(pane) = spec.pane_end(bid.timestamp_ms) else {
            continue;
        };
        panes
            .entry(pane)
            .or_default()
            .entry(bid.auction)
            .or_default()
            .add(bid.price);
    }

    let mut windows = BTreeMap::new();
    for (pane, auctions) in panes {
        // The last time of a pane lies in the same windows as the rest of it.
        for window in spec.windows(pane - 1) {
            for (&auction, tally) in &auctions {
                windows
                    .entry((window, auction))
                    .or_insert_with(Tally::default)
                    .merge(tally);
            }
        }
    }
    windows
}

/// The auction with the most bids in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hottest {
    /// Id of the auction.
    pub auction: u64,
    /// Its bids in this window.
    pub tally: Tally,
}

/// The hottest auction of every window, by end of the window: the highest count, and of equals the lowest id.
#[must_use]
pub fn top(tallies: &BTreeMap<(u64, u64), Tally>) -> BTreeMap<u64, Hottest> {
    let mut hottest: BTreeMap<u64, Hottest> = BTreeMap::new();
    // Ascending ids: only a higher count displaces an earlier one.
    for (&(window, auction), &tally) in tallies {
        let best = hottest.entry(window).or_insert(Hottest { auction, tally });
        if tally.count > best.tally.count {
            *best = Hottest { auction, tally };
        }
    }
    hottest
}
