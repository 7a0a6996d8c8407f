//! The kit convicts queues whose leases are broken in one place, and passes the same queue without a flaw.

mod flawed;

use std::panic::catch_unwind;
use std::time::Duration;

use flawed::{Flaw, FlawedQueues};
use queue_testkit::{Outcome, Suite};

/// A flaw that makes somebody wait for ever is found by the watchdog; nobody should have to wait long for that here.
const LIMIT: Duration = Duration::from_millis(1500);

fn verdict(flaw: Flaw, clause: &str) -> Option<String> {
    let clause = clause.to_owned();
    match catch_unwind(move || Suite::wire(FlawedQueues(flaw)).limit(LIMIT).check(&clause)) {
        Ok(Outcome::Held) => None,
        Ok(Outcome::Skipped(reason)) => panic!("the clause was skipped: the queue {reason}"),
        Err(panic) => Some(panic.downcast_ref::<String>().cloned().unwrap_or_default()),
    }
}

#[test]
fn without_a_flaw_every_clause_about_leases_holds() {
    let suite = Suite::wire(FlawedQueues(Flaw::Nothing));
    let mut held = 0;
    for clause in suite.clauses().iter().filter(|clause| clause.number == 16) {
        assert_eq!(suite.check(clause.name), Outcome::Held, "{}", clause.name);
        held += 1;
    }
    assert!(held >= 30, "only {held} clauses about leases");
}

macro_rules! convicts {
    ($($name:ident: $flaw:ident by $($clause:literal),+;)*) => {$(
        #[test]
        fn $name() {
            for clause in [$($clause),+] {
                let Some(verdict) = verdict(Flaw::$flaw, clause) else {
                    panic!("{clause} does not notice a queue that {:?}", Flaw::$flaw);
                };
                assert!(verdict.contains("flawed breaks clause 16") && verdict.contains(clause), "{verdict}");
            }
        }
    )*};
}

convicts! {
    loses_what_is_given_back: LosesWhatIsGivenBack by
        "lease::an_item_given_back_comes_first", "lease::a_panicking_holder_gives_its_item_back",
        "lending::every_end_at_once_loses_nothing";
    keeps_what_is_dropped: KeepsWhatIsDropped by
        "lease::a_dropped_lease_gives_its_item_back", "lending::an_item_that_comes_back_wakes_a_getter";
    returns_to_the_tail: ReturnsToTheTail by
        "lease::an_item_given_back_comes_first", "lease::items_come_back_in_their_order";
    counts_no_deliveries: CountsNoDeliveries by "lease::deliveries_are_counted";
    counts_no_redeliveries: CountsNoRedeliveries by "lease::totals_and_leases_agree";
    uses_tickets_again: UsesTicketsAgain by "lease::tickets_are_never_used_twice";
    ignores_rests: IgnoresRests by "lease::a_rest_is_waited_out";
    gives_back_what_is_acknowledged: GivesBackWhatIsAcknowledged by
        "lease::an_acknowledged_item_is_gone", "lending::an_acknowledged_item_wakes_a_putter";
    accepts_late_ends: AcceptsLateEnds by "expiry::a_late_end_changes_nothing", "expiry::forgotten_leases_lose_nothing";
    never_runs_out: NeverRunsOut by "expiry::a_lease_that_runs_out_comes_back", "expiry::it_comes_back_in_its_order";
    extends_nothing: ExtendsNothing by "expiry::an_extended_lease_lasts";
    makes_room: MakesRoom by
        "lending::leased_items_count_against_the_capacity", "lending::a_lease_makes_no_room",
        "lending::a_closed_queue_waits_for_its_leases";
    hands_out_twice: HandsOutTwice by "lease::gets_and_leases_share_one_order";
    wakes_nobody_on_ack: WakesNobodyOnAck by
        "lending::an_acknowledged_item_wakes_a_putter",
        "lending::acknowledging_the_last_item_tells_all_that_it_is_closed";
    wakes_nobody_on_nack: WakesNobodyOnNack by
        "lending::an_item_that_comes_back_wakes_a_getter", "lending::a_closed_queue_waits_for_its_leases";
    says_closed_while_leased: SaysClosedWhileLeased by "lending::a_closed_queue_waits_for_its_leases";
    delivers_for_ever: DeliversForEver by
        "dead::it_goes_to_the_dead_letters", "dead::it_goes_there_when_its_lease_runs_out";
    drops_dead_letters: DropsDeadLetters by
        "dead::it_goes_to_the_dead_letters", "dead::a_full_queue_of_dead_letters_loses_nothing";
    takes_on_dropped_lease: TakesOnDroppedLease by "lending::a_lease_future_dropped_after_its_wake_up_passes_it_on";
}
