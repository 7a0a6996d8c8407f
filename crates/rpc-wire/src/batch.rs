//! The items of one frame, as they lie in it.

use bytes::Bytes;

use crate::WireError;
use crate::field::{Field, Reader, Writer};

/// Items of a frame: a count of four bytes, then for each item its length in four bytes and its bytes, up to the end of the
/// frame. On loan (`LOAN`), each has the number of its deliveries, four bytes, between the two.
///
/// Reading one checks the lengths and copies nothing: the items share memory with the frame. Whoever keeps one of them for long
/// keeps the whole block of bytes that was received with it, and may rather copy a small one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<const LOAN: bool> {
    count: u32,
    // Exactly `count` items, as laid out above: by construction here, by a look at each in `read`.
    bytes: Bytes,
}

/// Items that are handed over for good.
pub type Items = Batch<false>;
/// Items on loan, each with the number of its deliveries, this one included.
pub type Loans = Batch<true>;

impl<const LOAN: bool> Batch<LOAN> {
    /// No item: what an [`ItemsWriter`](crate::ItemsWriter) begins with. A frame must have one.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            count: 0,
            bytes: Bytes::new(),
        }
    }

    /// How many items there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// True when there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The bytes of all items, without what stands in front of each.
    #[must_use]
    pub fn payload(&self) -> usize {
        self.bytes.len().saturating_sub(self.len() * front(LOAN))
    }

    /// The items as they lie in the frame, what stands in front of each included: for whoever keeps them and passes them on
    /// without a look at each. See [`ItemsWriter::push_laid_out`](crate::ItemsWriter::push_laid_out).
    #[must_use]
    pub const fn laid_out(&self) -> &Bytes {
        &self.bytes
    }

    /// Each item with where its bytes begin and end.
    fn places(&self) -> impl Iterator<Item = (u32, usize, usize)> {
        let mut at = 0;
        (0..self.count).map_while(move |_| {
            let (deliveries, len) = split(self.bytes.get(at..)?, LOAN)?;
            let from = at + front(LOAN);
            at = from + len;
            Some((deliveries, from, at))
        })
    }

    fn collect<'a>(items: impl IntoIterator<Item = (u32, &'a [u8])>) -> Result<Self, WireError> {
        let mut bytes = Vec::new();
        let mut count = 0;
        for (deliveries, item) in items {
            append(&mut bytes, deliveries, item.len(), LOAN)?;
            bytes.extend_from_slice(item);
            count += 1;
        }
        Ok(Self {
            count,
            bytes: bytes.into(),
        })
    }
}

impl Items {
    /// These items. To write a frame without the copy this makes, see [`ItemsWriter`](crate::ItemsWriter).
    ///
    /// # Errors
    /// [`WireError::Excess`] when an item has 4 GiB or more.
    pub fn new<'a>(items: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, WireError> {
        Self::collect(items.into_iter().map(|item| (0, item)))
    }

    /// The items, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.places()
            .map(|(_, from, to)| self.bytes.get(from..to).unwrap_or_default())
    }

    /// The items, in order, sharing memory with the frame.
    pub fn shared(&self) -> impl Iterator<Item = Bytes> {
        self.places().map(|(_, from, to)| self.bytes.slice(from..to))
    }
}

impl Loans {
    /// These items, each with the number of its deliveries.
    ///
    /// # Errors
    /// [`WireError::Excess`] when an item has 4 GiB or more.
    pub fn new<'a>(items: impl IntoIterator<Item = (u32, &'a [u8])>) -> Result<Self, WireError> {
        Self::collect(items)
    }

    /// The items with the number of their deliveries, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.places()
            .map(|(deliveries, from, to)| (deliveries, self.bytes.get(from..to).unwrap_or_default()))
    }

    /// The items with the number of their deliveries, in order, sharing memory with the frame.
    pub fn shared(&self) -> impl Iterator<Item = (u32, Bytes)> {
        self.places()
            .map(|(deliveries, from, to)| (deliveries, self.bytes.slice(from..to)))
    }
}

/// The bytes in front of an item.
pub(crate) const fn front(loan: bool) -> usize {
    if loan { 8 } else { 4 }
}

/// Writes what stands in front of an item.
pub(crate) fn append(out: &mut Vec<u8>, deliveries: u32, len: usize, loan: bool) -> Result<(), WireError> {
    let Ok(written) = u32::try_from(len) else {
        return Err(WireError::Excess {
            what: "an item",
            limit: u32::MAX as usize,
            found: len,
        });
    };
    out.extend_from_slice(&written.to_le_bytes());
    if loan {
        out.extend_from_slice(&deliveries.to_le_bytes());
    }
    Ok(())
}

/// What stands in front of the first item of these: its deliveries and its length.
fn split(bytes: &[u8], loan: bool) -> Option<(u32, usize)> {
    let (len, rest) = bytes.split_first_chunk()?;
    let deliveries = if loan {
        u32::from_le_bytes(*rest.first_chunk()?)
    } else {
        0
    };
    Some((deliveries, u32::from_le_bytes(*len) as usize))
}

impl<const LOAN: bool> Field for Batch<LOAN> {
    fn write(&self, to: &mut Writer<'_>) {
        self.count.write(to);
        to.bytes(&self.bytes);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let count = u32::read(from)?;
        if count == 0 || count as usize > from.left() / front(LOAN) {
            return Err(from.refuse("as many items as the frame has", count.into()));
        }
        let bytes = from.share_rest();
        let mut rest: &[u8] = &bytes;
        for _ in 0..count {
            let after = split(rest, LOAN).and_then(|(_, len)| rest.get(front(LOAN)..)?.get(len..));
            rest = after.ok_or(WireError::Short {
                message: from.message,
                field: from.field,
            })?;
        }
        match rest.len() {
            0 => Ok(Self { count, bytes }),
            bytes => Err(WireError::Trailing {
                message: from.message,
                bytes,
            }),
        }
    }
}
