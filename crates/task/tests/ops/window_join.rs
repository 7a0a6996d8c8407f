//! Joins over windows, beside a plain recomputation.

use descriptor_core::DropCause;
use proptest::prelude::*;
use router::Key;
use task::Operator;
use task::ops::{Either, WindowJoin, WindowSpec};

use crate::rig::{Rig, keyed, plain};

/// Key, event time, number of the item.
type Item = (u8, u64, usize);
/// End of the window, number of the left item, number of the right item.
type Pair = (u64, usize, usize);
type Time = fn(&Item) -> u64;
type Join = WindowJoin<Item, Item, Time, Time, fn(u64, &Item, &Item) -> Pair>;

fn join(size_ms: u64, slide_ms: u64) -> Join {
    let spec = WindowSpec::sliding(size_ms, slide_ms).expect("a multiple of the slide");
    Join::new(
        spec,
        |item| item.1,
        |item| item.1,
        |end, left, right| (end, left.2, right.2),
    )
}

fn feed(rig: &mut Rig<Pair>, op: &mut Join, item: Either<Item, Item>) {
    let key = item.either(|left| left.0, |right| right.0);
    rig.feed(op, keyed(key, item)).expect("it has a key");
}

fn pairs(rig: &mut Rig<Pair>) -> Vec<Pair> {
    let payloads = rig.payloads();
    assert!(
        payloads.is_sorted_by_key(|pair| pair.0),
        "windows in order of their ends"
    );
    let mut pairs = payloads;
    pairs.sort_unstable();
    pairs
}

#[test]
fn pairs_come_per_key_and_window_once_the_watermark_has_reached_its_end() {
    let (mut rig, mut op) = (Rig::new(), join(10, 10));
    for item in [
        Either::Left((1, 1, 0)),
        Either::Right((1, 9, 1)),
        Either::Right((2, 5, 2)),
        Either::Left((1, 8, 3)),
        Either::Right((1, 10, 4)),
    ] {
        feed(&mut rig, &mut op, item);
    }
    op.watermark(9, &mut rig.ctx).unwrap();
    assert!(rig.events().is_empty());
    op.watermark(10, &mut rig.ctx).unwrap();
    let out = rig.packets();
    assert!(out.iter().all(|packet| packet.key() == Some(&Key::from(1_u8))));
    assert_eq!(
        out.into_iter().map(|packet| packet.payload).collect::<Vec<_>>(),
        [(10, 0, 1), (10, 3, 1)]
    );
    feed(&mut rig, &mut op, Either::Left((1, 19, 5)));
    op.close(&mut rig.ctx).unwrap();
    assert_eq!(pairs(&mut rig), [(20, 5, 4)]);
    op.close(&mut rig.ctx).unwrap();
    assert!(rig.events().is_empty());
}

#[test]
fn windows_that_overlap_emit_a_pair_each() {
    let (mut rig, mut op) = (Rig::new(), join(10, 5));
    feed(&mut rig, &mut op, Either::Left((1, 6, 0)));
    feed(&mut rig, &mut op, Either::Right((1, 7, 1)));
    feed(&mut rig, &mut op, Either::Right((1, 12, 2)));
    op.watermark(u64::MAX, &mut rig.ctx).unwrap();
    assert_eq!(pairs(&mut rig), [(10, 0, 1), (15, 0, 1), (15, 0, 2)]);
}

#[test]
fn one_stream_alone_gives_no_pairs() {
    let (mut rig, mut op) = (Rig::new(), join(10, 5));
    (0..50).for_each(|n| feed(&mut rig, &mut op, Either::Left((1, n, 0))));
    op.close(&mut rig.ctx).unwrap();
    assert!(rig.events().is_empty());
}

#[test]
fn late_items_of_both_sides_are_counted_and_reported_as_dropped() {
    let (mut rig, mut op) = (Rig::new(), join(10, 5));
    op.watermark(10, &mut rig.ctx).unwrap();
    feed(&mut rig, &mut op, Either::Left((1, 4, 0)));
    feed(&mut rig, &mut op, Either::Right((1, 3, 1)));
    feed(&mut rig, &mut op, Either::Left((1, 5, 2)));
    feed(&mut rig, &mut op, Either::Right((1, 10, 3)));
    assert_eq!((op.late(), op.partly_late()), (2, 1));
    assert_eq!(rig.dropped(DropCause::Late), 2);
    op.close(&mut rig.ctx).unwrap();
    assert_eq!(pairs(&mut rig), [(15, 2, 3)]);
}

#[test]
fn unkeyed_items_and_impossible_times_are_refused() {
    let (mut rig, mut op) = (Rig::new(), join(10, 5));
    let text = rig
        .feed(&mut op, plain(Either::Left((1, 1, 0))))
        .unwrap_err()
        .to_string();
    assert!(text.contains("join: expected packets with a key"), "{text}");
    let late = keyed(1_u8, Either::Right((1, u64::MAX, 0)));
    let text = rig.feed(&mut op, late).unwrap_err().to_string();
    assert!(text.contains("join: expected an event time"), "{text}");
    op.close(&mut rig.ctx).unwrap();
    assert!(rig.events().is_empty());
}

/// An item with the watermark at its arrival.
type Arrival = (Item, u64);

#[derive(Clone, Debug)]
enum Step {
    Item { left: bool, key: u8, time: u64 },
    Watermark(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<bool>(), 0..3_u8, 0..80_u64).prop_map(|(left, key, time)| Step::Item { left, key, time }),
        1 => (0..100_u64).prop_map(Step::Watermark),
    ]
}

proptest! {
    /// Items and watermarks in any order, older ones too: a window joins what had come before it fired.
    #[test]
    fn pairs_equal_a_plain_recomputation(
        slide in 1..12_u64,
        overlap in 1..5_u64,
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let size = slide * overlap;
        let (mut rig, mut op) = (Rig::new(), join(size, slide));
        let mut lefts = Vec::<Arrival>::new();
        let mut rights = Vec::<Arrival>::new();
        let mut watermark = 0;
        let mut out = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Item { left, key, time } => {
                    let item = (key, time, number);
                    let (side, item) = if left {
                        (&mut lefts, Either::Left(item))
                    } else {
                        (&mut rights, Either::Right(item))
                    };
                    side.push(((key, time, number), watermark));
                    feed(&mut rig, &mut op, item);
                }
                Step::Watermark(time) => {
                    op.watermark(time, &mut rig.ctx).unwrap();
                    watermark = watermark.max(time);
                    out.extend(pairs(&mut rig));
                    prop_assert!(out.iter().all(|pair| pair.0 <= watermark));
                }
            }
        }
        op.close(&mut rig.ctx).unwrap();
        out.extend(pairs(&mut rig));
        out.sort_unstable();

        let holds = |end: u64, (item, watermark): &Arrival| {
            end > *watermark && item.1 < end && end <= item.1 + size
        };
        let mut expected = Vec::new();
        for end in (slide..=80 + size).step_by(slide as usize) {
            for left in lefts.iter().filter(|left| holds(end, left)) {
                for right in rights.iter().filter(|right| right.0.0 == left.0.0 && holds(end, right)) {
                    expected.push((end, left.0.2, right.0.2));
                }
            }
        }
        expected.sort_unstable();
        prop_assert_eq!(out, expected);
        let late = |item: &&Arrival| (slide..=80 + size).step_by(slide as usize).all(|end| !holds(end, item));
        let late = lefts.iter().chain(&rights).filter(late).count() as u64;
        prop_assert_eq!((op.late(), rig.dropped(DropCause::Late)), (late, late));
    }
}
