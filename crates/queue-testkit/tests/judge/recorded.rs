//! Real histories: right as they were recorded, wrong after one change.

use std::time::Duration;

use queue_testkit::{Dice, ReferenceQueues, Storm, Subject, watchdog};

use super::*;

fn recorded(seed: u64) -> History {
    watchdog(Duration::from_secs(60), "a storm on the reference", move || {
        let storm = Storm::new(seed, 5_000);
        let queue = ReferenceQueues
            .open(Some(storm.capacity))
            .expect("a capacity of 1 to 64");
        storm.rage(&queue)
    })
}

#[test]
fn what_the_reference_does_is_right() {
    for seed in 0..40 {
        let history = recorded(seed);
        assert!(history.ops.len() > 100 || history.ops.iter().any(|op| op.end == End::Closed));
        let found = judge(&history);
        assert!(
            found.is_empty(),
            "seed {seed}: {} violations, first {}",
            found.len(),
            found[0]
        );
    }
}

/// A place in the history whose operation ended so.
fn some(history: &History, dice: &mut Dice, call: Call, end: End) -> Option<usize> {
    let places: Vec<usize> = (0..history.ops.len())
        .filter(|at| (history.ops[*at].call, history.ops[*at].end) == (call, end))
        .collect();
    places.get(dice.below(places.len() as u64) as usize).copied()
}

/// Changes five histories; each change that could be made must be convicted by one of these rules.
fn convicted(rules: &[Rule], change: impl Fn(&mut History, &mut Dice) -> Option<()>) {
    let mut changed = 0;
    for seed in 0..5 {
        let mut history = recorded(seed);
        if change(&mut history, &mut Dice::new(seed)).is_none() {
            continue;
        }
        changed += 1;
        let found = judge(&history);
        assert!(
            found.iter().any(|violation| rules.contains(&violation.rule)),
            "seed {seed}: {rules:?} do not convict it, found {found:?}"
        );
    }
    assert!(changed > 0, "no history could be changed so");
}

#[test]
fn a_get_left_out_is_a_loss() {
    convicted(&[Rule::Lost], |history, dice| {
        let at = some(history, dice, Call::Get, End::Ok)?;
        history.ops.remove(at);
        Some(())
    });
}

#[test]
fn a_put_left_out_is_an_invention() {
    convicted(&[Rule::Invented, Rule::RefusedButStored], |history, dice| {
        let at = some(history, dice, Call::Put, End::Ok)?;
        history.ops.remove(at);
        Some(())
    });
}

#[test]
fn a_get_told_twice_is_a_duplicate() {
    convicted(&[Rule::Duplicate], |history, dice| {
        let at = some(history, dice, Call::Get, End::Ok)?;
        let again = history.ops[at];
        history.ops.insert(at, again);
        Some(())
    });
}

#[test]
fn the_first_and_the_last_item_swapped_are_out_of_order() {
    convicted(&[Rule::Order, Rule::ActorOrder, Rule::Early], |history, _| {
        let gets = || {
            (0..history.ops.len()).filter(|at| (history.ops[*at].call, history.ops[*at].end) == (Call::Get, End::Ok))
        };
        let first = gets().min_by_key(|at| history.ops[*at].returned)?;
        let last = gets().max_by_key(|at| history.ops[*at].invoked)?;
        let item = history.ops[first].item;
        history.ops[first].item = history.ops[last].item;
        history.ops[last].item = item;
        Some(())
    });
}

#[test]
fn a_smaller_capacity_is_exceeded() {
    convicted(&[Rule::Capacity], |history, _| {
        let capacity = history.capacity.filter(|capacity| *capacity > 8)?;
        history.capacity = Some(capacity / 8);
        Some(())
    });
}

#[test]
fn a_close_left_out_is_missed() {
    convicted(&[Rule::ClosedUnasked], |history, _| {
        history.ops.retain(|op| op.call != Call::Close);
        Some(())
    });
}

#[test]
fn an_end_that_says_empty_is_wrong() {
    convicted(&[Rule::EmptyAfterClose], |history, _| {
        let end = history.ops.iter().map(|op| op.returned).max()?;
        let last = history
            .ops
            .iter_mut()
            .filter(|op| op.call == Call::Get)
            .max_by_key(|op| op.returned)?;
        *last = Op {
            invoked: end + 1,
            returned: end + 2,
            end: End::Empty,
            ..*last
        };
        Some(())
    });
}

#[test]
fn a_loss_is_told_once() {
    let mut history = recorded(1);
    let mut dice = Dice::new(1);
    let at = some(&history, &mut dice, Call::Get, End::Ok).unwrap();
    history.ops.remove(at);
    assert_eq!(judge(&history).len(), 1);
}
