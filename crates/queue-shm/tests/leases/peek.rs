//! Looking at items that stay where they are.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use descriptor_core::{Codec, Error, ErrorKind, GetError, Queue, QueueCore, QueueId, Wait};
use queue_shm::{ShmFolder, ShmPeek, ShmSpec};
use queue_testkit::{join, spawn_many, watchdog};

use crate::{LIMIT, Outcome, handle, id};

fn seen(id: &QueueId, skip: u64, most: usize) -> Result<ShmPeek, Error> {
    Ok(ShmFolder::of_this_user()
        .peek(id, skip, most)?
        .expect("the queue is there"))
}

fn change(id: &QueueId, at: u64, bytes: &[u8]) {
    let path = ShmFolder::of_this_user().path().join(id.as_str());
    let file = OpenOptions::new().write(true).open(path);
    file.and_then(|file| file.write_all_at(bytes, at)).expect("a segment");
}

#[test]
fn items_are_shown_in_their_order_and_stay() -> Outcome {
    let id = id();
    assert_eq!(ShmFolder::of_this_user().peek(&id, 0, 10)?, None);
    let queue = handle::<Bytes>(&id, &ShmSpec::bounded(16).max_item(1 << 20));
    assert_eq!(seen(&id, 0, 10)?, ShmPeek::default());
    // More than is read at once, over the end of the ring and on.
    let item = |number: usize| vec![number as u8; number * 7919 % 90_001];
    for number in 0..400 {
        queue.put(item(number).into())?;
        if number >= 8 {
            let rest = seen(&id, 2, 5)?;
            assert!(
                rest.items.iter().cloned().eq((number - 6..number - 1).map(item)),
                "{number}"
            );
            assert_eq!(seen(&id, 0, 100)?.items.len(), 9);
            assert_eq!(queue.get()?, item(number - 8));
        }
    }
    assert_eq!(seen(&id, 8, 10)?, ShmPeek::default());
    assert_eq!(seen(&id, 0, 0)?, ShmPeek::default());
    assert_eq!(
        (queue.depth(), queue.totals().map(|totals| totals.get)),
        (Some(8), Some(392))
    );
    Ok(())
}

#[test]
fn items_that_came_back_are_shown_first() -> Outcome {
    let id = id();
    let queue = handle::<String>(&id, &ShmSpec::bounded(16).max_item(4096));
    // Some are too large to lie in the table.
    let item = |number: usize| number.to_string().repeat(1 + number % 2 * 1000);
    for number in 0..6 {
        queue.put(item(number))?;
    }
    let [zero, one, two, three] = std::array::from_fn(|_| queue.lease(Wait::Never));
    let (one, two) = (one?, two?);
    drop((zero?, three?));
    let texts = |skip| -> Result<Vec<String>, Error> {
        let peek = seen(&id, skip, 10)?;
        let codec = Codec::from_id(peek.codec)?;
        peek.items.iter().map(|item| codec.decode(item, item.len())).collect()
    };
    assert_eq!(texts(0)?, [0, 3, 4, 5].map(item), "and what is on loan is not");
    drop(two);
    assert_eq!(texts(1)?, [2, 3, 4, 5].map(item));
    assert!(one.ack().is_ok());
    for number in [0, 2, 3, 4] {
        assert_eq!(queue.get()?, item(number));
    }
    assert_eq!(texts(0)?, [item(5)]);
    Ok(())
}

/// Where a segment says how far it is filled, and how large its ring is.
const TAIL: u64 = 1088;
const RING: u64 = 40;

