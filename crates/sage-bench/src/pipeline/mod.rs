//! What the suite `pipeline` measures: a whole job, on threads and in processes, with checkpoints and without, as it grows and as it
//! starts; the router by itself, a call of a service, and latency under light load.

#[cfg(feature = "inproc")]
mod by_hand;
mod checkpointed;
mod curve;
mod job;
mod latency;
#[cfg(target_os = "linux")]
mod program;
mod record;
#[cfg(target_os = "linux")]
mod recovery;
mod router;
mod service;
#[cfg(target_os = "linux")]
mod spread;
#[cfg(target_os = "linux")]
mod startup;
#[cfg(feature = "inproc")]
mod timely;

use std::time::Instant;

use crate::measure::{Better, Case, Group, Metric, Role, Size};
use crate::system::cpu_time;
#[cfg(target_os = "linux")]
pub(crate) use program::play;
use record::{Record, Tally, Wide};

/// Everything, in the order of the tables.
pub(crate) fn all() -> Vec<Group> {
    let mut groups = Vec::new();
    for (scenario, parallelism) in [("job x1", 1), ("job x2", 2), ("job x4", 4)] {
        groups.push(jobs::<u64>(scenario, parallelism));
        groups.push(jobs::<Wide>(scenario, parallelism));
    }
    #[cfg(target_os = "linux")]
    groups.extend([spread::group::<u64>(false), spread::group::<Wide>(true)]);
    groups.push(checkpointed::group());
    groups.extend(curve::groups());
    #[cfg(target_os = "linux")]
    groups.extend([recovery::group(), startup::group()]);
    groups.push(router::group());
    groups.push(service::group());
    groups.push(latency::group());
    groups
}

fn jobs<R: Record>(scenario: &'static str, parallelism: u32) -> Group {
    let ours = ["sage_queue", "local"].map(|kind| {
        Case::new(kind, Role::Ours, move |items| {
            timed(items, |items| job::run::<R>(kind, parallelism, items))
        })
    });
    Group {
        size: Size::Items,
        item: R::NAME,
        metrics: vec![
            Metric {
                scenario,
                unit: "M items/s",
                better: Better::Higher,
            },
            Metric {
                scenario,
                unit: "CPU ns/item",
                better: Better::Lower,
            },
        ],
        cases: ours.into_iter().chain(by_hand::<R>(parallelism)).collect(),
    }
}

#[cfg(feature = "inproc")]
fn by_hand<R: Record>(parallelism: u32) -> Vec<Case> {
    use by_hand::{Crossbeam, CrossbeamVec, Flume, run};
    use timely::Ends;

    let workers = parallelism as usize;
    let mut cases = vec![
        Case::new("crossbeam-channel", Role::Peer, move |items| {
            timed(items, |items| run::<Crossbeam, R>(workers, items))
        }),
        Case::new("crossbeam-channel, Vec", Role::Peer, move |items| {
            timed(items, |items| run::<CrossbeamVec, R>(workers, items))
        }),
        Case::new("flume", Role::Peer, move |items| {
            timed(items, |items| run::<Flume, R>(workers, items))
        }),
    ];
    if parallelism == timely::WORKERS {
        for (subject, ends) in [("timely", Ends::Every), ("timely, one source and sink", Ends::One)] {
            cases.push(Case::new(subject, Role::Peer, move |items| {
                timed(items, |items| timely::run::<R>(ends, items))
            }));
        }
    }
    cases
}

#[cfg(not(feature = "inproc"))]
fn by_hand<R: Record>(_parallelism: u32) -> Vec<Case> {
    Vec::new()
}

/// Runs a job from the start of its threads to the end of the last one, and checks its result.
fn timed(items: u64, job: impl FnOnce(u64) -> Tally) -> Vec<f64> {
    let (cpu, begun) = (cpu_time(), Instant::now());
    let tally = job(items);
    let (took, cpu) = (begun.elapsed().as_secs_f64(), (cpu_time() - cpu).as_secs_f64());
    assert_eq!(tally, Tally::expected(items), "the job lost or changed records");
    vec![items as f64 / took / 1e6, cpu * 1e9 / items as f64]
}

#[cfg(test)]
mod tests {
    use crate::measure::Size;

    const OWN: [&str; 3] = [
        "job x2, spread",
        "recovery of a killed worker",
        "start of 10,000 instances",
    ];

    #[test]
    fn every_job_gives_the_expected_result() {
        for group in super::all() {
            // What is started in a program of its own would be this test.
            if group.metrics.iter().any(|metric| OWN.contains(&metric.scenario)) {
                continue;
            }
            let size = if group.size == Size::Millis { 20 } else { 1_111 };
            for case in &group.cases {
                let values = (case.run)(size);
                assert!(values.iter().all(|value| *value > 0.0), "{}: {values:?}", case.subject);
            }
        }
    }
}
