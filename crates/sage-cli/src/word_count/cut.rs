//! Cuts a stream of blocks where no word is cut in two.

use super::word::is_space;

/// Collects what is read until it holds a space, and hands out texts that end before one.
///
/// What is carried over is the start of one word, so memory is one block and the longest word.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    carried: Vec<u8>,
}

impl Cutter {
    /// Takes the next block. Returns whole words, when there is any among what came so far.
    pub(super) fn push(&mut self, mut block: Vec<u8>) -> Option<Vec<u8>> {
        // Only the new block is searched: what was carried has no space.
        let Some(space) = block.iter().rposition(|&byte| is_space(byte)) else {
            self.carry(block);
            return None;
        };
        let rest = block.split_off(space);
        let begun = rest.get(1..).unwrap_or_default().to_vec();
        let text = if self.carried.is_empty() {
            self.carried = begun;
            block
        } else {
            let mut text = std::mem::replace(&mut self.carried, begun);
            text.append(&mut block);
            text
        };
        (!text.is_empty()).then_some(text)
    }

    /// The last word, when the stream does not end with a space.
    pub(super) fn finish(&mut self) -> Option<Vec<u8>> {
        let last = std::mem::take(&mut self.carried);
        (!last.is_empty()).then_some(last)
    }

    fn carry(&mut self, mut block: Vec<u8>) {
        if self.carried.is_empty() {
            self.carried = block;
        } else {
            self.carried.append(&mut block);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::word::words;
    use super::*;

    fn cut(blocks: impl IntoIterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
        let mut cutter = Cutter::default();
        let mut texts: Vec<_> = blocks.into_iter().filter_map(|block| cutter.push(block)).collect();
        texts.extend(cutter.finish());
        assert_eq!(cutter.finish(), None);
        texts
    }

    #[test]
    fn a_word_across_three_blocks_stays_whole() {
        let texts = cut([b"a lo".to_vec(), b"ngwo".to_vec(), b"rd b".to_vec()]);
        assert_eq!(texts, [b"a".to_vec(), b"longword".to_vec(), b"b".to_vec()]);
    }

    #[test]
    fn nothing_and_spaces_are_no_texts() {
        assert!(cut([]).is_empty());
        assert!(cut([vec![], b" ".to_vec(), vec![]]).is_empty());
    }

    #[test]
    fn a_word_of_many_blocks_is_collected_once() {
        let blocks = (0..2_000).map(|_| vec![b'x'; 10_000]);
        let texts = cut(blocks);
        assert_eq!(texts.len(), 1);
        assert_eq!(texts[0].len(), 20_000_000);
    }

    fn byte() -> impl Strategy<Value = u8> {
        prop_oneof![3 => Just(b' '), 1 => Just(0x0b), 4 => Just(b'a'), 2 => any::<u8>()]
    }

    proptest! {
        #[test]
        fn cutting_changes_no_word(
            blocks in prop::collection::vec(prop::collection::vec(byte(), 0..12), 0..40),
        ) {
            let whole = blocks.concat();
            let expected: Vec<_> = words(&whole).map(<[u8]>::to_vec).collect();
            let texts = cut(blocks);
            let found: Vec<_> = texts.iter().flat_map(|text| words(text)).map(<[u8]>::to_vec).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
