//! Calls as futures.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use descriptor_core::ErrorKind;
use queue_testkit::{join, on_tokio, spawn, until, watchdog};
use service::{Call, ServiceClient};

use crate::rig::{Door, LONG, client, desk, double, end, mailbox, staff, within};

const SHORT: Duration = Duration::from_millis(50);

#[test]
fn many_calls_of_one_task_are_answered() {
    watchdog(LONG, "futures", || {
        let desk = desk::<u64>("double", 2, 8);
        let staff = staff(&desk, double());
        let client = client::<u64, u64>(&desk);
        // More than the request queue has room for.
        let answers = on_tokio(async {
            let calls: Vec<_> = (0..100)
                .map(|number| {
                    let client = client.clone();
                    tokio::spawn(async move { client.call_async(number, within(LONG)).await })
                })
                .collect();
            let mut answers = Vec::new();
            for call in calls {
                answers.push(call.await.expect("no panic").expect("an answer"));
            }
            answers
        });
        assert!(answers.into_iter().eq((0..100).map(|number| number * 2)));
        assert_eq!(end(staff).totals.answered, 100);
    });
}

#[test]
fn threads_and_tasks_share_a_mailbox() {
    watchdog(LONG, "mixed", || {
        let desk = desk::<u64>("double", 2, 8);
        let staff = staff(&desk, double());
        let client = ServiceClient::<u64, u64>::new(&desk, &mailbox(100));
        let threads = queue_testkit::spawn_many(2, {
            let client = client.clone();
            move |_| {
                for number in 0..500 {
                    assert_eq!(client.call(number, within(LONG)).unwrap(), number * 2);
                }
            }
        });
        on_tokio(async {
            for number in 0..500 {
                assert_eq!(client.call_async(number, within(LONG)).await.unwrap(), number * 2);
            }
        });
        threads.into_iter().for_each(join);
        assert_eq!(end(staff).totals.answered, 1500);
    });
}

#[test]
fn a_future_ends_at_its_deadline_wherever_it_is() {
    watchdog(LONG, "deadline", || {
        let desk = desk::<u64>("silent", 1, 1);
        let client = client::<u64, u64>(&desk);
        on_tokio(async {
            // One in the request queue, one that waits for room there.
            let (sent, waiting) = (client.call_async(1, within(SHORT)), client.call_async(2, within(SHORT)));
            assert_eq!(sent.await.unwrap_err().kind(), ErrorKind::Timeout);
            assert_eq!(waiting.await.unwrap_err().kind(), ErrorKind::Timeout);
        });
        let staff = staff(&desk, double());
        until(|| desk.totals().expired == 1);
        assert_eq!(end(staff).totals.taken, 1);
    });
}

#[test]
fn a_dropped_future_cancels_the_work() {
    watchdog(LONG, "dropped", || {
        let desk = desk::<u64>("busy", 1, 8);
        let (door, cancelled) = (Door::default(), Arc::new(AtomicBool::new(false)));
        let staff = staff(&desk, {
            let (door, cancelled) = (door.clone(), Arc::clone(&cancelled));
            move |number: u64, call: &mut Call<u64>| {
                door.pass();
                until(|| call.is_cancelled());
                cancelled.store(true, Ordering::SeqCst);
                Ok(Some(number))
            }
        });
        let client = client::<u64, u64>(&desk);
        on_tokio(async {
            let mut work = Box::pin(client.call_async(1, within(LONG)));
            let mut behind = Box::pin(client.call_async(2, within(LONG)));
            assert!(queue_testkit::within_yields(work.as_mut(), 1).await.is_none());
            assert!(queue_testkit::within_yields(behind.as_mut(), 1).await.is_none());
            door.until_here(1);
            drop((work, behind));
        });
        door.open();
        until(|| cancelled.load(Ordering::SeqCst));
        let totals = end(staff).totals;
        assert_eq!((totals.taken, totals.late, totals.cancelled), (2, 1, 1));
    });
}

#[test]
fn a_thread_that_reads_hands_over_to_a_future_that_waits_longer() {
    watchdog(LONG, "handing over", || {
        let desk = desk::<u64>("doors", 2, 8);
        let doors = [Door::default(), Door::default()];
        let staff = staff(&desk, {
            let doors = doors.clone();
            move |number: u64, _: &mut Call<u64>| {
                doors[number as usize].pass();
                Ok(Some(number))
            }
        });
        let client = client::<u64, u64>(&desk);
        let thread = spawn({
            let client = client.clone();
            move || client.call(0, within(LONG)).unwrap()
        });
        doors[0].until_here(1);
        let task = spawn({
            let client = client.clone();
            move || on_tokio(async move { client.call_async(1, within(LONG)).await.unwrap() })
        });
        doors[1].until_here(1);
        doors[0].open();
        assert_eq!(join(thread), 0);
        doors[1].open();
        assert_eq!(join(task), 1);
        end(staff);
    });
}
