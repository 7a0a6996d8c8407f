//! All or nothing: a job that cannot start leaves nothing behind, and neither does one that has ended.

use descriptor_core::{Backends, DynQueue, ErrorKind};
use router::{Envelope, Event, Packet, UpstreamId};
use runtime::ops::IterSource;
use runtime::{Deployment, Job, Outcome};

use crate::rig::{InProcess, Signal, assert_complete, flow, over_both, queues_of, sorted};

fn numbers(job: &str, kind: &str) -> (Job<InProcess>, runtime::ops::Collected<u64>) {
    let flow = flow(job, kind);
    let results = flow
        .source("numbers", 1, |_| IterSource::new(0..50_u64))
        .map("map", |n| n)
        .parallelism(2)
        .collect("results");
    (flow.build(Deployment::Threads).unwrap(), results)
}

fn assert_runs(job: &str, kind: &str) {
    let (again, results) = numbers(job, kind);
    assert_complete(&again.run().unwrap(), Outcome::Finished);
    assert_eq!(sorted(results.take()), (0..50).collect::<Vec<_>>());
    assert_eq!(queues_of(job), [""; 0]);
}

#[test]
fn a_queue_type_that_is_not_built_in_is_refused_before_anything_is_open() {
    over_both("not-built-in", |job, kind| {
        let flow = flow(job, kind);
        let _ = flow
            .source("numbers", 1, |_| IterSource::new(0..50_u64))
            .map("map", |n| n)
            .queue("shm")
            .collect("results");
        let error = flow
            .build(Deployment::Threads)
            .and_then(Job::run)
            .map(drop)
            .unwrap_err()
            .to_string();
        assert!(error.contains("shm"), "{error}");
        assert_eq!(queues_of(job), [""; 0]);
        assert_runs(job, kind);
    });
}

#[test]
fn a_name_belongs_to_one_running_job_and_is_free_after_its_end() {
    over_both("taken", |job, kind| {
        let (inside, release) = (Signal::default(), Signal::default());
        let (entered, latch) = (inside.clone(), release.clone());
        let flow = flow(job, kind);
        let _ = flow
            .source("numbers", 1, |_| IterSource::new(0..5_u64))
            .for_each("held", move |_| {
                entered.raise();
                latch.wait_for(1);
            });
        let first = flow.build(Deployment::Threads).unwrap().start().unwrap();
        inside.wait_for(1);
        let refused = numbers(job, kind).0.start().map(drop).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Overloaded);
        assert!(refused.to_string().contains(job), "{refused}");
        release.raise();
        assert_complete(&first.wait(), Outcome::Finished);
        assert_runs(job, kind);
    });
}

#[test]
fn an_aborted_job_leaves_neither_packets_nor_closed_queues_to_the_next() {
    over_both("again", |job, kind| {
        for dropped in [false, true] {
            let inside = Signal::default();
            let entered = inside.clone();
            let flow = flow(job, kind);
            let _ = flow
                .source("numbers", 1, |_| IterSource::new(0..))
                .process("map", runtime::NodeKind::Map, move |_| Sleeper(entered.clone()))
                .parallelism(2)
                .buffer_size(3)
                .collect("results");
            let first = flow.build(Deployment::Threads).unwrap().start().unwrap();
            // Somebody keeps a controller, such as a signal handler.
            let controller = first.controller();
            inside.wait_for(2);
            if dropped {
                drop(first);
                queue_testkit::until(|| queues_of(job).is_empty());
                queue_testkit::until(|| numbers(job, kind).0.start().is_ok_and(|job| job.wait().is_complete()));
            } else {
                first.abort();
                assert_eq!(first.wait().outcome, Outcome::Aborted);
            }
            assert_runs(job, kind);
            assert!(controller.is_done());
        }
    });
}

/// Holds every packet until the job is given up.
struct Sleeper(Signal);

impl runtime::Operator<u64, u64> for Sleeper {
    fn process(&mut self, packet: Packet<u64>, ctx: &mut runtime::TaskContext<u64>) -> runtime::OpResult {
        self.0.raise();
        crate::rig::hold(ctx);
        ctx.emit(packet.payload)
    }
}

#[test]
fn items_of_somebody_else_in_a_queue_of_the_same_name_are_not_mixed_in() {
    over_both("leftover", |job, kind| {
        let (blocked, _) = numbers(job, kind);
        let id = format!("{job}/input_map_1");
        let record = blocked
            .plan()
            .queues()
            .iter()
            .map(|it| &it.record)
            .find(|it| it.queue_id.as_str() == id);
        let queue: DynQueue<Envelope<u64>> = InProcess.registry().for_worker(0).open(record.unwrap()).unwrap();
        let stranger = Envelope {
            from: UpstreamId(0),
            event: Event::Packet(Packet::new(99, 0)),
        };
        queue.put(stranger).unwrap();
        let refused = blocked.start().map(drop).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Overloaded);
        let text = refused.to_string();
        assert!(text.contains(&id) && text.contains("earlier use"), "{text}");
        assert_eq!(
            queues_of(job),
            [id.as_str()],
            "what was opened is closed again, what is not ours stays"
        );
        assert_eq!(queue.depth(), Some(1));
        queue.close();
        drop(queue.get());
        let closed = numbers(job, kind).0.start().map(drop).unwrap_err().to_string();
        assert!(closed.contains("closed in an earlier use"), "{closed}");
        let record = descriptor_core::describe(&queue).unwrap();
        assert!(descriptor_core::evict(&record) && !descriptor_core::evict(&record));
        assert_runs(job, kind);
    });
}
