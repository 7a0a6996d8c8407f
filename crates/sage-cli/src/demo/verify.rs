//! Compares the job's results with those of a plain loop.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::iter::Peekable;

use nexmark::Config;
use nexmark::hot_items::{Tally, WindowSpec, reference};

use super::results::Results;
use crate::number::{clock, grouped};

/// Mismatches that are named; the others are only counted.
const NAMED: usize = 10;

/// End of a window and auction.
type Key = (u64, u64);
/// What was expected and what was found.
type Pair = (Option<Tally>, Option<Tally>);

/// How the two answers compare.
#[derive(Debug)]
pub(super) struct Verdict {
    /// Results that are the same in both.
    pub(super) equal: u64,
    /// Results the loop has and the job has not.
    pub(super) missing: u64,
    /// Results the job has too often.
    pub(super) repeated: u64,
    /// Results only the job has.
    pub(super) unexpected: u64,
    /// Results with other numbers.
    pub(super) different: u64,
    first: Vec<Mismatch>,
    first_event_ms: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct Mismatch {
    key: Key,
    expected: Option<Tally>,
    found: Option<Tally>,
}

impl Verdict {
    pub(super) fn is_equal(&self) -> bool {
        self.mismatches() == 0
    }

    pub(super) fn mismatches(&self) -> u64 {
        self.missing + self.repeated + self.unexpected + self.different
    }
}

/// Makes the stream again, in one thread and without a queue, and compares every auction in every window.
pub(super) fn verify(config: &Config, spec: WindowSpec, results: Results) -> Verdict {
    let expected = reference(nexmark::Generator::new(config.clone()), spec);
    compare(expected, results.into_sorted(), config.first_event_ms)
}

fn compare(expected: BTreeMap<Key, Tally>, found: impl Iterator<Item = (Key, Tally)>, first_event_ms: u64) -> Verdict {
    let mut verdict = Verdict {
        equal: 0,
        missing: 0,
        repeated: 0,
        unexpected: 0,
        different: 0,
        first: Vec::new(),
        first_event_ms,
    };
    let mut expected = expected.into_iter().peekable();
    let mut found = found.peekable();
    let mut before = None;
    while let Some((key, pair)) = next_pair(&mut expected, &mut found) {
        let (count, mismatch) = match pair {
            (Some(wanted), Some(got)) if wanted == got => (&mut verdict.equal, false),
            (Some(_), Some(_)) => (&mut verdict.different, true),
            (Some(_), None) => (&mut verdict.missing, true),
            (None, _) if before == Some(key) => (&mut verdict.repeated, true),
            (None, _) => (&mut verdict.unexpected, true),
        };
        *count += 1;
        before = Some(key);
        if mismatch && verdict.first.len() < NAMED {
            let (expected, found) = pair;
            verdict.first.push(Mismatch { key, expected, found });
        }
    }
    verdict
}

/// The lowest key at hand with what either side has under it, taken from both.
fn next_pair<E, F>(expected: &mut Peekable<E>, found: &mut Peekable<F>) -> Option<(Key, Pair)>
where
    E: Iterator<Item = (Key, Tally)>,
    F: Iterator<Item = (Key, Tally)>,
{
    let order = match (expected.peek(), found.peek()) {
        (None, None) => return None,
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (Some((wanted, _)), Some((got, _))) => wanted.cmp(got),
    };
    let wanted = if order.is_le() { expected.next() } else { None };
    let got = if order.is_ge() { found.next() } else { None };
    let (key, _) = wanted.or(got)?;
    Some((key, (wanted.map(|(_, tally)| tally), got.map(|(_, tally)| tally))))
}

/// The counts and the first mismatches, one a line.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} results differ from a single-threaded loop: {} missing, {} repeated, {} unexpected, {} with other \
             numbers; {} agree",
            grouped(self.mismatches()),
            grouped(self.missing),
            grouped(self.repeated),
            grouped(self.unexpected),
            grouped(self.different),
            grouped(self.equal),
        )?;
        for Mismatch {
            key: (window, auction),
            expected,
            found,
        } in &self.first
        {
            let end = clock(window.saturating_sub(self.first_event_ms));
            let (expected, found) = (shown(*expected), shown(*found));
            writeln!(
                f,
                "  window {end} auction {auction}: expected {expected}, found {found}"
            )?;
        }
        let unnamed = self.mismatches() - self.first.len() as u64;
        if unnamed > 0 {
            writeln!(f, "  and {} more", grouped(unnamed))?;
        }
        Ok(())
    }
}

fn shown(tally: Option<Tally>) -> String {
    match tally {
        None => "none".to_owned(),
        Some(Tally { count, price_sum }) => format!("{count} bids of {price_sum} cents in all"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::results::HotItem;

    fn setup() -> (Config, WindowSpec, BTreeMap<Key, Tally>) {
        let config = Config {
            seed: 3,
            events: 20_000,
            ..Config::default()
        };
        let spec = WindowSpec::new(500, 100).unwrap();
        let expected = reference(nexmark::Generator::new(config.clone()), spec);
        assert!(expected.len() > 1_000);
        (config, spec, expected)
    }

    fn verdict_after(tamper: impl FnOnce(&mut Vec<HotItem>)) -> Verdict {
        let (config, spec, expected) = setup();
        let mut items: Vec<_> = expected
            .into_iter()
            .map(|((window_end, auction), tally)| HotItem {
                window_end,
                auction,
                tally,
            })
            .collect();
        tamper(&mut items);
        // The order in which results come does not matter.
        items.reverse();
        let mut results = Results::new(true);
        items.into_iter().for_each(|item| results.add(item));
        verify(&config, spec, results)
    }

    #[test]
    fn the_same_results_are_equal() {
        let verdict = verdict_after(|_| ());
        assert!(verdict.is_equal(), "{verdict}");
        assert_eq!(verdict.equal, setup().2.len() as u64);
    }

    #[test]
    fn a_missing_result_is_named() {
        let verdict = verdict_after(|items| {
            items.remove(7);
        });
        assert_eq!((verdict.mismatches(), verdict.missing), (1, 1));
        assert!(verdict.to_string().contains("found none"), "{verdict}");
    }

    #[test]
    fn a_repeated_result_is_told_from_an_unexpected_one() {
        let verdict = verdict_after(|items| items.push(items[7]));
        assert_eq!((verdict.mismatches(), verdict.repeated), (1, 1), "{verdict}");
        let verdict = verdict_after(|items| items.push(HotItem { auction: 1, ..items[7] }));
        assert_eq!((verdict.mismatches(), verdict.unexpected), (1, 1), "{verdict}");
    }

    #[test]
    fn one_cent_is_a_difference() {
        let verdict = verdict_after(|items| items[7].tally.price_sum += 1);
        assert_eq!((verdict.mismatches(), verdict.different), (1, 1), "{verdict}");
    }

    #[test]
    fn a_result_that_is_wrong_and_repeated_counts_twice() {
        let verdict = verdict_after(|items| {
            items[7].tally.count += 1;
            items.push(items[7]);
        });
        assert_eq!((verdict.different, verdict.repeated), (1, 1), "{verdict}");
    }

    #[test]
    fn many_mismatches_are_counted_and_the_first_named() {
        let verdict = verdict_after(Vec::clear);
        let all = setup().2.len();
        assert_eq!(verdict.missing, all as u64);
        let text = verdict.to_string();
        assert_eq!(text.lines().count(), NAMED + 2, "{text}");
        assert!(text.contains(&format!("and {} more", grouped(all - NAMED))), "{text}");
    }
}
