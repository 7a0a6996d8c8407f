//! Calls that end in another way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use descriptor_core::{ErrorKind, Wait};
use queue_testkit::{join, spawn, until, watchdog};
use service::{Call, ServiceClient, Worker};

use crate::rig::{Door, LONG, client, desk, double, end, mailbox, staff, within};

const SHORT: Duration = Duration::from_millis(50);

#[test]
fn expired_requests_are_skipped_and_counted() {
    watchdog(LONG, "expired", || {
        let desk = desk::<u64>("slow", 1, 10);
        let client = client::<u64, u64>(&desk);
        let begun = Instant::now();
        // Nobody works there yet.
        let error = client.call(1, within(SHORT)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.to_string().contains("service=slow"), "{error}");
        assert!(begun.elapsed() >= SHORT);
        let staff = staff(&desk, double());
        assert_eq!(client.call(2, within(LONG)).unwrap(), 4);
        let totals = end(staff).totals;
        assert_eq!((totals.taken, totals.answered, totals.expired), (2, 1, 1));
    });
}

#[test]
fn a_call_that_must_not_wait_is_not_sent() {
    let desk = desk::<u64>("never", 1, 10);
    let error = client::<u64, u64>(&desk).call(1, Wait::Never).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(desk.requests().depth(), Some(0));
}

#[test]
fn a_call_without_a_limit_of_its_own_has_that_of_the_client() {
    watchdog(LONG, "limit", || {
        let desk = desk::<u64>("silent", 1, 10);
        let client = client::<u64, u64>(&desk).limit(SHORT);
        let error = client.call(1, Wait::Forever).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
    });
}

#[test]
fn the_handler_sees_that_the_deadline_has_passed_and_its_answer_is_late() {
    watchdog(LONG, "late work", || {
        let desk = desk::<u64>("patient", 1, 10);
        let staff = staff(&desk, |number: u64, call: &mut Call<u64>| {
            if number == 0 {
                until(|| call.is_cancelled());
            }
            Ok(Some(number))
        });
        let client = client::<u64, u64>(&desk);
        assert_eq!(client.call(0, within(SHORT)).unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(client.call(7, within(LONG)).unwrap(), 7, "not the late answer");
        let totals = end(staff).totals;
        assert_eq!((totals.late, totals.answered), (1, 1));
    });
}

#[test]
fn an_answer_that_crosses_with_the_end_of_its_call_is_dropped_and_counted() {
    watchdog(LONG, "crossing", || {
        let desk = desk::<u64>("crossing", 1, 10);
        let mailbox = mailbox(10);
        let client = ServiceClient::<u64, u64>::new(&desk, &mailbox);
        // A part is in the mailbox when the caller gives up: that is too late to be stopped.
        let sent = Arc::new(AtomicBool::new(false));
        let staff = staff(&desk, {
            let sent = Arc::clone(&sent);
            move |number: u64, call: &mut Call<u64>| {
                if number == 0 {
                    call.send(100)?;
                    sent.store(true, Ordering::SeqCst);
                    until(|| call.is_cancelled());
                }
                Ok(Some(number))
            }
        });
        let parts = client.stream(0, within(LONG)).unwrap();
        until(|| sent.load(Ordering::SeqCst));
        drop(parts);
        assert_eq!(mailbox.pending(), 0);
        assert_eq!(client.call(7, within(LONG)).unwrap(), 7);
        assert_eq!(mailbox.late(), 1);
        assert_eq!(end(staff).totals.late, 1);
    });
}

#[test]
fn too_many_pending_calls_are_refused_with_a_remedy() {
    watchdog(LONG, "overload", || {
        let desk = desk::<u64>("door", 1, 10);
        let door = Door::default();
        let staff = staff(&desk, {
            let door = door.clone();
            move |number: u64, _: &mut Call<u64>| {
                door.pass();
                Ok(Some(number))
            }
        });
        let mailbox = mailbox(2);
        let client = ServiceClient::<u64, u64>::new(&desk, &mailbox);
        let calls = queue_testkit::spawn_many(2, {
            let client = client.clone();
            move |caller| client.call(caller as u64, within(LONG)).unwrap()
        });
        until(|| mailbox.pending() == 2);
        let error = client.call(9, within(LONG)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overloaded);
        assert!(
            error.to_string().contains("at most 2 calls") && error.to_string().contains("; wait"),
            "{error}"
        );
        door.open();
        assert_eq!(calls.into_iter().map(join).sum::<u64>(), 1);
        end(staff);
    });
}

#[test]
fn a_full_request_queue_is_a_timeout_that_says_so() {
    watchdog(LONG, "full", || {
        let desk = desk::<u64>("full", 1, 1);
        let first = spawn({
            let client = client::<u64, u64>(&desk);
            move || client.call(1, within(LONG)).unwrap()
        });
        until(|| desk.requests().depth() == Some(1));
        let client = client::<u64, u64>(&desk);
        let error = client.call(2, within(SHORT)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.to_string().contains("room in the request queue"), "{error}");
        let staff = staff(&desk, double());
        assert_eq!(join(first), 2);
        end(staff);
    });
}

#[test]
fn a_worker_that_ends_in_the_middle_of_a_call_leaves_a_call_that_ends_in_time() {
    watchdog(LONG, "dead worker", || {
        let desk = desk::<u64>("mortal", 2, 10);
        // Takes one request to the grave, as a killed process would.
        let taker = spawn({
            let desk = desk.clone();
            move || drop(desk.requests().get().unwrap())
        });
        let client = client::<u64, u64>(&desk);
        let begun = Instant::now();
        let error = client.call(1, within(SHORT)).unwrap_err();
        join(taker);
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.to_string().contains("have ended"), "{error}");
        assert!(begun.elapsed() >= SHORT);
        // Another worker goes on.
        let worker = Worker::new(&desk);
        let other = spawn(move || worker.run(double));
        assert_eq!(client.call(3, within(LONG)).unwrap(), 6);
        desk.close();
        join(other).unwrap();
    });
}

