//! Whole streams: nothing is lost on full and closed queues, stops come last, uneven upstreams all count.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod common;

use std::thread;
use std::time::{Duration, Instant};

use common::{edge, inputs, local, payloads, router, sage, watched};
use descriptor_core::{QueueExt, Wait};
use proptest::prelude::*;
use router::{
    Envelope, Event, Inbox, KeyGroups, LoadMeter, Packet, Partition, Received, Router, StopCause, StopSignal,
    UpstreamId,
};

fn stop() -> StopSignal {
    StopSignal::new("sender", StopCause::Finished)
}

#[test]
fn a_stop_waits_behind_its_data_on_a_full_queue() {
    for queue in [sage(2), local(2)] {
        let mut router = router(Partition::RoundRobin, std::slice::from_ref(&queue));
        for number in 0..5 {
            router.push(Packet::now(number)).unwrap();
        }
        let error = router.send_stop(&stop(), Wait::Never).unwrap_err();
        assert!(error.is_only_waiting());
        assert_eq!(error.waiting()[0].events, 4);
        assert!(router.push(Packet::now(9)).is_err(), "nothing may follow the stop");
        let mut seen = Vec::new();
        while router.buffered() > 0 {
            seen.extend(queue.drain());
            let _ = router.send_stop(&stop(), Wait::Never);
        }
        seen.extend(queue.drain());
        let last = seen.pop().unwrap();
        assert!(matches!(last.event, Event::Stop(_)));
        let numbers: Vec<_> = seen.iter().map(|it| it.event.packet().unwrap().payload).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4]);
    }
}

#[test]
fn a_stop_for_a_closed_queue_comes_back_and_reaches_the_others() {
    let queues = inputs::<u8>(3, 4);
    queues[1].close();
    let mut router = router(Partition::RoundRobin, &queues);
    let error = router.send_stop(&stop(), Wait::Forever).unwrap_err();
    assert_eq!(error.undelivered().len(), 1);
    assert_eq!(error.undelivered()[0].target.as_ref().unwrap().id.parallel_index, 1);
    assert_eq!([queues[0].depth(), queues[2].depth()], [Some(1), Some(1)]);
    router.send_stop(&stop(), Wait::Forever).unwrap();
    assert_eq!(
        [queues[0].depth(), queues[2].depth()],
        [Some(1), Some(1)],
        "once per connection"
    );
}

#[test]
fn controls_stay_in_order_with_the_data() {
    let queues = inputs(2, 10);
    let mut router = router(Partition::Broadcast, &queues);
    router.push(Packet::now(1)).unwrap();
    router.send_watermark(5, Wait::Never).unwrap();
    router.push(Packet::now(2)).unwrap();
    router.send_barrier(1, Wait::Never).unwrap();
    for queue in &queues {
        let events: Vec<_> = queue.drain().map(|it| it.event).collect();
        assert!(matches!(
            &events[..],
            [
                Event::Packet(_),
                Event::Watermark(5),
                Event::Packet(_),
                Event::Barrier(1)
            ]
        ));
    }
    assert!(
        router
            .counts()
            .all(|(_, counts)| (counts.sent, counts.controls) == (2, 2))
    );
}

#[test]
fn given_up_routers_return_what_they_hold() {
    let queue = sage(1);
    let mut router = router(Partition::RoundRobin, &[queue]);
    for number in 0..4 {
        router.push(Packet::now(number)).unwrap();
    }
    assert!(router.flush(Wait::Never).is_err());
    let back: Vec<_> = router
        .abandon()
        .iter()
        .map(|it| it.envelope.event.packet().unwrap().payload)
        .collect();
    assert_eq!(back, [1, 2, 3]);
    let counts = router.counts().next().unwrap().1;
    assert_eq!(
        (counts.routed, counts.sent, counts.buffered, counts.returned.abandoned),
        (4, 1, 0, 3)
    );
}

