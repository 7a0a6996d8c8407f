//! Several packets in one item of a queue: the same packets, the same counts, fewer items.

mod common;

use common::{connection, sage};
use descriptor_core::{Codec, ErrorKind, QueueExt, Wait};
use router::{
    Event, Inbox, Key, KeyGroups, Pack, Packet, PacketPartition, Partition, Reason, Received, Router, StopCause,
    StopSignal, TargetId, UpstreamId,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

const TARGET: TargetId = TargetId {
    group: 0,
    parallel_index: 0,
};

fn packed(queue: &common::Input<u32>, packets: usize) -> Router<u32> {
    let connections = vec![connection(0, 0, 0, queue).packing(packets)];
    let edge = Router::builder("sender").edge(Partition::RoundRobin, KeyGroups::default(), connections);
    edge.build().expect("an edge without findings")
}

#[test]
fn full_items_go_out_in_order_and_a_stop_closes_the_last() {
    for packing in [1, 2, 4, 7, 100] {
        let queue = sage(100);
        let mut router = packed(&queue, packing);
        for number in 0..10 {
            assert!(!router.push(Packet::new(number, 5).with_key(number)).unwrap());
        }
        assert_eq!((router.buffered(), router.is_flushed()), (10, false));
        router.push_watermark(9);
        router.push(Packet::new(10, 6)).unwrap();
        router
            .send_stop(&StopSignal::new("sender", StopCause::Finished), Wait::Never)
            .unwrap();
        assert_eq!((router.buffered(), router.is_flushed()), (0, true));
        let (mut inbox, mut numbers, mut sizes) = (Inbox::new([UpstreamId(0)]).unwrap(), Vec::new(), Vec::new());
        for envelope in queue.drain() {
            sizes.push(envelope.event.packets());
            match inbox.accept(envelope) {
                Received::Packet(packet) => numbers.push(packet.payload),
                Received::Packets(packets) => numbers.extend(packets.into_iter().map(|it| it.payload)),
                Received::Watermark(time) => assert_eq!((time, numbers.len()), (9, 10)),
                _ => {}
            }
        }
        assert_eq!(numbers, (0..11).collect::<Vec<_>>());
        assert_eq!(sizes.iter().max(), Some(&packing.min(10)), "{sizes:?}");
        assert_eq!(sizes.len(), 10_usize.div_ceil(packing) + 3);
        assert!(inbox.all_ended());
        assert_eq!(inbox.packets().collect::<Vec<_>>(), [(UpstreamId(0), 11)]);
        let (_, counts) = router.counts().next().unwrap();
        assert_eq!(
            (counts.routed, counts.sent, counts.buffered, counts.controls),
            (11, 11, 0, 2)
        );
    }
}

#[test]
fn a_flush_is_due_when_the_last_pack_is_full() {
    for (packing, limit, due) in [(1, 10, 10), (4, 10, 8), (5, 10, 10), (16, 10, 10), (100, 250, 200)] {
        let queue = sage(1000);
        let connections = vec![connection(0, 0, 0, &queue).packing(packing)];
        let edge = Router::builder("sender").edge(Partition::RoundRobin, KeyGroups::default(), connections);
        let mut router = edge.batch_limit(limit).build().unwrap();
        for round in [limit, 1, limit] {
            router.set_batch_limit(round);
            let due = if round == limit { due } else { 1 };
            let pushed = (1..).find(|number| router.push(Packet::new(*number, 0)).unwrap());
            assert_eq!(pushed, Some(due), "{round} in packs of {packing}");
            router.flush(Wait::Never).unwrap();
        }
        assert_eq!(router.batch_limit(), limit);
    }
}

#[test]
fn what_finds_no_room_waits_and_what_finds_nobody_comes_back() {
    let queue = sage(2);
    let mut router = packed(&queue, 4);
    for number in 0..11 {
        router.push(Packet::new(number, 0)).unwrap();
    }
    let error = router.flush(Wait::Never).unwrap_err();
    assert!(error.is_only_waiting());
    assert_eq!((error.waiting()[0].events, router.buffered()), (3, 3));
    router.push(Packet::new(11, 0)).unwrap();
    let (_, counts) = router.counts().next().unwrap();
    assert_eq!((counts.routed, counts.sent, counts.buffered), (12, 8, 4));
    queue.close();
    let error = router.flush(Wait::Never).unwrap_err();
    let back = error.into_undelivered();
    assert!(back.iter().all(|it| matches!(it.reason, Reason::Closed)));
    let numbers: Vec<_> = back
        .into_iter()
        .flat_map(|it| match it.envelope.event {
            Event::Packets(packets) => packets.into_iter().collect(),
            Event::Packet(packet) => vec![packet],
            _ => Vec::new(),
        })
        .map(|packet| packet.payload)
        .collect();
    assert_eq!(numbers, [8, 9, 10, 11]);
    let (target, counts) = router.counts().next().unwrap();
    assert_eq!(target, TARGET);
    assert_eq!((counts.routed, counts.sent, counts.returned.closed), (12, 8, 4));
}

#[test]
fn an_item_of_several_packets_travels() {
    let event = Event::Packets(Pack::from_iter([
        Packet::new(1_u32, 7).with_key("a"),
        Packet::new(2, 8),
    ]));
    let text = serde_json::to_string(&event).unwrap();
    assert_eq!(serde_json::from_str::<Event<u32>>(&text).unwrap(), event);
    assert_eq!((event.packets(), event.packet()), (2, None));
    let doubled = event.map(|number| number * 2);
    assert_eq!(
        doubled,
        Event::Packets(Pack::from_iter([Packet::new(2, 7).with_key("a"), Packet::new(4, 8)]))
    );
}

#[test]
fn packets_of_every_sort_keep_order_and_all_they_say() {
    let plain = |number| Packet::new(number, u64::from(number) + 100);
    let sorts: [fn(Packet<u32>) -> Packet<u32>; 6] = [
        |packet| packet,
        |packet| packet.with_key(i64::MIN),
        |packet| packet.with_key(u64::MAX),
        |packet| packet.with_key("text"),
        |packet| packet.with_partition(PacketPartition::Broadcast).with_key(3),
        |packet| packet.with_input_index(2),
    ];
    // All of one sort, and each one behind each other.
    for (first, second) in (0..sorts.len()).flat_map(|a| (0..sorts.len()).map(move |b| (a, b))) {
        let packets = (0..10).map(|number| sorts[if number < 5 { first } else { second }](plain(number)));
        let packets: Vec<_> = packets.collect();
        let mut pack: Pack<_> = packets.iter().cloned().collect();
        assert_eq!((pack.len(), pack.is_empty()), (10, false));
        assert!(
            pack.iter()
                .map(|it| it.map(|number| *number))
                .eq(packets.iter().cloned())
        );
        let text = serde_json::to_string(&pack).unwrap();
        assert_eq!(text, serde_json::to_string(&packets).unwrap(), "as packets in a list");
        assert_eq!(serde_json::from_str::<Pack<u32>>(&text).unwrap(), pack);
        for codec in Codec::ALL {
            let back = through::<Pack<u32>>(codec, &pack);
            let times = |pack: &Pack<u32>| pack.iter().map(|it| it.timestamp()).collect::<Vec<_>>();
            assert_eq!((&back, times(&back)), (&pack, times(&pack)), "{codec}");
        }
        let rest = pack.clone().split_off(7);
        assert!(rest.into_iter().eq(packets[7..].iter().cloned()));
        for _ in 0..2 {
            let drained: Vec<_> = pack.drain().collect();
            assert_eq!(drained, packets);
            // Equality leaves the timestamp out, and a key brings its hash.
            let same = |a: &Packet<u32>, b: &Packet<u32>| {
                a.timestamp() == b.timestamp() && a.key().map(Key::hash) == b.key().map(Key::hash)
            };
            assert!(drained.iter().zip(&packets).all(|(a, b)| same(a, b)));
            assert!(pack.is_empty());
            packets.iter().cloned().for_each(|packet| pack.push(packet, 10));
        }
    }
}

fn through<T: Serialize + DeserializeOwned>(codec: Codec, item: &T) -> T {
    let mut frame = Vec::new();
    codec.encode(item, 1 << 20, &mut frame).expect("a small item");
    codec.decode(&frame, 1 << 20).expect("what was written")
}

#[test]
fn a_frame_says_once_what_packets_have_in_common() {
    let size = |pack: &Pack<u64>| {
        let mut frame = Vec::new();
        Codec::Fixed.encode(pack, 1 << 20, &mut frame).unwrap();
        frame.len()
    };
    let alike: Pack<u64> = (0..100).map(|number| Packet::new(number, u64::MAX)).collect();
    let keyed: Pack<u64> = alike.iter().map(|it| it.map(|it| *it).with_key(1)).collect();
    assert!((800..900).contains(&size(&alike)), "{}", size(&alike));
    assert!((1600..1700).contains(&size(&keyed)), "{}", size(&keyed));
    // Times in any order, on both sides of where numbers begin again.
    let times = [5, 5, 3, u64::MAX, 0, 0, 7];
    let pack: Pack<u64> = times.into_iter().map(|time| Packet::new(1, time)).collect();
    for codec in Codec::ALL {
        assert!(
            through(codec, &pack).iter().map(|it| it.timestamp()).eq(times),
            "{codec}"
        );
        assert!(through(codec, &Pack::<u64>::new()).is_empty());
    }
}

/// As packs are written, with columns of any length.
#[derive(Serialize)]
#[serde(rename = "Pack")]
struct Columns {
    marks: Vec<(u32, (u16, Option<PacketPartition>))>,
    times: Vec<(u32, i64)>,
    keys: Keys,
    payloads: Vec<u64>,
}

#[derive(Clone, Serialize)]
enum Keys {
    None,
    Ints(Vec<i64>),
    Any(Vec<Option<Key>>),
}

#[test]
fn columns_of_unequal_length_are_corrupt() {
    let any = |rows| Keys::Any(vec![Some(Key::from("k")); rows]);
    let keys = |rows| [Keys::None, Keys::Ints(vec![7; rows]), any(rows)];
    let columns = |marks, times, keys: &Keys, payloads| Columns {
        marks,
        times,
        keys: keys.clone(),
        payloads: vec![1; payloads],
    };
    let mark = |more| (more, (0, None));
    let other = (0, (3, Some(PacketPartition::Hash)));
    for codec in [Codec::Bincode, Codec::Postcard, Codec::Fixed] {
        let read = |columns: Columns| {
            let mut frame = Vec::new();
            codec.encode(&columns, 1 << 20, &mut frame).unwrap();
            codec.decode::<Pack<u64>>(&frame, 1 << 20)
        };
        for keys in keys(3) {
            let pack = read(columns(vec![mark(2)], vec![(1, 5), (0, 1)], &keys, 3)).unwrap();
            assert!(pack.iter().map(|it| it.timestamp()).eq([5, 5, 6]));
            let pack = read(columns(vec![mark(1), other], vec![(2, 5)], &keys, 3)).unwrap();
            assert!(pack.iter().map(|it| it.input_index()).eq([0, 0, 3]));
            for (marks, times, payloads) in [
                (vec![mark(2)], vec![(2, 5)], 2),
                (vec![mark(2)], vec![(2, 5)], 4),
                (vec![mark(2)], vec![(1, 5)], 3),
                (vec![mark(2)], vec![(u32::MAX, 5), (u32::MAX, 5)], 3),
                (vec![mark(1)], vec![(2, 5)], 3),
                (vec![mark(u32::MAX)], vec![(2, 5)], 3),
                (vec![mark(1), other, other], vec![(2, 5)], 3),
                (vec![], vec![(2, 5)], 3),
                (vec![mark(2)], vec![], 3),
                (vec![mark(2)], vec![], 0),
            ] {
                let error = read(columns(marks, times, &keys, payloads)).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Corrupt);
            }
        }
        for keys in keys(2)
            .into_iter()
            .chain(keys(4))
            .filter(|it| !matches!(it, Keys::None))
        {
            let error = read(columns(vec![mark(2)], vec![(2, 5)], &keys, 3)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            // postcard keeps no words.
            assert!(
                codec == Codec::Postcard || error.to_string().contains("unequal length"),
                "{error}"
            );
        }
    }
}

#[test]
fn what_is_pushed_as_another_goes_where_that_one_would() {
    for packing in [1, 4] {
        let [queue, other] = [sage(100), sage(100)];
        let mut routers = [packed(&queue, packing), packed(&other, packing)];
        for (number, key) in (0..).zip(["1", "2", "x", "2", "", ""]) {
            let like = match (key, key.parse::<u8>()) {
                ("", _) => Packet::new((), 9),
                (_, Ok(number)) => Packet::new((), 9).with_key(number),
                (text, _) => Packet::new((), 9)
                    .with_key(text)
                    .with_partition(PacketPartition::Forward),
            };
            routers[0].push_as(number, &like).unwrap();
            routers[1].push(like.inherit_partition_info(number)).unwrap();
        }
        let [first, second] = [&queue, &other].map(|queue| {
            let mut packets = Vec::new();
            for router in &mut routers {
                router.flush(Wait::Never).unwrap();
            }
            for envelope in queue.drain() {
                packets.extend(match envelope.event {
                    Event::Packets(pack) => pack.into_iter().collect(),
                    Event::Packet(packet) => vec![packet],
                    _ => Vec::new(),
                });
            }
            packets
        });
        assert_eq!((first.len(), &first), (6, &second));
        let mut counts = routers.iter().map(|router| router.counts().next().unwrap());
        assert_eq!(counts.next(), counts.next());
    }
}
