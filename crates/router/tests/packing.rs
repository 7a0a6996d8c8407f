//! Several packets in one item of a queue: the same packets, the same counts, fewer items.

mod common;

use common::{connection, sage};
use descriptor_core::{QueueExt, Wait};
use router::{
    Event, Inbox, KeyGroups, Packet, Partition, Reason, Received, Router, StopCause, StopSignal, TargetId, UpstreamId,
};

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
            Event::Packets(packets) => packets,
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
    let event = Event::Packets(vec![Packet::new(1_u32, 7).with_key("a"), Packet::new(2, 8)]);
    let text = serde_json::to_string(&event).unwrap();
    assert_eq!(serde_json::from_str::<Event<u32>>(&text).unwrap(), event);
    assert_eq!((event.packets(), event.packet()), (2, None));
    let doubled = event.map(|number| number * 2);
    assert_eq!(
        doubled,
        Event::Packets(vec![Packet::new(2, 7).with_key("a"), Packet::new(4, 8)])
    );
}
