//! The stream: proportions, references, hot sets, determinism, splitting.

use std::collections::HashMap;

use nexmark::{Auction, Bid, Channel, Config, Event, Generator, Person};

fn config(events: u64) -> Config {
    Config {
        seed: 42,
        events,
        ..Config::default()
    }
}

fn bids(config: &Config) -> impl Iterator<Item = Bid> + use<> {
    Generator::new(config.clone()).filter_map(|event| event.as_bid().copied())
}

#[test]
fn every_fifty_events_hold_one_person_three_auctions_and_46_bids() {
    let events: Vec<_> = Generator::new(config(5_000)).collect();
    for epoch in events.chunks(50) {
        let count = |is: fn(&Event) -> bool| epoch.iter().filter(|event| is(event)).count();
        assert_eq!(count(|event| matches!(event, Event::Person(_))), 1);
        assert_eq!(count(|event| matches!(event, Event::Auction(_))), 3);
        assert_eq!(count(|event| matches!(event, Event::Bid(_))), 46);
    }
}

#[test]
fn event_time_advances_evenly() {
    for (rate, first_event_ms) in [(10_000, 7), (3, 0), (1, 1), (1_000_000, 5)] {
        let config = Config {
            events_per_second: rate,
            first_event_ms,
            ..config(2_000)
        };
        for (k, event) in (0_u64..).zip(Generator::new(config)) {
            assert_eq!(event.timestamp_ms(), first_event_ms + k * 1_000 / rate);
        }
    }
}

#[test]
fn ids_count_up_from_1000_and_refer_to_what_exists() {
    let (mut people, mut auctions) = (1_000_u64, HashMap::new());
    for event in Generator::new(config(200_000)) {
        match event {
            Event::Person(person) => {
                assert_eq!(person.id, people);
                people += 1;
            }
            Event::Auction(auction) => {
                assert_eq!(auction.id, 1_000 + auctions.len() as u64);
                assert!((1_000..people).contains(&auction.seller));
                assert!((10..15).contains(&auction.category));
                assert!(auction.reserve >= auction.initial_bid);
                auctions.insert(auction.id, (auction.timestamp_ms, auction.expires_ms));
            }
            Event::Bid(bid) => {
                let last = 999 + auctions.len() as u64;
                assert!((last.saturating_sub(99)..=last).contains(&bid.auction));
                assert!((people.saturating_sub(1_000).max(1_000)..people).contains(&bid.bidder));
                assert!((100..100 << 20).contains(&bid.price));
                let (opened, expires) = auctions[&bid.auction];
                assert!((opened..=expires).contains(&bid.timestamp_ms));
            }
        }
    }
    assert_eq!((people, auctions.len()), (5_000, 12_000));
}

#[test]
fn the_hot_sets_are_hot() {
    let config = config(500_000);
    let (mut total, mut hot_auctions, mut hot_bidders) = (0_f64, 0_f64, 0_f64);
    for bid in bids(&config) {
        total += 1.0;
        hot_auctions += f64::from(bid.auction % 100 == 0);
        hot_bidders += f64::from(bid.bidder % 100 == 1);
    }
    // One in two stays outside, of which one in a hundred meets the hot auction; likewise one in four.
    assert!(
        (0.49..0.52).contains(&(hot_auctions / total)),
        "{}",
        hot_auctions / total
    );
    assert!((0.74..0.77).contains(&(hot_bidders / total)), "{}", hot_bidders / total);

    let sellers = Generator::new(config).filter_map(|event| match event {
        Event::Auction(auction) => Some(auction.seller),
        _ => None,
    });
    let (hot, rest): (Vec<_>, Vec<_>) = sellers.partition(|seller| seller % 100 == 0);
    let share = hot.len() as f64 / (hot.len() + rest.len()) as f64;
    assert!((0.74..0.77).contains(&share), "{share}");
}

