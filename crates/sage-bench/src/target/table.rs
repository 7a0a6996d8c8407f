//! What ours should reach: one line, one target.

use super::{Bound, Reference, Target};

const RING: &str = "sage_queue";
const HANDLES: &str = "sage_queue handles";
const DYN: &str = "sage_queue dyn";
const LOCAL: &str = "local dyn";
const COUNTED: &str = "sage_queue, counters read";
const TOKIO: &str = "sage_queue, tokio";

/// Those of the suite `inproc`.
pub(crate) const INPROC: &[Target] = &[
    times("spsc", "8 B", RING, "crossfire mpmc", 1.2),
    times("spsc", "8 B", RING, "kanal", 1.2),
    times("spsc", "8 B", RING, "crossbeam-channel", 1.2),
    times("spsc", "8 B", RING, "crossfire spsc", 1.0),
    times("spsc", "8 B", HANDLES, "crossfire spsc", 1.2),
    best("spsc", "64 B", RING, 1.0),
    best("4x1", "8 B", RING, 1.0),
    best("4x4", "8 B", RING, 1.0),
    best("async spsc", "8 B", RING, 1.2),
    best("async 4x1", "8 B", RING, 1.2),
    times("batch 64", "8 B", RING, "rtrb (spins)", 0.8),
    best("ping-pong p50", "8 B", RING, 0.5),
    best("ping-pong p99", "8 B", RING, 1.0),
    best("pair", "8 B", RING, 1.1),
    plus("pair", "8 B", DYN, RING, 3.0),
    times("pair", "8 B", LOCAL, "flume", 1.6),
    // 1.6 times the time of flume.
    times("spsc", "8 B", LOCAL, "flume", 1.0 / 1.6),
    times("4x1", "8 B", LOCAL, "flume", 1.0 / 1.6),
    times("4x4", "8 B", LOCAL, "flume", 1.0 / 1.6),
    target("counters", "8 B", COUNTED, Reference::Value(1.0), Bound::Times(0.98)),
    value("idle", "8 B", RING, 1.0),
    value("idle", "8 B", TOKIO, 1.0),
    value("idle", "8 B", "local", 1.0),
    value("idle", "8 B", "local, tokio", 1.0),
    // No collapse: other queues under the same load show what the system gives.
    best("oversubscribed", "8 B", RING, 0.5),
    value("oversubscribed, fastest / slowest", "8 B", RING, 10.0),
    value("oversubscribed, fastest / slowest", "8 B", "local", 10.0),
];

const ONE_SEND: &str = "crossbeam-channel";
const VECTORS: &str = "crossbeam-channel, Vec";
const SAME_EDGES: &str = "timely, one source and sink";
/// A thousand times the 8,600 items/s of the Python original, in millions.
const ORIGINAL: f64 = 8.6;
const BARE: &str = "bare put";

/// Those of the suite `pipeline`.
pub(crate) const PIPELINE: &[Target] = &[
    times("job x1", ANY, RING, ONE_SEND, 1.5),
    times("job x1", ANY, RING, VECTORS, 1.0),
    value("job x1", ANY, RING, ORIGINAL),
    times("job x2", ANY, RING, ONE_SEND, 1.5),
    times("job x2", ANY, RING, VECTORS, 1.0),
    times("job x2", ANY, RING, "timely", 1.0),
    times("job x2", ANY, RING, SAME_EDGES, 1.0),
    value("job x2", ANY, RING, ORIGINAL),
    times("job x4", ANY, RING, ONE_SEND, 1.5),
    times("job x4", ANY, RING, VECTORS, 1.0),
    value("job x4", ANY, RING, ORIGINAL),
    times("job x2, spread", ANY, "2 processes, shm", "threads", 0.6),
    times("checkpoint every second", "8 B", "with checkpoints", "without", 0.95),
    value("recovery of a killed worker", "8 B", "2 processes, shm", 3.0),
    value("start of 10,000 instances", "8 B", "each to all of the next node", 5.0),
    value(
        "memory of 10,000 instances",
        "8 B",
        "each to all of the next node",
        1024.0,
    ),
    plus("router send", "8 B", "send, round robin", BARE, 10.0),
    plus("router send", "8 B", "send, hash", BARE, 20.0),
    plus("router send", "8 B", "push and flush, round robin", BARE, 10.0),
    plus("router send", "8 B", "push and flush, hash", BARE, 20.0),
    times("service round trip p50", "8 B", "service call", "bare ring", 2.0),
    value("latency p99 at 10 % load", "8 B", RING, 200.0),
];

const POLLING: &str = "iceoryx2, polling";
const SOCKET: &str = "Unix socket, 64 KiB buffers";

/// Those of the suite `ipc`.
#[cfg(target_os = "linux")]
pub(crate) const IPC: &[Target] = &[
    times("1x1", "64 B", "shm", POLLING, 4.0),
    times("1x1", "64 B", "shm", "iceoryx2, event", 8.0),
    times("1x1", "1 KiB", "shm", POLLING, 2.5),
    times("1x1", "64 KiB", "shm, in place", "shmem-ipc", 1.0),
    times("1x1", "1 MiB", "shm, in place", "shmem-ipc", 1.0),
    times("round trip p50", "64 B", "shm", POLLING, 0.5),
    times("1x1", "64 B", "shm, batch 64", SOCKET, 1.2),
    times("1x1", "64 B", "shm, packs of 64", SOCKET, 1.2),
    times("1x1 typed", "packet", "shm, typed", "multiprocessing.Queue", 20.0),
    times(
        "round trip from parked p50",
        "64 B",
        "shm",
        "bare futex, two threads",
        1.1,
    ),
    value("idle", "64 B", "shm", 1.0),
];

