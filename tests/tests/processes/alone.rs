//! Workers that are left alone by their coordinator before they work, and where they cannot end by themselves.

use crate::{Spread, kill, within_two_minutes};

/// Kills the coordinator when all workers are at that place. Nothing of the job may be left when the last of them has
/// ended, which is when nobody has its output any more.
fn killed_when(what: &'static str) {
    within_two_minutes(move || {
        let mut spread = Spread::told(what, 3, "SPREAD_JOB_INHERITS");
        spread.processes(3);
        kill(spread.child.id());
        let ended = spread.end();
        assert_eq!(ended.code, None);
        assert_eq!(ended.folder.left(), [""; 0], "{}", ended.complaints);
    });
}

#[test]
fn nothing_is_left_by_workers_that_were_building_their_job() {
    killed_when("builds_slowly");
}

#[test]
fn nothing_is_left_by_workers_that_were_opening_their_queues() {
    killed_when("opens_slowly");
}

#[test]
fn nothing_is_left_by_workers_that_do_not_return() {
    killed_when("never_returns");
}