#[test]
fn a_ratio_of_one_has_no_hot_set() {
    let config = Config {
        hot_auction_ratio: 1,
        ..config(500_000)
    };
    let total = bids(&config).count() as f64;
    let hot = bids(&config).filter(|bid| bid.auction % 100 == 0).count() as f64;
    assert!((0.005..0.015).contains(&(hot / total)), "{}", hot / total);
}

#[test]
fn prices_spread_over_the_octaves() {
    let mut octaves = [0_u32; 20];
    for bid in bids(&config(100_000)) {
        octaves[(bid.price / 100).ilog2() as usize] += 1;
    }
    assert!(
        octaves.iter().all(|&hits| (4_100..5_100).contains(&hits)),
        "{octaves:?}"
    );
}

#[test]
fn zeros_and_ends_of_the_range_are_streams_too() {
    let zeros = Config {
        events_per_second: 0,
        in_flight_auctions: 0,
        active_people: 0,
        hot_auction_ratio: 0,
        hot_seller_ratio: 0,
        hot_bidder_ratio: 0,
        stride: 0,
        ..config(500)
    };
    assert_eq!(zeros.count(), 500);
    assert!(
        bids(&zeros).all(|bid| bid.auction >= 1_000),
        "only the latest auction takes bids"
    );

    let vast = Config {
        events_per_second: u64::MAX,
        in_flight_auctions: u64::MAX,
        active_people: u64::MAX,
        hot_auction_ratio: u64::MAX,
        first_event_ms: u64::MAX,
        first: u64::MAX - 60,
        ..config(u64::MAX)
    };
    assert_eq!(Generator::new(vast.clone()).count(), 60);
    assert_eq!(
        Generator::new(Config {
            events_per_second: 1,
            first_event_ms: 0,
            ..vast
        })
        .count(),
        60
    );
    assert_eq!(Generator::new(config(0)).next(), None);
}

#[test]
fn small_windows_of_auctions_have_a_hot_one() {
    let config = Config {
        in_flight_auctions: 10,
        ..config(100_000)
    };
    let (hot, rest): (Vec<_>, Vec<_>) = bids(&config).partition(|bid| bid.auction % 10 == 0);
    let share = hot.len() as f64 / (hot.len() + rest.len()) as f64;
    assert!(
        (0.53..0.57).contains(&share),
        "half and a tenth of the other half: {share}"
    );
}

#[test]
fn random_access_equals_iteration() {
    let config = config(3_000);
    let all: Vec<_> = Generator::new(config.clone()).collect();
    for k in (0..3_000).rev() {
        assert_eq!(Event::nth(&config, k), all[k as usize]);
    }
    for skip in [0, 1, 49, 50, 2_999] {
        assert_eq!(Generator::new(config.clone()).nth(skip).as_ref(), Some(&all[skip]));
    }
    assert_eq!(Generator::new(config).nth(3_000), None);
}

#[test]
fn the_bids_alone_are_the_bids_among_all() {
    for part in [
        config(10_000),
        Config {
            first: 3,
            stride: 7,
            ..config(10_000)
        },
    ] {
        assert!(Generator::new(part.clone()).bids().eq(bids(&part)));
    }
}

#[test]
fn split_parts_make_the_whole_in_turns() {
    for events in [0, 1, 5, 1_003] {
        let config = config(events);
        let whole: Vec<_> = Generator::new(config.clone()).collect();
        for n in 1..=8 {
            let parts = config.split(n);
            assert_eq!(parts.len(), n);
            assert_eq!(parts.iter().map(Config::count).sum::<u64>(), events);
            let mut sources: Vec<_> = parts.into_iter().map(Generator::new).collect();
            for (k, event) in whole.iter().enumerate() {
                assert_eq!(sources[k % n].next().as_ref(), Some(event), "event {k} of {n} sources");
            }
            assert!(sources.iter_mut().all(|source| source.next().is_none()));
        }
    }
}

