//! The kit's own tools.

use std::collections::HashSet;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use queue_testkit::{Dice, Drops, Need, Outcome, Probe, ReferenceQueues, Suite, on_tokio, watchdog, within_yields};

fn message(panic: Box<dyn std::any::Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic
            .downcast::<&str>()
            .map(|text| text.to_string())
            .unwrap_or_default(),
    }
}

#[test]
fn every_clause_has_functions_and_every_name_is_used_once() {
    let suite = Suite::in_process(ReferenceQueues);
    let numbers: HashSet<u8> = suite.clauses().iter().map(|clause| clause.number).collect();
    assert_eq!(numbers, (1..=16).collect());
    let names: HashSet<&str> = suite.clauses().iter().map(|clause| clause.name).collect();
    assert_eq!(names.len(), suite.clauses().len());
    assert!(
        suite
            .clauses()
            .is_sorted_by_key(|clause| (clause.name.starts_with("moved::"), clause.number))
    );
}

#[test]
fn what_does_not_apply_is_skipped_with_its_reason() {
    let suite = Suite::in_process(ReferenceQueues);
    let frames = suite.check("corrupt::a_corrupt_frame_is_one_error");
    assert_eq!(frames, Outcome::Skipped("moves its items, there are no frames"));
    let skipped: Vec<_> = suite.skipped().map(|(clause, _)| clause.name).collect();
    assert!(
        skipped.contains(&"capacity::a_missing_capacity_is_refused"),
        "{skipped:?}"
    );
    assert!(skipped.contains(&"types::another_item_type_is_refused"), "{skipped:?}");
    assert!(suite.skipped().all(|(clause, _)| {
        clause
            .needs
            .iter()
            .any(|need| matches!(need, Need::Identity | Need::Frames | Need::AlwaysBounded | Need::Lease))
    }));
}

#[test]
#[should_panic(expected = "there is no clause function `order::of_magnitude`")]
fn an_unknown_clause_is_named() {
    let _ = Suite::wire(ReferenceQueues).check("order::of_magnitude");
}

#[test]
fn the_watchdog_passes_results_and_panics_on() {
    assert_eq!(watchdog(Duration::from_secs(60), "adding", || 1 + 1), 2);
    let panic = catch_unwind(|| watchdog(Duration::from_secs(60), "failing", || panic!("as told")));
    assert_eq!(panic.map_err(message), Err::<(), _>("as told".to_owned()));
}

#[test]
fn the_watchdog_names_what_hangs() {
    let panic = catch_unwind(|| {
        watchdog(Duration::from_millis(5), "sleeping beauty", || {
            loop {
                std::thread::park();
            }
        })
    });
    let text: Result<(), String> = panic.map_err(message);
    assert!(text.is_err_and(|text| text.starts_with("sleeping beauty: not done after 5ms")));
}

#[test]
fn drops_are_counted_and_landmines_go_off_until_they_are_disarmed() {
    let drops = Drops::new();
    let (first, mine, late) = (drops.item(), drops.landmine(), drops.landmine());
    assert_eq!((first.number(), mine.number()), (0, 1));
    drop(first);
    assert_eq!(drops.counts(), [1, 0, 0]);
    assert!(catch_unwind(std::panic::AssertUnwindSafe(move || drop(mine))).is_err());
    drops.disarm();
    drop(late);
    assert_eq!(drops.counts(), [1, 1, 1]);
}

#[test]
fn a_probe_polls_when_told_and_counts_wake_ups() {
    static POLLS: AtomicUsize = AtomicUsize::new(0);
    let twice = std::future::poll_fn(|cx| {
        if POLLS.fetch_add(1, Ordering::SeqCst) < 2 {
            cx.waker().wake_by_ref();
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(7)
        }
    });
    let mut probe = Probe::new(twice);
    assert_eq!(POLLS.load(Ordering::SeqCst), 0);
    assert!(!probe.is_woken());
    assert!(probe.poll().is_pending());
    assert!(probe.is_woken());
    assert_eq!(probe.finish_when_woken(), 7);
    assert_eq!(POLLS.load(Ordering::SeqCst), 3);
}

#[test]
fn yields_are_counted() {
    on_tokio(async {
        assert_eq!(within_yields(std::future::ready(1), 0).await, Some(1));
        assert_eq!(within_yields(std::future::pending::<()>(), 3).await, None);
        assert_eq!(within_yields(tokio::task::yield_now(), 0).await, None);
    });
}

#[test]
fn dice_repeat_with_their_seed_and_keep_their_bound() {
    let (mut a, mut b) = (Dice::new(1), Dice::new(1));
    assert!((0..1000).all(|_| a.roll() == b.roll()));
    let seen: HashSet<u64> = (0..1000).map(|_| a.below(6)).collect();
    assert_eq!(seen, (0..6).collect());
    assert_eq!(a.below(0), 0);
}
