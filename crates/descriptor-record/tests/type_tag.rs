//! Type tags: equal types agree, types that differ anywhere do not.
#![allow(clippy::unwrap_used, dead_code, reason = "the types are only looked at")]

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::num::NonZeroU32;

use descriptor_record::{QueueId, TypeTag};
use queue_core::{ErrorKind, Wire};
use serde::{Deserialize, Serialize};

macro_rules! wire {
    ($($item:item)*) => {$(
        #[derive(Serialize, Deserialize)]
        $item
    )*};
}

/// Types that differ from `base::Order` in one thing each, under the same names.
mod base {
    use super::*;
    wire! {
        pub(crate) struct Order { pub id: u64, pub note: Option<String>, pub side: Side, pub legs: Vec<Leg> }
        pub(crate) enum Side { Buy, Sell { limit: f64 } }
        pub(crate) struct Leg { pub price: u32 }
    }
}
mod same {
    use super::*;
    wire! {
        pub(crate) struct Order { pub id: u64, pub note: Option<String>, pub side: Side, pub legs: Vec<Leg> }
        pub(crate) enum Side { Buy, Sell { limit: f64 } }
        pub(crate) struct Leg { pub price: u32 }
    }
}
mod renamed_field {
    use super::*;
    wire! {
        pub(crate) struct Order { pub key: u64, pub note: Option<String>, pub side: Side, pub legs: Vec<Leg> }
        pub(crate) enum Side { Buy, Sell { limit: f64 } }
        pub(crate) struct Leg { pub price: u32 }
    }
}
mod reordered {
    use super::*;
    wire! {
        pub(crate) struct Order { pub note: Option<String>, pub id: u64, pub side: Side, pub legs: Vec<Leg> }
        pub(crate) enum Side { Buy, Sell { limit: f64 } }
        pub(crate) struct Leg { pub price: u32 }
    }
}
mod other_variant {
    use super::*;
    wire! {
        pub(crate) struct Order { pub id: u64, pub note: Option<String>, pub side: Side, pub legs: Vec<Leg> }
        pub(crate) enum Side { Buy, Sell { limit: f32 } }
        pub(crate) struct Leg { pub price: u32 }
    }
}
mod other_leg {
    use super::*;
    wire! {
        pub(crate) struct Order { pub id: u64, pub note: Option<String>, pub side: Side, pub legs: Vec<Leg> }
        pub(crate) enum Side { Buy, Sell { limit: f64 } }
        pub(crate) struct Leg { pub price: i32 }
    }
}
mod not_optional {
    use super::*;
    wire! {
        pub(crate) struct Order { pub id: u64, pub note: String, pub side: Side, pub legs: Vec<Leg> }
        pub(crate) enum Side { Buy, Sell { limit: f64 } }
        pub(crate) struct Leg { pub price: u32 }
    }
}

fn shape<T: Wire>() -> u64 {
    TypeTag::of::<T>().shape()
}

fn all_differ(shapes: &[u64]) {
    for (i, a) in shapes.iter().enumerate() {
        for (j, b) in shapes.iter().enumerate().skip(i + 1) {
            assert_ne!(a, b, "types {i} and {j}");
        }
    }
}

#[test]
fn equal_types_agree_wherever_they_live() {
    assert_eq!(shape::<base::Order>(), shape::<same::Order>());
    let (here, there) = (TypeTag::of::<base::Order>(), TypeTag::of::<same::Order>());
    assert_ne!(here, there, "the compiler's names tell them apart");
    here.clone().named("Order").agree(&there.named("Order")).unwrap();
    assert_eq!(here, TypeTag::of::<base::Order>());
}

#[test]
fn a_difference_anywhere_shows() {
    all_differ(&[
        shape::<base::Order>(),
        shape::<renamed_field::Order>(),
        shape::<reordered::Order>(),
        shape::<other_variant::Order>(),
        shape::<other_leg::Order>(),
        shape::<not_optional::Order>(),
    ]);
    all_differ(&[
        shape::<u8>(),
        shape::<u16>(),
        shape::<u32>(),
        shape::<u64>(),
        shape::<u128>(),
        shape::<i8>(),
        shape::<i16>(),
        shape::<i32>(),
        shape::<i64>(),
        shape::<i128>(),
        shape::<f32>(),
        shape::<f64>(),
        shape::<bool>(),
        shape::<char>(),
        shape::<String>(),
        shape::<()>(),
        shape::<Option<u8>>(),
        shape::<Vec<u8>>(),
        shape::<Vec<u16>>(),
        shape::<[u8; 2]>(),
        shape::<[u8; 3]>(),
        shape::<(u8, u16)>(),
        shape::<(u16, u8)>(),
        shape::<HashMap<String, u8>>(),
        shape::<HashMap<String, u16>>(),
        shape::<HashMap<u8, String>>(),
    ]);
    assert_eq!(
        shape::<HashMap<String, u8>>(),
        shape::<BTreeMap<String, u8>>(),
        "the same on the wire"
    );
}

wire! {
    struct Tree { children: Vec<Self>, value: u32 }
    struct OtherTree { children: Vec<Self>, value: u64 }
    struct Chain { next: Option<Box<Self>>, value: u32 }
    enum Expr { Not(Box<Self>), Add(Box<Self>, Box<Self>), Call { name: String, args: Vec<Self> }, Number(i64) }
    struct Endless { next: Box<Self> }
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Chain")]
struct WideChain {
    next: Option<Box<Self>>,
    value: u64,
}

#[test]
fn types_that_contain_themselves_end_and_are_seen_whole() {
    assert_ne!(shape::<Tree>(), shape::<OtherTree>());
    assert_ne!(
        shape::<Chain>(),
        shape::<WideChain>(),
        "what follows the recursion is seen"
    );
    assert_eq!(shape::<Expr>(), shape::<Box<Expr>>());
    let _ = shape::<Endless>();
}

/// Checks its values, so that most made-up ones are refused.
#[derive(Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
#[derive(Clone)]
struct Positive(i64);

impl TryFrom<i64> for Positive {
    type Error = &'static str;
    fn try_from(value: i64) -> Result<Self, Self::Error> {
        if value > 1 {
            Ok(Self(value))
        } else {
            Err("must be above 1")
        }
    }
}

impl From<Positive> for i64 {
    fn from(value: Positive) -> Self {
        value.0
    }
}

wire! {
    struct Picky<T> { id: QueueId, at: IpAddr, count: NonZeroU32, amount: Positive, rest: T }
    struct PickyList<T> { inside: Vec<Picky<T>>, maybe: Option<Picky<T>> }
}

#[derive(Serialize)]
struct Panics;

impl<'de> Deserialize<'de> for Panics {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("no value is right")
    }
}

#[test]
fn types_that_refuse_values_are_seen_as_far_as_possible() {
    assert_ne!(
        shape::<Picky<u8>>(),
        shape::<Picky<u16>>(),
        "what follows the picky fields is seen"
    );
    assert_ne!(shape::<PickyList<u8>>(), shape::<PickyList<u16>>());
    assert_eq!(shape::<Panics>(), shape::<Panics>());
}

#[test]
fn a_mismatch_names_both_sides() {
    let (a, b) = (TypeTag::of::<u32>().named("Bid"), TypeTag::of::<u64>().named("Bid"));
    let error = a.agree(&b).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TypeMismatch);
    assert!(error.to_string().contains(&a.to_string()) && error.to_string().contains(&b.to_string()));
    assert_ne!(a.to_string(), b.to_string());
}
