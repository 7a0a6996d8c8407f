//! Which packet goes where, and what comes back.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{edge, inputs, packets, payloads, router, sage, with};
use descriptor_core::{ErrorKind, Wait};
use router::{Key, KeyGroups, Packet, PacketPartition, Partition, Reason, Router, TargetId};

#[test]
fn round_robin_is_even_and_starts_at_the_first() {
    let queues = inputs(3, 10);
    let mut router = router(Partition::RoundRobin, &queues);
    for number in 0..8 {
        router.send(Packet::now(number), Wait::Never).unwrap();
    }
    assert_eq!(
        queues.iter().map(payloads).collect::<Vec<_>>(),
        [vec![0, 3, 6], vec![1, 4, 7], vec![2, 5]]
    );
    assert_eq!(router.routing_info().groups[0].roundrobin_position, 2);
}

#[test]
fn round_robin_stays_where_a_send_failed() {
    let queues = inputs(2, 1);
    let mut router = router(Partition::RoundRobin, &queues);
    for number in 0..2 {
        router.send(Packet::now(number), Wait::Never).unwrap();
    }
    let error = router.send(Packet::now(2), Wait::Never).unwrap_err();
    assert_eq!(
        (error.kind(), error.delivered().len(), error.undelivered().len()),
        (ErrorKind::Full, 0, 1)
    );
    assert_eq!(payloads(&queues[0]), [0]);
    router.resend(error.into_undelivered(), Wait::Never).unwrap();
    assert_eq!(payloads(&queues[0]), [2]);
}

#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::Relaxed);
        Self(self.0.clone())
    }
}

#[test]
fn every_group_gets_a_copy_and_the_last_one_the_original() {
    let (wide, narrow) = (inputs(3, 10), inputs(2, 10));
    let clones = Arc::new(AtomicUsize::new(0));
    let mut both = with(Router::builder("sender"), Partition::Broadcast, 0, &wide);
    both = with(both, Partition::RoundRobin, 1, &narrow);
    let mut both = both.build().unwrap();
    both.send(Packet::now(Counted(clones.clone())), Wait::Never).unwrap();
    assert_eq!(clones.load(Ordering::Relaxed), 3);
    both.push(Packet::now(Counted(clones.clone()))).unwrap();
    both.flush(Wait::Never).unwrap();
    assert_eq!(clones.load(Ordering::Relaxed), 6);
    assert_eq!(
        wide.iter().map(|queue| packets(queue).len()).collect::<Vec<_>>(),
        [2, 2, 2]
    );
    assert_eq!(
        narrow.iter().map(|queue| packets(queue).len()).collect::<Vec<_>>(),
        [1, 1]
    );

    let mut one = router(Partition::RoundRobin, &narrow);
    one.send(Packet::now(Counted(clones.clone())), Wait::Never).unwrap();
    assert_eq!(clones.load(Ordering::Relaxed), 6);
}

#[test]
fn a_packet_keeps_its_timestamp_and_key_and_gets_the_input_of_its_target() {
    let queue = [sage(2)];
    let mut router = with(Router::builder("sender"), Partition::RoundRobin, 4, &queue)
        .build()
        .unwrap();
    let packet = Packet::new("x", 77).with_key(0).with_partition(PacketPartition::Hash);
    router.send(packet.clone(), Wait::Never).unwrap();
    let arrived = packets(&queue[0]).remove(0);
    assert_eq!((arrived.timestamp(), arrived.input_index()), (77, 4));
    assert_eq!(arrived, packet.with_input_index(4));
}

#[test]
fn hash_without_a_key_is_an_error_that_spares_the_sibling() {
    let (hashed, other) = (inputs(2, 4), inputs(1, 4));
    let mut router = with(Router::builder("sender"), Partition::Hash, 0, &hashed);
    router = with(router, Partition::RoundRobin, 1, &other);
    let mut router = router.build().unwrap();
    let error = router.send(Packet::now(5), Wait::Never).unwrap_err();
    assert!(
        matches!(error.undelivered()[0].reason, Reason::Unroutable(_)),
        "{error}"
    );
    assert_eq!(error.undelivered()[0].envelope.event.packet().unwrap().payload, 5);
    assert_eq!(
        error.delivered(),
        [TargetId {
            group: 1,
            parallel_index: 0
        }]
    );
    assert_eq!((payloads(&other[0]), router.unroutable()), (vec![5], 1));
    assert!(router.push(Packet::now(6)).is_err());
}

