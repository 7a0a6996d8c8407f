//! Records, parameters, dead letters by name, errors, and items that resist.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use descriptor_core::{
    Descriptor, DescriptorRecord, ErrorKind, GetError, Queue, QueueCore, QueueExt, QueueStats, Registry, Wait, adopt,
};
use queue_lease::{LeaseQueue, LeaseSpec, Terms};
use queue_local::{LocalQueue, LocalSpec};
use queue_sage::{SageQueue, SageSpec};
use queue_testkit::{until, watchdog};
use serde::{Deserialize, Serialize};

type Outcome = Result<(), descriptor_core::Error>;

fn registry() -> Registry<u64> {
    Registry::new()
        .with::<LeaseSpec<SageSpec>>()
        .with::<LeaseSpec<LocalSpec>>()
        .with::<SageSpec>()
}

#[test]
fn a_record_says_it_all() -> Outcome {
    let record = DescriptorRecord::from_uri(
        "lease+sage_queue://opening/jobs?maxsize=4&lease_time=60&max_deliveries=1&dead_letter=opening/dead",
    )?;
    let queue = registry().open(&record)?;
    assert!(queue.caps().lease && queue.caps().bounded);
    queue.put(7)?;
    drop(queue.lease(Wait::Never)?);
    let dead = registry().open(&DescriptorRecord::from_uri("sage_queue://opening/dead?maxsize=4")?)?;
    assert_eq!(dead.try_get()?, 7);
    let spec = LeaseSpec::new(SageSpec::bounded(4))
        .time(Duration::from_secs(60))
        .max_deliveries(1)
        .dead_letter("opening/dead")?;
    let again = Descriptor::new("opening/jobs", spec)?;
    again.queue::<u64>()?.put(8)?;
    assert_eq!(queue.get()?, 8, "the same id and parameters lead to the same queue");
    Ok(())
}

#[test]
fn parameters_survive_the_record_and_have_defaults() -> Outcome {
    let spec = LeaseSpec::new(LocalSpec::unbounded())
        .time(Duration::from_millis(1500))
        .max_deliveries(u32::MAX)
        .dead_letter("opening/elsewhere")?;
    let descriptor = Descriptor::new("opening/kept", spec.clone())?;
    let back = Descriptor::<LeaseSpec<LocalSpec>>::from_record(&descriptor.to_record())?;
    assert_eq!(*back.spec(), spec);
    let plain = Descriptor::<LeaseSpec<SageSpec>>::from_record(&DescriptorRecord::from_uri("lease+sage_queue://a")?)?;
    assert_eq!(*plain.spec(), LeaseSpec::new(SageSpec::bounded(1000)));
    Ok(())
}

#[test]
fn what_is_wrong_is_said() -> Outcome {
    for (uri, parts) in [
        ("lease+sage_queue://a?lease_time=-1", ["lease_time", "seconds"]),
        (
            "lease+sage_queue://a?max_deliveries=-1",
            ["max_deliveries", "whole number"],
        ),
        ("lease+sage_queue://a?dead_letter=..", ["queue id", ".."]),
        ("lease+sage_queue://a?maxsize=0", ["maxsize", "capacity"]),
        ("lease+local://a?lease_tyme=1", ["lease_tyme", "lease_time"]),
        (
            "lease+local://opening/own?dead_letter=opening/own",
            ["another queue", "opening/own"],
        ),
        ("lease+shm://a", ["lease+shm", "lease+sage_queue"]),
    ] {
        let error = DescriptorRecord::from_uri(uri).and_then(|record| registry().open(&record).map(drop));
        let Err(error) = error else {
            panic!("{uri} was opened");
        };
        assert_eq!(error.kind(), ErrorKind::InvalidDescriptor, "{error}");
        let text = error.to_string();
        assert!(parts.iter().all(|part| text.contains(part)), "{uri}: {text}");
    }
    Ok(())
}

#[test]
fn an_ended_lease_names_its_queue() -> Outcome {
    let queue = registry().open(&DescriptorRecord::from_uri(
        "lease+local://opening/late?lease_time=0.001",
    )?)?;
    queue.put(1)?;
    let lease = queue.lease(Wait::Forever)?;
    watchdog(Duration::from_secs(60), "expiry", {
        let queue = queue.clone();
        move || queue.get().map_err(descriptor_core::Error::from)
    })?;
    let error = lease.ack().expect_err("somebody else has it");
    let text = error.to_string();
    for part in [
        "stale handle",
        "opening/late",
        "lease+local",
        "expected",
        "found",
        "extend",
    ] {
        assert!(text.contains(part), "{text}");
    }
    Ok(())
}

/// Reads back as nothing that it was written as.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct OneWay(#[serde(deserialize_with = "refuse")] u64);

fn refuse<'de, D: serde::Deserializer<'de>>(_: D) -> Result<u64, D::Error> {
    Err(serde::de::Error::custom("not this one"))
}

