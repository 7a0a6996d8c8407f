//! Packs, and batches of bytes that share memory.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use bytes::Bytes;
use descriptor_core::{ErrorKind, GetError, PutError, Queue, QueueCore, QueueId, Wait};
use queue_shm::{ShmFolder, ShmQueue, ShmSpec};
use queue_testkit::{spawn, watchdog};

const LIMIT: Duration = Duration::from_secs(60);

fn open(id: &QueueId, spec: &ShmSpec) -> ShmQueue<Bytes> {
    ShmQueue::open(id, spec).unwrap_or_else(|error| panic!("{error}"))
}

fn queue(spec: &ShmSpec) -> ShmQueue<Bytes> {
    open(&QueueId::generated("packs"), spec)
}

/// Of any length, and with content that says which one it is.
fn item(number: usize) -> Vec<u8> {
    (0..number * 7 % 41).map(|at| (number + at) as u8).collect()
}

#[test]
fn items_leave_a_pack_from_the_front() {
    let queue = queue(&ShmSpec::bounded(8));
    let mut pack = queue.pack();
    assert_eq!(pack.pop_front(), None);
    for number in 0..5 {
        assert!(pack.push(&item(number)).is_ok());
    }
    assert_eq!(pack.pop_front(), Some(item(0).as_slice()));
    assert_eq!(pack.pop_front(), Some(item(1).as_slice()));
    // What is left of it can be put, and more can be added.
    assert!(pack.push(&item(5)).is_ok());
    assert!(matches!(queue.put_pack(&mut pack, Wait::Never), Ok(4)));
    assert!(pack.is_empty() && pack.pop_front().is_none());
    assert!(matches!(queue.get_pack(&mut pack, 8, Wait::Never), Ok(4)));
    for number in 2..6 {
        assert_eq!(pack.len(), 6 - number);
        assert_eq!(pack.pop_front(), Some(item(number).as_slice()));
    }
    assert!(pack.is_empty() && pack.iter().next().is_none());
    assert!(pack.push(b"again").is_ok());
    assert!(pack.iter().eq([b"again"]));
}

#[test]
fn what_does_not_fit_stays_in_the_pack() {
    let queue = queue(&ShmSpec::bounded(4));
    let mut pack = queue.pack();
    assert!(matches!(queue.put_pack(&mut pack, Wait::Never), Ok(0)));
    for number in 0..6 {
        assert!(pack.push(&item(number)).is_ok());
    }
    assert_eq!(queue.put_pack(&mut pack, Wait::Never).ok(), Some(4));
    assert!(pack.iter().eq([item(4), item(5)]));
    let refused = queue.put_pack(&mut pack, Wait::Never);
    assert!(matches!(refused, Err(PutError::Full(()))) && pack.len() == 2);
    let mut got = queue.pack();
    assert_eq!(queue.get_pack(&mut got, 3, Wait::Never).ok(), Some(3));
    assert!(got.iter().eq((0..3).map(item)));
    assert_eq!(queue.put_pack(&mut pack, Wait::Never).ok(), Some(2));
    assert!(pack.is_empty());
    assert_eq!(queue.get_pack(&mut got, 64, Wait::Never).ok(), Some(3));
    assert!(got.iter().eq((3..6).map(item)));
    assert!(matches!(queue.get_pack(&mut got, 64, Wait::Never), Err(GetError::Empty)) && got.is_empty());
    queue.close();
    assert!(pack.push(b"late").is_ok());
    assert!(matches!(
        queue.put_pack(&mut pack, Wait::Never),
        Err(PutError::Closed(()))
    ));
    assert!(matches!(
        queue.get_pack(&mut got, 64, Wait::Forever),
        Err(GetError::Closed)
    ));
}

