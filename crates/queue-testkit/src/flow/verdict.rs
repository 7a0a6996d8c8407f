//! What must be true of the items that came out.

use std::collections::HashMap;

use super::Stamp;

/// Producer `p` stored the places `0..sent[p]`: each must have come out once, and nothing else. Those that are `doubtful` need not have.
pub(crate) fn exact(sent: &[u32], received: &[Vec<Stamp>], doubtful: &[Stamp]) {
    let mut seen: Vec<Vec<u8>> = sent.iter().map(|count| vec![0; *count as usize]).collect();
    for (producer, place) in received.iter().flatten() {
        let times = seen
            .get_mut(*producer as usize)
            .and_then(|places| places.get_mut(*place as usize));
        let Some(times) = times else {
            panic!("item {place} of producer {producer} came out and was never put");
        };
        assert_eq!(*times, 0, "item {place} of producer {producer} came twice");
        *times = 1;
    }
    for (producer, place) in doubtful {
        let places = seen.get_mut(*producer as usize);
        if let Some(times) = places.and_then(|places| places.get_mut(*place as usize)) {
            *times = 1;
        }
    }
    for (producer, places) in seen.iter().enumerate() {
        let lost = places.iter().filter(|times| **times == 0).count();
        if let Some(first) = places.iter().position(|times| *times == 0) {
            panic!(
                "{lost} of {} items of producer {producer} are lost, the first is {first}",
                places.len()
            );
        }
    }
}

/// To each consumer, the items of one producer came in the order they were put.
pub(crate) fn ordered(received: &[Vec<Stamp>]) {
    for (consumer, items) in received.iter().enumerate() {
        let mut newest: HashMap<u32, u32> = HashMap::new();
        for (producer, place) in items {
            if let Some(before) = newest.insert(*producer, *place) {
                assert!(
                    before < *place,
                    "consumer {consumer} got item {place} of producer {producer} after its item {before}"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejects(check: impl FnOnce() + std::panic::UnwindSafe, words: &str) {
        let panic = std::panic::catch_unwind(check).map_err(|panic| panic.downcast::<String>().ok());
        assert!(matches!(panic, Err(Some(text)) if text.contains(words)), "{words}");
    }

    #[test]
    fn complete_and_ordered_lists_pass() {
        let received = [vec![(0, 0), (1, 0), (0, 2)], vec![(1, 1), (0, 1)], vec![]];
        exact(&[3, 2], &received, &[]);
        exact(&[4, 2], &received, &[(0, 3), (1, 0)]);
        ordered(&received);
        exact(&[], &[], &[]);
    }

    #[test]
    fn lost_doubled_and_invented_items_are_named() {
        rejects(
            || exact(&[3], &[vec![(0, 0), (0, 2)]], &[]),
            "1 of 3 items of producer 0 are lost, the first is 1",
        );
        rejects(
            || exact(&[2], &[vec![(0, 0), (0, 1)], vec![(0, 1)]], &[]),
            "item 1 of producer 0 came twice",
        );
        rejects(|| exact(&[1], &[vec![(0, 0), (0, 1)]], &[]), "was never put");
        rejects(|| exact(&[1], &[vec![(0, 0), (7, 0)]], &[]), "was never put");
        rejects(|| exact(&[3], &[vec![(0, 0)]], &[(0, 1)]), "the first is 2");
        rejects(|| exact(&[2], &[vec![(0, 0), (0, 0)]], &[(0, 0)]), "came twice");
    }

    #[test]
    fn an_item_that_overtakes_is_named() {
        rejects(
            || ordered(&[vec![(0, 1), (1, 0), (0, 0)]]),
            "item 0 of producer 0 after its item 1",
        );
    }
}
