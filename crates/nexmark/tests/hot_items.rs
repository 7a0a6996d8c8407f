//! Windows and the reference answer.

use std::collections::BTreeMap;

use nexmark::hot_items::{Hottest, Tally, WindowSpec, reference, top};
use nexmark::{Bid, Channel, Config, Event, Generator};

fn spec(size_ms: u64, slide_ms: u64) -> WindowSpec {
    WindowSpec::new(size_ms, slide_ms).expect("lengths of a test fit")
}

fn bid(auction: u64, price: u64, timestamp_ms: u64) -> Event {
    Event::Bid(Bid {
        auction,
        bidder: 1_000,
        price,
        timestamp_ms,
        channel: Channel::Web,
    })
}

/// Asks every bid about every window, by the definition of a window.
fn naive(events: &[Event], size: u64, slide: u64) -> BTreeMap<(u64, u64), Tally> {
    let bids: Vec<_> = events.iter().filter_map(Event::as_bid).collect();
    let last = bids.iter().map(|bid| bid.timestamp_ms).max().unwrap_or(0);
    let mut tallies: BTreeMap<(u64, u64), Tally> = BTreeMap::new();
    for end in (slide..=last + size).step_by(slide as usize) {
        for bid in &bids {
            if bid.timestamp_ms < end && end <= bid.timestamp_ms + size {
                let tally = tallies.entry((end, bid.auction)).or_default();
                tally.count += 1;
                tally.price_sum += bid.price;
            }
        }
    }
    tallies
}

#[test]
fn a_window_holds_its_first_millisecond_and_not_its_end() {
    let windows = |spec: WindowSpec, t| spec.windows(t).collect::<Vec<_>>();
    assert_eq!(windows(spec(10, 5), 0), [5, 10]);
    assert_eq!(windows(spec(10, 5), 4), [5, 10]);
    assert_eq!(windows(spec(10, 5), 5), [10, 15]);
    assert_eq!(windows(spec(10, 5), 9), [10, 15]);
    assert_eq!(windows(spec(10, 5), 10), [15, 20]);
    assert_eq!(windows(spec(10, 10), 9), [10]);
    assert_eq!(windows(spec(10, 10), 10), [20]);
    assert_eq!(windows(spec(1, 1), 7), [8]);
    assert_eq!(windows(spec(3, 1), 7), [8, 9, 10]);
}

#[test]
fn windows_agree_with_their_definition() {
    for (size, slide) in [(1, 1), (6, 1), (6, 2), (6, 3), (6, 6), (35, 7)] {
        for t in 0..200_u64 {
            let expected = (slide..t + size + slide)
                .step_by(slide as usize)
                .filter(|&end| t < end && end <= t + size);
            assert!(
                spec(size, slide).windows(t).eq(expected),
                "size {size}, slide {slide}, time {t}"
            );
        }
    }
}

#[test]
fn windows_beyond_the_end_of_time_are_left_out() {
    assert_eq!(spec(4, 1).windows(u64::MAX).count(), 0);
    assert!(spec(4, 1).windows(u64::MAX - 2).eq([u64::MAX - 1, u64::MAX]));
    assert_eq!(spec(u64::MAX, u64::MAX).pane_end(u64::MAX - 1), Some(u64::MAX));
    assert_eq!(spec(u64::MAX, u64::MAX).pane_end(u64::MAX), None);
    assert_eq!(spec(10, 5).pane_end(u64::MAX), None);

    let late = [bid(1, 10, u64::MAX), bid(1, 10, u64::MAX - 1)];
    assert_eq!(
        reference(late, spec(2, 1)),
        BTreeMap::from([(
            (u64::MAX, 1),
            Tally {
                count: 1,
                price_sum: 10
            }
        )])
    );
}

#[test]
fn window_lengths_are_checked() {
    for (size, slide) in [(0, 1), (1, 0), (0, 0), (5, 2), (2, 5)] {
        let error = WindowSpec::new(size, slide).unwrap_err();
        assert_eq!((error.size_ms, error.slide_ms), (size, slide));
        let text = serde_json::json!({ "size_ms": size, "slide_ms": slide }).to_string();
        assert!(
            serde_json::from_str::<WindowSpec>(&text)
                .unwrap_err()
                .to_string()
                .contains(&error.to_string())
        );
    }
    let text = WindowSpec::new(5, 2).unwrap_err().to_string();
    assert!(text.ends_with("choose for example 6 ms every 2 ms"), "{text}");
    let text = WindowSpec::new(0, 0).unwrap_err().to_string();
    assert!(text.ends_with("choose for example 1 ms every 1 ms"), "{text}");

    let text = serde_json::to_string(&spec(10, 5)).unwrap();
    assert_eq!(serde_json::from_str::<WindowSpec>(&text).unwrap(), spec(10, 5));
}

#[test]
fn the_reference_agrees_with_the_definition() {
    let config = Config {
        seed: 3,
        events: 600,
        first_event_ms: 40,
        events_per_second: 2_000,
        ..Config::default()
    };
    let mut events: Vec<_> = Generator::new(config).collect();
    for (size, slide) in [(1, 1), (20, 5), (20, 20), (300, 100), (1_000, 10)] {
        let expected = naive(&events, size, slide);
        assert_eq!(
            reference(&events, spec(size, slide)),
            expected,
            "size {size}, slide {slide}"
        );
        events.reverse();
        assert_eq!(
            reference(&events, spec(size, slide)),
            expected,
            "reversed, size {size}, slide {slide}"
        );
    }
}

#[test]
fn the_reference_counts_every_bid_in_each_of_its_windows() {
    let config = Config {
        events: 50_000,
        ..Config::default()
    };
    let tallies = reference(Generator::new(config), spec(600, 200));
    assert_eq!(tallies.values().map(|tally| tally.count).sum::<u64>(), 46_000 * 3);
}

#[test]
fn sources_of_a_split_add_up_to_the_reference() {
    let config = Config {
        events: 20_000,
        ..Config::default()
    };
    let whole = reference(Generator::new(config.clone()), spec(400, 100));
    let mut sum: BTreeMap<_, Tally> = BTreeMap::new();
    for part in config.split(2) {
        for (key, tally) in reference(Generator::new(part), spec(400, 100)) {
            sum.entry(key).or_default().merge(&tally);
        }
    }
    assert_eq!(sum, whole);
}

#[test]
fn no_bids_no_windows() {
    assert!(reference(Vec::<Event>::new(), spec(10, 5)).is_empty());
    let first = Event::nth(&Config::default(), 0);
    assert!(matches!(first, Event::Person(_)));
    assert!(reference([first], spec(10, 5)).is_empty());
    assert!(top(&BTreeMap::new()).is_empty());
}

#[test]
fn the_hottest_has_the_highest_count_then_the_lowest_id() {
    let events = [
        bid(9, 1, 0),
        bid(7, 500, 1),
        bid(8, 900, 2),
        bid(9, 1, 12),
        bid(8, 10, 13),
        bid(9, 2, 14),
    ];
    let expected = BTreeMap::from([
        (
            10,
            Hottest {
                auction: 7,
                tally: Tally {
                    count: 1,
                    price_sum: 500,
                },
            },
        ),
        (
            20,
            Hottest {
                auction: 9,
                tally: Tally { count: 2, price_sum: 3 },
            },
        ),
    ]);
    assert_eq!(top(&reference(events, spec(10, 10))), expected);
}
