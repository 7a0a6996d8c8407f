//! What sources sent, what sinks saw, what the report says, and whether that adds up.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sage_comm::{DropCause, JobReport, Outcome};
use serde::{Deserialize, Serialize};

use crate::options::{Options, Plant};
use crate::report::Report;

/// The name of every sink: what goes there has arrived.
pub(crate) const SINK: &str = "sink";
/// The name that those of sources begin with.
pub(crate) const NUMBERS: &str = "numbers";

/// One packet: whose it is, which of theirs, and whether it is their last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) source: u32,
    pub(crate) number: u64,
    pub(crate) last: bool,
}

/// How many each source has tried to send; of sources of this process.
#[derive(Clone, Debug)]
pub(crate) struct Sent(Arc<Vec<AtomicU64>>);

impl Sent {
    pub(crate) fn by(sources: u32) -> Self {
        Self(Arc::new((0..sources).map(|_| AtomicU64::new(0)).collect()))
    }

    pub(crate) fn count(&self, source: u32) {
        if let Some(count) = self.0.get(source as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What reached the sinks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<Arrived>>);

#[derive(Debug, Default)]
struct Arrived {
    total: u64,
    /// By source and number: how often.
    times: BTreeMap<u32, Vec<u32>>,
    /// By source: the number behind the last one.
    ends: BTreeMap<u32, u64>,
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Arrived> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, item: Item) {
        let mut arrived = self.lock();
        arrived.total += 1;
        if item.last {
            arrived.ends.insert(item.source, item.number + 1);
        }
        let times = arrived.times.entry(item.source).or_default();
        let at = usize::try_from(item.number).unwrap_or(usize::MAX).min(1 << 28);
        if times.len() <= at {
            times.resize(at + 1, 0);
        }
        if let Some(count) = times.get_mut(at) {
            *count += 1;
        }
    }

    /// As many arrived wrongly as that plant asks for.
    pub(crate) fn plant(&self, options: &Options) {
        let mut arrived = self.lock();
        let first = arrived.times.values_mut().flatten().find(|count| **count > 0);
        if let Some(count) = first {
            match options.plant {
                Some(Plant::Lose) => *count -= 1,
                Some(Plant::Twice) => *count += 1,
                _ => {}
            }
        }
    }

    /// Adds up, where each packet is to arrive so often. What sources have sent is known for those of this process; of others
    /// it is what their last packet says, or else all up to the highest number that came.
    pub(crate) fn sums(&self, sent: Option<&Sent>, copies: u32) -> Sums {
        let arrived = self.lock();
        let mut sums = Sums {
            total: arrived.total,
            ..Sums::default()
        };
        let sources = sent.map_or(0, |sent| sent.0.len());
        let known = (0_u32..).take(sources).chain(arrived.times.keys().copied());
        let known: std::collections::BTreeSet<u32> = known.collect();
        for source in known {
            let times = arrived.times.get(&source).map_or(&[][..], Vec::as_slice);
            let all = match sent {
                Some(sent) => sent
                    .0
                    .get(source as usize)
                    .map_or(0, |count| count.load(Ordering::Acquire)),
                None => arrived.ends.get(&source).copied().unwrap_or(times.len() as u64),
            };
            sums.ended += u64::from(arrived.ends.contains_key(&source));
            let mut here = 0;
            for (number, count) in (0_u64..).zip(times) {
                if number >= all {
                    sums.foreign += u64::from(*count);
                } else {
                    sums.twice += u64::from(count.saturating_sub(copies));
                    here += u64::from((*count).min(copies));
                }
            }
            sums.missing += (all * u64::from(copies)).saturating_sub(here);
        }
        sums
    }
}

/// What arrived against what was sent.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sums {
    pub(crate) total: u64,
    pub(crate) missing: u64,
    pub(crate) twice: u64,
    pub(crate) foreign: u64,
    /// Sources whose last packet came.
    pub(crate) ended: u64,
}

