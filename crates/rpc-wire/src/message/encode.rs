//! Messages into bytes.

use super::{Delivered, Lent, Message, Peeked, Put};
use crate::WireError;
use crate::batch::{Batch, append, front};
use crate::field::Writer;
use crate::frame::{self, Front, HEAD, MAX_FRAME};

impl Message {
    /// Appends a frame of at most `limit` bytes, which is what the peer said it takes.
    ///
    /// # Errors
    /// [`WireError::Excess`] when it would be larger, [`WireError::Value`] when it has to have an item and has none; then `out`
    /// is as it was.
    pub fn encode(&self, out: &mut Vec<u8>, limit: u32) -> Result<(), WireError> {
        let items = match self {
            Self::Put(put) => put.items.len(),
            Self::Delivered(delivered) => delivered.items.len(),
            Self::Lent(lent) => lent.items.len(),
            Self::Peeked(peeked) => peeked.items.len(),
            _ => 1,
        };
        if items == 0 {
            return Err(no_item(self.name()));
        }
        let start = out.len();
        let front = self.begin(out);
        let sealed = frame::seal(out, start, front, &[], limit.min(MAX_FRAME));
        if sealed.is_err() {
            out.truncate(start);
        }
        sealed
    }

    /// Appends room for the head, then the fields.
    pub(super) fn begin(&self, out: &mut Vec<u8>) -> Front {
        out.extend_from_slice(&[0; HEAD]);
        let front = Front {
            kind: self.kind(),
            codec: 0,
            flags: 0,
            queue: 0,
        };
        let mut writer = Writer { out, front };
        self.write(&mut writer);
        writer.front
    }
}

const fn no_item(message: &'static str) -> WireError {
    WireError::Value {
        message,
        field: "items",
        expected: "at least one item",
        found: 0,
    }
}

/// Messages that end with items.
pub trait Carries<const LOAN: bool>: Into<Message> {
    #[doc(hidden)]
    fn items(&self) -> &Batch<LOAN>;
}

macro_rules! carries {
    ($($name:ident $loan:literal),*) => {
        $(impl Carries<$loan> for $name {
            fn items(&self) -> &Batch<$loan> {
                &self.items
            }
        })*
    };
}
carries!(Put false, Delivered false, Peeked false, Lent true);

/// Writes a frame item by item, behind other frames in one buffer. Dropped before [`finish`](Self::finish), it leaves nothing.
///
/// ```
/// use rpc_wire::{Decoder, Handle, ItemCodec, Items, ItemsWriter, Message, Micros, Put, preamble};
///
/// let mut out = preamble().to_vec();
/// let put = Put {
///     queue: Handle::new(7).expect("not 0"),
///     codec: ItemCodec::default(),
///     first: 1,
///     wait: Micros::FOREVER,
///     items: Items::empty(),
/// };
/// let mut frame = ItemsWriter::new(&mut out, 4096, put);
/// for item in [b"one".as_slice(), b"two", b""] {
///     assert!(frame.push(item)?);
/// }
/// assert!(!frame.push(&[0; 5000])?); // it is for the next frame, or too large
/// frame.finish()?;
///
/// let mut decoder = Decoder::new();
/// decoder.feed(&out);
/// let Some(Message::Put(put)) = decoder.next_message()? else { unreachable!() };
/// assert_eq!(put.items.iter().collect::<Vec<_>>(), [b"one".as_slice(), b"two", b""]);
/// # Ok::<(), rpc_wire::WireError>(())
/// ```
#[derive(Debug)]
pub struct ItemsWriter<'a, const LOAN: bool> {
    out: &'a mut Vec<u8>,
    start: usize,
    count_at: usize,
    count: u32,
    front: Front,
    limit: u32,
    name: &'static str,
}

impl<'a, const LOAN: bool> ItemsWriter<'a, LOAN> {
    /// Begins a frame of at most `limit` bytes behind what is in `out`. Items that the message has come first.
    pub fn new(out: &'a mut Vec<u8>, limit: u32, message: impl Carries<LOAN>) -> Self {
        let items = message.items();
        let (count, bytes) = (items.len() as u32, items.laid_out().len());
        let message: Message = message.into();
        let start = out.len();
        let front = message.begin(out);
        Self {
            count_at: out.len().saturating_sub(bytes + size_of::<u32>()),
            out,
            start,
            count,
            front,
            limit: limit.min(MAX_FRAME),
            name: message.name(),
        }
    }

