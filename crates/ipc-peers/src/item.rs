//! What goes over: bytes that know their number.

/// Bytes of the number, at either end of an item.
const NUMBER: usize = 8;
/// What is fetched from memory at once.
const LINE: usize = 64;

/// One item of `size` bytes, at least 16, to be sent again and again.
#[must_use]
pub fn blank(size: usize) -> Vec<u8> {
    vec![0; size]
}

/// Gives the item this number.
pub fn stamp(item: &mut [u8], number: u64) {
    if let Some(first) = item.first_chunk_mut::<NUMBER>() {
        *first = number.to_le_bytes();
    }
    if let Some(last) = item.last_chunk_mut::<NUMBER>() {
        *last = number.to_le_bytes();
    }
}

/// The number of an item, after a look at each of its lines, so that nobody wins by not fetching them. An item that
/// was torn has no number that anybody expects.
#[must_use]
pub fn number(item: &[u8]) -> u64 {
    let lines = item
        .iter()
        .step_by(LINE)
        .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    std::hint::black_box(lines);
    match (item.first_chunk::<NUMBER>(), item.last_chunk::<NUMBER>()) {
        (Some(first), Some(last)) if first == last => u64::from_le_bytes(*first),
        _ => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_keeps_its_number_and_a_torn_one_does_not() {
        for size in [16, 64, 1 << 20] {
            let mut item = blank(size);
            stamp(&mut item, 77);
            assert_eq!(number(&item), 77);
            if let Some(last) = item.last_mut() {
                *last = 1;
            }
            assert_eq!(number(&item), u64::MAX);
        }
    }
}
