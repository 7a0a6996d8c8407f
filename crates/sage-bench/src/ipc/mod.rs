//! What the suite `ipc` measures: queues between processes of one host.
//!
//! Each producer and each consumer is this program once more, started to play a part of `ipc-peers`.

mod costs;
mod flow;
mod python;
mod trip;

use std::time::Duration;

use ipc_peers::{Kind, SUBJECTS, Shape, Subject};

use crate::measure::{Case, Group, Role};
use flow::Flow;
use trip::Trip;

pub(crate) use ipc_peers::play;

/// What they send each other.
#[derive(Clone, Copy, Debug)]
struct Item {
    name: &'static str,
    size: usize,
    /// A large item counts as so many.
    scale: u64,
}

impl Item {
    const fn new(name: &'static str, size: usize, scale: u64) -> Self {
        Self { name, size, scale }
    }

    /// Divisible by all numbers of processes.
    fn count(self, units: u64) -> u64 {
        (units / self.scale).max(16).next_multiple_of(16)
    }
}

const LINE: Item = Item::new("64 B", 64, 1);
const PAGE: Item = Item::new("1 KiB", 1 << 10, 1);
const ITEMS: [Item; 4] = [
    LINE,
    PAGE,
    Item::new("64 KiB", 64 << 10, 64),
    Item::new("1 MiB", 1 << 20, 1024),
];
const PACKET: Item = Item::new("packet", 160, 1);

/// Everything, in the order of the tables.
pub(crate) fn all() -> Vec<Group> {
    let (typed, bytes): (Vec<_>, Vec<_>) = SUBJECTS.iter().partition(|subject| subject.typed);
    let single = SUBJECTS.get(..1).unwrap_or_default().iter().collect::<Vec<_>>();
    let python = python::is_there();
    let flow = |scenario, shape, item| Flow {
        scenario,
        shape,
        item,
        queues: 1,
    };
    let mut groups = Vec::new();
    for item in ITEMS {
        groups.push(flow("1x1", Shape::PAIR, item).group(&bytes, python));
    }
    groups.push(flow("1x1 typed", Shape::PAIR, PACKET).group(&typed, python));
    for (scenario, shape) in [
        ("4x1", Shape::new(4, 1)),
        ("1x4", Shape::new(1, 4)),
        ("4x4", Shape::new(4, 4)),
    ] {
        groups.push(flow(scenario, shape, LINE).group(&bytes, python));
        groups.push(flow(scenario, shape, PAGE).group(&bytes, python));
    }
    for (scenario, queues) in [
        ("1 queue", 1),
        ("10 queues", 10),
        ("100 queues", 100),
        ("1000 queues", 1000),
    ] {
        let flow = Flow {
            queues,
            ..flow(scenario, Shape::PAIR, LINE)
        };
        groups.push(flow.group(&single, false));
    }
    let spinning = Trip {
        scenarios: ["round trip p50", "round trip p99"],
        item: LINE,
        trips: 1_000,
        pause: Duration::ZERO,
    };
    let parked = Trip {
        scenarios: ["round trip from parked p50", "round trip from parked p99"],
        trips: 100,
        pause: Duration::from_micros(300),
        ..spinning
    };
    groups.extend([spinning.group(&bytes), parked.group(&bytes)]);
    groups.extend(costs::groups(&single, LINE));
    groups
}

/// What is left out for want of something on this machine.
pub(crate) fn missing() -> Option<String> {
    (!python::is_there()).then(|| format!("no python3: {} is left out", python::NAME))
}

/// A case for each subject. An error ends the run.
fn cases(
    subjects: &[&'static Subject],
    run: impl Fn(&'static Subject, u64) -> Result<Vec<f64>, String> + Copy + 'static,
) -> Vec<Case> {
    let case = |&subject: &&'static Subject| {
        let role = match subject.kind {
            Kind::Ours => Role::Ours,
            Kind::Peer => Role::Peer,
            Kind::Spins => Role::Spins,
        };
        Case::new(subject.name, role, move |amount| {
            run(subject, amount).unwrap_or_else(|error| panic!("{}: {error}", subject.name))
        })
    };
    subjects.iter().map(case).collect()
}
