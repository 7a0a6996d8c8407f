//! Each item on its own: put, then got, once.

use std::collections::HashSet;

use super::{Life, Mark, Rule, Violation};
use crate::history::{Call, End, History};

/// Joins each accepted put with its get. Beside them, the places of the puts whose items are lost.
pub(super) fn lives<'a>(history: &'a History, found: &mut Vec<Violation>) -> (Vec<Life<'a>>, HashSet<usize>) {
    let puts = done(history, Call::Put);
    let gets = done(history, Call::Get);
    let mut lives: Vec<Life<'a>> = Vec::with_capacity(puts.len());
    for put in puts {
        match lives.last() {
            Some(life) if life.put.op.item == put.op.item => {
                found.push(Violation::new(Rule::Malformed, [*life.put.op, *put.op]));
            }
            _ => lives.push(Life { put, get: None }),
        }
    }
    let mut strangers = Vec::new();
    let mut rest = lives.iter_mut().peekable();
    for get in gets {
        while rest.next_if(|life| life.put.op.item < get.op.item).is_some() {}
        match rest.peek_mut().filter(|life| life.put.op.item == get.op.item) {
            None => strangers.push(get),
            Some(life) => match life.get {
                Some(first) => found.push(Violation::new(Rule::Duplicate, [*first.op, *get.op])),
                None => {
                    if get.op.returned < life.put.op.invoked {
                        found.push(Violation::new(Rule::Early, [*life.put.op, *get.op]));
                    }
                    life.get = Some(get);
                }
            },
        }
    }
    invented(history, &strangers, found);
    let lost = lost(history, &lives, found);
    (lives, lost)
}

/// The calls that were done, by item, and for one item in the order of time.
fn done(history: &History, call: Call) -> Vec<Mark<'_>> {
    let marks = history.ops.iter().enumerate().map(|(at, op)| Mark { at, op });
    let mut done: Vec<_> = marks
        .filter(|mark| mark.op.call == call && mark.op.end == End::Ok)
        .collect();
    done.sort_unstable_by_key(|mark| (mark.op.item, mark.op.returned, mark.at));
    done
}

fn invented(history: &History, strangers: &[Mark<'_>], found: &mut Vec<Violation>) {
    if strangers.is_empty() {
        return;
    }
    let refused: HashSet<u64> = history
        .ops
        .iter()
        .filter(|op| op.call == Call::Put && op.end != End::Ok)
        .map(|op| op.item)
        .collect();
    for get in strangers {
        let rule = if refused.contains(&get.op.item) {
            Rule::RefusedButStored
        } else {
            Rule::Invented
        };
        found.push(Violation::new(rule, [*get.op]));
    }
}

/// An item that did not come out is lost when all should have, or when one came that stood behind it.
fn lost(history: &History, lives: &[Life<'_>], found: &mut Vec<Violation>) -> HashSet<usize> {
    let mut lost = HashSet::new();
    let came = || lives.iter().filter(|life| life.get.is_some());
    let latest = came().max_by_key(|life| life.put.op.invoked);
    for life in lives.iter().filter(|life| life.get.is_none()) {
        let overtaken = latest.filter(|other| other.put.op.invoked > life.put.op.returned);
        if history.drained || overtaken.is_some() {
            let other = overtaken.into_iter().flat_map(Life::ops);
            found.push(Violation::new(Rule::Lost, other.chain([*life.put.op])));
            lost.insert(life.put.at);
        }
    }
    lost
}