    /// How many items it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// True when it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The bytes of the frame so far.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.out.len().saturating_sub(self.start)
    }

    fn fits(&self, item: usize) -> bool {
        let size = self.size().saturating_add(front(LOAN)).saturating_add(item);
        size <= self.limit as usize && self.count < u32::MAX
    }

    fn add(&mut self, deliveries: u32, item: &[u8]) -> Result<bool, WireError> {
        if !self.fits(item.len()) {
            return Ok(false);
        }
        append(self.out, deliveries, item.len(), LOAN)?;
        self.out.extend_from_slice(item);
        self.count += 1;
        Ok(true)
    }

    fn seal(&mut self, tail: &[u8]) -> Result<(), WireError> {
        if self.count == 0 {
            return Err(no_item(self.name));
        }
        if let Some(count) = self.out.get_mut(self.count_at..).and_then(<[u8]>::first_chunk_mut) {
            *count = self.count.to_le_bytes();
        }
        frame::seal(self.out, self.start, self.front, tail, self.limit)?;
        // Nothing is undone from here on.
        self.start = self.out.len();
        Ok(())
    }

    /// Ends the frame.
    ///
    /// # Errors
    /// [`WireError::Value`] when it has no item, [`WireError::Excess`] when the message alone is larger than the limit; then
    /// `out` is as it was before the frame.
    pub fn finish(mut self) -> Result<(), WireError> {
        self.seal(&[])
    }

    fn end_with(mut self, deliveries: u32, item: &[u8]) -> Result<(), WireError> {
        append(self.out, deliveries, item.len(), LOAN)?;
        self.count = self.count.saturating_add(1);
        self.seal(item)
    }
}

impl ItemsWriter<'_, false> {
    /// Adds an item; false when the frame has no room for it.
    ///
    /// # Errors
    /// [`WireError::Excess`] for an item of 4 GiB or more.
    pub fn push(&mut self, item: &[u8]) -> Result<bool, WireError> {
        self.add(0, item)
    }

    /// Adds so many items as they lay in another frame; false, and nothing added, when the frame has no room for all of them.
    /// Whoever splits [`laid_out`](Batch::laid_out) does it between two items: a frame with others is refused by its reader.
    pub fn push_laid_out(&mut self, count: u32, items: &[u8]) -> bool {
        let size = self.size().saturating_add(items.len());
        let Some(count) = self.count.checked_add(count).filter(|_| size <= self.limit as usize) else {
            return false;
        };
        self.out.extend_from_slice(items);
        self.count = count;
        true
    }

    /// Adds the item that `write` appends to the buffer: an encoder writes where the bytes are sent from. False, and nothing
    /// added, when the frame has no room for it.
    ///
    /// # Errors
    /// That of `write`; then nothing was added.
    pub fn push_with<E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<bool, E> {
        let before = self.out.len();
        let at = before + front(false);
        self.out.extend_from_slice(&[0; 4]);
        let written = write(self.out);
        let len = self.out.len().checked_sub(at).and_then(|len| u32::try_from(len).ok());
        let room = self.size() <= self.limit as usize && self.count < u32::MAX;
        match (&written, len.filter(|_| room)) {
            (Ok(()), Some(len)) => {
                if let Some(front) = self.out.get_mut(before..).and_then(<[u8]>::first_chunk_mut) {
                    *front = len.to_le_bytes();
                }
                self.count += 1;
                written.map(|()| true)
            }
            _ => {
                self.out.truncate(before);
                written.map(|()| false)
            }
        }
    }

    /// Ends the frame with one more item whose bytes are not copied: send them right behind what is in the buffer. For items
    /// that are large.
    ///
    /// # Errors
    /// [`WireError::Excess`] when the frame is larger than the limit; then `out` is as it was before the frame.
    pub fn finish_with(self, item: &[u8]) -> Result<(), WireError> {
        self.end_with(0, item)
    }
}

impl ItemsWriter<'_, true> {
    /// Adds an item with the number of its deliveries; false when the frame has no room for it.
    ///
    /// # Errors
    /// [`WireError::Excess`] for an item of 4 GiB or more.
    pub fn push(&mut self, deliveries: u32, item: &[u8]) -> Result<bool, WireError> {
        self.add(deliveries, item)
    }

    /// As for items that are no loans.
    ///
    /// # Errors
    /// [`WireError::Excess`] when the frame is larger than the limit; then `out` is as it was before the frame.
    pub fn finish_with(self, deliveries: u32, item: &[u8]) -> Result<(), WireError> {
        self.end_with(deliveries, item)
    }
}

impl<const LOAN: bool> Drop for ItemsWriter<'_, LOAN> {
    fn drop(&mut self) {
        // At the end of a sealed frame, at the beginning of any other.
        self.out.truncate(self.start);
    }
}