#[test]
fn an_aborted_service_answers_nobody_and_everybody_hears_it() {
    watchdog(LONG, "abort", || {
        let desk = desk::<u64>("aborted", 1, 10);
        let door = Door::default();
        let staff = staff(&desk, {
            let door = door.clone();
            move |number: u64, call: &mut Call<u64>| {
                door.pass();
                until(|| call.is_cancelled());
                Ok(Some(number))
            }
        });
        let calls = queue_testkit::spawn_many(3, {
            let desk = desk.clone();
            move |caller| client::<u64, u64>(&desk).call(caller as u64, within(LONG))
        });
        door.until_here(1);
        until(|| desk.requests().depth() == Some(2));
        staff.abort();
        door.open();
        let ends: Vec<_> = calls.into_iter().map(join).collect();
        // The one that was being worked on is answered all the same: its caller has not given up.
        assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1);
        let errors = ends.into_iter().filter_map(Result::err);
        assert!(errors.map(|error| error.kind()).eq([ErrorKind::Cancelled; 2]));
        assert_eq!(end(staff).totals.cancelled, 2);
    });
}

#[test]
fn a_closed_mailbox_wakes_its_callers() {
    watchdog(LONG, "closed mailbox", || {
        let desk = desk::<u64>("nobody", 1, 10);
        let mailbox = mailbox(10);
        let calls = queue_testkit::spawn_many(3, {
            let client = ServiceClient::<u64, u64>::new(&desk, &mailbox);
            move |caller| client.call(caller as u64, within(LONG)).unwrap_err()
        });
        until(|| desk.requests().depth() == Some(3));
        mailbox.close();
        assert!(calls.into_iter().all(|call| join(call).kind() == ErrorKind::Closed));
        let client = ServiceClient::<u64, u64>::new(&desk, &mailbox);
        assert_eq!(client.call(1, within(LONG)).unwrap_err().kind(), ErrorKind::Closed);
    });
}

#[test]
fn a_handler_that_never_returns_is_named() {
    watchdog(LONG, "stuck", || {
        let desk = desk::<u64>("stuck", 1, 10);
        let door = Door::default();
        let staff = staff(&desk, {
            let door = door.clone();
            move |number: u64, _: &mut Call<u64>| {
                door.pass();
                Ok(Some(number))
            }
        });
        let caller = spawn({
            let client = client::<u64, u64>(&desk);
            move || client.call(1, within(LONG))
        });
        door.until_here(1);
        let report = staff.end(SHORT);
        assert_eq!(report.stuck, ["stuck_0"]);
        door.open();
        let _ = join(caller);
    });
}
