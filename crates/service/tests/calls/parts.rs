//! Answers in parts.

use descriptor_core::{Descriptor, ErrorKind};
use queue_sage::SageSpec;
use queue_testkit::{until, watchdog};
use service::{Call, Desk, Mailbox, ServiceClient, Staff};

use crate::rig::{LONG, client, desk, double, end, mailbox, name, staff, within};

/// Counts up to the request, and fails at 13.
fn counting(workers: u32) -> (Desk<u64>, Staff) {
    let desk = desk::<u64>("count", workers, 100);
    let staff = staff(&desk, |end: u64, call: &mut Call<u64>| {
        for number in 0..end {
            if number == 13 {
                return Err("thirteen".into());
            }
            call.send(number)?;
        }
        Ok(None)
    });
    (desk, staff)
}

#[test]
fn parts_come_in_order_and_then_the_end() {
    watchdog(LONG, "parts", || {
        let (desk, staff) = counting(1);
        let client = client::<u64, u64>(&desk);
        let parts: Result<Vec<u64>, _> = client.stream(10, within(LONG)).unwrap().collect();
        assert_eq!(parts.unwrap(), Vec::from_iter(0..10));
        assert_eq!(client.stream(0, within(LONG)).unwrap().count(), 0);
        assert_eq!(end(staff).totals.answered, 2);
    });
}

#[test]
fn a_failure_comes_behind_the_parts_before_it() {
    watchdog(LONG, "failing parts", || {
        let (desk, staff) = counting(1);
        let mut parts = client::<u64, u64>(&desk).stream(20, within(LONG)).unwrap();
        let good: Vec<u64> = parts.by_ref().take(13).map(Result::unwrap).collect();
        assert_eq!(good.len(), 13);
        let error = parts.next().unwrap().unwrap_err();
        assert!(error.to_string().contains("thirteen"), "{error}");
        assert!(parts.next().is_none());
        assert_eq!(end(staff).totals.failed, 1);
    });
}

#[test]
fn a_worker_waits_for_a_slow_reader_and_hears_when_it_leaves() {
    watchdog(LONG, "slow reader", || {
        let desk = desk::<u64>("endless", 1, 10);
        let staff = staff(&desk, |_: u64, call: &mut Call<u64>| {
            let mut number = 0;
            loop {
                call.send(number)?;
                number += 1;
            }
        });
        let answers = Descriptor::new(name("answers"), SageSpec::bounded(4)).unwrap();
        let mailbox = Mailbox::new(answers.queue().unwrap(), &answers.to_record());
        let client = ServiceClient::<u64, u64>::new(&desk, &mailbox);
        let mut parts = client.stream(0, within(LONG)).unwrap();
        assert_eq!(parts.by_ref().take(50).map(Result::unwrap).sum::<u64>(), 49 * 50 / 2);
        until(|| answers.depth() == Some(4));
        // Nobody makes room any more, and the worker hears why.
        drop(parts);
        let report = staff.end(LONG);
        assert!(report.stuck.is_empty(), "{report:?}");
        assert_eq!(report.totals.late, 1, "{report:?}");
    });
}

#[test]
fn a_call_to_a_service_that_answers_in_parts_is_told_so_and_the_other_way_round_works() {
    watchdog(LONG, "mixed", || {
        let (counts, counting) = counting(1);
        let error = client::<u64, u64>(&counts).call(3, within(LONG)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        end(counting);
        let doubles = desk::<u64>("double", 1, 10);
        let doubling = staff(&doubles, double());
        let parts: Vec<u64> = client::<u64, u64>(&doubles)
            .stream(4, within(LONG))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(parts, [8]);
        end(doubling);
    });
}

#[test]
fn parts_that_another_call_has_read_wait_up_to_a_limit() {
    watchdog(LONG, "flood", || {
        let (counts, doubles) = (desk::<u64>("count", 1, 10), desk::<u64>("double", 1, 10));
        let many = 5000;
        let counting = staff(&counts, |end: u64, call: &mut Call<u64>| {
            (0..end).try_for_each(|number| call.send(number))?;
            Ok(None)
        });
        let doubling = staff(&doubles, double());
        let mailbox = mailbox(64);
        let double = ServiceClient::<u64, u64>::new(&doubles, &mailbox);
        let mut parts = ServiceClient::<u64, u64>::new(&counts, &mailbox)
            .stream(many, within(LONG))
            .unwrap();
        // Reads for the stream as well, which takes nothing meanwhile.
        until(|| {
            assert_eq!(double.call(2, within(LONG)).unwrap(), 4);
            counts.totals().answered == 1
        });
        assert_eq!(double.call(2, within(LONG)).unwrap(), 4);
        let good = parts.by_ref().take_while(Result::is_ok).count();
        assert_eq!(good, 1024);
        assert!(parts.next().is_none());
        end(counting);
        end(doubling);
    });
}
