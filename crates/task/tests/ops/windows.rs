//! Aggregates over windows, beside a plain recomputation.

use std::collections::BTreeMap;

use descriptor_core::{DropCause, Error, ErrorKind};
use proptest::prelude::*;
use router::{Event, Key};
use task::ops::{Aggregate, SlidingWindow, WindowSpec};
use task::{OpResult, Operator};

use crate::rig::{Rig, keyed, plain};

/// Key, event time, value.
type Item = (u8, u64, u64);
/// Number of items and sum of their values, by end of the window and key.
type Table = BTreeMap<(u64, u8), (u64, u64)>;
type Row = ((u64, u8), (u64, u64));

#[derive(Clone)]
struct CountAndSum;

impl Aggregate<Item> for CountAndSum {
    type Acc = (u64, u64);

    fn add(&mut self, acc: &mut Self::Acc, item: Item) {
        self.merge(acc, &(1, item.2));
    }

    fn merge(&mut self, into: &mut Self::Acc, from: &Self::Acc) {
        *into = (into.0 + from.0, into.1 + from.1);
    }
}

type Time = fn(&Item) -> u64;
type Finish = fn(u64, &Key, (u64, u64)) -> OpResult<Row>;
type Window = SlidingWindow<Item, CountAndSum, Time, Finish>;

fn window(size_ms: u64, slide_ms: u64) -> Window {
    let spec = WindowSpec::sliding(size_ms, slide_ms).expect("a multiple of the slide");
    Window::new(
        spec,
        |item| item.1,
        CountAndSum,
        |end, key, acc| Ok(((end, key.decode()?), acc)),
    )
}

fn feed(rig: &mut Rig<Row>, window: &mut Window, item: Item) {
    rig.feed(window, keyed(item.0, item)).expect("it has a key");
}

/// The rows that came out, in the order of window ends, none twice.
fn rows(rig: &mut Rig<Row>) -> Table {
    let packets = rig.packets();
    assert!(
        packets
            .iter()
            .all(|packet| packet.key() == Some(&Key::from(packet.payload.0.1)))
    );
    assert!(packets.is_sorted_by_key(|packet| packet.payload.0.0));
    let count = packets.len();
    let table: Table = packets.into_iter().map(|packet| packet.payload).collect();
    assert_eq!(table.len(), count, "a window of a key fires once");
    table
}

#[test]
fn a_window_fires_when_the_watermark_reaches_its_end() {
    let (mut rig, mut op) = (Rig::new(), window(10, 5));
    for item in [(1, 2, 100), (1, 4, 10), (2, 7, 1)] {
        feed(&mut rig, &mut op, item);
    }
    assert!(rig.events().is_empty(), "no watermark, no result");
    op.watermark(4, &mut rig.ctx).unwrap();
    assert!(rig.events().is_empty());
    op.watermark(5, &mut rig.ctx).unwrap();
    assert_eq!(rows(&mut rig), [((5, 1), (2, 110))].into());
    op.watermark(12, &mut rig.ctx).unwrap();
    assert_eq!(rows(&mut rig), [((10, 1), (2, 110)), ((10, 2), (1, 1))].into());
    op.watermark(12, &mut rig.ctx).unwrap();
    assert!(rig.events().is_empty());
    op.close(&mut rig.ctx).unwrap();
    assert_eq!(rows(&mut rig), [((15, 2), (1, 1))].into());
    op.close(&mut rig.ctx).unwrap();
    assert!(rig.events().is_empty());
}

#[test]
fn at_the_end_windows_far_apart_fire_without_a_walk_through_the_gap() {
    let (mut rig, mut op) = (Rig::new(), window(2, 1));
    let far = u64::MAX - 5;
    feed(&mut rig, &mut op, (1, 0, 1));
    feed(&mut rig, &mut op, (1, far, 2));
    let mut unwarned = op.clone();
    let expected = [(1, 1), (2, 1), (far + 1, 2), (far + 2, 2)];
    let expected: Table = expected.map(|(end, sum)| ((end, 1), (1, sum))).into();
    op.watermark(u64::MAX, &mut rig.ctx).unwrap();
    assert_eq!(rows(&mut rig), expected);
    unwarned.close(&mut rig.ctx).unwrap();
    assert_eq!(rows(&mut rig), expected, "the end of the input needs no watermark");
    op.close(&mut rig.ctx).unwrap();
    assert!(rig.events().is_empty());
}

