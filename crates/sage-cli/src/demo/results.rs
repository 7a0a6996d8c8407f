//! What the sink keeps of the job's results.

use std::collections::BTreeMap;

use nexmark::hot_items::Tally;
use serde::{Deserialize, Serialize};

/// How many bids one auction had in one window: what leaves the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HotItem {
    /// End of the window, in milliseconds of event time.
    pub(super) window_end: u64,
    pub(super) auction: u64,
    pub(super) tally: Tally,
}

/// Windows that are kept for the table when not everything is.
const LAST_WINDOWS: usize = 4;
/// Auctions of each that are.
const HOTTEST: usize = 3;

/// The results, by window.
///
/// To verify a job everything is kept, 24 bytes a result. Otherwise only the hottest auctions of the last windows are:
/// the memory does not grow with the stream.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Results {
    everything: bool,
    windows: BTreeMap<u64, Vec<(u64, Tally)>>,
    received: u64,
}

impl Results {
    pub(super) fn new(everything: bool) -> Self {
        Self {
            everything,
            windows: BTreeMap::new(),
            received: 0,
        }
    }

    /// Of the same kind, with nothing in it.
    pub(super) fn empty(&self) -> Self {
        Self::new(self.everything)
    }

    /// Whether all that came was kept, also before the checkpoint that the job went on from.
    pub(super) fn is_everything(&self) -> bool {
        self.everything
    }

    pub(super) fn add(&mut self, item: HotItem) {
        self.received += 1;
        let auctions = self.windows.entry(item.window_end).or_default();
        auctions.push((item.auction, item.tally));
        if self.everything {
            return;
        }
        auctions.sort_by_key(hottest_first);
        auctions.truncate(HOTTEST);
        while self.windows.len() > LAST_WINDOWS {
            self.windows.pop_first();
        }
    }

    /// How many results came, kept or not.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// The hottest auctions of the last windows, in the order of the windows, the hottest first.
    pub(super) fn hottest(&self) -> Vec<HotItem> {
        let mut last: Vec<_> = self.windows.iter().rev().take(LAST_WINDOWS).collect();
        last.reverse();
        let mut items = Vec::new();
        for (&window_end, auctions) in last {
            let mut auctions = auctions.clone();
            auctions.sort_by_key(hottest_first);
            items.extend(auctions.into_iter().take(HOTTEST).map(|(auction, tally)| HotItem {
                window_end,
                auction,
                tally,
            }));
        }
        items
    }

    /// Everything that was kept, ascending by window and auction.
    pub(super) fn into_sorted(self) -> impl Iterator<Item = ((u64, u64), Tally)> {
        self.windows.into_iter().flat_map(|(window, mut auctions)| {
            auctions.sort_by_key(|&(auction, _)| auction);
            auctions
                .into_iter()
                .map(move |(auction, tally)| ((window, auction), tally))
        })
    }
}

/// Most bids first, of equals the lowest id.
fn hottest_first(&(auction, tally): &(u64, Tally)) -> (std::cmp::Reverse<u64>, u64) {
    (std::cmp::Reverse(tally.count), auction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(window_end: u64, auction: u64, count: u64) -> HotItem {
        let tally = Tally {
            count,
            price_sum: count * 10,
        };
        HotItem {
            window_end,
            auction,
            tally,
        }
    }

    /// A scattered order that meets every pair once.
    fn items() -> impl Iterator<Item = HotItem> {
        (0..1_000_u64)
            .map(|i| i * 7_919 % 1_000)
            .map(|i| item(i / 10, i % 10, (i % 10) * 3 % 10))
    }

    #[test]
    fn what_is_shown_does_not_depend_on_what_is_kept() {
        // In order of windows up to the tail, as they come from a job.
        let mut items: Vec<_> = items().collect();
        items.sort_by_key(|item| item.window_end / 3);
        let (mut all, mut few) = (Results::new(true), Results::new(false));
        for item in items {
            all.add(item);
            few.add(item);
        }
        assert_eq!(all.hottest(), few.hottest());
        assert_eq!((all.received(), few.received()), (1_000, 1_000));
        assert!(few.windows.len() <= LAST_WINDOWS);
        assert!(few.windows.values().all(|auctions| auctions.len() <= HOTTEST));
    }

    #[test]
    fn the_hottest_are_the_highest_counts_then_the_lowest_ids() {
        let mut results = Results::new(false);
        for (auction, count) in [(5, 1), (4, 9), (3, 9), (2, 1), (1, 1)] {
            results.add(item(10, auction, count));
        }
        let shown: Vec<_> = results.hottest().iter().map(|item| item.auction).collect();
        assert_eq!(shown, [3, 4, 1]);
    }

    #[test]
    fn everything_comes_back_sorted() {
        let mut results = Results::new(true);
        items().for_each(|item| results.add(item));
        results.add(item(3, 3, 99));
        let keys: Vec<_> = results.into_sorted().map(|(key, _)| key).collect();
        assert!(keys.is_sorted());
        assert_eq!(keys.len(), 1_001);
    }
}
