//! How long a job with 10,000 instances takes until it runs, and what it takes of memory.

use std::time::Instant;

use sage_comm::ops::IterSource;
use sage_comm::{Builtin, Data, Deployment, Flow, Stream};
use serde::{Deserialize, Serialize};

use super::program::Part;
use crate::measure::{Better, Case, Group, Metric, Role, Size};

const NODES: usize = 100;
const INSTANCES: u32 = 100;

/// How the instances of a node are connected to those of the next.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Shape {
    /// A million connections, and a queue and a thread for each instance.
    All,
    /// A hundred threads.
    Chains,
}

impl Shape {
    fn of<T: Data>(self, node: Stream<T, Builtin>) -> Stream<T, Builtin> {
        let node = node.parallelism(INSTANCES);
        match self {
            Self::All => node,
            Self::Chains => node.forward(),
        }
    }
}

pub(super) fn group() -> Group {
    let case = |subject, shape| {
        Case::new(subject, Role::Ours, move |_| {
            let told = Part::Start(shape).play();
            vec![told.seconds, told.peak_mib]
        })
    };
    let metric = |scenario, unit| Metric {
        scenario,
        unit,
        better: Better::Lower,
    };
    Group {
        size: Size::Own,
        item: "8 B",
        metrics: vec![
            metric("start of 10,000 instances", "s"),
            metric("memory of 10,000 instances", "MiB"),
        ],
        cases: vec![
            case("each to all of the next node", Shape::All),
            case("each to one, chained", Shape::Chains),
        ],
    }
}

/// Plans the job, opens its queues, makes its operators and threads, and lets one number through for each source. The
/// seconds until it runs.
pub(super) fn run(shape: Shape) -> sage_comm::Result<f64> {
    let begun = Instant::now();
    let flow = Flow::new("start", Builtin);
    let mut stream = flow.source("numbers", INSTANCES, |at| {
        IterSource::new(std::iter::once(u64::from(at.index)))
    });
    for node in 2..NODES {
        stream = shape.of(stream.map(&format!("add_{node}"), |number: u64| number + 1));
    }
    let _ = shape.of(stream.for_each("end", |_| ()));
    let job = flow.build(Deployment::Threads)?;
    assert_eq!(job.plan().instances().len(), NODES * INSTANCES as usize);
    let running = job.start()?;
    let took = begun.elapsed().as_secs_f64();
    let report = running.wait().into_result()?;
    assert!(report.is_complete(), "the job's books do not close");
    Ok(took)
}
