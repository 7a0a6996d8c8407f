//! Services that call services, and themselves.

use std::time::Duration;

use descriptor_core::ErrorKind;
use queue_testkit::{join, until, watchdog};
use service::{Call, Desk, Failure, ServiceClient, Staff};

use crate::rig::{Door, LONG, client, desk, double, end, mailbox, staff, within};

/// Counts down by asking itself, one worker for each step.
fn countdown(workers: u32) -> (Desk<u64>, Staff) {
    let desk = desk::<u64>("countdown", workers, 100);
    let own = desk.clone();
    let staff = staff(&desk, move |number: u64, _: &mut Call<u64>| {
        if number == 0 {
            return Ok(Some(0));
        }
        let client = ServiceClient::<u64, u64>::new(&own, &mailbox(10));
        Ok(Some(client.call(number - 1, within(LONG))? + 1))
    });
    (desk, staff)
}

#[test]
fn a_service_calls_another_service() {
    watchdog(LONG, "nested", || {
        let doubles = desk::<u64>("double", 1, 10);
        let inner = staff(&doubles, double());
        let quadruples = desk::<u64>("quadruple", 1, 10);
        let outer = staff(&quadruples, move |number: u64, _: &mut Call<u64>| {
            let double = ServiceClient::<u64, u64>::new(&doubles, &mailbox(10));
            Ok(Some(double.call(double.call(number, within(LONG))?, within(LONG))?))
        });
        assert_eq!(client::<u64, u64>(&quadruples).call(5, within(LONG)).unwrap(), 20);
        end(outer);
        assert_eq!(end(inner).totals.answered, 2);
    });
}

#[test]
fn a_service_of_one_worker_that_calls_itself_gets_an_error() {
    watchdog(LONG, "one worker", || {
        let (desk, staff) = countdown(1);
        let client = client::<u64, u64>(&desk);
        let error = client.call(1, within(LONG)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overloaded);
        assert!(error.to_string().contains("more workers than nested calls"), "{error}");
        assert_eq!(client.call(0, within(LONG)).unwrap(), 0, "it goes on");
        end(staff);
    });
}

#[test]
fn a_service_of_several_workers_calls_itself_as_deep_as_it_has_workers() {
    watchdog(LONG, "several workers", || {
        for workers in [2, 3] {
            let (desk, staff) = countdown(workers);
            let client = client::<u64, u64>(&desk);
            let deepest = u64::from(workers) - 1;
            assert_eq!(client.call(deepest, within(LONG)).unwrap(), deepest);
            assert_eq!(
                client.call(deepest + 1, within(LONG)).unwrap_err().kind(),
                ErrorKind::Overloaded
            );
            assert_eq!(
                client.call(deepest, within(LONG)).unwrap(),
                deepest,
                "nothing is left of the failure"
            );
            end(staff);
        }
    });
}

#[test]
fn two_workers_that_both_call_their_own_service_do_not_wait_for_each_other() {
    watchdog(LONG, "both", || {
        let desk = desk::<u64>("mutual", 2, 100);
        let (own, door) = (desk.clone(), Door::default());
        let at = door.clone();
        let staff = staff(&desk, move |number: u64, _: &mut Call<u64>| {
            if number > 0 {
                at.pass();
                let client = ServiceClient::<u64, u64>::new(&own, &mailbox(10));
                return Ok(Some(client.call(0, within(LONG))? + 1));
            }
            Ok(Some(0))
        });
        let callers = queue_testkit::spawn_many(2, {
            let desk = desk.clone();
            move |_| client::<u64, u64>(&desk).call(1, within(LONG))
        });
        door.until_here(2);
        door.open();
        let ends: Vec<_> = callers.into_iter().map(join).collect();
        // Whoever came second was refused, unless the first had its answer by then.
        assert!(ends.iter().any(|end| matches!(end, Ok(1))), "{ends:?}");
        let errors = ends.iter().filter_map(|end| end.as_ref().err());
        assert!(
            errors
                .map(descriptor_core::Error::kind)
                .all(|kind| kind == ErrorKind::Overloaded),
            "{ends:?}"
        );
        end(staff);
    });
}

#[test]
fn a_circle_of_services_is_found_as_well() {
    watchdog(LONG, "circle", || {
        let (here, there) = (desk::<u64>("here", 1, 10), desk::<u64>("there", 1, 10));
        let pass_on = |to: &Desk<u64>| {
            let to = to.clone();
            move |number: u64, _: &mut Call<u64>| -> Result<Option<u64>, Failure> {
                let client = ServiceClient::<u64, u64>::new(&to, &mailbox(10));
                Ok(Some(client.call(number, within(LONG))?))
            }
        };
        let staffs = [staff(&here, pass_on(&there)), staff(&there, pass_on(&here))];
        let error = client::<u64, u64>(&here).call(1, within(LONG)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overloaded);
        staffs.into_iter().for_each(|staff| drop(end(staff)));
    });
}

#[test]
fn recursion_without_end_stops_at_a_depth() {
    watchdog(LONG, "recursion", || {
        let (desk, staff) = countdown(100);
        let client = client::<u64, u64>(&desk);
        let error = client.call(90, within(LONG)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overloaded);
        assert!(error.to_string().contains("at most 64"), "{error}");
        end(staff);
    });
}

#[test]
fn a_nested_call_ends_with_the_deadline_of_the_outer_one() {
    watchdog(LONG, "nested deadline", || {
        let silent = desk::<u64>("silent", 1, 10);
        let outer = desk::<u64>("outer", 1, 10);
        let (ended, seen) = std::sync::mpsc::channel();
        let staff = staff(&outer, {
            let silent = silent.clone();
            move |number: u64, call: &mut Call<u64>| {
                let client = ServiceClient::<u64, u64>::new(&silent, &mailbox(10));
                let error = client.call(number, within(LONG * 10)).unwrap_err();
                let _ = ended.send((error.kind(), call.is_cancelled()));
                Err(error.into())
            }
        });
        let short = Duration::from_millis(100);
        let error = client::<u64, u64>(&outer).call(1, within(short)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(seen.recv().unwrap(), (ErrorKind::Timeout, true));
        until(|| silent.requests().depth() == Some(1));
        end(staff);
    });
}
