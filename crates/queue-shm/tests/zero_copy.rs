//! Reservations and views: bytes that go through no buffer of the queue.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use descriptor_core::{ErrorKind, GetError, PutError, Queue, QueueCore, QueueId, Wait};
use queue_shm::{Damage, ShmFolder, ShmQueue, ShmSpec};
use queue_testkit::{Dice, join, spawn, until, watchdog};

const SOON: Duration = Duration::from_millis(20);
const LIMIT: Duration = Duration::from_secs(60);

fn open(spec: &ShmSpec) -> Arc<ShmQueue<Bytes>> {
    let queue = ShmQueue::open(&QueueId::generated("zero"), spec);
    Arc::new(queue.unwrap_or_else(|error| panic!("{error}")))
}

fn queue(capacity: usize) -> Arc<ShmQueue<Bytes>> {
    open(&ShmSpec::bounded(capacity))
}

fn content(queue: &ShmQueue<Bytes>) -> Vec<u8> {
    let mut view = queue.view(Wait::Forever).unwrap_or_else(|end| panic!("{end}"));
    let mut out = Vec::new();
    assert!(view.read_to_end(&mut out).is_ok());
    assert_eq!(out.len(), view.len());
    view.remove();
    out
}

#[test]
fn what_is_written_is_put() {
    let queue = queue(4);
    let mut room = queue.reserve(10, Wait::Never).expect("an empty queue");
    assert!(room.write_all(b"abc").is_ok() && room.write_all(b"de").is_ok());
    assert_eq!(room.left(), 5);
    room.commit();
    let mut room = queue.reserve(4, Wait::Never).expect("a queue with one item");
    assert_eq!(room.write(b"12345").ok(), Some(4), "more than was reserved");
    assert!(room.write_all(b"5").is_err());
    room.commit();
    queue.reserve(4, Wait::Never).expect("two items").commit();
    assert_eq!(queue.depth(), Some(3));
    assert_eq!(queue.get().ok(), Some(Bytes::from_static(b"abcde")));
    assert_eq!(content(&queue), b"1234");
    assert_eq!(content(&queue), b"");
    assert_eq!(queue.totals().map(|totals| (totals.put, totals.get)), Some((3, 3)));
}

#[test]
fn what_is_not_committed_did_not_happen() {
    let queue = queue(1);
    for _ in 0..3 {
        let mut room = queue.reserve(100, Wait::Never).expect("room");
        assert!(room.write_all(&[7; 60]).is_ok());
        drop(room);
        assert_eq!(queue.depth(), Some(0));
    }
    assert!(queue.put(Bytes::from_static(b"x")).is_ok());
    for _ in 0..3 {
        let mut view = queue.view(Wait::Never).expect("an item");
        let mut byte = [0];
        assert!(view.read_exact(&mut byte).is_ok());
        assert_eq!(byte, *b"x");
        drop(view);
        assert_eq!(queue.depth(), Some(1), "a view that is dropped leaves the item");
    }
    assert_eq!(queue.damage(), Damage::default());
    assert_eq!(content(&queue), b"x");
}

/// Every mixture of the two faces, of all sizes, round and round the ring.
#[test]
fn both_faces_are_one_queue() {
    let queue = open(&ShmSpec::bounded(9).max_item(2000).max_bytes(4096));
    let (mut dice, mut put, mut next) = (Dice::new(4), 0_u64, 0);
    let item = |number: u64| {
        let len = Dice::new(number).below(1200) as usize;
        let bytes = number.to_le_bytes().into_iter().cycle();
        bytes.take(len).collect::<Vec<u8>>()
    };
    for _ in 0..20_000 {
        match dice.below(6) {
            0 => put += u64::from(queue.try_put(item(put).into()).is_ok()),
            1 | 2 => {
                let bytes = item(put);
                let more = dice.below(2) as usize * 100;
                let Ok(room) = queue.reserve(bytes.len() + more, Wait::Never) else {
                    continue;
                };
                let mut room = if dice.below(3) == 0 {
                    room.without_checksum()
                } else {
                    room
                };
                for piece in bytes.chunks(1 + dice.below(700) as usize) {
                    assert!(room.write_all(piece).is_ok());
                }
                room.commit();
                put += 1;
            }
            3 => {
                if let Ok(found) = queue.try_get() {
                    assert_eq!(found, item(next));
                    next += 1;
                }
            }
            _ if next < put => {
                assert_eq!(content(&queue), item(next));
                next += 1;
            }
            _ => assert!(matches!(queue.view(Wait::Never), Err(GetError::Empty))),
        }
    }
    assert!(put > 3_000, "{put}");
}