#[test]
fn the_trend_is_the_slope_of_the_last_ten_samples() {
    let queue = sage::<u32>(10);
    let meter = LoadMeter::new(queue.clone());
    let start = Instant::now();
    let at = |sample: u64| start + Duration::from_millis(100 * sample);
    let mut router = router(Partition::RoundRobin, std::slice::from_ref(&queue));
    for sample in 0..10 {
        meter.sample(at(sample));
        assert!(
            sample < 2 || (meter.load_trend() - 1.0).abs() < 1e-9,
            "{}",
            meter.load_trend()
        );
        assert!(sample >= 2 || meter.load_trend() == 0.0);
        router.send(Packet::now(1), Wait::Never).unwrap();
    }
    assert!(meter.is_load_increasing() && !meter.is_load_decreasing());
    meter.sample(at(3));
    assert!(meter.is_load_increasing(), "a sample of the past changes nothing");
    for sample in 10..20 {
        queue.try_get().unwrap();
        meter.sample(at(sample));
    }
    assert!((meter.load_trend() + 1.0).abs() < 1e-9 && meter.is_load_decreasing());
}

#[test]
fn watermarks_follow_the_slowest_live_upstream() {
    let [a, b, c] = [1, 2, 3].map(UpstreamId);
    let mut inbox = Inbox::new([c, a, b]).unwrap();
    let mark = |inbox: &mut Inbox, from, time| {
        inbox.accept(Envelope::<u8> {
            from,
            event: Event::Watermark(time),
        })
    };
    assert_eq!(mark(&mut inbox, a, 10), Received::Nothing);
    assert_eq!(mark(&mut inbox, b, 20), Received::Nothing);
    assert_eq!(mark(&mut inbox, c, 5), Received::Watermark(5));
    assert_eq!(mark(&mut inbox, b, 15), Received::Nothing);
    assert_eq!(mark(&mut inbox, UpstreamId(9), 99), Received::Nothing);
    assert_eq!(
        inbox.peer_died::<u8>(c, "map_2", "killed"),
        Received::Ended {
            from: c,
            watermark: Some(10),
            all: false
        }
    );
    assert_eq!(mark(&mut inbox, a, 30), Received::Watermark(20));
    assert_eq!(inbox.incomplete().unwrap().0, c);
    assert_eq!((inbox.irregular().regressed, inbox.irregular().unexpected), (1, 1));
    assert!(Inbox::new([a, a]).is_err());
    assert!(Inbox::new([]).unwrap().all_ended());
}

/// Each upstream sends its own number of packets at its own pace into small queues; the consumers end when all have.
fn run_uneven(shapes: &[usize], targets: usize, capacity: usize, batch: usize) -> Vec<Vec<(usize, usize)>> {
    let queues = inputs(targets, capacity);
    thread::scope(|scope| {
        for (upstream, &count) in shapes.iter().enumerate() {
            let connections = edge(upstream as u32, 0, &queues);
            scope.spawn(move || {
                let builder = Router::builder(format!("up_{upstream}")).batch_limit(batch);
                let mut router = builder
                    .edge(Partition::Hash, KeyGroups::default(), connections)
                    .build()
                    .unwrap();
                for number in 0..count {
                    if router
                        .push(Packet::new((upstream, number), 0).with_key(number))
                        .unwrap()
                    {
                        router.flush(Wait::Forever).unwrap();
                    }
                    if upstream == 0 {
                        thread::yield_now();
                    }
                }
                router.send_stop(&stop(), Wait::Forever).unwrap();
            });
        }
        let consumers: Vec<_> = queues
            .iter()
            .map(|queue| {
                scope.spawn(|| {
                    let mut inbox = Inbox::new((0..shapes.len() as u32).map(UpstreamId)).unwrap();
                    let mut got = Vec::new();
                    while !inbox.all_ended() {
                        if let Received::Packet(packet) = inbox.accept(queue.get().unwrap()) {
                            got.push(packet.payload);
                        }
                    }
                    assert_eq!(inbox.irregular(), router::Irregular::default());
                    assert_eq!(queue.depth(), Some(0), "nothing is behind the last stop");
                    got
                })
            })
            .collect();
        consumers.into_iter().map(|it| it.join().unwrap()).collect()
    })
}