#[test]
fn falsy_keys_are_hashed_like_any_other() {
    let queues = inputs(4, 100);
    let mut router = router(Partition::Hash, &queues);
    for key in [Key::from(0), Key::from(""), Key::from(false), Key::from(())] {
        for _ in 0..5 {
            router.send(Packet::now(()).with_key(key.clone()), Wait::Never).unwrap();
        }
        let index = KeyGroups::default().instance_of(&key, 4) as usize;
        assert_eq!(packets(&queues[index]).len(), 5, "{key}");
    }
}

#[test]
fn what_a_packet_asks_for_goes_before_the_edge() {
    let queues = inputs(3, 10);
    let mut router = router(Partition::RoundRobin, &queues);
    router
        .send(Packet::now(1).with_partition(PacketPartition::Broadcast), Wait::Never)
        .unwrap();
    assert!(queues.iter().all(|queue| payloads(queue) == [1]));
    let key = Key::from("k");
    router
        .send(
            Packet::now(2)
                .with_key(key.clone())
                .with_partition(PacketPartition::Hash),
            Wait::Never,
        )
        .unwrap();
    assert_eq!(
        payloads(&queues[KeyGroups::default().instance_of(&key, 3) as usize]),
        [2]
    );
    // A key alone asks for nothing.
    router.send(Packet::now(3).with_key(key), Wait::Never).unwrap();
    assert_eq!(payloads(&queues[0]), [3]);
}

#[test]
fn forward_and_rescale_go_by_the_sender() {
    for (sender, senders, targets, expected) in [(1, 2, 4, 2..4), (0, 3, 4, 0..1), (2, 3, 4, 2..4), (3, 4, 2, 1..2)] {
        let queues = inputs(targets, 10);
        let builder = Router::builder("sender").sender(sender, senders);
        let mut router = with(builder, Partition::Rescale, 0, &queues).build().unwrap();
        for number in 0..2 * expected.len() {
            router.push(Packet::now(number)).unwrap();
        }
        router.flush(Wait::Never).unwrap();
        for (index, queue) in queues.iter().enumerate() {
            let count = if expected.contains(&index) { 2 } else { 0 };
            assert_eq!(
                payloads(queue).len(),
                count,
                "sender {sender} of {senders}, target {index} of {targets}"
            );
        }
    }
    let queues = inputs(3, 10);
    let mut router = with(Router::builder("sender").sender(2, 3), Partition::Forward, 0, &queues)
        .build()
        .unwrap();
    router.send(Packet::now(9), Wait::Never).unwrap();
    assert_eq!(payloads(&queues[2]), [9]);
    let narrow = inputs(2, 10);
    let builder = Router::builder("sender").sender(2, 3);
    let mut router = with(builder, Partition::RoundRobin, 0, &narrow).build().unwrap();
    let packet = Packet::now(9).with_partition(PacketPartition::Forward);
    assert_eq!(
        router.send(packet, Wait::Never).unwrap_err().kind(),
        ErrorKind::InvalidGraph
    );
}

#[test]
fn load_aware_prefers_the_emptier_and_refuses_keys() {
    let queues = inputs(2, 100);
    let mut filler = router(Partition::RoundRobin, &queues[..1]);
    for number in 0..50 {
        filler.send(Packet::now(number), Wait::Never).unwrap();
    }
    let mut aware = router(Partition::LoadAware, &queues);
    for number in 0..50 {
        aware.push(Packet::now(number)).unwrap();
    }
    aware.flush(Wait::Never).unwrap();
    // Half-way through the two are even; until then every packet goes to the emptier one.
    assert_eq!((queues[0].depth(), queues[1].depth()), (Some(50), Some(50)));
    assert!(aware.send(Packet::now(1).with_key(1), Wait::Never).is_err());
}

#[test]
fn custom_partitioners_are_checked() {
    let queues = inputs(3, 10);
    let builder = || Router::builder("sender").partitioner("by_payload", |_, packet: &Packet<usize>, _| packet.payload);
    let mut router = with(builder(), Partition::custom("by_payload"), 0, &queues)
        .build()
        .unwrap();
    router.send(Packet::now(2), Wait::Never).unwrap();
    assert_eq!(payloads(&queues[2]), [2]);
    let error = router.send(Packet::now(3), Wait::Never).unwrap_err();
    assert!(error.to_string().contains("below 3"), "{error}");
    assert!(with(builder(), Partition::custom("other"), 0, &queues).build().is_err());
}

