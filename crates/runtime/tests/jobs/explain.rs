//! Why a job is laid out as it is.

use std::time::Duration;

use runtime::ops::IterSource;
use runtime::{Deployment, ErrorPolicy, Flow, OnNodeFailure, Restart};

use crate::rig::InProcess;

#[test]
fn a_job_says_which_queues_it_has_which_it_needs_not_and_what_failures_do() {
    let flow = Flow::new("why", InProcess);
    let _ = flow
        .source("numbers", 1, |_| IterSource::new(0..10_u64))
        .map("near", |n| n)
        .map("apart", |n| n)
        .queue("local")
        .on_error(ErrorPolicy::DeadLetter)
        .restart(Restart::on_failure(3, Duration::from_secs(60)))
        .on_failure(OnNodeFailure::Isolate)
        .for_each("end", |_| {});
    let job = flow.build(Deployment::Threads).unwrap();
    let why = job.explain();
    assert_eq!(why.fingerprint, job.plan().fingerprint());
    let [near, apart, end] = &why.edges[..] else {
        panic!("{why:?}");
    };
    assert!(near.called && near.queues.is_empty() && near.edge == "numbers -> near");
    assert!(
        !apart.called && !end.called,
        "an instance with rules has a thread of its own"
    );
    assert_eq!(
        (apart.queues[0].queue_type.as_str(), end.queues[0].queue_type.as_str()),
        ("local", "sage_queue")
    );
    assert_eq!(apart.queues[0].queue_ids, ["why/input_apart_0"]);

    let text = why.to_string();
    for line in [
        "  no queue: the sender calls it on its own thread\n",
        "  local, as demanded for reach process: why/input_apart_0\n",
        "    not sage_queue: not asked: the choice was made before\n",
        "  apart x1: a packet that fails becomes a dead letter; started again up to 3 times in 60s, after 100ms to 10s; \
         one more leaves the instance out\n",
        "  near x1: an error is a failure; a failure ends the job\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}
