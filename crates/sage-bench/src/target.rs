//! What a subject is held against, and how it stands.

mod table;

use crate::measure::{Better, Group, Role, Series};
use crate::stats::Spread;

pub(crate) use table::{INPROC, PIPELINE};
#[cfg(target_os = "linux")]
pub(crate) use table::{IPC, NET};

/// What a subject is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reference {
    /// This subject.
    Subject(&'static str),
    /// The peer with the best median that sleeps when it has nothing to do.
    BestPeer,
    /// A fixed value in the unit of the scenario.
    Value(f64),
}

/// How far from the reference. Each becomes a bound of the ratio ours / reference.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    /// The ratio, at least where more is better, at most where less is.
    Times(f64),
    /// At most this much more than the reference, in the unit of the scenario.
    Plus(f64),
}

/// One goal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) scenario: &'static str,
    /// None: every item.
    pub(crate) item: Option<&'static str>,
    pub(crate) subject: &'static str,
    pub(crate) reference: Reference,
    pub(crate) bound: Bound,
}

/// How a subject stands against one target.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) reference: String,
    /// Of the ratios of the rounds.
    pub(crate) ratio: Spread,
    /// What the ratio must reach.
    pub(crate) target: f64,
    pub(crate) meets: bool,
}

impl Target {
    /// Whether it is about a subject of this group.
    pub(crate) fn is_for(&self, group: &Group) -> bool {
        let scenario = group.metrics.iter().any(|metric| metric.scenario == self.scenario);
        scenario && self.item.is_none_or(|item| item == group.item)
    }

    /// Whether it is about this series.
    pub(crate) fn is_about(&self, series: &Series, primary: bool) -> bool {
        primary
            && self.scenario == series.scenario
            && self.subject == series.subject
            && self.item.is_none_or(|item| item == series.item)
    }

    /// Judges `ours` among the series of its group with the same metric. `None` when the reference was not measured.
    pub(crate) fn judge(&self, ours: &Series, all: &[&Series]) -> Option<Verdict> {
        let (name, reference) = match self.reference {
            Reference::Value(value) => (format!("{value} {}", ours.unit), vec![value; ours.values.len()]),
            Reference::Subject(name) => {
                let found = all.iter().find(|series| series.subject == name)?;
                (name.to_owned(), found.values.clone())
            }
            Reference::BestPeer => {
                let best = best_peer(ours.better, all)?;
                (best.subject.to_owned(), best.values.clone())
            }
        };
        let ratios: Vec<f64> = ours
            .values
            .iter()
            .zip(&reference)
            .map(|(ours, other)| ours / other)
            .collect();
        let ratio = Spread::of(&ratios)?;
        let target = match self.bound {
            Bound::Times(times) => times,
            Bound::Plus(more) => {
                let median = Spread::of(&reference)?.median;
                (median + more) / median
            }
        };
        // Who should win may not lose a quarter of the rounds. A target that allows for a loss says so by itself.
        let meets = match ours.better {
            Better::Higher => ratio.median >= target && (target < 1.0 || ratio.q1 >= 1.0),
            Better::Lower => ratio.median <= target && (target > 1.0 || ratio.q3 <= 1.0),
        };
        Some(Verdict {
            reference: name,
            ratio,
            target,
            meets,
        })
    }
}

fn best_peer<'a>(better: Better, all: &[&'a Series]) -> Option<&'a Series> {
    let peers = all.iter().filter(|series| series.role == Role::Peer);
    let mut ranked: Vec<(f64, &Series)> = peers
        .filter_map(|series| Some((Spread::of(&series.values)?.median, *series)))
        .collect();
    ranked.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    match better {
        Better::Higher => ranked.last(),
        Better::Lower => ranked.first(),
    }
    .map(|(_, series)| *series)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(subject: &'static str, role: Role, better: Better, values: &[f64]) -> Series {
        Series {
            scenario: "s",
            item: "8 B",
            subject,
            role,
            unit: "u",
            better,
            values: values.to_vec(),
            stolen: None,
        }
    }

    fn judge(reference: Reference, bound: Bound, better: Better, ours: &[f64], peer: &[f64]) -> Verdict {
        let ours = series("ours", Role::Ours, better, ours);
        let peer = series("peer", Role::Peer, better, peer);
        let spins = series("spins", Role::Spins, better, &[1e9, 1e-9, 1e9]);
        target(reference, bound)
            .judge(&ours, &[&ours, &peer, &spins])
            .expect("measured")
    }

    fn target(reference: Reference, bound: Bound) -> Target {
        Target {
            scenario: "s",
            item: None,
            subject: "ours",
            reference,
            bound,
        }
    }

    #[test]
    fn the_ratio_is_that_of_the_rounds_not_of_the_medians() {
        let slow_phase = judge(
            Reference::Subject("peer"),
            Bound::Times(1.2),
            Better::Higher,
            &[130.0, 13.0, 260.0],
            &[100.0, 10.0, 200.0],
        );
        assert!(
            (slow_phase.ratio.median - 1.3).abs() < 1e-9 && slow_phase.meets,
            "{slow_phase:?}"
        );
    }

    #[test]
    fn a_good_median_with_a_bad_quarter_does_not_meet() {
        let uneven = judge(
            Reference::BestPeer,
            Bound::Times(1.2),
            Better::Higher,
            &[1.5, 1.5, 0.4, 0.4, 1.5],
            &[1.0; 5],
        );
        assert_eq!(uneven.reference, "peer");
        assert!(uneven.ratio.median > 1.2 && !uneven.meets, "{uneven:?}");
    }

    #[test]
    fn a_target_that_allows_for_a_loss_asks_nothing_of_the_quartiles() {
        let values = [0.9, 0.99, 0.99, 0.99, 1.1];
        let little = judge(
            Reference::BestPeer,
            Bound::Times(0.98),
            Better::Higher,
            &values,
            &[1.0; 5],
        );
        assert!(little.meets, "{little:?}");
        let none = judge(
            Reference::BestPeer,
            Bound::Times(1.0),
            Better::Higher,
            &values,
            &[1.0; 5],
        );
        assert!(!none.meets, "{none:?}");
    }

    #[test]
    fn less_time_is_better() {
        let faster = judge(
            Reference::BestPeer,
            Bound::Times(0.5),
            Better::Lower,
            &[4.0; 3],
            &[10.0; 3],
        );
        assert!(faster.meets, "{faster:?}");
        let slower = judge(
            Reference::BestPeer,
            Bound::Times(0.5),
            Better::Lower,
            &[6.0; 3],
            &[10.0; 3],
        );
        assert!(!slower.meets, "{slower:?}");
    }

    #[test]
    fn an_allowance_and_a_fixed_value_become_ratios() {
        let added = judge(
            Reference::Subject("peer"),
            Bound::Plus(3.0),
            Better::Lower,
            &[8.0; 3],
            &[6.0; 3],
        );
        assert!((added.target - 1.5).abs() < 1e-9 && added.meets, "{added:?}");
        let fixed = judge(
            Reference::Value(4.0),
            Bound::Times(1.0),
            Better::Lower,
            &[8.0; 3],
            &[6.0; 3],
        );
        assert!((fixed.ratio.median - 2.0).abs() < 1e-9 && !fixed.meets, "{fixed:?}");
        assert_eq!(fixed.reference, "4 u");
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        let ours = series("ours", Role::Ours, Better::Higher, &[1.0]);
        let absent = target(Reference::BestPeer, Bound::Times(1.0));
        assert_eq!(absent.judge(&ours, &[&ours]), None);
    }
}
