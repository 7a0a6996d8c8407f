//! The judge of histories is judged: right histories pass, also the hard ones, and every wrong one is convicted by the
//! rule it breaks.

mod legal;
mod recorded;
mod wrong;

use queue_testkit::{Call, End, History, Op, Rule, judge};

const fn op(call: Call, actor: u32, item: u64, (invoked, returned): (u64, u64), end: End) -> Op {
    Op {
        actor,
        call,
        item,
        invoked,
        returned,
        end,
    }
}

const fn put(actor: u32, item: u64, from: u64, to: u64) -> Op {
    op(Call::Put, actor, item, (from, to), End::Ok)
}

const fn full(actor: u32, item: u64, from: u64, to: u64) -> Op {
    op(Call::Put, actor, item, (from, to), End::Full)
}

const fn put_closed(actor: u32, item: u64, from: u64, to: u64) -> Op {
    op(Call::Put, actor, item, (from, to), End::Closed)
}

const fn get(actor: u32, item: u64, from: u64, to: u64) -> Op {
    op(Call::Get, actor, item, (from, to), End::Ok)
}

const fn empty(actor: u32, from: u64, to: u64) -> Op {
    op(Call::Get, actor, 0, (from, to), End::Empty)
}

const fn get_closed(actor: u32, from: u64, to: u64) -> Op {
    op(Call::Get, actor, 0, (from, to), End::Closed)
}

const fn close(actor: u32, from: u64, to: u64) -> Op {
    op(Call::Close, actor, 0, (from, to), End::Ok)
}

/// The rules that a history of a queue of this capacity breaks.
fn broken(capacity: usize, drained: bool, ops: &[Op]) -> Vec<Rule> {
    let history = History {
        capacity: Some(capacity),
        drained,
        ops: ops.to_vec(),
    };
    judge(&history).iter().map(|violation| violation.rule).collect()
}
