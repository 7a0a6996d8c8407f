//! What cannot run is refused before it starts, with everything that is wrong about it.

use descriptor_core::{Error, ErrorKind};
use runtime::ops::IterSource;
use runtime::{Deployment, Flow};

use crate::rig::{InProcess, queues_of};

/// The whole story: the error and all that caused it.
fn story(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}\n{error}");
        cause = error.source();
    }
    text
}

fn refuse(flow: Flow<InProcess>) -> String {
    let error = flow.build(Deployment::Threads).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidGraph);
    story(&error)
}

fn empty(job: &str) -> Flow<InProcess> {
    Flow::new(job, InProcess)
}

#[test]
fn a_parallelism_of_zero_is_refused() {
    let flow = empty("zero");
    let _ = flow
        .source("numbers", 1, |_| IterSource::new(0..1_u64))
        .map("none", |n| n)
        .parallelism(0)
        .collect("results");
    let text = refuse(flow);
    assert!(text.contains("none") && text.contains("parallelism"), "{text}");
    let flow = empty("zero");
    let _ = flow
        .source("nowhere", 0, |_| IterSource::new(0..1_u64))
        .collect("results");
    assert!(refuse(flow).contains("nowhere"));
}

#[test]
fn a_stream_that_nobody_reads_is_refused() {
    let flow = empty("unread");
    let numbers = flow.source("numbers", 1, |_| IterSource::new(0..1_u64));
    let _ = numbers.map("loose-end", |n| n);
    assert!(refuse(flow).contains("sink"), "there is none");
    let flow = empty("unread");
    let numbers = flow.source("numbers", 1, |_| IterSource::new(0..1_u64));
    let _ = numbers.map("loose-end", |n| n);
    let _ = numbers.collect("results");
    let text = refuse(flow);
    assert!(text.contains("loose-end"), "{text}");
}

#[test]
fn a_job_of_nothing_is_refused() {
    assert!(refuse(empty("nothing")).contains("nothing"));
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let flow = empty("no spaces, please");
    let numbers = flow.source("a/b", 1, |_| IterSource::new(0..1_u64));
    let _ = numbers.map("none", |n| n).parallelism(0).collect("results");
    let _ = numbers.map("huge", |n| n).buffer_size(usize::MAX).collect("more");
    let _ = numbers.map("loose-end", |n| n);
    let text = refuse(flow);
    for wrong in ["no spaces, please", "a/b", "none", "huge", "loose-end"] {
        assert!(text.contains(wrong), "{wrong} is missing in: {text}");
    }
    assert_eq!(queues_of("no spaces, please"), [""; 0]);
}

#[test]
fn equal_names_are_told_apart() {
    let flow = empty("twins");
    let results = flow
        .source("same", 1, |_| IterSource::new(0..5_u64))
        .map("same", |n| n)
        .map("same", |n| n)
        .collect("same");
    let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
    assert!(report.is_complete());
    assert_eq!(results.take(), [0, 1, 2, 3, 4]);
    let mut names: Vec<_> = report.nodes.iter().map(|node| node.node.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 4);
}
