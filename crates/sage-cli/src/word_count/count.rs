//! The operators: counting next to the text, then once more by word.

use std::collections::HashMap;

use sage_comm::{Key, OpResult, Operator, Packet, TaskContext};

use super::word::{Bytes, WordCount, words};

/// Different words a splitter holds before it sends them on.
const MOST_WORDS: usize = 1 << 14;
/// Bytes of words it holds before it does.
const MOST_BYTES: usize = 1 << 22;
/// Bytes of a word that make its key.
const MOST_KEY_BYTES: usize = 256;

/// Counts the words of the texts it is given and sends on how often it met each, from time to time: most words are
/// frequent ones, and few packets carry them. Its memory is bounded, so some words leave several times.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    counts: HashMap<Box<[u8]>, u64>,
    bytes: usize,
}

impl Splitter {
    fn add(&mut self, word: &[u8]) {
        match self.counts.get_mut(word) {
            Some(count) => *count += 1,
            None => {
                self.bytes += word.len();
                self.counts.insert(word.into(), 1);
            }
        }
    }

    fn send(&mut self, ctx: &mut TaskContext<WordCount>) -> OpResult {
        self.take()
            .try_for_each(|counted| ctx.emit_keyed(key(&counted.word.0), counted))
    }

    fn is_full(&self) -> bool {
        self.counts.len() >= MOST_WORDS || self.bytes >= MOST_BYTES
    }

    fn take(&mut self) -> impl Iterator<Item = WordCount> {
        self.bytes = 0;
        self.counts.drain().map(|(word, count)| WordCount {
            word: Bytes(word),
            count,
        })
    }
}

/// The key only chooses the counter, and the start of an enormous word is enough for that.
fn key(word: &[u8]) -> Key {
    Key::bytes(word.get(..MOST_KEY_BYTES).unwrap_or(word))
}

impl Operator<Bytes, WordCount> for Splitter {
    fn process(&mut self, packet: Packet<Bytes>, ctx: &mut TaskContext<WordCount>) -> OpResult {
        for word in words(&packet.payload.0) {
            self.add(word);
            if self.is_full() {
                self.send(ctx)?;
            }
        }
        Ok(())
    }

    fn close(&mut self, ctx: &mut TaskContext<WordCount>) -> OpResult {
        self.send(ctx)
    }
}

/// Adds up the counts of the words that are routed to it, and sends them on at the end.
#[derive(Debug, Default)]
pub(super) struct Counter {
    counts: HashMap<Box<[u8]>, u64>,
}

impl Counter {
    fn add(&mut self, counted: WordCount) {
        *self.counts.entry(counted.word.0).or_insert(0) += counted.count;
    }

    fn take(&mut self) -> impl Iterator<Item = WordCount> {
        std::mem::take(&mut self.counts)
            .into_iter()
            .map(|(word, count)| WordCount {
                word: Bytes(word),
                count,
            })
    }
}

impl Operator<WordCount, WordCount> for Counter {
    fn process(&mut self, packet: Packet<WordCount>, _ctx: &mut TaskContext<WordCount>) -> OpResult {
        self.add(packet.payload);
        Ok(())
    }

    fn close(&mut self, ctx: &mut TaskContext<WordCount>) -> OpResult {
        self.take().try_for_each(|count| ctx.emit(count))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn count(words: impl Iterator<Item = Vec<u8>>) -> (usize, BTreeMap<Vec<u8>, u64>) {
        let (mut splitter, mut counter) = (Splitter::default(), Counter::default());
        let mut flushes = 0;
        for word in words {
            splitter.add(&word);
            if splitter.is_full() {
                flushes += 1;
                splitter.take().for_each(|counted| counter.add(counted));
                assert_eq!((splitter.counts.len(), splitter.bytes), (0, 0));
            }
        }
        splitter.take().for_each(|counted| counter.add(counted));
        let counts = counter.take().map(|counted| (counted.word.0.into_vec(), counted.count));
        (flushes, counts.collect())
    }

    #[test]
    fn words_that_leave_in_parts_are_added_up() {
        let distinct = MOST_WORDS * 5 / 2;
        let (flushes, counts) = count((0..distinct * 3).map(|i| (i % distinct).to_string().into_bytes()));
        assert!(flushes >= 7, "{flushes}");
        assert_eq!(counts.len(), distinct);
        assert!(counts.values().all(|&count| count == 3));
    }

    #[test]
    fn long_words_are_bounded_in_bytes() {
        let (flushes, counts) = count((0..40_u8).map(|i| vec![i % 20; MOST_BYTES / 8]));
        assert!(flushes >= 4, "{flushes}");
        assert_eq!(counts.len(), 20);
        assert!(counts.values().all(|&count| count == 2));
    }
}
