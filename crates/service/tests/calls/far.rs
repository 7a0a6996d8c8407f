//! Calls through queues that leave the process: nothing but bytes goes through, as between processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use descriptor_core::{DescriptorPool, DescriptorRecord, ErrorKind, QueueId, Registry};
use queue_shm::ShmSpec;
use queue_testkit::{until, watchdog};
use service::{Answer, Call, Desk, Mailbox, Message, ReplyQueues, ServiceClient, Staff};

use crate::rig::{LONG, name, within};

struct Far {
    desk: Desk<String>,
    mailbox: Mailbox,
    answers: DescriptorRecord,
    staff: Staff,
}

fn registry() -> Registry<Answer> {
    Registry::new().with::<ShmSpec>()
}

fn shm(what: &str) -> DescriptorRecord {
    DescriptorRecord::new(QueueId::new(name(what)).expect("a name"), "shm").with("maxsize", 64)
}

/// A service that counts letters, and waits when told so.
fn far(replies: impl FnOnce(&DescriptorRecord) -> ReplyQueues) -> Far {
    let (requests, answers) = (shm("requests"), shm("answers"));
    let queue = Registry::<Message<String>>::new().with::<ShmSpec>().open(&requests);
    let desk = Desk::new("letters", 2, queue.expect("a segment"));
    let mailbox = Mailbox::open(&registry(), &answers).expect("a segment");
    let staff = Staff::start(&desk, 2, &Arc::new(replies(&answers)), |_| {
        |text: String, call: &mut Call<u64>| match text.as_str() {
            "wait" => {
                call.send(0)?;
                until(|| call.is_cancelled());
                Ok(None)
            }
            "fail" => Err("as told".into()),
            "each" => {
                (0..3).try_for_each(|part| call.send(part))?;
                Ok(None)
            }
            _ => Ok(Some(text.len() as u64)),
        }
    });
    Far {
        desk,
        mailbox,
        answers,
        staff: staff.expect("threads"),
    }
}

#[test]
fn the_request_names_its_response_queue() {
    watchdog(LONG, "by name", || {
        let far = far(|_| ReplyQueues::new().with_registry(registry()));
        let client = ServiceClient::<String, u64>::new(&far.desk, &far.mailbox);
        assert_eq!(client.call("word".into(), within(LONG)).unwrap(), 4);
        let error = client.call("fail".into(), within(LONG)).unwrap_err();
        assert!(error.to_string().contains("as told"), "{error}");
        let parts: Result<Vec<u64>, _> = client.stream("each".into(), within(LONG)).unwrap().collect();
        assert_eq!(parts.unwrap(), [0, 1, 2]);
        assert_eq!(far.staff.end(LONG).totals.answered, 2);
    });
}

#[test]
fn or_its_place_in_the_pool() {
    watchdog(LONG, "by place", || {
        let far = far(|answers| {
            let mut pool = DescriptorPool::new("pool", 1).expect("a name");
            pool.insert(answers.clone()).expect("a record");
            ReplyQueues::new().with_registry(registry()).with_pool(&pool)
        });
        let queue = registry().open(&far.answers).unwrap();
        let there = Mailbox::in_pool(Arc::clone(&queue), 0);
        let client = ServiceClient::<String, u64>::new(&far.desk, &there);
        assert_eq!(client.call("pool".into(), within(LONG)).unwrap(), 4);
        // A place that the pool does not have: nobody can be told.
        let nowhere = Mailbox::in_pool(queue, 7);
        let client = ServiceClient::<String, u64>::new(&far.desk, &nowhere);
        let short = std::time::Duration::from_millis(50);
        assert_eq!(
            client.call("pool".into(), within(short)).unwrap_err().kind(),
            ErrorKind::Timeout
        );
        until(|| far.desk.totals().undelivered == 1);
        assert_eq!(far.staff.end(LONG).totals.answered, 1);
    });
}

#[test]
fn a_caller_that_gives_up_is_heard() {
    watchdog(LONG, "far cancel", || {
        let far = far(|_| ReplyQueues::new().with_registry(registry()));
        let client = ServiceClient::<String, u64>::new(&far.desk, &far.mailbox);
        let mut parts = client.stream("wait".into(), within(LONG * 10)).unwrap();
        assert_eq!(parts.next().unwrap().unwrap(), 0, "the work has begun");
        // The other worker hears it.
        drop(parts);
        until(|| far.desk.totals().late == 1);
        let _ = far.staff.end(LONG);
    });
}

#[test]
fn answers_for_an_earlier_life_of_the_mailbox_are_late() {
    watchdog(LONG, "earlier life", || {
        let far = far(|_| ReplyQueues::new().with_registry(registry()));
        let before = ServiceClient::<String, u64>::new(&far.desk, &far.mailbox);
        let parts = before.stream("each".into(), within(LONG)).unwrap();
        until(|| far.desk.totals().answered == 1);
        std::mem::forget(parts);
        // Numbered from 1 again, like the first one.
        let mailbox = Mailbox::open(&registry(), &far.answers).unwrap();
        let client = ServiceClient::<String, u64>::new(&far.desk, &mailbox);
        assert_eq!(client.call("word".into(), within(LONG)).unwrap(), 4);
        assert_eq!(mailbox.late(), 4, "three parts and an end");
        let _ = far.staff.end(LONG);
    });
}

#[test]
fn a_pile_of_calls_from_bytes_alone() {
    watchdog(LONG, "pile", || {
        let far = far(|_| ReplyQueues::new().with_registry(registry()));
        let done = Arc::new(AtomicU64::new(0));
        let callers = queue_testkit::spawn_many(3, {
            let client = ServiceClient::<String, u64>::new(&far.desk, &far.mailbox);
            let done = Arc::clone(&done);
            move |caller| {
                for length in 0..100 {
                    let text = "x".repeat(length + caller + 10);
                    assert_eq!(client.call(text.clone(), within(LONG)).unwrap(), text.len() as u64);
                    done.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        callers.into_iter().for_each(queue_testkit::join);
        assert_eq!(done.load(Ordering::SeqCst), 300);
        assert_eq!(far.staff.end(LONG).totals.answered, 300);
    });
}
