//! The store over a disk that is a table of bytes: it fills up, fails, loses its power, and rots.

mod model;

use queue_core::ErrorKind;
use redb::{ReadableDatabase, ReadableTableMetadata};
use rpc_broker::{Author, Entry};
use rpc_wire::ItemCodec;

use self::model::{Dice, Model, Script};
use super::Store;
use super::layout::ITEMS;
use super::medium::Disk;

fn open(disk: &Disk) -> Result<(Store, Model), queue_core::Error> {
    let (store, restored) = Store::on(disk.clone())?;
    Ok((store, Model::of(restored)))
}

#[test]
fn what_was_written_is_read_again() {
    for seed in 1..20 {
        let (mut dice, disk) = (Dice(seed), Disk::new(Vec::new()));
        let (mut store, found) = open(&disk).expect("an empty disk");
        assert_eq!(found, Model::default());
        let (mut model, mut script) = (Model::default(), Script::default());
        for _ in 0..dice.below(30) {
            let entries = script.batch(&mut dice);
            store.write(&entries).expect("a disk that works");
            entries.iter().for_each(|entry| model.apply(entry));
        }
        drop(store);
        let (_, found) = open(&disk).expect("what was written");
        assert_eq!(found, model, "seed {seed}");
    }
}

/// What many put one behind the other are a row together, and each of them has its number.
#[test]
fn small_puts_in_a_row_share_a_row() {
    let disk = Disk::new(Vec::new());
    let (mut store, mut model) = open(&disk).expect("an empty disk");
    let mut entries = vec![Entry::Made {
        queue: 1,
        record: b"a queue".to_vec(),
    }];
    entries.extend([[1; 16], [2; 16]].map(|id| Entry::Session { id, identity: None }));
    let put = |order: u64, codec: u8| Entry::Put {
        queue: 1,
        order,
        codec: ItemCodec(codec),
        count: 1,
        items: vec![1, 0, 0, 0, order as u8].into(),
        by: Some(Author {
            session: [1 + (order % 2) as u8; 16],
            next_put: order / 2 + 1,
        }),
    };
    // The gap at 40 ends a run, and so does the other codec.
    entries.extend((1..=60).filter(|order| *order != 40).map(|order| put(order, 0)));
    entries.extend((61..=64).map(|order| put(order, 1)));
    store.write(&entries).expect("a disk that works");
    entries.iter().for_each(|entry| model.apply(entry));
    let rows = store.database.as_ref().map(|database| {
        let read = database.begin_read().expect("a reader");
        read.open_table(ITEMS).and_then(|items| Ok(items.len()?)).expect("rows")
    });
    assert_eq!(rows, Some(3));
    drop(store);
    let (_, found) = open(&disk).expect("what was written");
    assert_eq!(found, model);
}

/// At any write, and with any part of what was not synced: what was confirmed is there, and a batch is there whole or not at all.
#[test]
fn when_the_power_fails_what_was_confirmed_is_there_once() {
    let mut cut_short = 0;
    for seed in 1..=300 {
        let (mut dice, mut disk) = (Dice(seed), Disk::new(Vec::new()));
        let (mut model, mut script) = (Model::default(), Script::default());
        // Several cuts one after another.
        for life in 0..4 {
            let (mut store, found) = match open(&disk) {
                Ok(opened) => opened,
                Err(error) => panic!("seed {seed}, life {life}: {error}"),
            };
            assert_eq!(found, model, "seed {seed}, life {life}");
            store.begin_life(life).expect("a disk that works");
            disk.medium().power_fails_after(dice.below(60), |_| ());
            let mut pending = None;
            for _ in 0..20 {
                let entries = script.batch(&mut dice);
                if store.write(&entries).is_err() {
                    pending = Some(entries);
                    break;
                }
                entries.iter().for_each(|entry| model.apply(entry));
            }
            drop(store);
            let image = disk.medium().after_power_cut(&mut |most| dice.below(most));
            disk = Disk::new(image);
            if let Some(entries) = pending {
                let mut with = model.clone();
                entries.iter().for_each(|entry| with.apply(entry));
                let (_, found) = match open(&disk) {
                    Ok(opened) => opened,
                    Err(error) => panic!("seed {seed}, life {life}: {error}"),
                };
                assert!(
                    found == model || found == with,
                    "seed {seed}, life {life}: half a batch"
                );
                cut_short += 1;
                model = found;
                script = Script::on(&model);
            }
        }
    }
    assert!(
        cut_short > 200,
        "the power failed while something was written {cut_short} times"
    );
}

