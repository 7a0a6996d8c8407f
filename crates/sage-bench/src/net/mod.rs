//! What the suite `net` measures: queues of a server, over the loopback address.
//!
//! Each producer, each consumer and each server is this program once more, started to play a part of `net-peers`; who serves with a
//! program of others starts and ends that. Every run has a new server in a folder of its own.
//!
//! A queue type with a server of another kind joins as one more `Peer` of `net-peers` with its rows in `SUBJECTS`, and its scenarios here:
//! `ray_queue` is the manager in a process of its own. What is compared with something else than a server is a group of its own, such as
//! `manager in process`: a queue of the process that is the manager, beside the ring that it is made of.

mod flow;
mod house;
mod idle;
mod trip;

use net_peers::{Act, Kind, SUBJECTS, Subject, subject};

use crate::measure::{Case, Group, Role};
use flow::{Cast, Flow};
use idle::Idle;
use trip::Trip;

pub(crate) use net_peers::play;

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

    fn count(self, units: u64) -> u64 {
        (units / self.scale).max(flow::FEWEST)
    }
}

const NUMBER: Item = Item::new("8 B", 8, 1);
const LINE: Item = Item::new("64 B", 64, 1);
const ITEMS: [Item; 4] = [
    LINE,
    Item::new("1 KiB", 1 << 10, 1),
    Item::new("64 KiB", 64 << 10, 64),
    Item::new("1 MiB", 1 << 20, 1024),
];

/// Through a server, item after item.
const CARRIERS: &[&str] = &[
    "rpc",
    "rpc, batch 64",
    "rpc, Unix socket",
    "tokio relay",
    "ZeroMQ proxy",
    "NATS core",
    "JetStream, memory",
    "Redis list",
    "Redis stream",
    "tonic stream",
    "tarpc",
    "remoc",
];
/// The same, with small items alone.
const SMALL: &[&str] = &["rpc, Unix socket, batch 64", "rpc, confirm each", "ray_queue"];
/// Both sides in one process.
const INSIDE: &[&str] = &["ray_queue, in process", "sage_queue, in process"];
const ENCRYPTED: &[&str] = &["rpc", "rpc, TLS", "tokio relay", "tokio relay, TLS"];
const CONFIRMED: &[&str] = &[
    "rpc, confirm each",
    "rpc, Unix socket, confirm each",
    "tokio relay",
    "JetStream, memory",
    "Redis list",
];
const THERE_AND_BACK: &[&str] = &[
    "rpc, confirm each",
    "rpc, Unix socket, confirm each",
    "JetStream, memory",
    "Redis list",
];
const SYNCED: &[&str] = &[
    "rpc, disk",
    "JetStream, file, sync always",
    "Redis stream, fsync always",
];
const OURS: &[&str] = &["rpc"];

const TRIPS: u64 = 1_000;
const PRODUCERS: u64 = 64;
/// Items of a client at least: its first ones wait for its last one's turn.
const EACH: u64 = 100;
const CONNECTIONS: u64 = 1_000;
const QUEUES: u64 = 10_000;

/// Everything, in the order of the tables.
pub(crate) fn all() -> Vec<Group> {
    let carriers = here(CARRIERS);
    let mut groups = Vec::new();
    for item in ITEMS {
        let flow = Flow {
            scenario: "1x1",
            item,
            cast: Cast::Pair,
        };
        let small = if item.size == LINE.size {
            here(SMALL)
        } else {
            Vec::new()
        };
        groups.push(flow.group(&[carriers.as_slice(), &small].concat()));
    }
    let [.., large, _] = ITEMS;
    let encrypted = Flow {
        scenario: "TLS",
        item: large,
        cast: Cast::Pair,
    };
    groups.push(encrypted.group(&here(ENCRYPTED)));
    let put = Trip {
        scenarios: ["confirmed put p50", "confirmed put p99"],
        item: LINE,
        act: Act::Put,
        trips: TRIPS,
    };
    let trip = Trip {
        scenarios: ["put and get p50", "put and get p99"],
        act: Act::Trip,
        ..put
    };
    groups.extend([put.group(&here(CONFIRMED)), trip.group(&here(THERE_AND_BACK))]);
    let crowd = Flow {
        scenario: "64 producers, on disk",
        item: LINE,
        cast: Cast::Crowd(PRODUCERS),
    };
    groups.push(crowd.group(&here(SYNCED)));
    groups.push(clients());
    let inside = Flow {
        scenario: "manager in process",
        item: NUMBER,
        cast: Cast::Alone,
    };
    groups.push(inside.group(&here(INSIDE)));
    let idle = Idle {
        scenario: "memory of an idle connection",
        item: LINE,
        act: Act::HoldConnections,
        amount: CONNECTIONS,
    };
    let queues = Idle {
        scenario: "memory of an idle queue",
        act: Act::HoldQueues,
        amount: QUEUES,
        ..idle
    };
    groups.extend([idle.group(&here(OURS)), queues.group(&here(OURS))]);
    groups
}

/// Ten clients and a thousand, half of them on either side, as two subjects that take turns.
fn clients() -> Group {
    let flow = |clients: u64| Flow {
        scenario: "clients",
        item: LINE,
        cast: Cast::Clients(clients / 2),
    };
    let case = |name, clients| {
        let run = move |units: u64| {
            let ours = subject("rpc").ok_or("no subject rpc")?;
            flow(clients).run(ours, units.max(clients * EACH))
        };
        Case::new(name, Role::Ours, move |units| done(name, run(units)))
    };
    flow(10).of_cases(vec![case("rpc, 10 clients", 10), case("rpc, 1000 clients", 1000)])
}

/// Those of these names that can be had.
fn here(names: &[&str]) -> Vec<&'static Subject> {
    let found = names.iter().filter_map(|name| subject(name));
    found.filter(|subject| subject.missing().is_none()).collect()
}

/// Which servers of others there are, and which subjects are left out for want of something on this machine.
pub(crate) fn notes() -> Vec<String> {
    let mut notes = Vec::new();
    for program in SUBJECTS.iter().filter_map(|subject| subject.home.program()) {
        if let Some(title) = program.title()
            && !notes.contains(&title)
        {
            notes.push(title);
        }
    }
    notes.extend(SUBJECTS.iter().filter_map(|subject| {
        let reason = subject.missing()?;
        Some(format!("skipped: {}: {reason}", subject.name))
    }));
    notes
}

/// A case for each subject. An error ends the run.
fn cases(
    subjects: &[&'static Subject],
    run: impl Fn(&'static Subject, u64) -> Result<Vec<f64>, String> + Copy + 'static,
) -> Vec<Case> {
    let case = |&subject: &&'static Subject| {
        let role = match subject.kind {
            Kind::Ours => Role::Ours,
            Kind::Peer | Kind::Floor => Role::Peer,
        };
        Case::new(subject.name, role, move |units| done(subject.name, run(subject, units)))
    };
    subjects.iter().map(case).collect()
}

fn done(name: &str, outcome: Result<Vec<f64>, String>) -> Vec<f64> {
    outcome.unwrap_or_else(|error| panic!("{name}: {error}"))
}
