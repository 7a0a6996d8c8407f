//! Keys: equality across types, refusals, round trips, hostile bytes.

use std::collections::{BTreeMap, HashMap};

use descriptor_core::ErrorKind;
use proptest::prelude::*;
use router::{Key, KeyGroups};
use serde::{Deserialize, Serialize};

#[test]
fn falsy_keys_are_keys_and_all_different() {
    let keys = [
        Key::from(0),
        Key::from(""),
        Key::from(false),
        Key::from(()),
        Key::bytes(&[]),
        Key::of(&[0_u8; 0]).unwrap(),
    ];
    for (i, a) in keys.iter().enumerate() {
        for (j, b) in keys.iter().enumerate() {
            assert_eq!(a == b, i == j, "{a} and {b}");
        }
    }
}

#[test]
fn equal_values_of_different_types_are_one_key() {
    assert_eq!(Key::from(1_u8), Key::from(1_i64));
    assert_eq!(Key::from(1_u64), Key::of(&1_i128).unwrap());
    assert_eq!(Key::from(u64::MAX), Key::of(&i128::from(u64::MAX)).unwrap());
    assert_eq!(Key::from('x'), Key::from("x"));
    assert_eq!(
        Key::of(&(1, "a")).unwrap(),
        Key::of(&(1_u8, String::from("a"))).unwrap()
    );
    assert_eq!(Key::of(&[1, 2]).unwrap(), Key::of(&vec![1_i64, 2]).unwrap());
    assert_eq!(Key::of(&Some(5)).unwrap(), Key::from(5));
    assert_eq!(Key::of(&None::<u8>).unwrap(), Key::from(()));
    let sorted = BTreeMap::from([("bb", 1), ("c", 2), ("a", 3)]);
    let hashed = HashMap::from([("c", 2), ("a", 3), ("bb", 1)]);
    assert_eq!(Key::of(&sorted).unwrap(), Key::of(&hashed).unwrap());
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Dot,
    Circle(u32),
    Line(i8, i8),
    Box { wide: u16, high: u16 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    shop: String,
    number: u64,
    shapes: Vec<Shape>,
    note: Option<char>,
    wrapped: Wrapped,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Wrapped(i128);

#[test]
fn values_come_back_and_read_well() {
    let order = Order {
        shop: "north".into(),
        number: u64::MAX,
        shapes: vec![
            Shape::Dot,
            Shape::Circle(2),
            Shape::Line(-1, 1),
            Shape::Box { wide: 3, high: 4 },
        ],
        note: None,
        wrapped: Wrapped(i128::MIN),
    };
    let key = Key::of(&order).unwrap();
    assert_eq!(key.decode::<Order>().unwrap(), order);
    let text = key.to_string();
    assert!(
        text.contains(r#""Dot", {"Circle": 2}, {"Line": [-1, 1]}, {"Box": {"high": 4, "wide": 3}}"#),
        "{text}"
    );
    assert_eq!(Key::from("text").decode::<&str>().unwrap(), "text");
    assert_eq!(Key::bytes(b"\x00\xff").to_string(), "0x00ff");
    assert_eq!(Key::of(&()).unwrap().decode::<Option<u8>>().unwrap(), None);
    assert_eq!(
        Key::from(300).decode::<u8>().unwrap_err().kind(),
        ErrorKind::TypeMismatch
    );
    assert!(Key::of(&(1, 2, 3)).unwrap().decode::<(u8, u8)>().is_err());
    assert!(Key::of(&(1, 2)).unwrap().decode::<(u8, u8, u8)>().is_err());
}

#[test]
fn floats_and_deep_nesting_are_refused() {
    for refused in [Key::of(&0.5), Key::of(&(1, 2.0_f32)), Key::of(&f64::NAN)] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSerializable);
        assert!(error.to_string().contains("float"), "{error}");
    }
    #[derive(Serialize)]
    struct Nest(Vec<Self>);
    let nest = |depth| (1..depth).fold(Nest(vec![]), |inner, _| Nest(vec![inner]));
    let deepest = Key::of(&nest(16)).unwrap();
    assert_eq!(Key::from_encoded(deepest.encoded()).unwrap(), deepest);
    assert!(Key::of(&nest(17)).is_err());
    let bomb = [vec![8; 100_000], vec![15; 100_000]].concat();
    assert_eq!(Key::from_encoded(&bomb).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn only_the_canonical_form_is_read() {
    for bad in [
        &[][..],
        &[0, 0],
        &[3, 1, 0, 0],
        &[4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[6, 0x80, 0],
        &[6, 1, 0xff],
        &[6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        &[6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
        &[8],
        &[8, 0],
        &[9, 0, 15],
        &[9, 2, 0, 1, 0, 15],
        &[9, 1, 0, 1, 0, 15],
        &[15],
        &[10],
        &[0xff],
    ] {
        assert_eq!(
            Key::from_encoded(bad).unwrap_err().kind(),
            ErrorKind::Corrupt,
            "{bad:?}"
        );
    }
}

#[test]
fn key_groups_follow_the_parallelism() {
    let count = |highest| KeyGroups::for_parallelism(highest).unwrap().count();
    assert_eq!(
        [count(0), count(1), count(85), count(86), count(170), count(171)],
        [128, 128, 128, 256, 256, 512]
    );
    assert_eq!(count(KeyGroups::MAX_PARALLELISM), 32_768);
    assert!(KeyGroups::for_parallelism(KeyGroups::MAX_PARALLELISM + 1).is_err());
    assert!(KeyGroups::for_parallelism(u32::MAX).is_err());
    for bad in [0, 1, 64, 127, 129, 1000, 65_536, u32::MAX] {
        assert_eq!(KeyGroups::new(bad).unwrap_err().kind(), ErrorKind::InvalidGraph);
        assert!(serde_json::from_value::<KeyGroups>(bad.into()).is_err());
    }
}

proptest! {
    #[test]
    fn integers_of_any_width_agree(value: i16) {
        let key = Key::from(value);
        prop_assert_eq!(&Key::from(i128::from(value)), &key);
        prop_assert_eq!(&Key::of(&i64::from(value)).unwrap(), &key);
        prop_assert_eq!(key.decode::<i32>().unwrap(), i32::from(value));
        if let Ok(unsigned) = u64::try_from(value) {
            prop_assert_eq!(&Key::from(unsigned), &key);
            prop_assert_eq!(&Key::of(&u128::from(unsigned)).unwrap(), &key);
        }
    }

    #[test]
    fn keys_travel(value: (String, Vec<i64>, Option<bool>, Vec<u8>)) {
        let key = Key::of(&value).unwrap();
        prop_assert_eq!(key.decode::<(String, Vec<i64>, Option<bool>, Vec<u8>)>().unwrap(), value);
        prop_assert_eq!(&Key::from_encoded(key.encoded()).unwrap(), &key);
        let json: Key = serde_json::from_str(&serde_json::to_string(&key).unwrap()).unwrap();
        prop_assert_eq!((json.hash(), &json), (key.hash(), &key));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(0_u8..20, 0..40)) {
        if let Ok(key) = Key::from_encoded(&bytes) {
            prop_assert_eq!(key.encoded(), &bytes[..]);
            prop_assert!(!key.to_string().contains("invalid"));
        }
    }

    #[test]
    fn one_key_has_one_instance_and_ranges_cover_all(text: String, exponent in 7_u32..=15, parallelism in 1_u32..22_000) {
        let groups = KeyGroups::new(1 << exponent).unwrap();
        let parallelism = parallelism.min(groups.count());
        let key = Key::from(text.as_str());
        let instance = groups.instance_of(&key, parallelism);
        prop_assert!(instance < parallelism);
        prop_assert_eq!(instance, groups.instance_of(&Key::of(&text).unwrap(), parallelism));
        prop_assert!(groups.range(instance, parallelism).contains(&groups.group_of(&key)));
        let mut next = 0;
        for instance in 0..parallelism {
            let range = groups.range(instance, parallelism);
            prop_assert_eq!(range.start, next);
            prop_assert!(!range.is_empty());
            prop_assert!(range.clone().all(|group| groups.owner(group, parallelism) == instance));
            next = range.end;
        }
        prop_assert_eq!(next, groups.count());
    }

    #[test]
    fn a_change_moves_the_groups_whose_owner_changes_and_no_others(
        exponent in 7_u32..=9, before in 1_u32..200, after in 1_u32..200,
    ) {
        let groups = KeyGroups::new(1 << exponent).unwrap();
        let (before, after) = (before.min(groups.count()), after.min(groups.count()));
        let moves = groups.moves(before, after);
        let mut next = moves.iter().flat_map(|it| it.groups.clone().map(|group| (group, it.from, it.to))).peekable();
        for group in 0..groups.count() {
            // Exactly one owner on each side.
            let owners = |of: u32| (0..of).filter(|it| groups.range(*it, of).contains(&group)).collect::<Vec<_>>();
            let (from, to) = (owners(before), owners(after));
            prop_assert_eq!((from.len(), to.len()), (1, 1));
            let moved = next.next_if(|(moved, ..)| *moved == group);
            prop_assert_eq!(moved, (from != to).then(|| (group, from[0], to[0])));
        }
        prop_assert_eq!(next.next(), None);
        // Each is as long as it can be.
        let mut pairs = moves.windows(2);
        prop_assert!(pairs.all(|two| {
            two[0].groups.end < two[1].groups.start || (two[0].from, two[0].to) != (two[1].from, two[1].to)
        }), "{:?}", moves);
        prop_assert!(moves.len() < (before + after) as usize);
        prop_assert_eq!(groups.moves(before, before), []);
        let back: Vec<_> = groups.moves(after, before).into_iter().map(|it| (it.groups, it.to, it.from)).collect();
        prop_assert_eq!(back, moves.into_iter().map(|it| (it.groups, it.from, it.to)).collect::<Vec<_>>());
    }
}
