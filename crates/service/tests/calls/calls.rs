//! Calls that are answered.

use std::error::Error as _;

use descriptor_core::{Error, ErrorKind, Wait};
use queue_testkit::{join, spawn_many, watchdog};
use service::{Call, ServiceClient};

use crate::rig::{LONG, client, desk, double, end, mailbox, name, staff, within};

#[test]
fn a_call_gets_its_answer() {
    watchdog(LONG, "a call", || {
        let desk = desk::<u64>("double", 1, 10);
        let staff = staff(&desk, double());
        let client = client::<u64, u64>(&desk);
        assert_eq!(client.name(), "double");
        assert_eq!(client.call(21, within(LONG)).unwrap(), 42);
        assert_eq!(client.call(4, Wait::Forever).unwrap(), 8);
        let totals = end(staff).totals;
        assert_eq!((totals.taken, totals.answered), (2, 2));
    });
}

#[test]
fn many_callers_and_workers_and_every_answer_is_its_own() {
    watchdog(LONG, "many", || {
        let desk = desk::<u64>("double", 3, 16);
        let staff = staff(&desk, double());
        // Two mailboxes, each shared by three threads.
        let boxes = [mailbox(64), mailbox(64)];
        let callers = spawn_many(6, {
            let (desk, boxes) = (desk.clone(), boxes.clone());
            move |caller| {
                let client = ServiceClient::<u64, u64>::new(&desk, &boxes[caller % 2]);
                for n in 0..300 {
                    let number = caller as u64 * 1000 + n;
                    assert_eq!(client.call(number, within(LONG)).unwrap(), number * 2);
                }
            }
        });
        callers.into_iter().for_each(join);
        assert!(
            boxes
                .iter()
                .all(|mailbox| mailbox.pending() == 0 && mailbox.late() == 0)
        );
        let totals = end(staff).totals;
        assert_eq!((totals.taken, totals.answered), (1800, 1800));
    });
}

#[test]
fn one_mailbox_serves_clients_of_several_services() {
    watchdog(LONG, "several services", || {
        let (doubles, lengths) = (desk::<u64>("double", 1, 10), desk::<String>("length", 1, 10));
        let staffs = [
            staff(&doubles, double()),
            staff(&lengths, |text: String, _: &mut Call<usize>| Ok(Some(text.len()))),
        ];
        let mailbox = mailbox(10);
        let double = ServiceClient::<u64, u64>::new(&doubles, &mailbox);
        let length = ServiceClient::<String, usize>::new(&lengths, &mailbox);
        assert_eq!(double.call(4, within(LONG)).unwrap(), 8);
        assert_eq!(length.call("word".into(), within(LONG)).unwrap(), 4);
        // With the wrong type of answer it is an error of this call alone.
        let wrong = ServiceClient::<String, u8>::new(&lengths, &mailbox);
        let error = wrong.call("word".into(), within(LONG)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TypeMismatch);
        assert_eq!(length.call("another".into(), within(LONG)).unwrap(), 7);
        for staff in staffs {
            end(staff);
        }
    });
}

#[test]
fn a_failure_arrives_with_kind_message_and_causes() {
    watchdog(LONG, "a failure", || {
        let desk = desk::<u64>("towns", 1, 10);
        let staff = staff(&desk, |number: u64, _: &mut Call<u64>| match number {
            0 => Err("plain words".into()),
            _ => Err(Error::new(ErrorKind::NotFound, "look up")
                .found("no such town")
                .caused_by(std::io::Error::other("the disk is gone"))
                .into()),
        });
        let client = client::<u64, u64>(&desk);
        let plain = client.call(0, within(LONG)).unwrap_err();
        assert_eq!(plain.kind(), ErrorKind::UserCode);
        assert!(plain.to_string().contains("plain words"), "{plain}");
        let typed = client.call(1, within(LONG)).unwrap_err();
        assert_eq!(typed.kind(), ErrorKind::NotFound);
        assert!(typed.to_string().contains("no such town"), "{typed}");
        assert!(typed.to_string().contains("service=towns"), "{typed}");
        assert_eq!(typed.source().unwrap().to_string(), "the disk is gone");
        assert_eq!(end(staff).totals.failed, 2);
    });
}

#[test]
fn a_panic_of_the_handler_is_an_error_and_the_worker_goes_on_with_a_new_one() {
    watchdog(LONG, "a panic", || {
        let desk = desk::<u64>("fragile", 1, 10);
        let staff = service::Staff::start(&desk, 1, &std::sync::Arc::default(), |_| {
            let mut asked = 0;
            move |number: u64, _: &mut Call<u64>| {
                asked += 1;
                assert_ne!(number, 13, "no thirteen");
                Ok(Some(asked))
            }
        })
        .unwrap();
        let client = client::<u64, u64>(&desk);
        assert_eq!(client.call(1, within(LONG)).unwrap(), 1);
        assert_eq!(client.call(1, within(LONG)).unwrap(), 2);
        let error = client.call(13, within(LONG)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UserCode);
        assert!(error.to_string().contains("no thirteen"), "{error}");
        assert_eq!(
            client.call(1, within(LONG)).unwrap(),
            1,
            "what the old one knew is gone"
        );
        let totals = end(staff).totals;
        assert_eq!((totals.answered, totals.failed, totals.panicked), (3, 1, 1));
    });
}

#[test]
fn requests_wait_for_a_service_that_starts_later() {
    watchdog(LONG, "later", || {
        let desk = desk::<u64>("double", 2, 10);
        let callers = spawn_many(5, {
            let desk = desk.clone();
            move |caller| client::<u64, u64>(&desk).call(caller as u64, within(LONG)).unwrap()
        });
        queue_testkit::until(|| desk.requests().depth() == Some(5));
        let staff = staff(&desk, double());
        let answers: Vec<u64> = callers.into_iter().map(join).collect();
        assert_eq!(answers, [0, 2, 4, 6, 8]);
        assert_eq!(end(staff).totals.answered, 5);
    });
}

#[test]
fn an_ended_service_says_so_and_finishes_what_it_has() {
    watchdog(LONG, "ended", || {
        let desk = desk::<u64>(&name("double"), 1, 10);
        let caller = queue_testkit::spawn({
            let desk = desk.clone();
            move || client::<u64, u64>(&desk).call(5, within(LONG))
        });
        queue_testkit::until(|| desk.requests().depth() == Some(1));
        desk.close();
        let staff = staff(&desk, double());
        assert_eq!(join(caller).unwrap(), 10);
        end(staff);
        let error = client::<u64, u64>(&desk).call(6, within(LONG)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
    });
}
