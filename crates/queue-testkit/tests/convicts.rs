//! The kit convicts: every flaw is found by the clause that forbids it, and without a flaw the same queue passes.

mod flawed;

use std::panic::catch_unwind;
use std::time::Duration;

use flawed::{Flaw, FlawedQueues};
use queue_testkit::{Outcome, Rule, Storm, Subject, Suite, Violation, judge, watchdog};

queue_testkit::conformance!(in_process without_a_flaw, FlawedQueues(Flaw::Nothing));

/// A flaw that makes somebody wait for ever is found by the watchdog; nobody should have to wait long for that here.
const LIMIT: Duration = Duration::from_millis(1500);

fn verdict(flaw: Flaw, clause: &str) -> Option<String> {
    let clause = clause.to_owned();
    let check = catch_unwind(move || Suite::in_process(FlawedQueues(flaw)).limit(LIMIT).check(&clause));
    match check {
        Ok(Outcome::Held) => None,
        Ok(Outcome::Skipped(reason)) => panic!("the clause was skipped: the queue {reason}"),
        Err(panic) => Some(panic.downcast_ref::<String>().cloned().unwrap_or_default()),
    }
}

macro_rules! convicts {
    ($($name:ident: $flaw:ident by $($clause:literal),+;)*) => {$(
        #[test]
        fn $name() {
            for clause in [$($clause),+] {
                let Some(verdict) = verdict(Flaw::$flaw, clause) else {
                    panic!("{clause} does not notice a queue that {:?}", Flaw::$flaw);
                };
                assert!(verdict.contains("flawed breaks clause") && verdict.contains(clause), "{verdict}");
            }
        }
    )*};
}

convicts! {
    loses_one_in_a_thousand: LosesOneInAThousand by "lossless::four_threads_to_four", "lossless::four_tasks_to_four";
    delivers_twice: DeliversTwice by "lossless::four_threads_to_four";
    swaps_two: SwapsTwo by "order::one_producer_comes_out_in_order", "order::puts_that_do_not_overlap_have_one_order";
    takes_one_too_many: TakesOneTooMany by
        "capacity::it_holds_exactly_its_capacity", "capacity::rivals_fill_it_exactly", "items::items_without_size";
    says_full_early: SaysFullEarly by "capacity::it_holds_exactly_its_capacity", "capacity::rivals_fill_it_exactly";
    opens_any_capacity: OpensAnyCapacity by "capacity::a_capacity_beyond_the_largest_is_refused";
    forgets_getters_on_close: ForgetsGettersOnClose by
        "close::it_wakes_sleeping_getters", "close::it_wakes_pending_tasks";
    forgets_putters_on_close: ForgetsPuttersOnClose by
        "close::it_wakes_sleeping_putters", "refusal::a_close_gives_sleeping_putters_their_items_back";
    wakes_one_on_close: WakesOneOnClose by "close::it_wakes_sleeping_getters", "close::it_wakes_pending_tasks";
    wakes_nobody_on_put: WakesNobodyOnPut by "wake::an_item_wakes_a_getter", "mixed::a_thread_wakes_a_task";
    wakes_nobody_on_get: WakesNobodyOnGet by "wake::room_wakes_a_putter", "mixed::a_task_wakes_a_thread";
    wakes_one_for_a_batch: WakesOneForABatch by
        "batch::it_wakes_as_many_as_it_serves", "batch::it_wakes_as_many_threads_as_it_serves";
    loses_on_dropped_get: LosesOnDroppedGet by "cancel::futures_given_up_at_random_lose_nothing";
    stores_on_dropped_put: StoresOnDroppedPut by
        "cancel::futures_given_up_at_random_lose_nothing", "lossless::every_way_at_once";
    keeps_swallowed_wake_ups: KeepsSwallowedWakeUps by
        "cancel::a_get_dropped_after_its_wake_up_passes_it_on",
        "cancel::a_put_dropped_after_its_wake_up_passes_it_on",
        "cancel::a_dropped_waiter_leaves_the_line",
        "cancel::a_dropped_task_passes_its_wake_up_to_a_thread";
    keeps_the_first_waker: KeepsTheFirstWaker by "cancel::the_last_waker_is_the_one_that_counts";
    counts_one_too_many: CountsOneTooMany by "depth::it_is_exact_at_rest", "depth::a_closed_queue_still_counts";
    counts_refused_puts: CountsRefusedPuts by "depth::totals_agree_with_it";
    gives_up_early: GivesUpEarly by "wait::a_get_waits_its_limit", "wait::a_put_waits_its_limit";
    sleeps_on_try: SleepsOnTry by "wait::try_calls_return", "wait::zero_is_a_try";
    waits_for_the_whole_batch: WaitsForTheWholeBatch by "batch::it_waits_for_the_first_only";
    takes_single_batches: TakesSingleBatches by "batch::a_batch_equals_the_loop_of_singles";
    drops_the_rest_of_a_batch: DropsTheRestOfABatch by
        "batch::a_batch_equals_the_loop_of_singles", "refusal::a_batch_keeps_what_was_refused";
    gives_back_a_copy: GivesBackACopy by
        "refusal::a_full_queue_gives_the_item_back", "refusal::a_closed_queue_gives_the_item_back";
    stores_late: StoresLate by "close::a_try_that_races_with_it_is_drained", "close::a_put_that_races_with_it_is_drained";
    stores_after_close: StoresAfterClose by "close::puts_fail_at_once";
    closes_without_draining: ClosesWithoutDraining by "close::gets_drain_and_then_say_closed";
    empties_on_close: EmptiesOnClose by "close::closing_twice_is_harmless", "ends::what_was_told_is_what_happened";
    says_empty_for_closed: SaysEmptyForClosed by "close::gets_drain_and_then_say_closed";
    leaks_the_rest: LeaksTheRest by
        "moved::what_remains_is_dropped_once_with_the_queue", "moved::a_panic_in_drop_harms_no_other_item";
}

/// Storms on queues with this flaw, until so many items were put.
fn storms(flaw: Flaw, puts: usize) -> Vec<Violation> {
    watchdog(Duration::from_secs(240), "storms", move || {
        let (mut found, mut put) = (Vec::new(), 0);
        for seed in 0.. {
            let storm = Storm::new(seed, 100_000);
            let queue = FlawedQueues(flaw)
                .open(Some(storm.capacity))
                .expect("a capacity of 1 to 64");
            let history = storm.rage(&queue);
            put += queue.totals().map_or(0, |totals| totals.put as usize);
            found.extend(judge(&history));
            if put >= puts {
                break;
            }
        }
        found
    })
}

#[test]
fn one_loss_in_a_million_is_found_and_named() {
    let found = storms(Flaw::LosesOneInAMillion, 1_000_000);
    let rules: Vec<Rule> = found.iter().map(|violation| violation.rule).collect();
    assert_eq!(rules, [Rule::Lost], "{found:?}");
}

#[test]
fn storms_convict_what_breaks_a_rule_of_histories() {
    for (flaw, rule) in [
        (Flaw::LosesOneInAThousand, Rule::Lost),
        (Flaw::DeliversTwice, Rule::Duplicate),
        (Flaw::SwapsTwo, Rule::ActorOrder),
        (Flaw::TakesOneTooMany, Rule::Capacity),
    ] {
        let found = storms(flaw, 100_000);
        assert!(
            found.iter().any(|violation| violation.rule == rule),
            "{flaw:?}: no {rule:?}"
        );
    }
    assert_eq!(storms(Flaw::Nothing, 100_000), []);
}
