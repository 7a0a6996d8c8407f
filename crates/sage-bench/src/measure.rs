//! Rounds: every subject once per round, the first one a different one each time.
//!
//! A slow phase of the machine then falls on all subjects alike, and the ratio of two of them within one round means
//! something even when the absolute figures move.

use std::time::{Duration, Instant};

use crate::system::Processors;

/// Whether more is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Higher,
    Lower,
}

/// What a subject is beside ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Ours,
    /// Sleeps when there is nothing to do.
    Peer,
    /// Never sleeps: burns its processor while it waits, so it is no yardstick for one that does not.
    Spins,
}

/// One number that a round gives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metric {
    pub(crate) scenario: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
}

/// One subject in one scenario. `run` is told how much, see [`Size`], and gives one value per metric.
pub(crate) struct Case {
    pub(crate) subject: &'static str,
    pub(crate) role: Role,
    pub(crate) run: Box<dyn Fn(u64) -> Vec<f64>>,
}

impl Case {
    pub(crate) fn new(subject: &'static str, role: Role, run: impl Fn(u64) -> Vec<f64> + 'static) -> Self {
        Self {
            subject,
            role,
            run: Box::new(run),
        }
    }
}

/// What a run is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// How many items, so many that a round has the wanted length.
    Items,
    /// The same, and the first metric is millions of them a second: what a case needs before it begins does not count.
    Rated,
    /// Nothing: a run has a length of its own.
    Own,
    /// How many milliseconds: the rounds of a subject last [`Effort::long`] together.
    Millis,
}

/// Subjects that do the same, to be compared with one another.
pub(crate) struct Group {
    pub(crate) size: Size,
    pub(crate) item: &'static str,
    pub(crate) metrics: Vec<Metric>,
    pub(crate) cases: Vec<Case>,
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    /// About how long a subject runs in one round.
    pub(crate) round: Duration,
    /// How long one does in all rounds what does not end by itself.
    pub(crate) long: Duration,
}

/// The values of one subject for one metric, one per round.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) scenario: &'static str,
    pub(crate) item: &'static str,
    pub(crate) subject: &'static str,
    pub(crate) role: Role,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    pub(crate) values: Vec<f64>,
    /// Of the time of the processors while its group was measured, what the host gave to others; `None` where the system does
    /// not say.
    pub(crate) stolen: Option<f64>,
}

/// Items of the first try; it also warms up.
const FIRST: u64 = 4_096;
const MOST: u64 = 1 << 26;

/// Measures one group; `tell` hears of every round.
pub(crate) fn measure(group: &Group, effort: Effort, mut tell: impl FnMut(usize)) -> Vec<Series> {
    let long = (effort.long.as_millis() / effort.rounds.max(1) as u128).max(1) as u64;
    let size = |case| match group.size {
        Size::Items => calibrate(effort.round, |items| time(case, items)),
        Size::Rated => calibrate(effort.round, |items| rated(case, items)),
        Size::Own => 0,
        Size::Millis => long,
    };
    let sizes: Vec<u64> = group.cases.iter().map(size).collect();
    let count = group.cases.len();
    let mut values = vec![vec![Vec::with_capacity(effort.rounds); group.metrics.len()]; count];
    let before = Processors::now();
    for round in 0..effort.rounds {
        tell(round + 1);
        for turn in 0..count {
            let at = (round + turn) % count;
            let (Some(case), Some(&size), Some(into)) = (group.cases.get(at), sizes.get(at), values.get_mut(at)) else {
                continue;
            };
            for (series, value) in into.iter_mut().zip((case.run)(size)) {
                series.push(value);
            }
        }
    }
    let stolen = before
        .zip(Processors::now())
        .map(|(before, after)| after.stolen_since(&before));
    let mut all = Vec::new();
    for (case, values) in group.cases.iter().zip(values) {
        for (metric, values) in group.metrics.iter().zip(values) {
            all.push(Series {
                scenario: metric.scenario,
                item: group.item,
                subject: case.subject,
                role: case.role,
                unit: metric.unit,
                better: metric.better,
                values,
                stolen,
            });
        }
    }
    all
}

/// How many items take about as long as a round should. What a subject does once, or the machine did just then, may
/// not pass for the time of its items: a size that seems long enough is tried once more, and the shorter time counts.
fn calibrate(round: Duration, mut time: impl FnMut(u64) -> Duration) -> u64 {
    let enough = round / 4;
    let mut items = FIRST;
    loop {
        let mut took = time(items);
        if took >= enough {
            took = took.min(time(items));
        }
        if took >= enough || items >= MOST {
            let scaled = items as f64 * round.as_secs_f64() / took.as_secs_f64();
            return (scaled as u64).clamp(256, MOST).next_multiple_of(256);
        }
        items *= 4;
    }
}

fn time(case: &Case, items: u64) -> Duration {
    let begun = Instant::now();
    let _ = (case.run)(items);
    begun.elapsed().max(Duration::from_micros(1))
}

fn rated(case: &Case, items: u64) -> Duration {
    let millions = (case.run)(items).first().copied().unwrap_or_default();
    Duration::try_from_secs_f64(items as f64 / millions / 1e6).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    const METRIC: Metric = Metric {
        scenario: "s",
        unit: "u",
        better: Better::Higher,
    };

    #[test]
    fn what_does_not_end_by_itself_is_told_its_share_of_the_time() {
        let group = Group {
            size: Size::Millis,
            item: "",
            metrics: vec![METRIC],
            cases: vec![Case::new("a", Role::Ours, |millis| vec![millis as f64])],
        };
        let effort = Effort {
            rounds: 4,
            round: Duration::from_secs(1),
            long: Duration::from_secs(10),
        };
        let series = measure(&group, effort, |_| {});
        assert_eq!(
            series.first().map(|series| series.values.as_slice()),
            Some([2_500.0; 4].as_slice())
        );
    }

    #[test]
    fn what_happens_once_is_not_taken_for_the_time_of_items() {
        let mut once = Duration::from_millis(30);
        let items = calibrate(Duration::from_millis(40), |items| {
            Duration::from_nanos(10 * items) + std::mem::take(&mut once)
        });
        assert_eq!(items, 4_000_000_u64.next_multiple_of(256));
    }

    #[test]
    fn every_round_starts_with_another_subject() {
        let order = Rc::new(RefCell::new(Vec::new()));
        let case = |name: &'static str| {
            let order = Rc::clone(&order);
            Case::new(name, Role::Peer, move |items| {
                order.borrow_mut().push(name);
                vec![items as f64]
            })
        };
        let group = Group {
            size: Size::Items,
            item: "",
            metrics: vec![METRIC],
            cases: vec![case("a"), case("b")],
        };
        let effort = Effort {
            rounds: 3,
            round: Duration::from_nanos(4),
            long: Duration::ZERO,
        };
        let series = measure(&group, effort, |_| {});
        let order = order.borrow();
        let rounds = order.len() - 6;
        assert_eq!(order.get(rounds..), Some(["a", "b", "b", "a", "a", "b"].as_slice()));
        assert_eq!(series.len(), 2);
        assert!(series.iter().all(|series| series.values.len() == 3));
    }
}