fn check_uneven(shapes: &[usize], got: &[Vec<(usize, usize)>]) {
    for (upstream, &count) in shapes.iter().enumerate() {
        let mut numbers = Vec::new();
        for (target, items) in got.iter().enumerate() {
            let mine: Vec<_> = items.iter().filter(|it| it.0 == upstream).map(|it| it.1).collect();
            assert!(mine.is_sorted(), "one sender's order");
            let instance = |number: &usize| KeyGroups::default().instance_of(&(*number).into(), got.len() as u32);
            assert!(
                mine.iter().all(|number| instance(number) as usize == target),
                "one instance per key"
            );
            numbers.extend(mine);
        }
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..count), "nothing lost, nothing twice");
    }
}

#[test]
fn first_stop_does_not_win_with_uneven_upstreams() {
    watched(|| {
        for shapes in [&[30, 0, 0][..], &[10, 10, 10], &[1, 5000, 300]] {
            check_uneven(shapes, &run_uneven(shapes, 1, 1, 1));
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_shape_of_upstreams_is_complete(
        shapes in proptest::collection::vec(0_usize..200, 1..5),
        targets in 1_usize..4,
        capacity in 1_usize..8,
        batch in 1_usize..20,
    ) {
        let copy = shapes.clone();
        let got = watched(move || run_uneven(&copy, targets, capacity, batch));
        check_uneven(&shapes, &got);
    }

    #[test]
    fn totals_are_conserved_whatever_fails(
        capacity in 1_usize..6,
        targets in 1_usize..4,
        partition in prop_oneof![Just(Partition::RoundRobin), Just(Partition::Broadcast), Just(Partition::Hash), Just(Partition::LoadAware)],
        steps in proptest::collection::vec((0_u8..8, any::<u8>()), 0..120),
    ) {
        let queues = inputs::<u32>(targets, capacity);
        let mut router = router(partition.clone(), &queues);
        let keyed = partition == Partition::Hash;
        let (mut offered, mut got, mut kept) = (0_u32, vec![Vec::new(); targets], Vec::new());
        let mut resent = vec![0_u64; targets];
        for (step, choice) in steps {
            let mut packet = Packet::now(offered);
            if keyed {
                packet = packet.with_key(offered % 7);
            }
            let target = usize::from(choice) % targets;
            let result = match step {
                0 | 1 => { offered += 1; router.send(packet, Wait::Never) }
                2 | 3 => { offered += 1; router.push(packet).map(drop) }
                4 => router.flush(Wait::Never),
                5 => { got[target].extend(payloads(&queues[target])); Ok(()) }
                6 if choice < 8 => { queues[target].close(); Ok(()) }
                7 => {
                    let items = std::mem::take(&mut kept);
                    for item in &items {
                        let item: &router::Undelivered<u32> = item;
                        resent[item.target.as_ref().unwrap().id.parallel_index as usize] += 1;
                    }
                    router.resend(items, Wait::Never)
                }
                _ => Ok(()),
            };
            if let Err(error) = result {
                kept.extend(error.into_undelivered());
            }
        }
        kept.extend(router.abandon());
        for (target, queue) in queues.iter().enumerate() {
            got[target].extend(payloads(queue));
        }
        let counts: Vec<_> = router.counts().map(|(_, counts)| counts).collect();
        for (target, counts) in counts.iter().enumerate() {
            prop_assert_eq!(counts.sent, got[target].len() as u64);
            let lost = kept.iter().filter(|it| it.target.as_ref().unwrap().id.parallel_index as usize == target).count();
            prop_assert_eq!(counts.routed, counts.sent + counts.returned.total());
            prop_assert_eq!(counts.routed - resent[target], counts.sent + lost as u64);
        }
        let copies = if partition == Partition::Broadcast { targets } else { 1 };
        let mut all: Vec<_> = got.concat();
        all.extend(kept.iter().map(|it| it.envelope.event.packet().unwrap().payload));
        all.sort_unstable();
        let expected: Vec<_> = (0..offered).flat_map(|number| std::iter::repeat_n(number, copies)).collect();
        prop_assert_eq!(all, expected);
    }
}
