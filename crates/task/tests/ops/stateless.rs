//! Operators that look at one packet at a time.

use descriptor_core::ErrorKind;
use router::{Key, Packet, PacketPartition};
use task::OpResult;
use task::ops::{CoMap, Either, Filter, FlatMap, Inspect, KeyBy, Map, TryKeyBy, TryMap};

use crate::rig::{Rig, keyed, plain};

#[test]
fn map_emits_one_result_with_key_and_timestamp_of_its_packet() {
    let mut rig = Rig::<String>::new();
    let mut map = Map::new(|n: u32| n.to_string());
    rig.feed(&mut map, keyed("a", 1_u32)).unwrap();
    rig.feed(&mut map, plain(2)).unwrap();
    let out = rig.packets();
    assert_eq!(out, [keyed("a", "1".to_owned()), plain("2".to_owned())]);
    assert!(out.iter().all(|packet| packet.timestamp() == 7));
}

#[test]
fn map_may_count() {
    let mut rig = Rig::<(u32, char)>::new();
    let mut seen = 0;
    let mut map = Map::new(move |c: char| {
        seen += 1;
        (seen, c)
    });
    for c in "abc".chars() {
        rig.feed(&mut map, plain(c)).unwrap();
    }
    assert_eq!(rig.payloads(), [(1, 'a'), (2, 'b'), (3, 'c')]);
}

#[test]
fn try_map_hands_its_error_over_and_goes_on() {
    let mut rig = Rig::<u8>::new();
    let mut map = TryMap::new(|text: String| text.parse::<u8>());
    rig.feed(&mut map, plain("12".to_owned())).unwrap();
    let error = rig.feed(&mut map, plain("many".to_owned())).unwrap_err();
    assert!(error.is::<std::num::ParseIntError>());
    rig.feed(&mut map, plain("13".to_owned())).unwrap();
    assert_eq!(rig.payloads(), [12, 13]);
}

#[test]
fn filter_passes_the_same_packet_or_none() {
    let mut rig = Rig::<i32>::new();
    let mut filter = Filter::new(|n: &i32| *n > 0);
    let passing = Packet::new(3, 99)
        .with_key("k")
        .with_partition(PacketPartition::Broadcast);
    rig.feed(&mut filter, passing.clone()).unwrap();
    rig.feed(&mut filter, plain(-3)).unwrap();
    let out = rig.packets();
    assert_eq!(out, [passing]);
    assert_eq!(out[0].timestamp(), 99);
}

#[test]
fn flat_map_emits_each_element_in_order_with_the_heritage_of_its_packet() {
    let mut rig = Rig::<char>::new();
    let mut split = FlatMap::new(|word: String| word.chars().collect::<Vec<_>>());
    rig.feed(&mut split, keyed(1_u8, "abc".to_owned())).unwrap();
    rig.feed(&mut split, keyed(2_u8, String::new())).unwrap();
    rig.feed(&mut split, plain("d".to_owned())).unwrap();
    let out = rig.packets();
    assert_eq!(out, [keyed(1_u8, 'a'), keyed(1_u8, 'b'), keyed(1_u8, 'c'), plain('d')]);
    assert!(out.iter().all(|packet| packet.timestamp() == 7));
}

#[test]
fn flat_map_takes_an_option_for_one_or_none() {
    let mut rig = Rig::<u8>::new();
    let mut parse = FlatMap::new(|text: String| text.parse::<u8>().ok());
    for text in ["1", "x", "2"] {
        rig.feed(&mut parse, plain(text.to_owned())).unwrap();
    }
    assert_eq!(rig.payloads(), [1, 2]);
}

