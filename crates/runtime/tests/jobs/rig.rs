//! What the tests of jobs share.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use descriptor_core::{Backends, Registry, Wire, live_queues};
use router::{Key, Packet};
use runtime::{Data, Flow, Instance, JobReport, OpResult, Operator, Outcome, TaskContext};

/// Both queue types of a process, with a queue on every edge, and [`CHAINED`]; every test of a job runs over each.
pub(crate) const KINDS: [&str; 3] = ["sage_queue", "local", CHAINED];
/// Stands for the type `sage_queue` with calls instead of queues where they come to the same.
pub(crate) const CHAINED: &str = "chained";

/// The queue types of a process.
#[derive(Clone, Debug)]
pub(crate) struct InProcess;

impl Backends for InProcess {
    fn registry<T: Wire>(&self) -> Registry<T> {
        Registry::new()
            .with::<queue_local::LocalSpec>()
            .with::<queue_sage::SageSpec>()
    }
}

/// Runs `test` over each queue type, under a watchdog. The job's name is that of the test and the type.
pub(crate) fn over_both(name: &'static str, test: impl Fn(&str, &str) + Send + 'static) {
    queue_testkit::watchdog(Duration::from_secs(240), name, move || {
        for kind in KINDS {
            test(&format!("{name}-{kind}"), kind);
        }
    });
}

/// As [`over_both`], for tests that look into queues: every edge has one.
pub(crate) fn over_queues(name: &'static str, test: impl Fn(&str, &str) + Send + 'static) {
    over_both(name, move |job, kind| {
        if kind != CHAINED {
            test(job, kind);
        }
    });
}

/// A job whose queues are all of this type.
pub(crate) fn flow(job: &str, kind: &str) -> Flow<InProcess> {
    let flow = Flow::new(job, InProcess);
    flow.queue_kind(if kind == CHAINED { "sage_queue" } else { kind });
    flow.chain(kind == CHAINED);
    flow
}

/// Every `parallelism`-th number below `end`, beginning with the instance's own.
pub(crate) fn share(at: &Instance, end: u64) -> impl Iterator<Item = u64> + Send + use<> {
    (u64::from(at.index)..end).step_by(at.parallelism as usize)
}

/// In ascending order.
pub(crate) fn sorted<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    items.sort();
    items
}

/// Asserts a job that ended in this way without losing or keeping anything.
pub(crate) fn assert_complete(report: &JobReport, outcome: Outcome) {
    assert_eq!(report.outcome, outcome, "{report:?}");
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.ledger.totals().in_flight, 0);
    assert!(report.nodes.iter().all(|node| node.irregular == 0 && node.unsent == 0));
}

/// Asserts a job that ended early, in this way, with every packet accounted for and no queue left.
pub(crate) fn assert_cut_off(report: &JobReport, outcome: Outcome) {
    assert_eq!(report.outcome, outcome, "{report:?}");
    assert!(!report.is_complete());
    report.ledger.check().expect("every packet is accounted for");
    assert!(report.stuck.is_empty(), "{report:?}");
    assert_eq!(report.ledger.totals().in_flight, report.packets_left_behind());
    assert_eq!(queues_of(&report.job), [""; 0]);
}

/// The names of the live queues of a job.
pub(crate) fn queues_of(job: &str) -> Vec<String> {
    let prefix = format!("{job}/");
    let ids = live_queues().into_iter().map(|live| live.record.queue_id.to_string());
    ids.filter(|id| id.starts_with(&prefix)).collect()
}

/// How many items are in the live queue of this name.
pub(crate) fn depth_of(id: &str) -> usize {
    let queues = live_queues();
    let queue = queues.iter().find(|live| live.record.queue_id.as_str() == id);
    queue.and_then(|live| live.stats.depth).unwrap_or_default()
}

/// A count that others wait for.
#[derive(Clone, Default)]
pub(crate) struct Signal(Arc<(Mutex<u64>, Condvar)>);

impl Signal {
    /// Counts one more.
    pub(crate) fn raise(&self) {
        *self.0.0.lock().unwrap() += 1;
        self.0.1.notify_all();
    }

    /// Waits until it has been raised this often.
    pub(crate) fn wait_for(&self, times: u64) {
        let count = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(count, |count| *count < times).unwrap());
    }

    /// How often it was raised.
    pub(crate) fn times(&self) -> u64 {
        *self.0.0.lock().unwrap()
    }
}

/// Holds an operator until its job is given up.
pub(crate) fn hold<T: Data>(ctx: &TaskContext<T>) {
    queue_testkit::until(|| ctx.is_aborting());
}

/// One packet as it reached a sink.
#[derive(Clone, Debug)]
pub(crate) struct Seen<T> {
    pub(crate) instance: u32,
    pub(crate) item: T,
    pub(crate) key: Option<Key>,
    pub(crate) timestamp: u64,
    pub(crate) port: u16,
}

/// Everything that reached the instances of a sink, in the order of arrival.
#[derive(Clone)]
pub(crate) struct Witness<T>(Arc<Mutex<Vec<Seen<T>>>>);

impl<T: Data> Witness<T> {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Makes the sink.
    pub(crate) fn sink(&self) -> impl Fn(&Instance) -> Observer<T> + Send + Sync + use<T> {
        let witness = self.clone();
        move |at| Observer {
            instance: at.index,
            witness: witness.clone(),
        }
    }

    pub(crate) fn take(&self) -> Vec<Seen<T>> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// The sink of a [`Witness`].
pub(crate) struct Observer<T> {
    instance: u32,
    witness: Witness<T>,
}

impl<T: Data + Sync> Operator<T, ()> for Observer<T> {
    fn process(&mut self, packet: Packet<T>, ctx: &mut TaskContext<()>) -> OpResult {
        assert_eq!(ctx.key(), packet.key());
        self.witness.0.lock().unwrap().push(Seen {
            instance: self.instance,
            key: packet.key().cloned(),
            timestamp: packet.timestamp(),
            port: packet.input_index(),
            item: packet.payload,
        });
        Ok(())
    }
}
