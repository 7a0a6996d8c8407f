//! Jobs from their submission to their end.

use std::sync::Arc;

use descriptor_core::ErrorKind;
use jobs::{JobLimits, JobManager, JobState, Submission};
use queue_testkit::{join, spawn, until};
use runtime::ops::IterSource;
use runtime::{Deployment, Flow, NodeState};

use crate::rig::{Gate, InProcess, LONG, manager, params, queues_of, registry, state, watched};

#[test]
fn a_job_is_submitted_by_name_and_its_result_remembered() {
    watched("submit", || {
        let manager = manager(JobLimits::default());
        let id = manager.submit("sum", &params(&[("upto", "100")])).unwrap();
        assert_eq!(id, "sum-1");
        let status = manager.wait(&id, LONG).unwrap();
        assert_eq!(status.summary.state, JobState::Finished);
        assert_eq!(status.result, Some(5050.into()));
        assert_eq!(status.error, None);
        assert_eq!(
            status.params,
            params(&[])
                .into_iter()
                .chain([("upto".into(), 100_i64.into())])
                .collect()
        );
        assert!(status.nodes.iter().all(|node| node.state == NodeState::Finished));
        let report = status.report.unwrap();
        assert_eq!(
            (report["outcome"].as_str(), report["nodes"][1]["packets_in"].as_u64()),
            (Some("finished"), Some(100))
        );
        assert_eq!(manager.submit("sum", &params(&[])).unwrap(), "sum-2");
        assert_eq!(manager.wait("sum-2", LONG).unwrap().result, Some(55.into()));
        let list: Vec<_> = manager.list().into_iter().map(|job| (job.id, job.state)).collect();
        assert_eq!(
            list,
            [
                ("sum-1".into(), JobState::Finished),
                ("sum-2".into(), JobState::Finished)
            ]
        );
    });
}

#[test]
fn jobs_of_one_name_run_side_by_side_and_leave_nothing_to_the_next() {
    watched("side-by-side", || {
        let manager = manager(JobLimits::default());
        let none = params(&[]);
        let ids: Vec<_> = (0..4).map(|_| manager.submit("endless", &none).unwrap()).collect();
        until(|| {
            ids.iter()
                .all(|id| manager.status(id).unwrap().nodes[1].packets_in > 100)
        });
        let queues = queues_of("endless");
        assert_eq!(queues.len(), 4, "{queues:?}");
        // One is cut off with its queue full of items; the others do not notice.
        manager.cancel(&ids[0]).unwrap();
        assert_eq!(manager.wait(&ids[0], LONG).unwrap().summary.state, JobState::Cancelled);
        assert!(ids[1..].iter().all(|id| state(&manager, id) == JobState::Running));
        let fifth = manager.submit("endless", &none).unwrap();
        until(|| manager.status(&fifth).unwrap().nodes[1].packets_in > 100);
        for id in ids[1..].iter().chain([&fifth]) {
            manager.drain(id, LONG).unwrap();
            let status = manager.wait(id, LONG).unwrap();
            assert_eq!(status.summary.state, JobState::Drained);
            // What came out is what went in, in this run.
            assert_eq!(status.nodes[0].packets_out, status.nodes[1].packets_in);
        }
        until(|| queues_of("endless").is_empty());
    });
}

#[test]
fn a_job_is_paused_and_goes_on() {
    watched("pause", || {
        let manager = manager(JobLimits::default());
        let id = manager.submit("endless", &params(&[])).unwrap();
        manager.pause(&id).unwrap();
        manager.pause(&id).unwrap();
        assert_eq!(state(&manager, &id), JobState::Paused);
        let nodes = || manager.status(&id).unwrap().nodes;
        until(|| nodes().iter().all(|node| node.state == NodeState::Paused));
        let before = nodes();
        assert_eq!(
            manager
                .wait(&id, std::time::Duration::from_millis(50))
                .unwrap_err()
                .kind(),
            ErrorKind::Timeout
        );
        assert_eq!(nodes(), before);
        manager.resume(&id).unwrap();
        assert_eq!(state(&manager, &id), JobState::Running);
        until(|| nodes()[1].packets_in > before[1].packets_in);
        manager.cancel(&id).unwrap();
        manager.wait(&id, LONG).unwrap();
        // Behind its end a job can be cancelled once more, and no more than that.
        manager.cancel(&id).unwrap();
        assert_eq!(state(&manager, &id), JobState::Cancelled);
        let refused = manager.pause(&id).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Closed);
        assert!(refused.to_string().contains("cancelled"), "{refused}");
    });
}

#[test]
fn what_is_unknown_is_refused_with_what_there_is() {
    watched("unknown", || {
        let manager = manager(JobLimits::default());
        let refused = |name: &str, pairs: &[(&str, &str)]| manager.submit(name, &params(pairs)).unwrap_err();
        let error = refused("summ", &[]);
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let text = error.to_string();
        assert!(
            text.contains("broken, count, endless, sum") && text.contains("did you mean `sum`?"),
            "{text}"
        );
        let error = refused("sum", &[("uptoo", "3")]);
        assert_eq!(error.kind(), ErrorKind::InvalidDescriptor);
        assert!(error.to_string().contains("did you mean `upto`?"), "{error}");
        let error = refused("sum", &[("upto", "-1")]).to_string();
        assert!(error.contains("from 0 to 1000000") && error.contains("-1"), "{error}");
        for id in ["sum-1", "sum", "", "sum-x", "other-1"] {
            let error = manager.status(id).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert!(manager.cancel(id).is_err() && manager.wait(id, LONG).is_err() && manager.resume(id).is_err());
        }
        assert!(manager.list().is_empty(), "what was refused is not remembered");
    });
}