#[test]
fn late_items_are_counted_and_reported_as_dropped() {
    let (mut rig, mut op) = (Rig::new(), window(10, 5));
    op.watermark(10, &mut rig.ctx).unwrap();
    for item in [(1, 0, 1), (1, 4, 1), (1, 5, 1), (1, 10, 1)] {
        feed(&mut rig, &mut op, item);
    }
    assert_eq!((op.late(), op.partly_late()), (2, 1));
    assert_eq!(rig.dropped(DropCause::Late), 2);
    op.close(&mut rig.ctx).unwrap();
    assert_eq!(rows(&mut rig), [((15, 1), (2, 2)), ((20, 1), (1, 1))].into());
}

#[test]
fn unkeyed_items_and_impossible_times_are_refused() {
    let (mut rig, mut op) = (Rig::new(), window(10, 5));
    let error = rig.feed(&mut op, plain((1, 1, 1))).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("window: expected packets with a key"), "{text}");
    assert!(text.ends_with("put key_by right before it"), "{text}");
    let error = rig.feed(&mut op, keyed(1_u8, (1, u64::MAX, 1))).unwrap_err();
    let error = error.downcast::<Error>().unwrap();
    assert_eq!(error.kind(), ErrorKind::UserCode);
    assert!(error.to_string().contains("18446744073709551615 ms"), "{error}");
    assert_eq!((op.late(), rig.dropped(DropCause::Late)), (0, 0));
    op.close(&mut rig.ctx).unwrap();
    assert!(rig.events().is_empty());
}

#[test]
fn clones_keep_windows_of_their_own() {
    let (mut rig, mut op) = (Rig::new(), window(5, 5));
    let mut other = op.clone();
    feed(&mut rig, &mut op, (1, 1, 1));
    other.close(&mut rig.ctx).unwrap();
    assert!(rig.events().is_empty());
    op.close(&mut rig.ctx).unwrap();
    assert!(matches!(rig.events().as_slice(), [Event::Packet(_)]));
}

#[derive(Clone, Debug)]
enum Step {
    Item(Item),
    Watermark(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..4_u8, 0..120_u64, 0..100_u64).prop_map(Step::Item),
        1 => (0..140_u64).prop_map(Step::Watermark),
    ]
}

proptest! {
    /// Items and watermarks in any order, older ones too: each window holds what had come before it fired.
    #[test]
    fn windows_equal_a_plain_recomputation(
        slide in 1..12_u64,
        overlap in 1..5_u64,
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let size = slide * overlap;
        let (mut rig, mut op) = (Rig::new(), window(size, slide));
        let (mut watermark, mut late, mut partly_late) = (0, 0, 0);
        let mut expected = Table::new();
        let mut fired = Table::new();
        for step in steps {
            match step {
                Step::Item(item) => {
                    feed(&mut rig, &mut op, item);
                    let (key, time, value) = item;
                    let ends = (time + 1..=time + size).filter(|end| end % slide == 0);
                    let (gone, open): (Vec<u64>, Vec<u64>) = ends.partition(|&end| end <= watermark);
                    late += u64::from(open.is_empty());
                    partly_late += u64::from(!open.is_empty() && !gone.is_empty());
                    for end in open {
                        let row = expected.entry((end, key)).or_default();
                        *row = (row.0 + 1, row.1 + value);
                    }
                }
                Step::Watermark(time) => {
                    op.watermark(time, &mut rig.ctx).unwrap();
                    let now = rows(&mut rig);
                    prop_assert!(now.keys().all(|&(end, _)| end > watermark && end <= time));
                    watermark = watermark.max(time);
                    fired.extend(now);
                    let due: Table = expected.iter().filter(|((end, _), _)| *end <= watermark).map(|(k, v)| (*k, *v)).collect();
                    prop_assert_eq!(&fired, &due, "all that is due has fired");
                }
            }
        }
        op.close(&mut rig.ctx).unwrap();
        fired.extend(rows(&mut rig));
        prop_assert_eq!(fired, expected);
        prop_assert_eq!((op.late(), op.partly_late()), (late, partly_late));
        prop_assert_eq!(rig.dropped(DropCause::Late), late);
    }
}
