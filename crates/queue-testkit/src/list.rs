//! The one list of clause functions, from which the table and the tests are made.

use crate::{Clause, Need, clauses};

/// Gives the clauses for queues that may leave the process to the macro `$then`.
#[doc(hidden)]
#[macro_export]
macro_rules! __wire_clauses {
    ($then:ident $arguments:tt) => {
        $crate::$then! { $arguments
            1 order "items keep their order" {
                one_producer_comes_out_in_order [Ordered]
                a_capacity_of_one_keeps_the_order [Ordered Bounded]
                many_producers_each_keep_their_order [Ordered]
                many_consumers_each_see_the_order [Ordered]
                every_way_of_putting_keeps_the_order [Ordered]
                every_way_of_getting_keeps_the_order [Ordered]
                puts_that_do_not_overlap_have_one_order [Ordered]
                many_laps_keep_the_order [Ordered Bounded Stored]
            }
            2 lossless "nothing is lost, nothing comes twice" {
                four_threads_to_four []
                four_threads_to_four_through_one_place [Bounded]
                one_thread_to_four []
                four_threads_to_one []
                sixteen_threads_on_a_small_queue []
                four_tasks_to_four []
                four_tasks_to_four_through_one_place [Bounded]
                polling_threads []
                impatient_threads []
                every_way_at_once []
                without_a_capacity [Unbounded]
            }
            2 items "nothing is lost, nothing comes twice" {
                items_without_size [Bounded Stored]
                items_of_one_byte [Ordered]
                items_of_a_kilobyte [Ordered]
                boxed_items_of_64_kilobytes [Ordered]
                items_on_the_heap [Ordered]
                items_with_a_wide_alignment [Ordered]
                items_that_are_moved_are_not_serialized_or_cloned [Moves Bounded]
                a_panic_in_serialize_leaves_it_usable []
            }
            3 capacity "the capacity is honoured exactly" {
                it_holds_exactly_its_capacity [Bounded Stored]
                one_get_makes_room_for_one_put [Bounded Ordered Stored]
                the_largest_capacity_works [Bounded]
                a_capacity_beyond_the_largest_is_refused [Bounded]
                it_can_do_without_a_capacity [Unbounded]
                a_missing_capacity_is_refused [AlwaysBounded]
                rivals_fill_it_exactly [Bounded Stored]
                it_never_holds_more_in_motion [Bounded Stored]
            }
            4 wait "try never sleeps, a limit is waited out" {
                try_calls_return [Bounded Stored]
                try_calls_return_beside_sleepers [Bounded Stored]
                a_get_waits_its_limit []
                a_put_waits_its_limit [Bounded Stored]
                a_wake_up_for_nothing_does_not_shorten_a_limit []
                a_task_can_be_given_a_limit [Bounded Stored]
                a_deadline_in_the_past_still_does_what_it_can [Bounded Stored]
                zero_is_a_try [Bounded Stored]
                the_longest_limit_is_for_ever [Bounded]
            }
            4 wake "try never sleeps, a limit is waited out" {
                an_item_wakes_a_getter []
                room_wakes_a_putter [Bounded]
                ping_pong_never_stops []
                as_many_items_wake_as_many_getters []
                as_much_room_wakes_as_many_putters [Bounded]
                items_wake_pending_tasks [Ordered]
                a_timeout_does_not_swallow_a_wake_up []
                a_timeout_does_not_swallow_room [Bounded]
            }
            5 refusal "a refused item comes back" {
                a_full_queue_gives_the_item_back [Bounded Stored]
                a_closed_queue_gives_the_item_back []
                a_close_gives_sleeping_putters_their_items_back [Bounded Stored]
                a_batch_keeps_what_was_refused [Bounded Stored]
            }
            6 close "close refuses, drains and wakes" {
                puts_fail_at_once []
                gets_drain_and_then_say_closed [Ordered]
                closing_twice_is_harmless [Ordered]
                it_wakes_sleeping_getters []
                it_wakes_sleeping_putters [Bounded Stored]
                it_wakes_pending_tasks [Bounded Stored]
                a_put_that_races_with_it_is_drained []
                a_try_that_races_with_it_is_drained []
                every_getter_learns_of_it_in_a_race []
                tasks_that_race_with_it_are_drained []
            }
            7 cancel "a dropped future did all or nothing" {
                a_future_never_polled_does_nothing []
                a_dropped_get_takes_nothing []
                a_dropped_put_stores_nothing [Bounded Stored]
                a_get_dropped_after_its_wake_up_passes_it_on []
                a_put_dropped_after_its_wake_up_passes_it_on [Bounded CleanDrop Stored]
                a_dropped_task_passes_its_wake_up_to_a_thread []
                a_dropped_waiter_leaves_the_line [Bounded Stored]
                a_wake_up_for_nothing_waits_again []
                the_last_waker_is_the_one_that_counts [Bounded Stored]
                a_future_can_move_to_another_task []
                futures_given_up_at_random_lose_nothing [Bounded]
                futures_given_up_beside_threads_lose_nothing [Bounded]
                a_dropped_stream_takes_nothing []
            }
            8 mixed "threads and tasks mix" {
                threads_put_and_tasks_get []
                tasks_put_and_threads_get []
                both_sides_are_mixed []
                a_thread_wakes_a_task [Bounded Stored]
                a_task_wakes_a_thread [Bounded]
                a_task_and_a_thread_wait_in_one_line []
            }
            9 batch "a batch is the loop of singles" {
                a_batch_equals_the_loop_of_singles [Bounded Ordered Stored]
                nothing_asked_is_nothing_done [Bounded]
                it_waits_for_the_first_only [Bounded Ordered Stored]
                a_waiting_batch_is_woken [Bounded Ordered Stored]
                it_wakes_as_many_as_it_serves [Bounded Ordered Stored]
                it_wakes_as_many_threads_as_it_serves []
                batches_lose_nothing []
                batches_of_tasks_lose_nothing []
                a_dropped_batch_leaves_everything [Bounded Stored]
                iterators_end_where_they_should [Ordered]
                a_stream_and_a_sink_carry_everything [Ordered]
            }
            10 identity "the same identity is the same queue" {
                two_openings_are_one_queue [Identity Bounded Ordered Stored]
                one_opening_wakes_the_other [Identity]
                closing_one_opening_closes_the_other [Identity]
                dropping_one_opening_leaves_the_other [Identity]
            }
            11 types "what does not fit is refused at open" {
                another_item_type_is_refused [Identity]
                another_capacity_is_refused [Identity Bounded]
            }
            12 corrupt "one corrupt frame is one error" {
                a_corrupt_frame_is_one_error [Frames]
            }
            13 handles "a handle may go at any time" {
                dropping_a_handle_does_not_close []
                a_call_outlives_the_other_handles []
                a_pending_future_dropped_with_its_handle_leaves_it_usable [Bounded Stored]
                a_panicking_user_leaves_it_usable [Ordered]
                queues_come_and_go []
            }
            14 ends "a put ends in one of four ways" {
                what_was_told_is_what_happened [Bounded]
                a_put_given_up_can_be_repeated [Ordered CleanDrop]
                flush_confirms []
                a_retry_is_refused_where_repeats_are_not_recognised [NoDedup]
                a_lease_is_refused_where_there_are_none [NoLease]
                it_says_what_the_subject_says []
            }
            15 depth "the depth is exact where it claims to be" {
                it_is_exact_at_rest [ExactDepth Bounded Stored]
                it_is_exact_after_a_storm [ExactDepth Stored]
                it_never_exceeds_the_capacity [ExactDepth Bounded]
                a_closed_queue_still_counts [ExactDepth]
                totals_agree_with_it [ExactDepth Stored]
            }
            16 lease "a leased item is acknowledged or comes back" {
                an_acknowledged_item_is_gone [Lease]
                an_item_given_back_comes_first [Lease Ordered]
                a_dropped_lease_gives_its_item_back [Lease Ordered]
                a_panicking_holder_gives_its_item_back [Lease]
                items_come_back_in_their_order [Lease Ordered]
                a_rest_is_waited_out [Lease Ordered]
                deliveries_are_counted [Lease]
                tickets_are_never_used_twice [Lease]
                a_batch_of_leases_is_the_loop_of_singles [Lease Ordered]
                a_lease_waits_its_limit [Lease]
                gets_and_leases_share_one_order [Lease Ordered]
                totals_and_leases_agree [Lease ExactDepth Stored]
            }
            16 lending "a leased item is acknowledged or comes back" {
                leased_items_count_against_the_capacity [Lease Bounded Stored]
                a_lease_makes_no_room [Lease Bounded Stored]
                an_acknowledged_item_wakes_a_putter [Lease Bounded]
                an_item_that_comes_back_wakes_a_getter [Lease]
                an_item_wakes_a_lease [Lease]
                a_dropped_lease_future_takes_nothing [Lease]
                a_lease_future_dropped_after_its_wake_up_passes_it_on [Lease]
                a_closed_queue_waits_for_its_leases [Lease]
                acknowledging_the_last_item_tells_all_that_it_is_closed [Lease]
                the_first_lease_keeps_the_order [Lease Ordered]
                every_end_at_once_loses_nothing [Lease Bounded]
                tasks_lease_beside_threads [Lease Bounded]
            }
            16 expiry "a leased item is acknowledged or comes back" {
                a_lease_that_runs_out_comes_back [Lease]
                it_comes_back_in_its_order [Lease Ordered]
                it_wakes_who_slept_before_it_began [Lease]
                a_late_end_changes_nothing [Lease]
                an_extended_lease_lasts [Lease]
                a_closed_queue_waits_for_it [Lease]
                forgotten_leases_lose_nothing [Lease Bounded]
            }
            16 dead "an item delivered too often is put aside" {
                it_goes_to_the_dead_letters [Lease Ordered]
                it_goes_there_when_its_lease_runs_out [Lease]
                without_dead_letters_it_is_counted [Lease Bounded]
                a_full_queue_of_dead_letters_loses_nothing [Lease]
                the_last_one_ends_a_closed_queue [Lease]
            }
        }
    };
}

