//! Items as their producers make them.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use ipc_peers::item;

/// From this size on memory is used again: to have the system find new pages for each item would cost more than to send it.
const LARGE: usize = 32 << 10;
/// Items that wait for their memory to be free.
const KEPT: usize = 64;

/// Makes items that whoever carries them may keep.
#[derive(Debug)]
pub(crate) struct Stock {
    blank: Vec<u8>,
    away: VecDeque<Bytes>,
}

impl Stock {
    pub(crate) fn new(size: usize) -> Self {
        Self {
            blank: item::blank(size),
            away: VecDeque::new(),
        }
    }

    /// One that belongs to the caller.
    pub(crate) fn item(&mut self, number: u64) -> Bytes {
        if self.blank.len() < LARGE {
            let mut item = self.blank.clone();
            item::stamp(&mut item, number);
            return item.into();
        }
        let free = self.away.pop_front().map(Bytes::try_into_mut);
        let mut item = match free {
            Some(Ok(item)) => item,
            Some(Err(used)) => {
                if self.away.len() < KEPT {
                    self.away.push_front(used);
                }
                BytesMut::from(self.blank.as_slice())
            }
            None => BytesMut::from(self.blank.as_slice()),
        };
        item::stamp(&mut item, number);
        let item = item.freeze();
        self.away.push_back(item.clone());
        item
    }

    /// One that is lent.
    pub(crate) fn lend(&mut self, number: u64) -> &[u8] {
        item::stamp(&mut self.blank, number);
        &self.blank
    }

    /// Its bytes.
    pub(crate) fn size(&self) -> usize {
        self.blank.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_that_are_kept_keep_their_numbers() {
        for size in [64, LARGE] {
            let mut stock = Stock::new(size);
            let kept: Vec<Bytes> = (0..100).map(|number| stock.item(number)).collect();
            let numbers: Vec<u64> = kept.iter().map(|item| item::number(item)).collect();
            assert_eq!(numbers, (0..100).collect::<Vec<_>>());
        }
    }
}
