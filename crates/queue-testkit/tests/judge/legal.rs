//! What a right queue may do, however odd it looks.

use super::*;

macro_rules! legal {
    ($($name:ident: $capacity:literal [$($op:expr),* $(,)?];)*) => {$(
        #[test]
        fn $name() {
            assert_eq!(broken($capacity, false, &[$($op),*]), []);
        }
    )*};
}

legal! {
    nothing_happened: 1 [];
    one_item_passes: 1 [put(1, 7, 0, 1), get(2, 7, 2, 3), empty(2, 4, 5)];
    a_get_may_begin_long_before_its_put: 1 [get(2, 7, 0, 100), put(1, 7, 50, 60)];
    a_get_may_end_before_its_put_does: 1 [put(1, 7, 0, 100), get(2, 7, 1, 2)];
    overlapping_puts_have_either_order: 2 [
        put(1, 1, 0, 10), put(2, 2, 0, 10), get(3, 2, 11, 12), get(3, 1, 13, 14)
    ];
    overlapping_gets_have_either_order: 2 [
        put(1, 1, 0, 1), put(1, 2, 2, 3), get(3, 2, 4, 6), get(4, 1, 5, 9)
    ];
    puts_that_touch_overlap: 2 [put(1, 1, 0, 5), put(2, 2, 5, 9), get(3, 2, 10, 11), get(3, 1, 12, 13)];
    a_batch_keeps_its_order: 3 [
        put(1, 1, 0, 5), put(1, 2, 0, 5), put(1, 3, 0, 5), get(2, 1, 6, 7), get(2, 2, 6, 7), get(2, 3, 8, 9)
    ];
    two_may_share_a_batch: 2 [put(1, 1, 0, 5), put(1, 2, 0, 5), get(2, 2, 6, 9), get(3, 1, 8, 12)];
    empty_before_a_put_is_over: 1 [put(1, 1, 0, 10), empty(2, 5, 15), get(2, 1, 16, 17)];
    empty_behind_an_older_put_on_its_way: 2 [
        put(1, 1, 0, 20), put(2, 2, 1, 2), empty(3, 5, 6), get(3, 1, 21, 22), get(3, 2, 23, 24)
    ];
    empty_behind_an_older_put_that_began_last: 2 [
        put(2, 2, 1, 3), put(1, 1, 3, 20), empty(3, 5, 6), get(3, 1, 21, 22), get(3, 2, 23, 24)
    ];
    empty_while_the_item_is_being_taken: 1 [put(1, 1, 0, 1), get(2, 1, 2, 20), empty(3, 5, 6)];
    empty_in_a_gap_between_two_items: 1 [
        put(1, 1, 0, 1), get(2, 1, 9, 11), put(1, 2, 10, 12), empty(3, 2, 20), get(2, 2, 30, 31)
    ];
    full_is_full: 1 [put(1, 1, 0, 1), full(2, 2, 2, 3), get(3, 1, 4, 5)];
    full_while_the_other_put_is_on_its_way: 1 [put(1, 1, 0, 10), full(2, 2, 2, 3), get(3, 1, 14, 15)];
    full_while_the_get_is_on_its_way: 1 [put(1, 1, 0, 1), get(3, 1, 2, 10), full(2, 2, 4, 5)];
    full_behind_an_older_get_on_its_way: 2 [
        put(1, 1, 0, 1), put(1, 2, 2, 3), get(3, 1, 4, 20), get(4, 2, 5, 6), full(1, 3, 8, 9)
    ];
    full_at_some_moment_of_a_long_call: 1 [put(1, 1, 0, 3), full(2, 2, 0, 30), get(3, 1, 5, 6)];
    an_item_refused_is_put_again: 1 [
        put(1, 1, 0, 1), full(2, 2, 2, 3), get(3, 1, 4, 5), put(2, 2, 6, 7), get(3, 2, 8, 9)
    ];
    the_capacity_is_used: 2 [
        put(1, 1, 0, 1), put(1, 2, 2, 3), get(2, 1, 4, 8), put(1, 3, 5, 6), get(2, 2, 9, 10), get(2, 3, 11, 12)
    ];
    a_closed_queue_drains: 2 [
        put(1, 1, 0, 1), close(3, 2, 3), put_closed(1, 2, 4, 5), get(2, 1, 6, 7), get_closed(2, 8, 9)
    ];
    a_put_passes_while_it_is_being_closed: 1 [close(3, 0, 10), put(1, 1, 5, 20), get(2, 1, 21, 22)];
    a_put_begun_before_the_close_may_end_after_it: 1 [
        put(1, 1, 0, 20), close(3, 1, 2), empty(2, 5, 6), get(2, 1, 21, 22), get_closed(2, 23, 24)
    ];
    closed_while_it_is_being_closed: 1 [close(3, 0, 10), put_closed(1, 1, 1, 2), get_closed(2, 1, 2)];
    a_full_put_that_began_before_the_close: 1 [
        put(1, 1, 0, 1), full(2, 2, 2, 9), close(3, 4, 5), get(4, 1, 10, 11)
    ];
    closed_twice: 1 [close(1, 0, 1), close(2, 5, 6), get_closed(3, 2, 3)];
    one_learns_of_the_end_while_the_last_item_is_taken: 1 [
        put(1, 1, 0, 1), close(1, 2, 3), get(2, 1, 4, 10), get_closed(3, 5, 6)
    ];
    what_is_left_is_not_lost_while_nobody_drains: 2 [put(1, 1, 0, 1), get(2, 1, 2, 3), put(1, 2, 4, 5)];
}

#[test]
fn a_queue_without_a_capacity_holds_anything() {
    let ops = (0..1000).map(|n| put(1, n, 2 * n, 2 * n + 1)).collect();
    let history = History {
        capacity: None,
        drained: false,
        ops,
    };
    assert_eq!(judge(&history), []);
}