/// A disk that says `sync` and does not: the test above must be able to see that.
#[test]
fn a_disk_that_does_not_sync_is_noticed() {
    let lost = (1..=40).filter(|seed| {
        let (mut dice, disk) = (Dice(*seed), Disk::new(Vec::new()));
        let (mut store, _) = open(&disk).expect("an empty disk");
        disk.medium().lies();
        let (mut model, mut script) = (Model::default(), Script::default());
        for _ in 0..10 {
            let entries = script.batch(&mut dice);
            store.write(&entries).expect("a disk that works");
            entries.iter().for_each(|entry| model.apply(entry));
        }
        std::mem::forget(store);
        let image = disk.medium().after_power_cut(&mut |most| dice.below(most));
        !open(&Disk::new(image)).is_ok_and(|(_, found)| found == model)
    });
    assert!(lost.count() > 20);
}

#[test]
fn a_disk_that_fills_up_loses_nothing_and_works_again_when_there_is_room() {
    let mut failures = 0;
    for seed in 1..=100 {
        let (mut dice, disk) = (Dice(seed), Disk::new(Vec::new()));
        let (mut store, _) = open(&disk).expect("an empty disk");
        let (mut model, mut script) = (Model::default(), Script::default());
        let mut again = Vec::new();
        for _ in 0..30 {
            if dice.below(4) == 0 {
                let after = dice.below(12);
                disk.medium().fails_after(after, dice.below(2) == 0);
            }
            let mut entries = std::mem::take(&mut again);
            entries.extend(script.batch(&mut dice));
            match store.write(&entries) {
                Ok(()) => entries.iter().for_each(|entry| model.apply(entry)),
                Err(error) => {
                    assert!(matches!(error.kind(), ErrorKind::OutOfSpace | ErrorKind::Io), "{error}");
                    failures += 1;
                    // As the broker does: puts are refused, the rest comes again.
                    again = script.refused(entries);
                    disk.medium().works_again();
                }
            }
        }
        disk.medium().works_again();
        let mut entries = again;
        entries.extend(script.batch(&mut dice));
        store.write(&entries).expect("a disk that works");
        entries.iter().for_each(|entry| model.apply(entry));
        drop(store);
        let (_, found) = open(&disk).expect("what was written");
        assert_eq!(found.items(), model.items(), "seed {seed}");
        assert_eq!(found, model, "seed {seed}");
    }
    assert!(failures > 100, "it failed {failures} times");
}

#[test]
fn damage_is_an_error_and_nothing_is_deleted() {
    let (mut dice, disk) = (Dice(7), Disk::new(Vec::new()));
    let (mut store, _) = open(&disk).expect("an empty disk");
    let (mut model, mut script) = (Model::default(), Script::default());
    for _ in 0..20 {
        let entries = script.batch(&mut dice);
        store.write(&entries).expect("a disk that works");
        entries.iter().for_each(|entry| model.apply(entry));
    }
    drop(store);
    let whole = disk.medium().bytes().to_vec();
    let used: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
    let mut noticed = 0;
    for _ in 0..60 {
        let mut bytes = whole.clone();
        let at = used[dice.below(used.len() as u64) as usize];
        bytes[at] ^= 1 << dice.below(8);
        match open(&Disk::new(bytes)) {
            // What is not used any more may be anything.
            Ok((_, found)) => assert_eq!(found, model, "byte {at}"),
            Err(error) => {
                assert!(
                    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Incompatible),
                    "byte {at}: {error}"
                );
                noticed += 1;
            }
        }
    }
    assert!(noticed > 5, "{noticed} of 60");
    let (kind, text) = match open(&Disk::new(b"something else entirely".repeat(1000))) {
        Ok(_) => panic!("that was no store"),
        Err(error) => (error.kind(), error.to_string()),
    };
    assert!(kind == ErrorKind::Corrupt && text.contains("memory"), "{text}");
}

#[test]
fn no_life_has_the_epoch_of_another_though_the_clock_was_set_back() {
    let disk = Disk::new(Vec::new());
    let (mut store, _) = open(&disk).expect("an empty disk");
    assert_eq!(store.begin_life(1000).expect("a disk that works"), 1000);
    let made = Entry::Made {
        queue: 1007,
        record: Vec::new(),
    };
    store.write(&[made]).expect("a disk that works");
    drop(store);
    let (mut store, _) = open(&disk).expect("what was written");
    assert_eq!(store.begin_life(5).expect("a disk that works"), 1008);
}