#[test]
fn a_failing_target_does_not_stop_its_siblings() {
    let queues = inputs(4, 1);
    queues[0].close();
    let mut other = router(Partition::RoundRobin, &queues[2..3]);
    other.send(Packet::now(0), Wait::Never).unwrap();
    let mut router = router(Partition::Broadcast, &queues);
    let error = router.send(Packet::now(1), Wait::Never).unwrap_err();
    let reasons: Vec<_> = error
        .undelivered()
        .iter()
        .map(|it| (it.target.clone().unwrap().id.parallel_index, it.reason.kind()))
        .collect();
    assert_eq!(reasons, [(0, ErrorKind::Closed), (2, ErrorKind::Full)]);
    assert_eq!(
        error.delivered().iter().map(|it| it.parallel_index).collect::<Vec<_>>(),
        [1, 3]
    );
    assert!(error.to_string().contains("input_0_0"), "{error}");
    payloads(&queues[2]);
    let error = router.resend(error.into_undelivered(), Wait::Never).unwrap_err();
    assert_eq!((error.undelivered().len(), payloads(&queues[2])), (1, vec![1]));
    let sent: Vec<_> = router
        .counts()
        .map(|(_, counts)| (counts.sent, counts.returned.total()))
        .collect();
    assert_eq!(sent, [(0, 2), (1, 0), (1, 1), (1, 0)]);
}

#[test]
fn a_packet_for_nobody_is_not_ok() {
    let mut router = Router::builder("alone").build().unwrap();
    assert_eq!(
        router
            .send(Packet::now(1), Wait::Forever)
            .unwrap_err()
            .into_undelivered()
            .len(),
        1
    );
    assert!(router.push(Packet::now(1)).is_err());
    router.flush(Wait::Never).unwrap();
}

#[test]
fn builders_refuse_what_cannot_work() {
    let queues = inputs::<u8>(2, 1);
    let groups = KeyGroups::default();
    let fails = |partition: Partition, connections| {
        let kind = Router::builder("sender")
            .edge(partition, groups, connections)
            .build()
            .unwrap_err()
            .kind();
        assert_eq!(kind, ErrorKind::InvalidGraph);
    };
    fails(Partition::RoundRobin, vec![]);
    fails(Partition::Forward, edge(0, 0, &queues));
    fails(Partition::RoundRobin, edge(0, 0, &queues).split_off(1));
    fails(
        Partition::RoundRobin,
        edge(0, 0, &queues).into_iter().chain(edge(0, 0, &queues)).collect(),
    );
    fails(
        Partition::RoundRobin,
        edge(0, 0, &queues[..1])
            .into_iter()
            .chain(edge(0, 1, &queues).split_off(1))
            .collect(),
    );
    fails(Partition::Hash, edge(0, 0, &inputs(129, 1)));
    assert!(Router::<u8>::builder("sender").sender(2, 2).build().is_err());
    let twice = Router::builder("sender").edge(Partition::Hash, groups, edge(0, 0, &queues));
    assert!(
        twice
            .edge(Partition::Hash, groups, edge(0, 0, &queues))
            .build()
            .is_err()
    );
}

#[test]
fn routing_info_is_plain_data() {
    let queues = inputs(2, 4);
    let mut router = router(Partition::RoundRobin, &queues);
    router.send(Packet::now(1), Wait::Never).unwrap();
    router.push(Packet::now(2)).unwrap();
    let info = serde_json::to_value(router.routing_info()).unwrap();
    let group = &info["groups"][0];
    assert_eq!(
        (group["partition"].as_str(), group["roundrobin_position"].as_u64()),
        (Some("round_robin"), Some(0))
    );
    let target = &group["targets"][0];
    assert_eq!(
        (target["queue_id"].as_str(), target["load"].as_f64()),
        (Some("input_0_0"), Some(0.25))
    );
    assert_eq!(target["packets"]["sent"], 1);
    assert_eq!(group["targets"][1]["packets"]["buffered"], 1);
    router.flush(Wait::Never).unwrap();
}
