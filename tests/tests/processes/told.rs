//! Jobs whose workers are told what to build.

use crate::{Spread, within_two_minutes};

#[test]
fn several_jobs_of_a_program_run_over_processes_at_once() {
    within_two_minutes(|| {
        let ended = Spread::start("told", 0).end();
        assert_eq!(ended.code, Some(0), "{}", ended.complaints);
        let [first, second, other, none] = ended.lines.as_slice() else {
            panic!("{:?}", ended.lines);
        };
        assert_eq!((first.as_str(), second.as_str()), ("499500", "449985000"));
        assert!(
            other.contains("made with `2000` against the coordinator's `1000`"),
            "{other}"
        );
        assert!(none.contains("read task: expected a number"), "{none}");
    });
}

#[test]
fn a_program_that_does_not_listen_starts_no_workers_of_workers() {
    within_two_minutes(|| {
        let ended = Spread::start("deaf", 0).end();
        assert_eq!(ended.code, Some(1), "{:?}", ended.lines);
        assert!(
            ended.complaints.contains("make `Told::take` the first call of main"),
            "{}",
            ended.complaints
        );
        assert!(ended.lines.is_empty(), "{:?}", ended.lines);
    });
}