#[test]
fn code_that_fails_says_so_wherever_it_is() {
    watched("broken", || {
        let manager = manager(JobLimits::default());
        let submit = |how: &str| manager.submit("broken", &params(&[("how", how)]));
        assert_eq!(submit("build").unwrap_err().kind(), ErrorKind::InvalidGraph);
        let error = submit("panic").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UserCode);
        assert!(error.to_string().contains("cannot be built"), "{error}");
        assert!(manager.list().is_empty());
        let failed = manager.wait(&submit("run").unwrap(), LONG).unwrap();
        assert_eq!(failed.summary.state, JobState::Failed);
        assert_eq!(failed.error.as_deref(), Some("`trap_0` failed: sprung"));
        let silent = manager.wait(&submit("result").unwrap(), LONG).unwrap();
        assert_eq!((silent.summary.state, silent.result), (JobState::Finished, None));
        assert!(silent.error.unwrap().contains("nothing to say"));
    });
}

#[test]
fn a_manager_takes_on_and_remembers_no_more_than_it_may() {
    watched("limits", || {
        let manager = manager(JobLimits {
            at_once: 2,
            remembered: 3,
        });
        let none = params(&[]);
        let first = manager.submit("endless", &none).unwrap();
        let second = manager.submit("endless", &none).unwrap();
        let refused = manager.submit("sum", &none).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Overloaded);
        manager.cancel(&first).unwrap();
        manager.wait(&first, LONG).unwrap();
        for _ in 0..4 {
            let id = manager.submit("sum", &none).unwrap();
            manager.wait(&id, LONG).unwrap();
        }
        let ids: Vec<_> = manager.list().into_iter().map(|job| job.id).collect();
        assert_eq!(ids, [second.as_str(), "sum-4", "sum-5", "sum-6"]);
        assert_eq!(manager.status(&first).unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn a_job_that_is_being_built_can_be_cancelled_and_holds_nobody_up() {
    watched("building", || {
        let gate = Gate::default();
        let held = gate.clone();
        let slow = registry().with("slow", [], move |_| {
            held.pass();
            let flow = Flow::new("slow", InProcess);
            let _ = flow
                .source("numbers", 1, |_| IterSource::new(0..u64::MAX))
                .for_each("end", |_| {});
            Ok(Submission::from(flow.build(Deployment::Threads)?))
        });
        let manager = Arc::new(JobManager::new(slow, JobLimits::default()));
        let submitter = spawn({
            let manager = Arc::clone(&manager);
            move || manager.submit("slow", &params(&[])).unwrap()
        });
        until(|| manager.list().iter().any(|job| job.state == JobState::Starting));
        let other = manager.submit("sum", &params(&[])).unwrap();
        assert_eq!(manager.wait(&other, LONG).unwrap().summary.state, JobState::Finished);
        assert_eq!(manager.pause("slow-1").unwrap_err().kind(), ErrorKind::Closed);
        manager.cancel("slow-1").unwrap();
        assert_eq!(state(&manager, "slow-1"), JobState::Cancelling);
        gate.open();
        assert_eq!(join(submitter), "slow-1");
        assert_eq!(manager.wait("slow-1", LONG).unwrap().summary.state, JobState::Cancelled);
    });
}

#[test]
fn a_function_that_builds_a_job_may_use_the_manager() {
    watched("nested", || {
        let slot: Arc<std::sync::OnceLock<Arc<JobManager>>> = Arc::default();
        let at = Arc::clone(&slot);
        let nested = registry().with("twice", [], move |_| {
            let manager = at.get().unwrap();
            let first = manager.submit("sum", &params(&[]))?;
            let sum = manager.wait(&first, LONG)?.result;
            let flow = Flow::new("twice", InProcess);
            let _ = flow
                .source("numbers", 1, |_| IterSource::new(0..3_u64))
                .for_each("end", |_| {});
            Ok(Submission::with_result(flow.build(Deployment::Threads)?, move |_| {
                sum.into()
            }))
        });
        let manager = Arc::new(JobManager::new(nested, JobLimits::default()));
        slot.set(Arc::clone(&manager)).unwrap();
        let id = manager.submit("twice", &params(&[])).unwrap();
        assert_eq!(manager.wait(&id, LONG).unwrap().result, Some(55.into()));
    });
}

#[test]
fn submissions_from_many_threads_are_all_told_apart() {
    watched("many", || {
        let manager = Arc::new(manager(JobLimits::default()));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let manager = Arc::clone(&manager);
                spawn(move || {
                    let ids: Vec<_> = (0..10)
                        .map(|_| {
                            let id = manager.submit("sum", &params(&[])).unwrap();
                            assert_eq!(manager.wait(&id, LONG).unwrap().result, Some(55.into()));
                            id
                        })
                        .collect();
                    ids
                })
            })
            .collect();
        let mut ids: Vec<_> = threads.into_iter().flat_map(join).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 40);
    });
}

#[test]
fn a_manager_that_is_closed_or_dropped_leaves_no_job() {
    watched("close", || {
        let closed = manager(JobLimits::default());
        let id = closed.submit("endless", &params(&[])).unwrap();
        assert!(closed.close(LONG));
        assert_eq!(state(&closed, &id), JobState::Drained);
        assert_eq!(
            closed.submit("sum", &params(&[])).unwrap_err().kind(),
            ErrorKind::Closed
        );
        let dropped = manager(JobLimits::default());
        dropped.submit("endless", &params(&[])).unwrap();
        drop(dropped);
        until(|| queues_of("endless").is_empty());
    });
}
