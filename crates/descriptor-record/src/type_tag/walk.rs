//! Walking a type several times, so that every variant and every way through it is seen.

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64;

use super::probe::{Probe, Refused};

/// Bounds on the work for one type; what lies beyond them is not part of the shape.
const MAX_WALKS: usize = 512;
const MAX_STEPS: usize = 100_000;
const MAX_DEPTH: usize = 48;
/// How often one struct or enum may contain itself before a walk turns back.
const MAX_NESTING: usize = 2;
/// Values tried on a primitive before its type counts as unpleasable.
pub(super) const CANDIDATES: usize = 5;

/// The hash of everything `T` asked for.
pub(super) fn shape<T: DeserializeOwned>() -> u64 {
    let mut walk = Walk::default();
    for _ in 0..MAX_WALKS {
        walk.advanced = false;
        walk.last_leaf = None;
        walk.open.clear();
        // A `Deserialize` that panics on a made-up value has still said what it asks for.
        let walked = catch_unwind(AssertUnwindSafe(|| T::deserialize(Probe::root(&mut walk)).map(drop)));
        if !matches!(walked, Ok(Ok(()))) && !walk.advanced {
            walk.try_another_value();
        }
        if !walk.advanced || walk.steps >= MAX_STEPS {
            break;
        }
    }
    let mut bytes = Vec::with_capacity(walk.seen.len() * 8);
    for sight in &walk.seen {
        bytes.extend_from_slice(&sight.to_le_bytes());
    }
    xxh3_64(&bytes)
}

/// What is known so far about one type, by place: a place is a hash of the way that leads there.
#[derive(Default)]
pub(super) struct Walk {
    // A set: a later walk sees the same things again, and their order follows from the places.
    seen: BTreeSet<u64>,
    enums: HashMap<u64, Variants>,
    no_option: BTreeSet<u64>,
    values: HashMap<u64, usize>,
    last_leaf: Option<u64>,
    // The structs and enums this walk is inside of.
    open: Vec<u64>,
    advanced: bool,
    steps: usize,
}

#[derive(Default)]
struct Variants {
    tried: usize,
    good: Option<usize>,
}

pub(super) fn place(parent: u64, step: usize) -> u64 {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&parent.to_le_bytes());
    bytes[8..].copy_from_slice(&(step as u64).to_le_bytes());
    xxh3_64(&bytes)
}

impl Walk {
    /// Notes what is asked for at a place; refuses when the walk has gone far enough.
    pub(super) fn see(&mut self, at: u64, depth: usize, what: &str, names: &[&str]) -> Result<(), Refused> {
        self.steps += 1;
        let mut text = at.to_le_bytes().to_vec();
        for word in std::iter::once(&what).chain(names) {
            text.extend_from_slice(&(word.len() as u64).to_le_bytes());
            text.extend_from_slice(word.as_bytes());
        }
        self.seen.insert(xxh3_64(&text));
        if depth >= MAX_DEPTH || self.steps >= MAX_STEPS {
            return Err(Refused::TurnedBack);
        }
        Ok(())
    }

    /// Goes into a struct or enum, unless the walk is inside it often enough.
    pub(super) fn enter(&mut self, name: &str, names: &[&str]) -> Result<(), Refused> {
        let mut text = Vec::new();
        for word in std::iter::once(&name).chain(names) {
            text.extend_from_slice(word.as_bytes());
            text.push(0);
        }
        let itself = xxh3_64(&text);
        if self.open.iter().filter(|open| **open == itself).count() >= MAX_NESTING {
            return Err(Refused::TurnedBack);
        }
        self.open.push(itself);
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.open.pop();
    }

    /// Which value to offer to a primitive: counts up while the type does not like them.
    pub(super) fn value(&mut self, at: u64) -> usize {
        self.last_leaf = Some(at);
        self.values.get(&at).copied().unwrap_or(0)
    }

    /// Nobody says which value was wrong; the last one offered is the best guess.
    fn try_another_value(&mut self) -> bool {
        let Some(at) = self.last_leaf else {
            return false;
        };
        let tried = self.values.entry(at).or_default();
        let more = *tried + 1 < CANDIDATES;
        if more {
            *tried += 1;
            self.advanced = true;
        }
        more
    }

    /// Whether to offer something inside an optional value.
    pub(super) fn option_is_some(&self, at: u64) -> bool {
        !self.no_option.contains(&at)
    }

    /// The inside of an option could not be made up: with another value perhaps, else the next walk leaves it out.
    pub(super) fn option_failed(&mut self, at: u64, refused: Refused) {
        if !self.item_failed(refused) && self.no_option.insert(at) {
            self.advanced = true;
        }
    }

    /// An element could not be made up; says whether the next walk offers another value.
    pub(super) fn item_failed(&mut self, refused: Refused) -> bool {
        refused == Refused::Value && self.try_another_value()
    }

    /// The variant to choose: each once, then one that worked, so that what follows is reached.
    pub(super) fn variant(&mut self, at: u64, count: usize) -> usize {
        let variants = self.enums.entry(at).or_default();
        if variants.tried < count {
            let next = variants.tried;
            variants.tried += 1;
            self.advanced = true;
            return next;
        }
        variants.good.unwrap_or(0)
    }

    pub(super) fn variant_worked(&mut self, at: u64, variant: usize) {
        self.enums.entry(at).or_default().good.get_or_insert(variant);
    }
}
