//! Closed only after a close, and nothing but Closed once it is over.

use super::{Rule, Violation};
use crate::history::{Call, End, History, Op};

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    let of = |call: Call| history.ops.iter().filter(move |op| op.call == call);
    let begun = of(Call::Close).min_by_key(|op| op.invoked);
    for op in history.ops.iter().filter(|op| op.end == End::Closed) {
        if begun.is_none_or(|close| op.returned < close.invoked) {
            found.push(Violation::new(Rule::ClosedUnasked, [*op]));
        }
    }
    if let Some(close) = of(Call::Close).min_by_key(|op| op.returned) {
        after_close(history, close, found);
    }
    let told = of(Call::Get)
        .filter(|op| op.end == End::Closed)
        .min_by_key(|op| op.returned);
    if let Some(told) = told {
        for get in of(Call::Get).filter(|op| op.end == End::Ok && op.invoked > told.returned) {
            found.push(Violation::new(Rule::GotAfterClosed, [*told, *get]));
        }
    }
}

fn after_close(history: &History, close: &Op, found: &mut Vec<Violation>) {
    // A put that began before the close may still be on its way; a getter is told Empty rather than Closed then.
    let last_put = history
        .ops
        .iter()
        .filter(|op| op.call == Call::Put && op.end == End::Ok)
        .map(|op| op.returned)
        .max();
    let quiet = last_put.unwrap_or(0).max(close.returned);
    for op in &history.ops {
        let rule = match (op.call, op.end) {
            (Call::Put, End::Ok | End::Full) if op.invoked > close.returned => Rule::PutAfterClose,
            (Call::Get, End::Empty) if op.invoked > quiet => Rule::EmptyAfterClose,
            _ => continue,
        };
        found.push(Violation::new(rule, [*close, *op]));
    }
}
