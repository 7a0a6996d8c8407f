//! Packets and events as they travel.

use router::{Envelope, Event, Packet, PacketPartition, Partition, StopCause, StopSignal, UpstreamId};

#[test]
fn every_event_survives_the_way() {
    let packet = Packet::new("bid".to_owned(), u64::MAX)
        .with_key("ä")
        .with_partition(PacketPartition::Hash)
        .with_input_index(u16::MAX);
    let causes = [
        StopCause::Finished,
        StopCause::Failed("division by zero".into()),
        StopCause::Aborted,
        StopCause::PeerDied("signal 9".into()),
    ];
    let stops = causes.map(|cause| Event::Stop(Box::new(StopSignal::new("map_1", cause))));
    let others = [
        Event::Packet(packet.clone()),
        Event::Watermark(7),
        Event::Barrier(u64::MAX),
    ];
    for event in stops.into_iter().chain(others) {
        let envelope = Envelope {
            from: UpstreamId(3),
            event,
        };
        let text = serde_json::to_string(&envelope).unwrap();
        let back: Envelope<String> = serde_json::from_str(&text).unwrap();
        assert_eq!(back, envelope, "{text}");
        if let Event::Packet(back) = back.event {
            // Equality leaves the timestamp out.
            assert_eq!(back.timestamp(), packet.timestamp());
            assert_eq!(back.key().map(router::Key::hash), packet.key().map(router::Key::hash));
        }
    }
}

#[test]
fn an_unknown_strategy_is_an_error_and_not_a_round_robin() {
    let mut packet = serde_json::to_value(Packet::new(1, 0).with_key(1).with_partition(PacketPartition::Hash)).unwrap();
    packet["partition_strategy"] = "haash".into();
    assert!(serde_json::from_value::<Packet<i32>>(packet).is_err());
    assert!(serde_json::from_str::<Partition>("\"haash\"").is_err());
    for partition in [
        Partition::RoundRobin,
        Partition::LoadAware,
        Partition::custom("by_region"),
    ] {
        let text = serde_json::to_string(&partition).unwrap();
        assert_eq!(serde_json::from_str::<Partition>(&text).unwrap(), partition);
    }
    assert_eq!(serde_json::to_string(&Partition::LoadAware).unwrap(), "\"load_aware\"");
    assert_eq!(
        serde_json::to_string(&Partition::custom("x")).unwrap(),
        r#"{"custom":"x"}"#
    );
}

#[test]
fn packets_compare_without_their_timestamps_and_hide_their_payload() {
    let packet = Packet::new("secret", 1);
    assert_eq!(packet, Packet::new("secret", 2));
    assert_ne!(packet, packet.clone().with_key(0));
    assert_ne!(packet, packet.clone().with_input_index(1));
    assert!(!packet.is_keyed() && packet.clone().with_key(false).is_keyed());
    assert_eq!(
        format!("{packet:?}"),
        "<Packet input=0 key=unkeyed payload_type=&str ts=1>"
    );
    let renamed = packet
        .with_key(1)
        .with_partition(PacketPartition::Hash)
        .update_key("b", None);
    assert_eq!(
        (renamed.key(), renamed.partition()),
        (Some(&"b".into()), Some(PacketPartition::Hash))
    );
    assert_eq!(renamed.inherit_partition_info(5).timestamp(), 1);
    assert_eq!(renamed.clone().map(str::len), renamed.inherit_partition_info(6));
}
