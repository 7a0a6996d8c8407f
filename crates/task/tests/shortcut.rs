//! Packets in a row between neighbours stay in their process, and the queue keeps its promises all the same.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use descriptor_core::wait::Waiter;
use descriptor_core::{DescriptorRecord, DynQueue, Error, ErrorKind, GetError, PutError, Wait};
use queue_local::LocalQueue;
use router::{Envelope, Event, Pack, Packet, UpstreamId};
use task::host::OpenQueue;

type Events = DynQueue<Envelope<u64>>;

/// A queue as other processes have it, and as its reader's process does.
fn queue(capacity: usize) -> (Events, Events) {
    let far: Events = Arc::new(LocalQueue::new(Some(capacity)).unwrap());
    let record: DescriptorRecord = "local://input".parse().unwrap();
    let near = OpenQueue::shared(record, Arc::clone(&far));
    assert!(near.far);
    (far, near.queue().unwrap())
}

fn from(sender: u32, numbers: impl IntoIterator<Item = u64>) -> Envelope<u64> {
    let pack = Pack::from_iter(numbers.into_iter().map(|number| Packet::new(number, 0)));
    Envelope {
        from: UpstreamId(sender),
        event: Event::Packets(pack),
    }
}

/// The numbers of packets in a row; none where there is only word of them.
fn numbers(envelope: &Envelope<u64>) -> Option<Vec<u64>> {
    match &envelope.event {
        Event::Packets(pack) => Some(pack.iter().map(|packet| *packet.payload).collect()),
        _ => None,
    }
}

#[test]
fn only_word_of_packets_in_a_row_goes_through_the_queue() {
    let (far, near) = queue(8);
    near.put(from(1, 0..5)).unwrap();
    let word = far.get().unwrap();
    assert!(matches!(word.event, Event::Here { packets: 5, .. }), "{word:?}");
    assert_eq!(word.event.packets(), 5);
    far.put(word).unwrap();
    assert_eq!(numbers(&near.get().unwrap()), Some((0..5).collect()));
}

#[test]
fn all_else_goes_as_it_is_and_in_one_order() {
    let (far, near) = queue(8);
    let watermark = || Envelope {
        from: UpstreamId(1),
        event: Event::Watermark(7),
    };
    let single = || Envelope {
        from: UpstreamId(1),
        event: Event::Packet(Packet::new(5, 0)),
    };
    near.put(from(1, 0..2)).unwrap();
    far.put(from(2, 2..4)).unwrap();
    near.put(watermark()).unwrap();
    near.put(single()).unwrap();
    near.put(from(1, 6..8)).unwrap();
    let mut out = Vec::new();
    assert_eq!(near.get_batch(&mut out, 9, Wait::Never).unwrap(), 5);
    let sent = [from(1, 0..2), from(2, 2..4), watermark(), single(), from(1, 6..8)];
    assert_eq!(out, sent);
}

#[test]
fn what_is_refused_comes_back_whole() {
    let (far, near) = queue(1);
    let mut items = VecDeque::from([from(1, 0..2), from(1, 2..4), from(1, 4..6)]);
    assert_eq!(near.put_batch(&mut items, Wait::Never).unwrap(), 1);
    assert_eq!(items, [from(1, 2..4), from(1, 4..6)]);
    let refused = near.put_batch(&mut items, Wait::Never);
    assert!(matches!(refused, Err(PutError::Full(()))));
    assert_eq!(items, [from(1, 2..4), from(1, 4..6)]);
    let Err(PutError::Full(back)) = near.try_put(from(1, 2..4)) else {
        panic!("there is room")
    };
    assert_eq!(back, from(1, 2..4));
    // What went in between has no number left behind that would be given to others.
    assert_eq!(near.get().unwrap(), from(1, 0..2));
    assert_eq!(near.put_batch(&mut items, Wait::Never).unwrap(), 1);
    assert_eq!(near.get().unwrap(), from(1, 2..4));
    far.close();
    let Err(PutError::Closed(back)) = near.put(from(1, 4..6)) else {
        panic!("it is open")
    };
    assert_eq!(back, from(1, 4..6));
    assert!(matches!(near.get(), Err(GetError::Closed)));
}

