//! Histories with one fault, and the rule that names it.

use super::*;

macro_rules! wrong {
    ($($name:ident: $rule:ident, $capacity:literal [$($op:expr),* $(,)?];)*) => {$(
        #[test]
        fn $name() {
            let rules = broken($capacity, false, &[$($op),*]);
            assert_eq!(rules, [Rule::$rule], "{}", stringify!($name));
        }
    )*};
}

wrong! {
    a_get_says_full: Malformed, 1 [op(Call::Get, 1, 0, (0, 1), End::Full)];
    a_put_says_empty: Malformed, 1 [op(Call::Put, 1, 0, (0, 1), End::Empty)];
    a_close_is_refused: Malformed, 1 [op(Call::Close, 1, 0, (0, 1), End::Closed), close(2, 0, 0)];
    a_call_ends_before_it_begins: Malformed, 1 [put(1, 1, 5, 4)];
    an_actor_is_in_two_places: Malformed, 2 [put(1, 1, 0, 10), put(1, 2, 5, 15)];
    an_item_is_put_twice: Malformed, 2 [put(1, 1, 0, 1), put(2, 1, 2, 3)];

    an_item_from_nowhere: Invented, 1 [get(1, 9, 0, 1)];
    an_item_from_nowhere_among_others: Invented, 2 [put(1, 1, 0, 1), get(2, 9, 2, 3), get(2, 1, 4, 5)];

    a_refused_item_comes: RefusedButStored, 1 [
        put(1, 1, 0, 1), full(2, 2, 2, 3), get(3, 1, 4, 5), get(3, 2, 6, 7)
    ];
    an_item_refused_by_the_close_comes: RefusedButStored, 1 [close(1, 0, 1), put_closed(2, 2, 2, 3), get(3, 2, 4, 5)];

    an_item_comes_twice: Duplicate, 1 [put(1, 1, 0, 1), get(2, 1, 2, 3), get(2, 1, 4, 5)];
    two_get_one_item_at_once: Duplicate, 1 [put(1, 1, 0, 1), get(2, 1, 2, 5), get(3, 1, 2, 5)];
    a_batch_holds_an_item_twice: Duplicate, 1 [put(1, 1, 0, 1), get(2, 1, 2, 5), get(2, 1, 2, 5)];

    an_item_comes_before_its_put: Early, 1 [get(2, 1, 0, 1), put(1, 1, 2, 3)];
    an_item_comes_just_before_its_put: Early, 2 [put(1, 1, 0, 1), get(2, 1, 2, 3), get(2, 2, 4, 5), put(1, 2, 6, 7)];

    an_item_is_overtaken_for_ever: Lost, 2 [put(1, 1, 0, 1), put(1, 2, 2, 3), get(2, 2, 4, 5)];
    an_item_of_another_producer_is_overtaken_for_ever: Lost, 2 [
        put(1, 1, 0, 1), put(2, 2, 2, 3), get(3, 2, 4, 5), empty(3, 6, 7)
    ];

    two_producers_are_swapped: Order, 2 [
        put(1, 1, 0, 1), put(2, 2, 2, 3), get(3, 2, 4, 5), get(4, 1, 6, 7)
    ];
    the_newest_comes_first: Order, 3 [
        put(1, 1, 0, 1), put(2, 2, 2, 3), put(3, 3, 4, 5), get(4, 3, 6, 7), get(5, 1, 8, 9), get(6, 2, 8, 9)
    ];

    one_producer_is_swapped_within_a_batch: ActorOrder, 2 [
        put(1, 1, 0, 5), put(1, 2, 0, 5), get(3, 2, 6, 7), get(4, 1, 8, 9)
    ];
    a_batch_of_gets_is_swapped: ActorOrder, 2 [
        put(1, 1, 0, 5), put(1, 2, 0, 5), get(3, 2, 6, 9), get(3, 1, 6, 9)
    ];
    a_batch_of_gets_swaps_two_producers: ActorOrder, 2 [
        put(1, 1, 0, 1), put(2, 2, 2, 3), get(3, 2, 6, 9), get(3, 1, 6, 9)
    ];

    one_too_many: Capacity, 1 [put(1, 1, 0, 1), put(1, 2, 2, 3), get(2, 1, 4, 5), get(2, 2, 6, 7)];
    one_too_many_of_others: Capacity, 2 [
        put(1, 1, 0, 9), put(2, 2, 0, 9), put(3, 3, 0, 9), get(4, 1, 10, 11), get(4, 2, 12, 13), get(4, 3, 14, 15)
    ];
    a_batch_beyond_the_capacity: Capacity, 1 [
        put(1, 1, 0, 5), put(1, 2, 0, 5), get(2, 1, 6, 9), get(2, 2, 6, 9)
    ];

    empty_beside_an_item: EmptyWhileInside, 1 [put(1, 1, 0, 1), empty(2, 2, 3), get(2, 1, 4, 5)];
    empty_while_items_change: EmptyWhileInside, 2 [
        put(1, 1, 0, 1), put(1, 2, 3, 4), get(2, 1, 5, 6), empty(3, 2, 9), get(2, 2, 10, 11)
    ];
    empty_in_front_of_a_newer_put: EmptyWhileInside, 2 [
        put(1, 1, 0, 1), put(2, 2, 2, 9), empty(3, 4, 5), get(3, 1, 6, 7), get(3, 2, 10, 11)
    ];
    a_timeout_beside_an_item: EmptyWhileInside, 1 [put(1, 1, 0, 1), empty(2, 2, 1_000_000)];

    full_beside_room: FullWhileRoom, 2 [put(1, 1, 0, 1), full(2, 2, 2, 3), get(3, 1, 4, 5)];
    full_with_nothing_inside: FullWhileRoom, 1 [full(2, 2, 2, 3)];
    full_after_a_get: FullWhileRoom, 1 [put(1, 1, 0, 1), get(3, 1, 2, 3), full(2, 2, 4, 5)];
    full_beside_a_getter_that_waits: FullWhileRoom, 1 [full(2, 1, 2, 3), get(3, 2, 0, 20), put(2, 2, 10, 11)];
    full_behind_a_newer_get: FullWhileRoom, 2 [
        put(1, 1, 0, 1), put(1, 2, 2, 3), get(3, 1, 4, 5), get(4, 2, 6, 20), full(1, 3, 8, 9)
    ];

    closed_that_nobody_closed: ClosedUnasked, 1 [get_closed(1, 0, 1)];
    a_put_is_refused_that_nobody_closed: ClosedUnasked, 1 [put_closed(1, 1, 0, 1)];
    closed_before_the_close: ClosedUnasked, 1 [put_closed(1, 1, 0, 1), close(2, 2, 3)];

    a_put_after_the_close: PutAfterClose, 1 [close(1, 0, 1), put(2, 1, 2, 3), get(3, 1, 4, 5)];
    full_after_the_close: PutAfterClose, 1 [put(1, 1, 0, 1), close(1, 2, 3), full(2, 2, 4, 5), get(3, 1, 6, 7)];

    empty_after_the_close: EmptyAfterClose, 1 [close(1, 0, 1), empty(2, 2, 3)];
    empty_after_the_close_and_the_last_item: EmptyAfterClose, 1 [
        put(1, 1, 0, 5), close(2, 1, 2), get(3, 1, 6, 7), empty(3, 8, 9)
    ];

    closed_with_an_item_inside: ClosedWhileInside, 1 [put(1, 1, 0, 1), close(1, 2, 3), get_closed(2, 4, 5)];
    closed_before_the_last_item: ClosedWhileInside, 2 [
        put(1, 1, 0, 1), put(1, 2, 2, 3), close(1, 4, 5), get(3, 1, 6, 7), get_closed(2, 6, 9)
    ];

    an_item_comes_after_the_end: GotAfterClosed, 1 [
        put(1, 1, 0, 9), close(2, 1, 2), get_closed(3, 4, 5), get(3, 1, 10, 11)
    ];
}

#[test]
fn what_is_left_in_a_drained_queue_is_lost() {
    let ops = [put(1, 1, 0, 1), close(1, 2, 3), get_closed(2, 4, 5)];
    assert_eq!(broken(1, true, &ops), [Rule::Lost]);
    assert_eq!(broken(1, false, &ops), [Rule::ClosedWhileInside], "nobody drained it");
}

#[test]
fn every_rule_has_a_wrong_history() {
    let text = include_str!("wrong.rs");
    for rule in Rule::ALL {
        assert!(text.contains(&format!(": {rule:?}, ")), "{rule:?} convicts nobody here");
    }
}

#[test]
fn a_violation_names_the_rule_the_clause_and_the_operations() {
    let history = History {
        capacity: Some(1),
        drained: false,
        ops: vec![put(1, 7, 0, 1), get(2, 7, 2, 3), get(2, 7, 4, 5)],
    };
    let text: Vec<String> = judge(&history).iter().map(ToString::to_string).collect();
    let expected = "Duplicate (clause 2): actor 2 Get 0x7 = Ok in 2..3 ns; actor 2 Get 0x7 = Ok in 4..5 ns";
    assert_eq!(text, [expected]);
}