/// Gives the clauses that only apply to queues inside one process to the macro `$then`.
#[doc(hidden)]
#[macro_export]
macro_rules! __in_process_clauses {
    ($then:ident $arguments:tt) => {
        $crate::$then! { $arguments
            2 moved "nothing is lost, nothing comes twice" {
                what_remains_is_dropped_once_with_the_queue []
                what_remains_in_a_closed_queue_is_dropped_once []
                what_comes_back_or_out_is_not_dropped_by_the_queue [Bounded]
                a_dropped_put_future_drops_its_item_once [Bounded]
                rivals_drop_every_item_once []
                a_panic_in_drop_harms_no_other_item []
                a_panic_in_drop_outside_leaves_it_usable [Bounded]
                items_that_cannot_be_serialized [Ordered]
                an_item_may_hold_a_queue [Ordered]
            }
        }
    };
}

/// The list as a table.
#[doc(hidden)]
#[macro_export]
macro_rules! __clause_table {
    ([] $($number:literal $group:ident $claim:literal { $($name:ident [$($need:ident)*])* })*) => {
        vec![$($(
            Clause {
                number: $number,
                name: concat!(stringify!($group), "::", stringify!($name)),
                claim: $claim,
                needs: &[$(Need::$need),*],
                body: clauses::$group::$name,
            },
        )*)*]
    };
}