#[test]
fn what_is_refused_again_and_again_leaves_nothing_behind() {
    let (far, near) = queue(1);
    near.put(from(1, 0..2)).unwrap();
    for _ in 0..1_000 {
        near.try_put(from(1, 2..4)).unwrap_err();
    }
    assert_eq!(near.get().unwrap(), from(1, 0..2));
    near.put(from(1, 2..4)).unwrap();
    // A number that is free again is the next one.
    let word = far.get().unwrap();
    assert_eq!(word.event, Event::Here { number: 0, packets: 2 });
}

#[test]
fn word_of_packets_that_are_not_here_is_an_error_and_takes_nothing_along() {
    let (far, near) = queue(8);
    let word = |number| Envelope {
        from: UpstreamId(1),
        event: Event::<u64>::Here { number, packets: 3 },
    };
    let corrupt = |got: Result<usize, GetError>| {
        let Err(GetError::Failed(error)) = got else {
            panic!("{got:?}")
        };
        let error: &Error = &error;
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    };
    for number in [0, 7, u64::MAX] {
        far.put(word(number)).unwrap();
        corrupt(near.get().map(|_| 0));
        far.put(word(number)).unwrap();
        corrupt(near.get_batch(&mut Vec::new(), 4, Wait::Never));
    }
    near.put(from(1, 0..2)).unwrap();
    far.put(word(9)).unwrap();
    far.put(word(0)).unwrap();
    near.put(from(1, 2..4)).unwrap();
    let mut out = Vec::new();
    assert_eq!(near.get_batch(&mut out, 9, Wait::Never).unwrap(), 2);
    assert_eq!(out, [from(1, 0..2), from(1, 2..4)]);
}

#[test]
fn tasks_send_and_receive_as_threads_do() {
    let (_, near) = queue(1);
    let mut cx = Context::from_waker(Waker::noop());
    let (mut first, mut second) = (Waiter::new(), Waiter::new());
    let mut item = Some(from(1, 0..2));
    assert!(matches!(
        near.poll_put(&mut cx, &mut item, &mut first),
        Poll::Ready(Ok(()))
    ));
    let mut item = Some(from(1, 2..4));
    assert!(near.poll_put(&mut cx, &mut item, &mut first).is_pending());
    // Whoever gives up has the packets and not word of them.
    assert_eq!(item, Some(from(1, 2..4)));
    let got = near.poll_get(&mut cx, &mut second);
    let Poll::Ready(Ok(got)) = got else { panic!("{got:?}") };
    assert_eq!(got, from(1, 0..2));
    assert!(near.poll_put(&mut cx, &mut item, &mut first).is_ready());
    assert_eq!(near.get().unwrap(), from(1, 2..4));
}

#[test]
fn a_storm_from_here_and_elsewhere_loses_nothing_and_keeps_each_order() {
    const PACKS: u64 = 3_000;
    // Nobody waits for ever.
    let wait = || Wait::from(Duration::from_secs(60));
    let (far, near) = queue(4);
    let senders = [(1, &near), (2, &near), (3, &far), (4, &far)].map(|(sender, queue)| {
        let queue = Arc::clone(queue);
        std::thread::spawn(move || {
            let mut items = VecDeque::new();
            for pack in 0..PACKS {
                items.push_back(from(sender, [2 * pack, 2 * pack + 1]));
                if pack % 3 == 0 {
                    queue.put_within(items.pop_front().unwrap(), wait()).unwrap();
                }
                while items.len() > 4 {
                    queue.put_batch(&mut items, wait()).unwrap();
                }
            }
            while !items.is_empty() {
                queue.put_batch(&mut items, wait()).unwrap();
            }
        })
    });
    let mut next = [0; 5];
    let mut out = Vec::new();
    while next != [0, 2 * PACKS, 2 * PACKS, 2 * PACKS, 2 * PACKS] {
        near.get_batch(&mut out, 3, wait()).unwrap();
        for envelope in out.drain(..) {
            let sender = envelope.from.0 as usize;
            for number in numbers(&envelope).unwrap() {
                assert_eq!(number, next[sender], "sender {sender}");
                next[sender] += 1;
            }
        }
    }
    for sender in senders {
        sender.join().unwrap();
    }
}