#[test]
fn an_item_over_the_limit_is_refused_by_whichever_queue_has_it() {
    let (small, large) = (queue(&ShmSpec::bounded(4).max_item(8)), queue(&ShmSpec::bounded(4)));
    let kind = |error: &descriptor_core::Error| error.kind();
    assert_eq!(
        small.pack().push(&[1; 9]).as_ref().map_err(kind),
        Err(ErrorKind::TooLarge)
    );
    let mut pack = large.pack();
    assert!(pack.push(&[1; 8]).is_ok() && pack.push(&[1; 9]).is_ok());
    match small.put_pack(&mut pack, Wait::Never) {
        Err(PutError::Failed((), error)) => assert_eq!(error.kind(), ErrorKind::TooLarge),
        other => panic!("{other:?}"),
    }
    assert_eq!((pack.len(), small.depth()), (2, Some(0)));
}

#[test]
fn packs_wait_and_keep_the_order() {
    watchdog(LIMIT, "packs", || {
        let id = QueueId::generated("packs");
        let spec = ShmSpec::bounded(16).max_item(64);
        let (queue, other) = (open(&id, &spec), open(&id, &spec));
        let putter = spawn(move || {
            let mut pack = other.pack();
            for number in 0..5_000 {
                assert!(pack.push(&item(number)).is_ok());
                if number % 23 == 0 || number == 4_999 {
                    while !pack.is_empty() {
                        assert!(other.put_pack(&mut pack, Wait::Forever).is_ok());
                    }
                }
            }
        });
        let (mut pack, mut next) = (queue.pack(), 0);
        while next < 5_000 {
            assert!(queue.get_pack(&mut pack, 1 + next % 40, Wait::Forever).is_ok());
            for bytes in pack.iter() {
                assert_eq!(bytes, item(next));
                next += 1;
            }
        }
        queue_testkit::join(putter);
    });
}

#[test]
fn small_items_of_a_batch_share_memory_and_large_ones_do_not() {
    let queue = queue(&ShmSpec::bounded(1024).max_item(64 << 10));
    let sizes = (0..300).map(|number| if number % 50 == 7 { 20 << 10 } else { number });
    let items: Vec<Bytes> = sizes.map(|size| vec![size as u8; size].into()).collect();
    let mut left: VecDeque<Bytes> = items.iter().cloned().collect();
    while !left.is_empty() {
        assert!(queue.put_batch(&mut left, Wait::Never).is_ok());
    }
    let mut got = Vec::new();
    while got.len() < items.len() {
        assert!(queue.get_batch(&mut got, 100, Wait::Never).is_ok());
    }
    assert_eq!(got, items);
    // Whoever keeps one keeps no more than its neighbours.
    drop(got.split_off(1));
    assert_eq!(got, items.get(..1).unwrap_or_default());
}

#[test]
fn a_changed_item_is_missing_from_its_pack_and_one_error() -> std::io::Result<()> {
    let id = QueueId::generated("packs");
    let queue = open(&id, &ShmSpec::bounded(4));
    let folder = ShmFolder::of_this_user();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(folder.path().join(id.as_str()))?;
    let pattern = b"a pattern that is nowhere else in it";
    let mut pack = queue.pack();
    for text in [&b"first"[..], pattern, b"last"] {
        assert!(pack.push(text).is_ok());
    }
    assert_eq!(queue.put_pack(&mut pack, Wait::Never).ok(), Some(3));
    let mut bytes = Vec::new();
    (&file).read_to_end(&mut bytes)?;
    let place = bytes.windows(pattern.len()).position(|window| window == pattern);
    file.write_all_at(b"A", place.expect("the item is in the file") as u64)?;
    assert_eq!(queue.get_pack(&mut pack, 64, Wait::Never).ok(), Some(2));
    assert!(pack.iter().eq([&b"first"[..], b"last"]));
    match queue.get_pack(&mut pack, 64, Wait::Never) {
        Err(GetError::Failed(error)) => assert_eq!(error.kind(), ErrorKind::Corrupt),
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        queue.get_pack(&mut pack, 64, Wait::Never),
        Err(GetError::Empty)
    ));
    Ok(())
}