/// The list as tests, a module for each group; each asks the `suite` of the module around it.
#[doc(hidden)]
#[macro_export]
macro_rules! __clause_tests {
    ([] $($number:literal $group:ident $claim:literal { $($name:ident [$($need:ident)*])* })*) => {
        $(
            mod $group {
                $(
                    #[test]
                    fn $name() {
                        let name = concat!(stringify!($group), "::", stringify!($name));
                        if let $crate::Outcome::Skipped(reason) = super::suite().check(name) {
                            println!("skipped: the queue {reason}");
                        }
                    }
                )*
            }
        )*
    };
}

/// The names of the tests.
#[doc(hidden)]
#[macro_export]
macro_rules! __clause_names {
    ([] $($number:literal $group:ident $claim:literal { $($name:ident [$($need:ident)*])* })*) => {
        [$($( concat!(stringify!($group), "::", stringify!($name)), )*)*]
    };
}

/// Makes a module with one test per clause function, and the test `skipped_clauses` that prints what does not apply.
///
/// The arguments are a name for the module and an expression for the [`Subject`](crate::Subject); the word `in_process` in front of
/// them asks for an [`InProcess`](crate::InProcess) subject and adds the clauses about items that cannot be serialized.
#[macro_export]
macro_rules! conformance {
    (in_process $name:ident, $subject:expr $(,)?) => {
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports, reason = "the subject may be named by its full path")]
            use super::*;

            fn suite() -> $crate::Suite {
                $crate::Suite::in_process($subject)
            }

            $crate::__wire_clauses! { __clause_tests [] }
            $crate::__in_process_clauses! { __clause_tests [] }

            #[test]
            fn skipped_clauses() {
                let mut tested = $crate::__wire_clauses! { __clause_names [] }.to_vec();
                tested.extend($crate::__in_process_clauses! { __clause_names [] });
                $crate::__skipped_clauses!(tested);
            }
        }
    };
    ($name:ident, $subject:expr $(,)?) => {
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports, reason = "the subject may be named by its full path")]
            use super::*;

            fn suite() -> $crate::Suite {
                $crate::Suite::wire($subject)
            }

            $crate::__wire_clauses! { __clause_tests [] }

            #[test]
            fn skipped_clauses() {
                let tested = $crate::__wire_clauses! { __clause_names [] }.to_vec();
                $crate::__skipped_clauses!(tested);
            }
        }
    };
}

/// Prints what is skipped, and makes sure that the tests are all there are.
#[doc(hidden)]
#[macro_export]
macro_rules! __skipped_clauses {
    ($tested:expr) => {
        let suite = suite();
        let known: Vec<&str> = suite.clauses().iter().map(|clause| clause.name).collect();
        assert_eq!($tested, known, "the tests and the table of clauses differ");
        for (clause, reason) in suite.skipped() {
            println!("{clause:?} is skipped: the queue {reason}");
        }
    };
}

pub(crate) fn wire_clauses() -> Vec<Clause> {
    crate::__wire_clauses! { __clause_table [] }
}

pub(crate) fn in_process_clauses() -> Vec<Clause> {
    crate::__in_process_clauses! { __clause_table [] }
}