#[test]
fn what_is_damaged_is_left_out_or_said() -> Outcome {
    let id = id();
    let queue = handle::<Bytes>(&id, &ShmSpec::bounded(16));
    for number in 0..3_u8 {
        queue.put(vec![number; 8].into())?;
    }
    let path = ShmFolder::of_this_user().path().join(id.as_str());
    let mut word = [0; 8];
    let file = OpenOptions::new().read(true).open(path).expect("a segment");
    file.read_exact_at(&mut word, RING).expect("a header");
    let ring = u64::from_le_bytes(word);
    change(&id, ring + 16 + 8, b"x");
    let peek = seen(&id, 0, 10)?;
    assert_eq!((peek.items, peek.damaged), (vec![vec![0; 8], vec![2; 8]], 1));
    // A length that cannot be, and an end that cannot be.
    change(&id, ring + 16, &[0xff; 4]);
    let kind = |outcome: Result<ShmPeek, Error>| outcome.map_err(|error| error.kind());
    assert_eq!(kind(seen(&id, 0, 10)), Err(ErrorKind::Corrupt));
    assert_eq!(seen(&id, 0, 1)?.items, [vec![0; 8]], "that one can be told");
    change(&id, TAIL, &[0xff; 8]);
    assert_eq!(kind(seen(&id, 0, 1)), Err(ErrorKind::Corrupt));
    assert_eq!(queue.damage().given_up, 0, "a look changes nothing");
    assert!(matches!(queue.try_get(), Err(GetError::Failed(_))));
    assert_eq!(seen(&id, 0, 10)?, ShmPeek::default());
    Ok(())
}

const EACH: u64 = 40_000;

/// Says whose it is, which one, and the same in each of its bytes.
fn made(producer: u64, number: u64) -> Vec<u8> {
    let words = 2 + (number * 7 + producer) % 50;
    let word = (producer << 56 | number).to_le_bytes();
    word.repeat(words as usize)
}

#[test]
fn whoever_looks_sees_what_was_put_and_nothing_else() {
    watchdog(LIMIT, "peek", || {
        let id = id();
        let spec = ShmSpec::bounded(32).max_item(512).max_bytes(4096);
        let queue = handle::<Bytes>(&id, &spec);
        let got = Arc::new(AtomicU64::new(0));
        let is_over = Arc::new(AtomicBool::new(false));
        let putters = spawn_many(2, {
            let id = id.clone();
            move |producer| {
                let queue = handle::<Bytes>(&id, &spec);
                for number in 0..EACH {
                    let item = made(producer as u64, number);
                    // Without a checksum: that no byte is of another item is not for a checksum to find out.
                    let mut room = queue.reserve(item.len(), Wait::Forever).expect("room");
                    room.write_all(&item).expect("as much as was reserved");
                    room.without_checksum().commit();
                }
            }
        });
        let getters = spawn_many(2, {
            let (queue, got) = (Arc::clone(&queue), Arc::clone(&got));
            move |_| {
                while got.fetch_add(1, Ordering::Relaxed) < 2 * EACH {
                    assert!(queue.get().is_ok());
                }
            }
        });
        let lookers = spawn_many(1, {
            let (id, is_over) = (id.clone(), Arc::clone(&is_over));
            move |_| {
                let mut shown = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let peek = seen(&id, 0, 100).expect("nobody breaks the rules");
                    let mut last = [None; 2];
                    for item in &peek.items {
                        let word = u64::from_le_bytes(*item.first_chunk().expect("two words at least"));
                        let (producer, number) = (word >> 56, word & ((1 << 56) - 1));
                        assert!(*item == made(producer, number), "{item:?}");
                        let last = &mut last[producer as usize];
                        assert!(last.is_none_or(|last| last + 1 == number), "{last:?}, {number}");
                        *last = Some(number);
                        shown += 1;
                    }
                    assert_eq!(peek.damaged, 0);
                }
                shown
            }
        });
        for thread in putters.into_iter().chain(getters) {
            join(thread);
        }
        is_over.store(true, Ordering::Relaxed);
        let shown: u64 = lookers.into_iter().map(join).sum();
        assert!(shown > 0, "nothing was seen");
        assert_eq!(queue.depth(), Some(0));
    });
}