#[test]
fn what_is_written_in_place_is_put() {
    let queue = queue(4);
    for summed in [true, false] {
        let mut room = queue.reserve(6, Wait::Never).expect("room");
        if !summed {
            room = room.without_checksum();
        }
        // SAFETY: nobody but this test knows the queue.
        let place = unsafe { room.spare() };
        assert_eq!(place.len(), 6);
        place[..4].copy_from_slice(b"abcd");
        room.advance(4);
        assert!(room.write_all(b"e").is_ok());
        // SAFETY: as above.
        assert_eq!(unsafe { room.spare() }.len(), 1);
        room.commit();
        assert_eq!(queue.try_get().ok(), Some(Bytes::from_static(b"abcde")));
    }
    let mut room = queue.reserve(2, Wait::Never).expect("room");
    room.advance(usize::MAX);
    assert_eq!(room.left(), 0, "never more than was reserved");
    room.commit();
    assert_eq!(queue.try_get().map(|item| item.len()).ok(), Some(2));
}

#[test]
fn a_view_shows_the_item_in_place() {
    let queue = queue(4);
    assert!(queue.put(Bytes::from_static(b"where it lies")).is_ok());
    let view = queue.view(Wait::Never).expect("an item");
    assert!(!view.is_empty());
    // SAFETY: nobody but this test knows the queue.
    assert_eq!(unsafe { view.as_slice() }, b"where it lies");
    view.remove();
    assert_eq!(queue.depth(), Some(0));
}

#[test]
fn others_wait_for_their_side_only() {
    let queue = queue(4);
    let room = queue.reserve(1, Wait::Never).expect("room");
    let put = {
        let queue = queue.clone();
        spawn(move || queue.put_timeout(Bytes::from_static(b"late"), SOON))
    };
    assert!(matches!(join(put), Err(PutError::Full(_))));
    assert!(
        matches!(queue.try_get(), Err(GetError::Empty)),
        "the other side is free"
    );
    let put = {
        let queue = queue.clone();
        spawn(move || queue.put(Bytes::from_static(b"second")))
    };
    room.commit();
    assert!(join(put).is_ok());
    let view = queue.view(Wait::Never).expect("an item");
    let get = {
        let queue = queue.clone();
        spawn(move || queue.get_timeout(SOON))
    };
    assert!(matches!(join(get), Err(GetError::Empty)));
    assert!(queue.try_put(Bytes::from_static(b"third")).is_ok());
    let get = {
        let queue = queue.clone();
        spawn(move || queue.get())
    };
    view.remove();
    assert_eq!(join(get).ok(), Some(Bytes::from_static(b"second")));
}

#[test]
fn both_wait_and_are_woken() {
    watchdog(LIMIT, "waiting", || {
        let queue = queue(1);
        let reader = {
            let queue = queue.clone();
            spawn(move || (0..200).map(|_| content(&queue)).collect::<Vec<_>>())
        };
        for number in 0..200_u8 {
            let mut room = queue.reserve(1, Wait::Forever).expect("room in the end");
            assert!(room.write_all(&[number]).is_ok());
            room.commit();
        }
        assert!(join(reader).into_iter().flatten().eq(0..200));
    });
}

