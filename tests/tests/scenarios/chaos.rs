//! Queues that go wrong on purpose, opened by name.

use queue_testkit::ChaosSpec;
use sage_comm::{
    Backends, Builtin, Descriptor, DescriptorRecord, ErrorKind, LocalSpec, QueueExt, Registry, Result, SageSpec, Spec,
    Wire,
};

use crate::support::names;

fn registry<T: Wire>() -> Registry<T> {
    Builtin
        .registry()
        .with::<ChaosSpec<SageSpec>>()
        .with::<ChaosSpec<LocalSpec>>()
}

fn record(uri: &str) -> DescriptorRecord {
    DescriptorRecord::from_uri(uri).unwrap()
}

#[test]
fn a_line_of_text_opens_one() -> Result<()> {
    let uri = "chaos+sage_queue://chaos/by_line?maxsize=8&chaos_drop=1&chaos_seed=7";
    let queue = registry::<String>().open(&record(uri))?;
    assert_eq!(queue.capacity(), Some(8));
    queue.put("gone".into())?;
    assert_eq!(queue.depth(), Some(0));
    assert_eq!(<ChaosSpec<SageSpec>>::KIND, "chaos+sage_queue");

    let queue = registry::<u64>().open(&record("chaos+local://chaos/twice?chaos_duplicate=1"))?;
    queue.put(1)?;
    assert!(queue.drain().eq([1, 1]));

    let queue = registry::<u64>().open(&record("chaos+local://chaos/harmless?maxsize=2"))?;
    queue.put(1)?;
    queue.put(2)?;
    assert!(queue.try_put(3).is_err() && queue.drain().eq([1, 2]));
    Ok(())
}

#[test]
fn every_parameter_survives_the_record() -> Result<()> {
    let uri = "chaos+sage_queue://chaos/kept?maxsize=8&chaos_seed=7&chaos_drop=0.01&chaos_duplicate=0.02\
               &chaos_reorder=0.03&chaos_delay=0.04&chaos_delay_time=0.5&chaos_fail=0.05";
    let canonical = registry::<u64>().check(&record(uri))?;
    let spec = <ChaosSpec<SageSpec>>::from_metadata(&canonical.metadata)?;
    assert_eq!(
        (
            spec.inner.capacity,
            spec.faults.seed,
            spec.faults.reorder,
            spec.faults.fail
        ),
        (8, 7, 0.03, 0.05)
    );
    assert_eq!(spec.to_metadata(), canonical.metadata);
    let again = Descriptor::new("chaos/kept", spec)?;
    assert_eq!(record(&again.to_uri()?).metadata, canonical.metadata);
    Ok(())
}

#[test]
fn wrong_parameters_are_explained() {
    for (uri, words) in [
        (
            "chaos+local://chaos/wrong?chaos_drop=1.5",
            ["`chaos_drop`", "a number from 0 to 1", "1.5"],
        ),
        (
            "chaos+local://chaos/wrong?chaos_drop=-1",
            ["`chaos_drop`", "a number from 0 to 1", "-1"],
        ),
        (
            "chaos+local://chaos/wrong?chaos_dorp=1",
            ["chaos_dorp", "`chaos_seed`", "did you mean `chaos_drop`?"],
        ),
        (
            "chaos+sage_queue://chaos/wrong?maxsize=0",
            ["`maxsize`", "from 1 to", "chaos+sage_queue"],
        ),
    ] {
        let error = registry::<u64>().open(&record(uri)).unwrap_err();
        names(&error, ErrorKind::InvalidDescriptor, &words);
    }
}