#[test]
fn inspect_sees_every_packet_and_changes_none() {
    let mut rig = Rig::<u8>::new();
    let (tell, told) = std::sync::mpsc::channel();
    let mut inspect = Inspect::new(move |n: &u8| tell.send(*n).unwrap());
    let packets = [keyed("k", 1), plain(2), Packet::new(3, 50)];
    for packet in &packets {
        rig.feed(&mut inspect, packet.clone()).unwrap();
    }
    drop(inspect);
    assert_eq!(told.iter().collect::<Vec<_>>(), [1, 2, 3]);
    let out = rig.packets();
    assert_eq!(out, packets);
    assert_eq!(out[2].timestamp(), 50);
}

#[test]
fn key_by_sets_the_key_and_keeps_payload_and_timestamp() {
    let mut rig = Rig::<(String, u32)>::new();
    let mut by_name = KeyBy::new(|item: &(String, u32)| Key::from(item.0.as_str()));
    let ada = ("ada".to_owned(), 1);
    rig.feed(&mut by_name, plain(ada.clone())).unwrap();
    rig.feed(&mut by_name, keyed("other", ada.clone())).unwrap();
    let out = rig.packets();
    assert_eq!(out, [keyed("ada", ada.clone()), keyed("ada", ada)]);
    assert!(out.iter().all(|packet| packet.timestamp() == 7));
}

#[test]
fn falsy_keys_are_keys() {
    let mut rig = Rig::<u64>::new();
    rig.feed(&mut KeyBy::new(|_: &u64| 0_u64), plain(1)).unwrap();
    rig.feed(&mut KeyBy::new(|_: &u64| String::new()), plain(2)).unwrap();
    rig.feed(&mut KeyBy::new(|_: &u64| false), plain(3)).unwrap();
    let out = rig.packets();
    assert_eq!(out, [keyed(0_u64, 1), keyed("", 2), keyed(false, 3)]);
    assert!(out.iter().all(Packet::is_keyed));
}

#[test]
fn try_key_by_takes_composite_keys_and_passes_nothing_without_its_key() {
    let mut rig = Rig::<(u8, f64)>::new();
    let mut by_both = TryKeyBy::new(|item: &(u8, f64)| {
        if item.1.is_nan() {
            Key::of(&item.1)
        } else {
            Key::of(&(item.0, item.1 > 0.5))
        }
    });
    rig.feed(&mut by_both, plain((1, 0.7))).unwrap();
    let error = rig.feed(&mut by_both, plain((1, f64::NAN))).unwrap_err();
    let error = error.downcast::<descriptor_core::Error>().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotSerializable);
    let out = rig.packets();
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].key(), Some(&Key::of(&(1, true)).unwrap()));
}

#[test]
fn co_map_calls_the_function_of_the_port_and_both_share_the_state() -> OpResult {
    let mut rig = Rig::<String>::new();
    let mut prices = CoMap::new(
        Vec::<u32>::new(),
        |known, price: u32| {
            known.push(price);
            format!("price {price}")
        },
        |known, name: String| format!("{name} of {known:?}"),
    );
    rig.feed(&mut prices, keyed("k", Either::Left(5)))?;
    rig.feed(&mut prices, plain(Either::Right("ada".to_owned())))?;
    rig.feed(&mut prices, plain(Either::Left(6)))?;
    rig.feed(&mut prices, plain(Either::Right("bob".to_owned())))?;
    let out = rig.packets();
    assert_eq!(out[0], keyed("k", "price 5".to_owned()));
    assert_eq!(
        out[1..]
            .iter()
            .map(|packet| packet.payload.as_str())
            .collect::<Vec<_>>(),
        ["ada of [5]", "price 6", "bob of [5, 6]"]
    );
    Ok(())
}

#[test]
fn clones_of_an_operator_share_nothing() {
    let mut rig = Rig::<u32>::new();
    let mut first = CoMap::new(
        0,
        |sum: &mut u32, n: u32| {
            *sum += n;
            *sum
        },
        |sum: &mut u32, (): ()| *sum,
    );
    let mut second = first.clone();
    rig.feed(&mut first, plain(Either::Left(5))).unwrap();
    rig.feed(&mut second, plain(Either::Right(()))).unwrap();
    assert_eq!(rig.payloads(), [5, 0]);
}