/// Getters that were told to wait for a put in progress learn that nothing came of it.
#[test]
fn a_reservation_given_up_lets_a_closed_queue_end() {
    watchdog(LIMIT, "closing", || {
        let queue = queue(1);
        let room = queue.reserve(1, Wait::Never).expect("room");
        queue.close();
        assert!(matches!(queue.view(Wait::Never), Err(GetError::Empty)));
        let get = {
            let queue = queue.clone();
            spawn(move || queue.get())
        };
        drop(room);
        assert!(matches!(join(get), Err(GetError::Closed)));
        assert!(matches!(queue.view(Wait::Forever), Err(GetError::Closed)));
        assert!(matches!(queue.reserve(1, Wait::Forever), Err(PutError::Closed(()))));
    });
}

#[test]
fn too_much_is_refused_with_both_sizes() {
    let queue = open(&ShmSpec::bounded(2).max_item(100));
    assert!(queue.reserve(100, Wait::Never).is_ok());
    let Err(PutError::Failed((), error)) = queue.reserve(101, Wait::Never) else {
        panic!("more than max_item was reserved");
    };
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(
        error.to_string().contains("100") && error.to_string().contains("101"),
        "{error}"
    );
    assert!(queue.put(Bytes::new()).is_ok() && queue.put(Bytes::new()).is_ok());
    assert!(matches!(queue.reserve(1, Wait::Never), Err(PutError::Full(()))));
    assert!(matches!(queue.reserve(1, SOON.into()), Err(PutError::Full(()))));
}

const PATTERN: &[u8] = b"a pattern that is nowhere else";

/// The segment of a queue, and where the pattern is in it.
fn find_pattern(id: &QueueId) -> std::io::Result<(File, u64)> {
    let path = ShmFolder::of_this_user().path().join(id.as_str());
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut bytes = Vec::new();
    (&file).read_to_end(&mut bytes)?;
    let place = bytes.windows(PATTERN.len()).position(|window| window == PATTERN);
    Ok((file, place.expect("the item is in the file") as u64))
}

/// Also of the bit that says whether an item has a checksum, and of the front of one that has none.
#[test]
fn a_changed_bit_in_front_of_an_item_is_an_error() -> std::io::Result<()> {
    for (is_checked, bit) in [true, false]
        .into_iter()
        .flat_map(|is| (0..64).map(move |bit| (is, bit)))
    {
        let id = QueueId::generated("zero");
        let queue: ShmQueue<Bytes> =
            ShmQueue::open(&id, &ShmSpec::bounded(4)).unwrap_or_else(|error| panic!("{error}"));
        let mut room = queue.reserve(PATTERN.len(), Wait::Never).expect("room");
        if !is_checked {
            room = room.without_checksum();
        }
        room.write_all(PATTERN)?;
        room.commit();
        let (file, place) = find_pattern(&id)?;
        let (mut front, at) = ([0; 8], place - 8);
        file.read_exact_at(&mut front, at)?;
        file.write_all_at(&(u64::from_le_bytes(front) ^ 1 << bit).to_le_bytes(), at)?;
        match queue.view(Wait::Never).map(drop) {
            Err(GetError::Failed(error)) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}"),
            other => panic!("bit {bit} of an item with a checksum ({is_checked}): {other:?}"),
        }
    }
    Ok(())
}

/// Somebody who breaks the rules changes a byte: one error, and the next item is fine.
#[test]
fn a_changed_item_is_one_error() -> std::io::Result<()> {
    let id = QueueId::generated("zero");
    let queue = ShmQueue::open(&id, &ShmSpec::bounded(4)).unwrap_or_else(|error| panic!("{error}"));
    for text in [PATTERN, b"whole"] {
        let mut room = queue.reserve(text.len(), Wait::Never).expect("room");
        room.write_all(text)?;
        room.commit();
    }
    let (file, place) = find_pattern(&id)?;
    file.write_all_at(b"A", place)?;
    match queue.view(Wait::Never) {
        Err(GetError::Failed(error)) => {
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.to_string().contains(id.as_str()), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(content(&queue), b"whole");
    until(|| queue.depth() == Some(0));
    Ok(())
}
