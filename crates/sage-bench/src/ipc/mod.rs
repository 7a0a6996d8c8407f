//! What the suite `ipc` measures: queues between processes of one host.
//!
//! Each producer and each consumer is this program once more, started to play a part (`part.rs`).

mod company;
mod costs;
mod flow;
mod item;
mod meeting;
mod part;
mod peer;
mod play;
mod python;
mod trip;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::measure::{Case, Group, Role};
use flow::Flow;
use part::Part;
use peer::Transport;
use trip::Trip;

/// Something that carries items between processes.
struct Subject {
    name: &'static str,
    role: Role,
    most: Shape,
    play: fn(&Part) -> Result<(), String>,
}

impl Subject {
    const fn of<T: Transport<Rx: Send + 'static>>() -> Self {
        Self {
            name: T::NAME,
            role: T::ROLE,
            most: T::MOST,
            play: play::play::<T>,
        }
    }
}

const SINGLE: Subject = Subject::of::<peer::Single>();
const TYPED: Subject = Subject::of::<peer::Typed>();

/// Everything that carries bytes, and what has a part to play besides.
const SUBJECTS: &[Subject] = &[
    TYPED,
    SINGLE,
    Subject::of::<peer::Batched>(),
    #[cfg(feature = "ipc")]
    Subject::of::<peer::IpcChannel>(),
    Subject::of::<peer::Socket>(),
    Subject::of::<peer::BufferedSocket>(),
    Subject::of::<peer::Pipe>(),
    Subject::of::<peer::BufferedPipe>(),
];

/// How many processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Shape {
    producers: u64,
    consumers: u64,
}

impl Shape {
    const PAIR: Self = Self::new(1, 1);
    /// Many producers, one consumer.
    const MERGE: Self = Self::new(u64::MAX, 1);
    const ANY: Self = Self::new(u64::MAX, u64::MAX);

    const fn new(producers: u64, consumers: u64) -> Self {
        Self { producers, consumers }
    }

    const fn fits(self, most: Self) -> bool {
        self.producers <= most.producers && self.consumers <= most.consumers
    }
}

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
    let bytes: Vec<&'static Subject> = SUBJECTS.iter().filter(|subject| subject.name != TYPED.name).collect();
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
    groups.push(flow("1x1 typed", Shape::PAIR, PACKET).group(&[&TYPED], python));
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
        groups.push(flow.group(&[&SINGLE], false));
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
    groups.extend(costs::groups(&[&SINGLE], LINE));
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
        Case::new(subject.name, subject.role, move |amount| {
            run(subject, amount).unwrap_or_else(|error| panic!("{}: {error}", subject.name))
        })
    };
    subjects.iter().map(case).collect()
}

/// Plays the part that the command line names; `None` when it names none.
pub(crate) fn play(words: &[String]) -> Option<Result<(), String>> {
    let (first, rest) = words.split_first()?;
    (first == part::WORD).then(|| {
        let text = rest.first().map_or("", String::as_str);
        let part: Part = serde_json::from_str(text).map_err(|error| format!("no part: {error}"))?;
        let subject = SUBJECTS.iter().find(|subject| subject.name == part.subject);
        let subject = subject.ok_or_else(|| format!("no subject {}", part.subject))?;
        (subject.play)(&part).map_err(|error| format!("{}: {error}", subject.name))
    })
}