#[test]
fn parts_can_be_split_again() {
    let config = config(1_003);
    let of = |part: Config| Generator::new(part).collect::<Vec<_>>();
    let half = config.split(2).remove(1);
    let quarters = half.split(2);
    assert_eq!(of(quarters[0].clone()), of(config.split(4).remove(1)));
    assert_eq!(of(quarters[1].clone()), of(config.split(4).remove(3)));
    assert_eq!(config.split(0), config.split(1));

    let last = Config {
        first: u64::MAX - 2,
        stride: u64::MAX,
        events: u64::MAX,
        ..config
    };
    let counts: Vec<_> = last.split(4).iter().map(Config::count).collect();
    assert_eq!(counts, [1, 0, 0, 0]);
}

#[test]
fn the_length_is_known_all_along() {
    for part in config(1_000).split(3) {
        let mut generator = Generator::new(part.clone());
        for left in (0..part.count()).rev() {
            assert!(generator.next().is_some());
            assert_eq!(generator.rest().count(), left);
            assert_eq!(generator.size_hint(), (left as usize, Some(left as usize)));
        }
        assert_eq!((generator.next(), generator.next()), (None, None));
    }
}

#[test]
fn seeds_give_unrelated_streams() {
    let prices = |seed| {
        bids(&Config { seed, ..config(5_000) })
            .map(|bid| bid.price)
            .collect::<Vec<_>>()
    };
    let first = prices(0);
    for seed in 1..20 {
        let same = first.iter().zip(prices(seed)).filter(|(a, b)| **a == *b).count();
        assert!(same < 100, "seed {seed}: {same} of {} equal", first.len());
    }
}

#[test]
fn a_bid_is_small_and_an_event_no_larger() {
    assert_eq!(size_of::<Bid>(), 40);
    assert_eq!(size_of::<Event>(), size_of::<Bid>());
}

#[test]
fn events_and_configs_survive_serde() {
    for event in Generator::new(config(100)) {
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }
    let part = config(100).split(3).remove(2);
    let text = serde_json::to_string(&part).unwrap();
    assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), part);
}

/// Recorded results name this stream: a change here is a change of every one of them.
#[test]
fn the_stream_of_seed_0_stays_as_published() {
    const START: u64 = 1_436_918_400_000;
    let bid = |auction, bidder, price, timestamp_ms, channel| {
        Event::Bid(Bid {
            auction,
            bidder,
            price,
            timestamp_ms,
            channel,
        })
    };
    let published = [
        Event::Person(Box::new(Person {
            id: 1_000,
            name: "Finn Elm".to_owned(),
            email: "finn.elm.1000@example.org".to_owned(),
            city: "San Francisco".to_owned(),
            state: "CA".to_owned(),
            timestamp_ms: START,
        })),
        Event::Auction(Box::new(Auction {
            id: 1_000,
            item: "blue vase".to_owned(),
            description: "vase from a boat, blue, well worn".to_owned(),
            initial_bid: 1_077_321,
            reserve: 2_014_324,
            seller: 1_000,
            category: 13,
            timestamp_ms: START,
            expires_ms: START + 165,
        })),
        Event::Auction(Box::new(Auction {
            id: 1_001,
            item: "brass mirror".to_owned(),
            description: "mirror from a hotel, brass, well worn".to_owned(),
            initial_bid: 8_897,
            reserve: 10_170,
            seller: 1_000,
            category: 13,
            timestamp_ms: START,
            expires_ms: START + 165,
        })),
        Event::Auction(Box::new(Auction {
            id: 1_002,
            item: "black globe".to_owned(),
            description: "globe from a museum, black, well worn".to_owned(),
            initial_bid: 260,
            reserve: 380,
            seller: 1_000,
            category: 12,
            timestamp_ms: START,
            expires_ms: START + 170,
        })),
        bid(1_000, 1_000, 11_317, START, Channel::Web),
        bid(1_000, 1_000, 18_043_969, START, Channel::Phone),
        bid(1_002, 1_000, 12_925_554, START, Channel::Web),
    ];
    let config = Config::default();
    assert!(Generator::new(config.clone()).take(published.len()).eq(published));
    assert_eq!(
        Event::nth(&config, 1_000_004),
        bid(60_989, 21_000, 173, START + 100_000, Channel::Web)
    );
}
