//! The state of windows, by pane and key.

use std::collections::BTreeMap;
use std::fmt;

use descriptor_core::Error;
use partition_key::Key;
use serde::{Deserialize, Serialize};

use crate::by_key::{ByKey, misfit};
use crate::{KeyedState, WindowSpec};

/// Emptied tables that are kept, so that a new pane need not grow one again.
const SPARE: usize = 2;

/// Accumulators by pane and key, and how far windows have fired.
///
/// An item is stored once, however many windows hold it; windows are put together from panes when they fire.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound(serialize = "A: Serialize", deserialize = "A: Deserialize<'de>"))]
pub struct Panes<A> {
    spec: WindowSpec,
    /// By the end of the pane. None of these has fired its last window.
    panes: BTreeMap<u64, KeyedState<A>>,
    /// Windows that end here or before have fired.
    fired_ms: u64,
    #[serde(skip, default = "Vec::new")]
    spare: Vec<KeyedState<A>>,
    late: u64,
    partly_late: u64,
}

/// Where an item belongs.
#[derive(Debug)]
pub enum Place<'a, A> {
    /// Into this accumulator.
    Open(&'a mut A),
    /// Nowhere: its last window has fired.
    Late,
    /// Nowhere: no window of it ends before the end of time.
    BeyondTime,
}

/// The panes of one window that is about to fire.
#[derive(Debug)]
pub struct Window<'a, A> {
    /// Its end in milliseconds of event time.
    pub end_ms: u64,
    spec: WindowSpec,
    panes: &'a mut BTreeMap<u64, KeyedState<A>>,
}

impl<A> Panes<A> {
    /// No items yet.
    #[must_use]
    pub const fn new(spec: WindowSpec) -> Self {
        Self {
            spec,
            panes: BTreeMap::new(),
            fired_ms: 0,
            spare: Vec::new(),
            late: 0,
            partly_late: 0,
        }
    }

    /// Which windows it is made for.
    #[must_use]
    pub const fn spec(&self) -> WindowSpec {
        self.spec
    }

    /// Items that came too late for every window.
    #[must_use]
    pub const fn late(&self) -> u64 {
        self.late
    }

    /// Items that came too late for some of their windows and in time for the others.
    #[must_use]
    pub const fn partly_late(&self) -> u64 {
        self.partly_late
    }

    /// The place of an item.
    #[inline]
    pub fn place(&mut self, time_ms: u64, key: &Key) -> Place<'_, A>
    where
        A: Default,
    {
        let Some(pane) = self.spec.next_end(time_ms) else {
            return Place::BeyondTime;
        };
        if pane <= self.fired_ms {
            if self.spec.last_window(pane) <= self.fired_ms {
                self.late += 1;
                return Place::Late;
            }
            self.partly_late += 1;
        }
        let spare = &mut self.spare;
        let keys = self
            .panes
            .entry(pane)
            .or_insert_with(|| spare.pop().unwrap_or_default());
        Place::Open(keys.get_or_insert_with(key, A::default))
    }

    /// Fires, in order of their ends, all windows that hold something and end at `watermark_ms` or before.
    ///
    /// # Errors
    /// The first one of `window`; windows from that one on have not fired.
    pub fn fire<E>(
        &mut self,
        watermark_ms: u64,
        mut window: impl FnMut(&mut Window<'_, A>) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(end_ms) = self.next_window().filter(|&end| end <= watermark_ms) {
            window(&mut Window {
                end_ms,
                spec: self.spec,
                panes: &mut self.panes,
            })?;
            self.fired_ms = end_ms;
            self.expire();
        }
        self.fired_ms = self.fired_ms.max(watermark_ms);
        self.expire();
        Ok(())
    }

    /// The end of the first window that holds something and has not fired. Steps over the gaps between panes, so the
    /// end of the stream costs as many steps as there are such windows.
    fn next_window(&self) -> Option<u64> {
        let (&first_pane, _) = self.panes.first_key_value()?;
        Some(self.spec.next_end(self.fired_ms)?.max(first_pane))
    }

    /// Forgets panes whose last window has fired.
    fn expire(&mut self) {
        while let Some(pane) = self.panes.first_entry() {
            if self.spec.last_window(*pane.key()) > self.fired_ms {
                return;
            }
            let mut keys = pane.remove();
            if self.spare.len() < SPARE {
                drop(keys.drain());
                self.spare.push(keys);
            }
        }
    }
}

impl<A> ByKey for Panes<A> {
    fn keep(&mut self, own: &dyn Fn(&Key) -> bool, rest: bool) {
        self.panes.retain(|_, keys| {
            keys.keep(own, rest);
            !keys.is_empty()
        });
        if !rest {
            (self.late, self.partly_late) = (0, 0);
        }
    }