const RPC: &str = "rpc";
const BATCHES: &str = "rpc, batch 64";
const EACH: &str = "rpc, confirm each";
const NATS: &str = "NATS core";
const STREAM: &str = "JetStream, memory";
/// A thousand times the 698 messages a second that the Ray queue of the Python original moves between two actors on such a machine, with
/// its log silenced, in millions.
const ORIGINAL_ACTOR: f64 = 0.698;

/// Those of the suite `net`.
#[cfg(target_os = "linux")]
pub(crate) const NET: &[Target] = &[
    times("1x1", "64 B", RPC, NATS, 1.0),
    times("1x1", "64 B", RPC, "Redis list", 3.0),
    times("1x1", "64 B", RPC, STREAM, 8.0),
    times("1x1", "64 B", BATCHES, "ZeroMQ proxy", 1.1),
    times("1x1", "1 KiB", RPC, NATS, 2.0),
    times("1x1", "1 MiB", RPC, NATS, 2.0),
    value("1x1", "64 B", "ray_queue", ORIGINAL_ACTOR),
    times(
        "manager in process",
        "8 B",
        "ray_queue, in process",
        "sage_queue, in process",
        0.9,
    ),
    times("TLS", "64 KiB", "rpc, TLS", RPC, 0.5),
    times("confirmed put p50", "64 B", EACH, "tokio relay", 1.4),
    times("put and get p50", "64 B", EACH, STREAM, 0.6),
    times(
        "64 producers, on disk",
        "64 B",
        "rpc, disk",
        "Redis stream, fsync always",
        3.0,
    ),
    times(
        "64 producers, on disk",
        "64 B",
        "rpc, disk",
        "JetStream, file, sync always",
        3.0,
    ),
    times("clients", "64 B", "rpc, 1000 clients", "rpc, 10 clients", 0.7),
    value("memory of an idle connection", "64 B", RPC, 64.0),
    value("memory of an idle queue", "64 B", RPC, 4.0),
];

/// Every item that the scenario has.
const ANY: &str = "";

/// So many times another subject.
const fn times(
    scenario: &'static str,
    item: &'static str,
    subject: &'static str,
    other: &'static str,
    times: f64,
) -> Target {
    target(scenario, item, subject, Reference::Subject(other), Bound::Times(times))
}

/// So many times the best peer that sleeps when it has nothing to do.
const fn best(scenario: &'static str, item: &'static str, subject: &'static str, times: f64) -> Target {
    target(scenario, item, subject, Reference::BestPeer, Bound::Times(times))
}

/// At most so much more than another subject.
const fn plus(
    scenario: &'static str,
    item: &'static str,
    subject: &'static str,
    other: &'static str,
    more: f64,
) -> Target {
    target(scenario, item, subject, Reference::Subject(other), Bound::Plus(more))
}

/// This value, in the unit of the scenario.
const fn value(scenario: &'static str, item: &'static str, subject: &'static str, value: f64) -> Target {
    target(scenario, item, subject, Reference::Value(value), Bound::Times(1.0))
}

const fn target(
    scenario: &'static str,
    item: &'static str,
    subject: &'static str,
    reference: Reference,
    bound: Bound,
) -> Target {
    Target {
        scenario,
        item: if item.is_empty() { None } else { Some(item) },
        subject,
        reference,
        bound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Group;

    /// Peers are there only with the feature.
    fn known(groups: &[Group], targets: &[Target], peers: bool) {
        for target in targets {
            let about: Vec<&Group> = groups.iter().filter(|group| target.is_for(group)).collect();
            assert!(!about.is_empty(), "no scenario for {target:?}");
            for group in about {
                let has = |name| group.cases.iter().any(|case| case.subject == name);
                assert!(has(target.subject), "no subject for {target:?}");
                if let (true, Reference::Subject(name)) = (peers, target.reference) {
                    assert!(has(name), "no reference for {target:?}");
                }
            }
        }
    }

    #[test]
    fn every_target_is_about_something_that_is_measured() {
        known(
            &crate::scenario::all().expect("a runtime"),
            INPROC,
            cfg!(feature = "inproc"),
        );
        known(&crate::pipeline::all(), PIPELINE, cfg!(feature = "inproc"));
        #[cfg(target_os = "linux")]
        known(
            &crate::ipc::all(),
            IPC,
            cfg!(feature = "ipc") && crate::ipc::missing().is_none(),
        );
        #[cfg(target_os = "linux")]
        {
            // Servers of others need not be on this machine, nor a disk behind ours.
            let missing = |name| net_peers::subject(name).is_some_and(|it| it.missing().is_some());
            let gone = |target: &Target| match target.reference {
                Reference::Subject(name) => missing(name) || missing(target.subject),
                _ => missing(target.subject),
            };
            let there: Vec<Target> = NET.iter().filter(|target| !gone(target)).copied().collect();
            known(&crate::net::all(), &there, cfg!(feature = "net"));
        }
    }
}
