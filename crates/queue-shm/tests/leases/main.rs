//! Leases in shared memory beyond the clauses: parameters, several handles, sizes, items that resist, and what is full. And looking at
//! what waits, whether it was on loan or not.

mod peek;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use descriptor_core::{
    Descriptor, DescriptorRecord, Error, ErrorKind, GetError, Queue, QueueCore, QueueId, Wait, Wire,
};
use queue_shm::{ShmQueue, ShmSpec};
use queue_testkit::{join, spawn, until, watchdog};
use serde::{Deserialize, Serialize};

const LIMIT: Duration = Duration::from_secs(60);
type Outcome = Result<(), Error>;

fn id() -> QueueId {
    QueueId::generated("leases")
}

fn handle<T: Wire>(id: &QueueId, spec: &ShmSpec) -> Arc<ShmQueue<T>> {
    Arc::new(ShmQueue::open(id, spec).unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn a_record_says_it_all() -> Outcome {
    let (id, dead) = (id(), id());
    let dead_uri = format!("shm://{dead}?maxsize=2");
    let spec = ShmSpec::bounded(4)
        .lease_time(Duration::from_millis(1500))
        .max_deliveries(1)
        .dead_letter(dead_uri.clone());
    let here = Descriptor::new(id, spec.clone())?;
    let there = Descriptor::<ShmSpec>::from_record(&DescriptorRecord::from_uri(&here.to_record().to_uri())?)?;
    assert_eq!(*there.spec(), spec);
    let (here, there) = (here.queue::<u64>()?, there.queue::<u64>()?);
    here.put(7)?;
    drop(there.lease(Wait::Never)?);
    let letters = Descriptor::<ShmSpec>::from_record(&DescriptorRecord::from_uri(&dead_uri)?)?.queue::<u64>()?;
    assert_eq!((letters.capacity(), letters.try_get()?), (Some(2), 7));
    let plain = DescriptorRecord::from_uri("shm://leases/plain?max_deliveries=3&dead_letter=leases/letters")?;
    let plain = Descriptor::<ShmSpec>::from_record(&plain)?;
    assert_eq!(
        *plain.spec(),
        ShmSpec::bounded(1000).max_deliveries(3).dead_letter("leases/letters")
    );
    Ok(())
}

#[test]
fn what_is_wrong_is_said() {
    let live = ShmSpec::bounded(4)
        .lease_time(Duration::from_secs(2))
        .max_deliveries(3)
        .dead_letter("leases/one");
    let id = id();
    let _queue = handle::<u64>(&id, &live);
    let text = |spec: &ShmSpec, kind| match ShmQueue::<u64>::open(&id, spec) {
        Ok(_) => panic!("{spec:?} was opened"),
        Err(error) => {
            assert_eq!(error.kind(), kind, "{error}");
            error.to_string()
        }
    };
    let other = |spec: ShmSpec, parts: [&str; 3]| {
        let text = text(&spec, ErrorKind::Incompatible);
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    };
    other(live.clone().lease_time(Duration::ZERO), ["lease_time", "2", "0"]);
    other(live.clone().max_deliveries(4), ["max_deliveries", "3", "4"]);
    other(
        live.clone().dead_letter("leases/two"),
        ["dead_letter", "leases/one", "leases/two"],
    );
    for (dead_letter, part) in [
        ("..", "queue id"),
        ("local://leases/one", "shm"),
        (id.as_str(), "another queue"),
        ("shm://leases/one?codec=json", "codec"),
    ] {
        let text = text(&live.clone().dead_letter(dead_letter), ErrorKind::InvalidDescriptor);
        assert!(text.contains(part), "{text}");
    }
}

/// Each handle takes part on its own; an item is with one of them.
#[test]
fn handles_lend_one_queue() -> Outcome {
    let (id, spec) = (id(), ShmSpec::bounded(4).lease_time(Duration::ZERO));
    let (one, two) = (handle::<u64>(&id, &spec), handle::<u64>(&id, &spec));
    for item in 1..=3 {
        one.put(item)?;
    }
    let (first, second) = (one.lease(Wait::Never)?, two.lease(Wait::Never)?);
    assert_eq!((first.item(), second.item()), (Some(&1), Some(&2)));
    assert_eq!(one.leases(), two.leases());
    assert_eq!((one.depth(), two.depth()), (Some(3), Some(3)));
    // A lease outlives the handle it came from.
    drop(one);
    assert!(matches!(two.lease(Wait::Never)?.ack(), Ok(3)));
    drop(first);
    assert_eq!(two.get()?, 1);
    assert_eq!(second.ack()?, 2);
    assert_eq!((two.depth(), two.damage().lost_in_flight), (Some(0), 0));
    Ok(())
}

/// Small ones lie in their entry, larger ones in a place of their own; both come back as they were, and may be viewed.
#[test]
fn items_of_all_sizes_come_back() -> Outcome {
    let queue = handle::<Bytes>(&id(), &ShmSpec::bounded(64).max_item(100_000).max_bytes(4 << 20));
    let item = |len: usize| Bytes::from((0..len).map(|at| (at * 31 + len) as u8).collect::<Vec<_>>());
    let sizes = [0, 1, 191, 192, 193, 4095, 4096, 4097, 99_999, 100_000];
    for round in 0..3 {
        for size in sizes {
            queue.put(item(size))?;
        }
        let mut leases = Vec::new();
        assert_eq!(queue.lease_batch(&mut leases, 64, Wait::Never)?, sizes.len());
        for (lease, size) in leases.iter().zip(sizes) {
            assert_eq!(lease.item(), Some(&item(size)));
        }
        drop(leases);
        for size in sizes {
            if (size + round) % 2 == 0 {
                assert_eq!(queue.try_get()?, item(size));
                continue;
            }
            let mut view = queue.view(Wait::Never)?;
            let mut bytes = Vec::new();
            assert!(std::io::Read::read_to_end(&mut view, &mut bytes).is_ok());
            drop(view);
            let view = queue.view(Wait::Never)?;
            assert_eq!((bytes.len(), view.len()), (size, size));
            view.remove();
            assert_eq!(bytes, item(size));
        }
        assert_eq!(queue.depth(), Some(0));
    }
    let totals = queue.totals().unwrap_or_default();
    assert_eq!((totals.put, totals.get), (30, 30));
    assert_eq!(queue.leases().map(|leases| leases.redelivered), Some(30));
    Ok(())
}

#[test]
fn bytes_on_loan_take_room() -> Outcome {
    let queue = handle::<Bytes>(&id(), &ShmSpec::bounded(64).max_item(1000).max_bytes(1008));
    queue.put(Bytes::from(vec![1; 600]))?;
    let lease = queue.lease(Wait::Never)?;
    assert!(queue.try_put(Bytes::from(vec![2; 600])).is_err());
    assert!(queue.try_put(Bytes::from(vec![2; 300])).is_ok());
    lease.ack()?;
    assert!(queue.try_put(Bytes::from(vec![3; 600])).is_ok());
    Ok(())
}

/// More items than can be on loan at once: the next one stays where it is, and is lent when there is an entry again.
#[test]
fn the_table_of_loans_has_an_end() -> Outcome {
    const MOST: usize = 4096;
    let queue = handle::<u64>(&id(), &ShmSpec::bounded(MOST + 10));
    for item in 0..(MOST + 2) as u64 {
        queue.put(item)?;
    }
    let mut leases = Vec::new();
    assert_eq!(queue.lease_batch(&mut leases, 2 * MOST, Wait::Forever)?, MOST);
    match queue.lease(Wait::Never) {
        Err(GetError::Failed(error)) => {
            assert_eq!(error.kind(), ErrorKind::ResourceExhausted, "{error}");
            assert!(error.to_string().contains("4096"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(leases.swap_remove(100).ack()?, 100);
    assert_eq!(queue.lease(Wait::Never)?.ack()?, MOST as u64);
    assert_eq!(queue.depth(), Some(MOST));
    drop(leases);
    assert_eq!(queue.try_get()?, 0);
    assert_eq!(queue.leases().map(|leases| leases.leased), Some(0));
    Ok(())
}

static PANICS: AtomicBool = AtomicBool::new(false);

/// Reads back as it was written, as nothing, or not at all.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Odd(#[serde(deserialize_with = "read_odd")] u64);

fn read_odd<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    match u64::deserialize(from)? {
        1 => Err(serde::de::Error::custom("not this one")),
        2 if PANICS.load(Ordering::SeqCst) => std::panic::panic_any("while reading"),
        number => Ok(number),
    }
}

#[test]
fn an_item_that_cannot_be_read_is_one_error_and_a_panic_gives_it_back() -> Outcome {
    let queue = handle::<Odd>(&id(), &ShmSpec::bounded(8).lease_time(Duration::ZERO));
    for number in 0..4 {
        queue.put(Odd(number))?;
    }
    assert_eq!(queue.lease(Wait::Never)?.ack()?, Odd(0));
    assert!(matches!(queue.lease(Wait::Never), Err(GetError::Failed(error)) if error.kind() == ErrorKind::Corrupt));
    PANICS.store(true, Ordering::SeqCst);
    let panicked = join(spawn({
        let queue = queue.clone();
        move || std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| queue.lease(Wait::Never).is_ok())).is_err()
    }));
    assert!(panicked);
    PANICS.store(false, Ordering::SeqCst);
    let lease = queue.lease(Wait::Never)?;
    assert_eq!((lease.item(), lease.deliveries()), (Some(&Odd(2)), 2));
    assert_eq!(queue.try_get()?, Odd(3));
    assert_eq!(queue.depth(), Some(1));
    Ok(())
}

/// Nobody waits on the queue but a thread of its own: what rests or runs out is noticed all the same, by another handle too.
#[test]
fn a_time_limit_needs_nobody_who_waits() {
    watchdog(LIMIT, "time limits", || {
        let (id, dead) = (id(), id());
        let spec = ShmSpec::bounded(8)
            .lease_time(Duration::from_millis(10))
            .max_deliveries(2)
            .dead_letter(dead.as_str());
        let (one, two) = (handle::<u64>(&id, &spec), handle::<u64>(&id, &spec));
        for item in 0..4 {
            assert!(one.put(item).is_ok());
        }
        let letters = handle::<u64>(&dead, &ShmSpec::bounded(8).lease_time(Duration::from_millis(10)));
        let reader = spawn(move || (0..4).map(|_| letters.get().ok()).collect::<Vec<_>>());
        let mut held = Vec::new();
        for round in 1..=2 {
            while held.len() < round * 4 {
                held.extend(two.lease(Wait::Forever));
            }
            until(|| one.leases().is_some_and(|leases| leases.leased == 0));
        }
        let mut letters = join(reader);
        letters.sort_unstable();
        assert_eq!(letters, [Some(0), Some(1), Some(2), Some(3)]);
        until(|| {
            one.leases()
                .is_some_and(|leases| (leases.dead_lettered, leases.expired) == (4, 8))
        });
        assert_eq!(one.depth(), Some(0));
    });
}