#[test]
fn an_item_that_cannot_be_copied_is_not_lent_and_not_lost() -> Outcome {
    let spec = LeaseSpec::new(SageSpec::bounded(4))
        .max_deliveries(2)
        .dead_letter("opening/uncopied")?;
    let queue = Descriptor::new("opening/one_way", spec)?.queue::<OneWay>()?;
    queue.put(OneWay(1))?;
    for _ in 0..2 {
        match queue.lease(Wait::Never) {
            Err(GetError::Failed(error)) => {
                assert_eq!(error.kind(), ErrorKind::NotSerializable, "{error}");
                assert!(error.to_string().contains("opening/one_way"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
    // Two failed deliveries are deliveries: the queue behind it is not blocked for ever.
    let dead = Descriptor::new("opening/uncopied", SageSpec::bounded(4))?.queue::<OneWay>()?;
    assert_eq!(dead.try_get()?, OneWay(1));
    queue.put(OneWay(2))?;
    assert_eq!(queue.get()?, OneWay(2));
    Ok(())
}

/// Counts its copies.
struct Counted(Arc<AtomicUsize>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(&self.0))
    }
}

#[test]
fn only_leases_with_a_limit_copy_and_only_once() -> Outcome {
    let copies = Arc::new(AtomicUsize::new(0));
    let lasting = LeaseQueue::new(SageQueue::new(4)?, Terms::new());
    let limited = LeaseQueue::new(
        LocalQueue::new(None)?,
        Terms::new().expiring_clones(Duration::from_secs(3600)),
    );
    for round in 0..2 {
        lasting.put(Counted(Arc::clone(&copies)))?;
        drop(lasting.lease(Wait::Never)?);
        lasting.lease(Wait::Never)?.ack()?;
        limited.put(Counted(Arc::clone(&copies)))?;
        limited.lease(Wait::Never)?.ack()?;
        assert_eq!(copies.load(Ordering::SeqCst), round + 1);
    }
    limited.put(Counted(Arc::clone(&copies)))?;
    assert!(limited.get().is_ok());
    assert_eq!(copies.load(Ordering::SeqCst), 2, "a get copies nothing");
    Ok(())
}

#[test]
fn a_queue_made_by_hand_can_be_named() -> Outcome {
    let made = LeaseQueue::new(SageQueue::<u64>::new(4)?, Terms::new());
    let descriptor = adopt::<u64, LeaseSpec<SageSpec>>("opening/adopted", made.clone())?;
    descriptor.put(3_u64)?;
    assert_eq!(made.lease(Wait::Never)?.ack()?, 3);
    assert_eq!(QueueStats::of(&*made).leases.map(|leases| leases.leased), Some(0));
    Ok(())
}

/// Many leases that end long before their time leave nothing behind that grows.
#[test]
fn a_long_time_limit_is_no_burden() -> Outcome {
    let queue = LeaseQueue::new(
        SageQueue::<u64>::new(64)?,
        Terms::new().expiring_clones(Duration::from_secs(100_000)),
    );
    for number in 0..200_000 {
        queue.put(number)?;
        assert_eq!(queue.lease(Wait::Never)?.ack()?, number);
    }
    let leases = queue.leases().unwrap_or_default();
    assert_eq!((leases.leased, leases.expired, leases.redelivered), (0, 0, 0));
    assert_eq!(queue.depth(), Some(0));
    assert_eq!(queue.drain().count(), 0);
    Ok(())
}

/// Looks at its queue whenever it is copied or dropped, which would never end if that happened under the queue's lock.
struct Nosy(Weak<LeaseQueue<Self, SageQueue<Self>>>);

impl Nosy {
    fn look(&self) {
        if let Some(queue) = self.0.upgrade() {
            assert!(queue.depth().is_some() && queue.leases().is_some());
        }
    }
}

impl Clone for Nosy {
    fn clone(&self) -> Self {
        self.look();
        Self(self.0.clone())
    }
}

impl Drop for Nosy {
    fn drop(&mut self) {
        self.look();
    }
}

#[test]
fn nothing_of_a_user_runs_under_the_lock() -> Outcome {
    watchdog(Duration::from_secs(60), "nosy items", || {
        let terms = Terms::new().expiring_clones(Duration::from_millis(5)).max_deliveries(3);
        let queue = LeaseQueue::new(SageQueue::<Nosy>::new(4)?, terms);
        let nosy = || Nosy(Arc::downgrade(&queue));
        for _ in 0..20 {
            queue.put(nosy())?;
            let late = queue.lease(Wait::Forever)?;
            drop(queue.get()?);
            assert!(late.ack().is_err());
            queue.put(nosy())?;
            // Whether an end comes in time or too late, the third delivery is the last one.
            let _ = queue.lease(Wait::Forever)?.nack(Duration::from_millis(1));
            drop(queue.lease(Wait::Forever)?);
            let _ = queue.lease(Wait::Forever)?.ack();
            until(|| queue.depth() == Some(0));
            queue.put(nosy())?;
            (0..3).try_for_each(|_| queue.lease(Wait::Forever).map(drop))?;
            until(|| queue.depth() == Some(0));
            assert!(queue.try_put(nosy()).is_ok() && queue.get().is_ok());
        }
        Ok(())
    })
}
