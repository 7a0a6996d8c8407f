//! First in, first out.

use super::{Life, Mark, Rule, Violation};

/// An item that came out.
#[derive(Clone, Copy)]
struct Passed<'a> {
    put: Mark<'a>,
    get: Mark<'a>,
}

impl Passed<'_> {
    fn break_with(&self, other: &Self, rule: Rule) -> Violation {
        Violation::new(rule, [*self.put.op, *other.put.op, *self.get.op, *other.get.op])
    }
}

pub(super) fn check(lives: &[Life<'_>], found: &mut Vec<Violation>) {
    let mut passed: Vec<_> = lives
        .iter()
        .filter_map(|life| {
            Some(Passed {
                put: life.put,
                get: life.get?,
            })
        })
        .collect();
    passed.sort_unstable_by_key(|item| item.put.op.invoked);
    by_time(&passed, found);
    passed.sort_unstable_by_key(|item| (item.put.op.actor, item.put.at));
    by_producer(&passed, found);
    passed.sort_unstable_by_key(|item| (item.put.op.actor, item.get.op.actor, item.put.at));
    by_pair(&passed, found);
    passed.sort_unstable_by_key(|item| (item.get.op.actor, item.get.at));
    by_consumer(&passed, found);
}

/// Among the puts that were over before this one began, the item that was got last must not be got strictly later.
fn by_time(by_invoked: &[Passed<'_>], found: &mut Vec<Violation>) {
    let mut by_returned = by_invoked.to_vec();
    by_returned.sort_unstable_by_key(|item| item.put.op.returned);
    let mut older = by_returned.iter().peekable();
    let mut slowest = Slowest::default();
    for item in by_invoked {
        while let Some(other) = older.next_if(|other| other.put.op.returned < item.put.op.invoked) {
            slowest.meet(other, other.get.op.invoked);
        }
        slowest.report(item, item.get.op.returned, Rule::Order, found);
    }
}

/// The same for the items of one producer, also those of one batch.
fn by_producer(items: &[Passed<'_>], found: &mut Vec<Violation>) {
    for items in items.chunk_by(|a, b| a.put.op.actor == b.put.op.actor) {
        let mut slowest = Slowest::default();
        for item in items {
            slowest.report(item, item.get.op.returned, Rule::ActorOrder, found);
            slowest.meet(item, item.get.op.invoked);
        }
    }
}

/// One consumer sees the items of one producer as they were put, also within one batch.
fn by_pair(items: &[Passed<'_>], found: &mut Vec<Violation>) {
    for [older, newer] in items.array_windows() {
        let pair = (older.put.op.actor, older.get.op.actor) == (newer.put.op.actor, newer.get.op.actor);
        if pair && older.get.at > newer.get.at {
            found.push(older.break_with(newer, Rule::ActorOrder));
        }
    }
}

/// What one consumer got later must not have been put strictly earlier.
fn by_consumer(items: &[Passed<'_>], found: &mut Vec<Violation>) {
    for items in items.chunk_by(|a, b| a.get.op.actor == b.get.op.actor) {
        let mut slowest = Slowest::default();
        for item in items {
            slowest.report(item, item.put.op.returned, Rule::ActorOrder, found);
            slowest.meet(item, item.put.op.invoked);
        }
    }
}

/// The item whose step began last, and whether it was reported: once is enough, however many overtook it.
#[derive(Default)]
struct Slowest<'a> {
    item: Option<(Passed<'a>, u64)>,
    reported: bool,
}

impl<'a> Slowest<'a> {
    fn meet(&mut self, item: &Passed<'a>, began: u64) {
        if self.item.is_none_or(|(_, latest)| latest < began) {
            *self = Self {
                item: Some((*item, began)),
                reported: false,
            };
        }
    }

    /// The step of `item` was over at `over`: earlier than the slowest began?
    fn report(&mut self, item: &Passed<'a>, over: u64, rule: Rule, found: &mut Vec<Violation>) {
        if let Some((slowest, _)) = self.item.filter(|(_, began)| over < *began && !self.reported) {
            found.push(slowest.break_with(item, rule));
            self.reported = true;
        }
    }
}
