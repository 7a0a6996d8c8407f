//! The parameters of `chaos+KIND`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use descriptor_core::{
    Caps, DynQueue, Error, KeySpec, Metadata, Open, Params, Preset, QueueId, Reach, Spec, Takes, Value, Wire,
};

use super::{Chaos, Faults};

const PREFIX: &[u8] = b"chaos+";
const LONGEST: usize = 128;

const SEED: &str = "chaos_seed";
const DROP: &str = "chaos_drop";
const DUPLICATE: &str = "chaos_duplicate";
const REORDER: &str = "chaos_reorder";
const DELAY: &str = "chaos_delay";
const DELAY_TIME: &str = "chaos_delay_time";
const FAIL: &str = "chaos_fail";

const fn chance(name: &'static str) -> KeySpec {
    KeySpec::new(name, Takes::Share).or(Preset::Float(0.0))
}

const KEYS: [KeySpec; 7] = [
    KeySpec::new(SEED, Takes::Int { min: 0, max: i64::MAX }).or(Preset::Int(0)),
    chance(DROP),
    chance(DUPLICATE),
    chance(REORDER),
    chance(DELAY),
    KeySpec::new(DELAY_TIME, Takes::Seconds).or(Preset::Float(0.001)),
    chance(FAIL),
];

/// Parameters of a [`Chaos`] around a queue of the type `S`: those of `S`, and the chances of each fault.
///
/// Registered with `Registry::with::<ChaosSpec<S>>()`, it opens records such as
/// `chaos+sage_queue://q?maxsize=8&chaos_drop=0.01&chaos_seed=7`. The names of the parameters are `chaos_` and the
/// fields of [`Faults`]; `chaos_delay_time` is in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChaosSpec<S> {
    /// The queue inside.
    pub inner: S,
    /// What goes wrong with it.
    pub faults: Faults,
}

impl<S: Spec> ChaosSpec<S> {
    const NAME: ([u8; LONGEST], usize) = joined(S::KIND.as_bytes());
    const NAME_BYTES: &'static [u8] = Self::NAME.0.split_at(Self::NAME.1).0;
}

/// `PREFIX` and the name behind it, and how long they are together.
const fn joined(kind: &[u8]) -> ([u8; LONGEST], usize) {
    let mut name = [0; LONGEST];
    let mut at = 0;
    while at < PREFIX.len() {
        name[at] = PREFIX[at];
        at += 1;
    }
    while at < PREFIX.len() + kind.len() {
        name[at] = kind[at - PREFIX.len()];
        at += 1;
    }
    (name, at)
}

impl<S: Spec> Spec for ChaosSpec<S> {
    const KIND: &'static str = match std::str::from_utf8(Self::NAME_BYTES) {
        Ok(name) => name,
        Err(_) => "chaos",
    };
    const REACH: Reach = S::REACH;

    fn keys() -> &'static [KeySpec] {
        // One table for each type inside, made once and kept: a static cannot depend on `S`.
        static TABLES: Mutex<BTreeMap<&str, &[KeySpec]>> = Mutex::new(BTreeMap::new());
        let mut tables = TABLES.lock().unwrap_or_else(PoisonError::into_inner);
        tables
            .entry(Self::KIND)
            .or_insert_with(|| S::keys().iter().chain(&KEYS).copied().collect::<Vec<_>>().leak())
    }

    fn to_metadata(&self) -> Metadata {
        let Faults {
            seed,
            drop,
            duplicate,
            reorder,
            delay,
            delay_time,
            fail,
        } = self.faults;
        let mut metadata = self.inner.to_metadata();
        metadata.insert(SEED.into(), Value::Int(i64::try_from(seed).unwrap_or(i64::MAX)));
        for (name, number) in [
            (DROP, drop),
            (DUPLICATE, duplicate),
            (REORDER, reorder),
            (DELAY, delay),
            (DELAY_TIME, delay_time.as_secs_f64()),
            (FAIL, fail),
        ] {
            metadata.insert(name.into(), Value::Float(number));
        }
        metadata
    }

    fn from_params(params: &Params) -> Result<Self, Error> {
        let mut inner = params.as_metadata().clone();
        inner.retain(|name, _| KEYS.iter().all(|key| key.name != name));
        let chance = |name| match params.get(name) {
            Some(Value::Float(chance)) => *chance,
            _ => 0.0,
        };
        let faults = Faults {
            seed: params.int(SEED).and_then(|seed| u64::try_from(seed).ok()).unwrap_or(0),
            drop: chance(DROP),
            duplicate: chance(DUPLICATE),
            reorder: chance(REORDER),
            delay: chance(DELAY),
            delay_time: params.seconds(DELAY_TIME).unwrap_or(Duration::ZERO),
            fail: chance(FAIL),
        };
        Ok(Self {
            inner: S::from_metadata(&inner)?,
            faults,
        })
    }

    fn caps() -> Caps {
        S::caps()
    }

    fn is_process_bound() -> bool {
        S::is_process_bound()
    }
}

impl<T: Wire, S: Open<T>> Open<T> for ChaosSpec<S> {
    fn open(&self, id: &QueueId) -> Result<DynQueue<T>, Error> {
        Ok(Arc::new(Chaos::of_wire(self.inner.open(id)?, self.faults)))
    }
}
