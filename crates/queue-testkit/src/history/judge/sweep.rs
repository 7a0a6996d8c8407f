//! What was certainly inside, and what certainly was not, moment by moment.

use std::collections::VecDeque;

use super::{Life, Rule, Violation};
use crate::history::{Call, End, History, Op};

/// The two ends of a step. At the same moment the first kind comes first: a certainty ends before another begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Edge {
    GetBegins,
    PutBegins,
    PutIsOver,
    GetIsOver,
}

/// Edges of lives, by their numbers, in the order of time.
fn edges<'a>(lives: &[Life<'a>], of: impl Fn(&Life<'a>) -> [Option<(u64, Edge)>; 3]) -> Vec<(u64, Edge, usize)> {
    let mut edges: Vec<_> = lives
        .iter()
        .enumerate()
        .flat_map(|(number, life)| {
            of(life)
                .into_iter()
                .flatten()
                .map(move |(time, edge)| (time, edge, number))
        })
        .collect();
    edges.sort_unstable();
    edges
}

/// Certainly inside between the end of the put and the beginning of the get; `None` when they overlap.
fn certain(life: &Life<'_>) -> Option<(u64, Option<u64>)> {
    let out = life.get.map(|get| get.op.invoked);
    let inside = life.put.op.returned;
    out.is_none_or(|out| inside < out).then_some((inside, out))
}

fn inside(life: &Life<'_>) -> [Option<(u64, Edge)>; 3] {
    match certain(life) {
        Some((since, until)) => [
            Some((since, Edge::PutIsOver)),
            until.map(|until| (until, Edge::GetBegins)),
            None,
        ],
        None => [None; 3],
    }
}

/// Never more certainly inside than the capacity.
pub(super) fn capacity(history: &History, lives: &[Life<'_>], found: &mut Vec<Violation>) {
    let Some(capacity) = history.capacity else {
        return;
    };
    let mut count = 0_usize;
    for (_, edge, number) in edges(lives, inside) {
        if edge == Edge::GetBegins {
            count -= 1;
            continue;
        }
        count += 1;
        if count == capacity + 1 {
            found.push(Violation::new(Rule::Capacity, [*lives[number].put.op]));
        }
    }
}

/// The longest stretches of time in which something holds.
#[derive(Default)]
struct Stretches {
    closed: Vec<(u64, u64)>,
    since: Option<u64>,
}

impl Stretches {
    fn see(&mut self, now: u64, holds: bool) {
        match (self.since, holds) {
            (None, true) => self.since = Some(now),
            (Some(since), false) => {
                self.closed.push((since, now));
                self.since = None;
            }
            _ => {}
        }
    }

    fn end(mut self) -> Vec<(u64, u64)> {
        self.closed.extend(self.since.map(|since| (since, u64::MAX)));
        self.closed
    }
}

/// Reports the calls with this end that lie strictly within one of the stretches.
fn refute(
    history: &History,
    stretches: &[(u64, u64)],
    (call, end): (Call, End),
    rule: Rule,
    found: &mut Vec<Violation>,
) {
    let within = |op: &Op| {
        let next = stretches.partition_point(|(since, _)| *since < op.invoked);
        next.checked_sub(1)
            .and_then(|last| stretches.get(last))
            .is_some_and(|(_, until)| op.returned < *until)
    };
    for op in &history.ops {
        if op.call == call && op.end == end && within(op) {
            found.push(Violation::new(rule, [*op]));
        }
    }
}

/// Empty is wrong while some item was certainly inside and no older put was still on its way, in front of it.
pub(super) fn empty(history: &History, lives: &[Life<'_>], found: &mut Vec<Violation>) {
    let mut state = vec![Place::Ahead; lives.len()];
    // Both in the order of time, so the oldest is in front; what has left is dropped when it comes to the front.
    let (mut there, mut coming) = (VecDeque::new(), VecDeque::new());
    let mut stretches = Stretches::default();
    let all = edges(lives, |life| {
        [
            Some((life.put.op.invoked, Edge::PutBegins)),
            Some((life.put.op.returned, Edge::PutIsOver)),
            certain(life).and_then(|(_, until)| Some((until?, Edge::GetBegins))),
        ]
    });
    for (now, edge, number) in all {
        match edge {
            Edge::PutBegins => coming.push_back(number),
            Edge::PutIsOver if certain(&lives[number]).is_some() => {
                state[number] = Place::Inside;
                there.push_back(number);
            }
            _ => state[number] = Place::Gone,
        }
        while there.pop_front_if(|number| state[*number] == Place::Gone).is_some() {}
        while coming.pop_front_if(|number| state[*number] != Place::Ahead).is_some() {}
        let certain = there.front().is_some_and(|first| {
            coming
                .front()
                .is_none_or(|older| lives[*first].put.op.returned < lives[*older].put.op.invoked)
        });
        stretches.see(now, certain);
    }
    refute(
        history,
        &stretches.end(),
        (Call::Get, End::Empty),
        Rule::EmptyWhileInside,
        found,
    );
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Ahead,
    Inside,
    Gone,
}

/// Closed is wrong to a getter while some item was certainly inside, whatever else was on its way.
pub(super) fn closed(history: &History, lives: &[Life<'_>], found: &mut Vec<Violation>) {
    let mut count = 0_usize;
    let mut stretches = Stretches::default();
    for (now, edge, _) in edges(lives, inside) {
        if edge == Edge::GetBegins {
            count -= 1;
        } else {
            count += 1;
        }
        stretches.see(now, count > 0);
    }
    refute(
        history,
        &stretches.end(),
        (Call::Get, End::Closed),
        Rule::ClosedWhileInside,
        found,
    );
}

/// Full is wrong while there was room even if every put that had begun was inside, and no get that was over had
/// overtaken one still on its way: places become free in their order. A get is on its way no earlier than the put of
/// its item.
pub(super) fn full(history: &History, lives: &[Life<'_>], found: &mut Vec<Violation>) {
    let Some(capacity) = history.capacity else {
        return;
    };
    let mut over = vec![false; lives.len()];
    let mut leaving = VecDeque::new();
    let (mut put, mut got) = (0_usize, 0_usize);
    let mut stretches = Stretches::default();
    stretches.see(0, true);
    let all = edges(lives, |life| {
        let begun = life.put.op.invoked;
        [
            Some((begun, Edge::PutBegins)),
            life.get.map(|get| (get.op.invoked.max(begun), Edge::GetBegins)),
            life.get.map(|get| (get.op.returned.max(begun), Edge::GetIsOver)),
        ]
    });
    for (now, edge, number) in all {
        match edge {
            Edge::PutBegins => put += 1,
            Edge::GetBegins => leaving.push_back((number, got)),
            _ => {
                got += 1;
                over[number] = true;
            }
        }
        while leaving.pop_front_if(|(number, _)| over[*number]).is_some() {}
        let free = leaving.front().map_or(got, |(_, before)| *before);
        stretches.see(now, put.saturating_sub(free) < capacity);
    }
    refute(
        history,
        &stretches.end(),
        (Call::Put, End::Full),
        Rule::FullWhileRoom,
        found,
    );
}
