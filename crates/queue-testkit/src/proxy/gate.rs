//! What all threads of a proxy share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::direction::Side;
use super::pair::Pair;
use super::tape::{self, Tape};
use super::{Direction, Endpoint, Tally, lock};
use crate::Dice;

#[derive(Debug)]
pub(super) struct Rules {
    pub(super) dice: Dice,
    /// How many bytes of a direction of a connection are kept.
    pub(super) recorded: usize,
    pub(super) tapes: Vec<Tape>,
    to_server: Side,
    to_client: Side,
}

impl Rules {
    pub(super) const fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }
}

#[derive(Debug)]
pub(super) struct Gate {
    pub(super) target: Endpoint,
    pub(super) is_over: AtomicBool,
    pub(super) accepted: AtomicU64,
    to_server: AtomicU64,
    to_client: AtomicU64,
    pub(super) cuts: AtomicU64,
    pub(super) flips: AtomicU64,
    rules: Mutex<Rules>,
    changed: Condvar,
    // Those that are open.
    pairs: Mutex<Vec<Arc<Pair>>>,
}

impl Gate {
    pub(super) fn new(target: Endpoint, seed: u64) -> Self {
        let rules = Rules {
            dice: Dice::new(seed),
            recorded: 0,
            tapes: Vec::new(),
            to_server: Side::default(),
            to_client: Side::default(),
        };
        Self {
            target,
            is_over: AtomicBool::new(false),
            accepted: AtomicU64::new(0),
            to_server: AtomicU64::new(0),
            to_client: AtomicU64::new(0),
            cuts: AtomicU64::new(0),
            flips: AtomicU64::new(0),
            rules: Mutex::new(rules),
            changed: Condvar::new(),
            pairs: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut lock(&self.rules));
        self.changed.notify_all();
    }

    pub(super) fn rules(&self) -> MutexGuard<'_, Rules> {
        lock(&self.rules)
    }

    pub(super) fn pairs(&self) -> MutexGuard<'_, Vec<Arc<Pair>>> {
        lock(&self.pairs)
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Keeps a tape that has anything on it, as long as there is room.
    pub(super) fn file(&self, tape: Tape) {
        let mut rules = self.rules();
        if !tape.bytes.is_empty() && rules.tapes.len() < tape::MOST {
            rules.tapes.push(tape);
        }
    }

    /// Waits as long as that direction is stalled.
    pub(super) fn wait_while_stalled(&self, direction: Direction, pair: &Pair) {
        let mut rules = self.rules();
        while rules.side(direction).is_stalled && !self.is_over() && !pair.is_cut() {
            rules = self.changed.wait(rules).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for that moment.
    pub(super) fn wait_until(&self, until: Instant, pair: &Pair) {
        let mut rules = self.rules();
        while !self.is_over() && !pair.is_cut() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(rules, left);
            rules = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(super) const fn passed(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        }
    }

    pub(super) fn tally(&self) -> Tally {
        let number = |count: &AtomicU64| count.load(Ordering::SeqCst);
        let (open, flipped_open) = {
            let pairs = self.pairs();
            let flipped = pairs.iter().filter(|pair| pair.is_flipped()).count();
            (pairs.len() as u64, flipped as u64)
        };
        Tally {
            accepted: number(&self.accepted),
            open,
            flipped_open,
            to_server: number(&self.to_server),
            to_client: number(&self.to_client),
            cuts: number(&self.cuts),
            flips: number(&self.flips),
        }
    }
}
