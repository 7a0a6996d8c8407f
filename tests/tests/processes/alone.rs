//! Workers that are left alone by their coordinator before they work, and where they cannot end by themselves; and a coordinator
//! that one of its workers does not listen to.

use std::process::{Command, Stdio};

use crate::{Ended, Spread, kill, lost, stop, within_two_minutes};

/// Kills the coordinator when all workers are at that place. The last of them has ended when nobody has its output any more.
fn killed(what: &str) -> Ended {
    let mut spread = Spread::told(what, 3, "SPREAD_JOB_INHERITS");
    spread.processes(3);
    kill(spread.child.id());
    let ended = spread.end();
    assert_eq!(ended.code, None);
    ended
}

/// Nothing of the job may be left.
fn killed_when(what: &'static str) {
    within_two_minutes(move || {
        let ended = killed(what);
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

#[test]
fn what_a_coordinator_had_before_its_workers_knew_of_it_goes_with_the_next_start() {
    within_two_minutes(|| {
        // Dead letters are those of the job, whatever becomes of an attempt, and are there before the first.
        let ended = killed("builds_slowly_kept");
        let left = ended.folder.left();
        assert!(left.len() == 1 && left[0].ends_with("+dead_letters"), "{left:?}");
        let mut next = Command::new(env!("CARGO_BIN_EXE_spread-job"));
        let next = next.args(["sums", "2"]).env("SAGE_SHM_DIR", &ended.folder.0);
        assert!(next.stdout(Stdio::null()).status().unwrap().success());
        assert_eq!(ended.folder.left(), [""; 0]);
    });
}

#[test]
fn a_worker_that_does_not_listen_to_pauses_does_not_hold_up_the_end() {
    within_two_minutes(|| {
        let mut spread = Spread::told("endless", 3, "SPREAD_JOB_STORMS");
        let processes = spread.processes(3);
        stop(processes[0]);
        std::fs::write(spread.folder.kept().join("storm"), "").unwrap();
        spread.hears("aborted at once");
        let ended = spread.end();
        let report = ended.report();
        assert_eq!(
            lost(&report),
            [(processes[0], "was killed by signal 9 (SIGKILL)")],
            "{report}"
        );
        assert_eq!(ended.folder.left(), [""; 0]);
    });
}