/// What the report of a job says that matters here.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Evidence {
    pub(crate) outcome: String,
    /// What is wrong with the ledger.
    ledger: Option<String>,
    /// Packets that are known not to have arrived.
    accounted: u64,
    lost_in_flight: u64,
    /// Packets that sinks took, by the ledger.
    sunk: u64,
    pub(crate) failures: Vec<Failed>,
    pub(crate) stuck: Vec<String>,
    pub(crate) lost: Vec<Lost>,
    pub(crate) restarts: u64,
    pub(crate) sums: Sums,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Failed {
    pub(crate) instance: String,
    pub(crate) message: String,
    pub(crate) panicked: bool,
    pub(crate) isolated: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Lost {
    pub(crate) pid: u32,
    pub(crate) fate: String,
    pub(crate) instances: Vec<String>,
}

impl Evidence {
    pub(crate) fn new(report: &JobReport, sums: Sums) -> Self {
        let totals = report.ledger.totals();
        let dropped: u64 = totals.dropped.values().sum();
        let unsent: u64 = report.nodes.iter().map(|node| node.unsent).sum();
        let to_sink = format!("-> {SINK}");
        let sunk = report
            .ledger
            .edges()
            .iter()
            .filter(|edge| edge.edge.ends_with(&to_sink));
        Self {
            outcome: report.outcome.to_string(),
            ledger: report.ledger.check().err().map(|error| error.to_string()),
            accounted: dropped + totals.in_flight + totals.dead_lettered + unsent,
            lost_in_flight: totals.dropped.get(&DropCause::LostInFlight).copied().unwrap_or(0),
            sunk: sunk.map(|edge| edge.counts.delivered).sum(),
            failures: report
                .failures
                .iter()
                .map(|failure| Failed {
                    instance: failure.instance.clone(),
                    message: failure.message.clone(),
                    panicked: failure.panicked,
                    isolated: failure.isolated,
                })
                .collect(),
            stuck: report.stuck.clone(),
            lost: report
                .lost_workers
                .iter()
                .map(|lost| Lost {
                    pid: lost.pid,
                    fate: lost.fate.clone(),
                    instances: lost.instances.clone(),
                })
                .collect(),
            restarts: report.nodes.iter().map(|node| node.restarts).sum(),
            sums,
        }
    }

    /// Whether it ended so.
    pub(crate) fn ended(&self, expected: &[Outcome], complaints: &mut Vec<String>) {
        if !expected.iter().any(|outcome| outcome.to_string() == self.outcome) {
            complaints.push(format!("it {}, and not as expected: {:?}", self.outcome, self.failures));
        }
    }

    /// Whether all packets are accounted for.
    pub(crate) fn judge(&self, report: &mut Report, complaints: &mut Vec<String>) {
        let sums = &self.sums;
        if let Some(wrong) = self.ledger.as_ref().filter(|_| self.stuck.is_empty()) {
            complaints.push(format!("the ledger does not close: {wrong}"));
        }
        if sums.twice > 0 {
            complaints.push(format!("{} packets came twice", sums.twice));
        }
        if sums.foreign > 0 {
            complaints.push(format!("{} packets came that nobody had sent", sums.foreign));
        }
        if self.sunk != sums.total && self.stuck.is_empty() {
            complaints.push(format!(
                "{} packets came, and the report says {}",
                sums.total, self.sunk
            ));
        }
        // What a dead source had tried to send nobody knows, nor what one did that never came back.
        let is_unknown = |name: &String| name.starts_with(NUMBERS);
        let is_unknown = self.lost.iter().flat_map(|lost| &lost.instances).any(is_unknown) || !self.stuck.is_empty();
        let lost = if is_unknown {
            0
        } else {
            sums.missing.saturating_sub(self.accounted)
        };
        if lost > 0 {
            complaints.push(format!(
                "{} packets are missing, and the report knows of {}",
                sums.missing, self.accounted
            ));
        }
        report.counts.confirmed += sums.total;
        report.counts.duplicated += sums.twice;
        report.counts.corrupt += sums.foreign;
        report.counts.lost += lost;
        report.counts.lost_in_flight += self.lost_in_flight;
    }
}