    /// All instances of a node have heard of the same event time at a barrier, so the same windows have fired.
    fn take_in(&mut self, other: Self) -> Result<(), Error> {
        if (self.spec, self.fired_ms) != (other.spec, other.fired_ms) {
            let what = |of: &Self| format!("{:?} up to {} ms", of.spec, of.fired_ms);
            return Err(misfit(
                "windows of which the same have fired",
                format!("{} and {}", what(self), what(&other)),
            ));
        }
        for (pane, keys) in other.panes {
            self.panes.entry(pane).or_default().take_in(keys)?;
        }
        self.late += other.late;
        self.partly_late += other.partly_late;
        Ok(())
    }
}

impl<A> fmt::Debug for Panes<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panes")
            .field("spec", &self.spec)
            .field("open", &self.panes.len())
            .field("fired_ms", &self.fired_ms)
            .field("late", &self.late)
            .field("partly_late", &self.partly_late)
            .finish_non_exhaustive()
    }
}

impl<A> Window<'_, A> {
    /// Its panes, ascending.
    pub fn panes(&self) -> impl Iterator<Item = &KeyedState<A>> {
        self.panes
            .range(self.spec.first_pane(self.end_ms)..=self.end_ms)
            .map(|(_, keys)| keys)
    }

    /// Every key of the window with the whole of what its panes hold.
    ///
    /// The first pane is in no later window, so it becomes the table that the others are merged into.
    pub fn merged(&mut self, mut merge: impl FnMut(&mut A, &A)) -> KeyedState<A>
    where
        A: Default,
    {
        let mut whole = self
            .panes
            .remove(&self.spec.first_pane(self.end_ms))
            .unwrap_or_default();
        for pane in self.panes() {
            for (key, part) in pane.iter() {
                merge(whole.get_or_insert_with(key, A::default), part);
            }
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn panes(size_ms: u64, slide_ms: u64) -> Panes<u32> {
        Panes::new(WindowSpec::sliding(size_ms, slide_ms).unwrap())
    }

    fn add(panes: &mut Panes<u32>, time_ms: u64) -> bool {
        match panes.place(time_ms, &Key::from(1_u8)) {
            Place::Open(count) => {
                *count += 1;
                true
            }
            Place::Late | Place::BeyondTime => false,
        }
    }

    fn fire(panes: &mut Panes<u32>, watermark_ms: u64) -> Vec<(u64, u32)> {
        let mut fired = Vec::new();
        panes
            .fire(watermark_ms, |window| {
                let whole = window.merged(|into, from| *into += from);
                let count = whole.get(&Key::from(1_u8)).copied().unwrap_or_default();
                fired.push((window.end_ms, count));
                Ok::<(), Infallible>(())
            })
            .unwrap();
        fired
    }

    #[test]
    fn windows_fire_once_in_order_and_only_with_data() {
        let mut panes = panes(10, 5);
        assert!([1, 4, 5, 100].iter().all(|&time| add(&mut panes, time)));
        assert_eq!(fire(&mut panes, 4), []);
        assert_eq!(fire(&mut panes, 10), [(5, 2), (10, 3)]);
        assert_eq!(fire(&mut panes, 10), []);
        assert_eq!(fire(&mut panes, u64::MAX), [(15, 1), (105, 1), (110, 1)]);
        assert!(panes.panes.is_empty());
    }

    #[test]
    fn late_items_are_counted_and_the_windows_still_open_get_theirs() {
        let mut panes = panes(10, 5);
        fire(&mut panes, 10);
        assert!(!add(&mut panes, 4), "its windows end at 5 and 10");
        assert!(add(&mut panes, 5), "its windows end at 10 and 15");
        assert!(add(&mut panes, 10));
        assert_eq!((panes.late(), panes.partly_late()), (1, 1));
        assert_eq!(fire(&mut panes, 20), [(15, 2), (20, 1)]);
        fire(&mut panes, u64::MAX);
        assert!(!add(&mut panes, u64::MAX - 11));
        assert_eq!(panes.late(), 2);
    }

    #[test]
    fn an_older_watermark_changes_nothing() {
        let mut panes = panes(5, 5);
        fire(&mut panes, 20);
        assert_eq!(fire(&mut panes, 3), []);
        assert!(!add(&mut panes, 4));
        assert_eq!(panes.late(), 1);
    }

    #[test]
    fn the_end_of_time_has_an_end() {
        let mut panes = panes(4, 2);
        assert!(add(&mut panes, u64::MAX - 2));
        assert!(matches!(panes.place(u64::MAX, &Key::from(1_u8)), Place::BeyondTime));
        assert_eq!(fire(&mut panes, u64::MAX), [(u64::MAX - 1, 1)]);
        assert!(panes.panes.is_empty());
        assert_eq!(fire(&mut panes, u64::MAX), []);
    }

    #[test]
    fn a_failed_window_ends_the_firing() {
        let mut panes = panes(5, 5);
        add(&mut panes, 0);
        add(&mut panes, 5);
        let mut seen = Vec::new();
        let failed = panes.fire(u64::MAX, |window| {
            seen.push(window.end_ms);
            Err("no")
        });
        assert!(failed.is_err());
        assert_eq!(seen, [5]);
    }
}
