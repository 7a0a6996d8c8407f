//! Items on their way to the server: kept until they are confirmed.

use std::sync::Arc;
use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use descriptor_core::Wait;
use rpc_wire::{Handle, ItemCodec, Items, Micros, Put, WireError};

use super::wake::PutTicket;

/// The bytes in front of an item.
pub(crate) const FRONT_OF_ITEM: usize = 4;

/// What an item takes of the window.
#[inline]
pub(crate) const fn weight_of(item: usize) -> u64 {
    (item + FRONT_OF_ITEM) as u64
}

#[derive(Debug)]
enum Body {
    /// Room for the front of a frame, then items. Not sent yet.
    Filling(BytesMut),
    /// A whole frame, which the connection may be sending.
    Sealed(Bytes),
}

/// Items that go in one frame.
#[derive(Debug)]
pub(crate) struct Parcel {
    body: Body,
    // The bytes of the last item, when it is large and was not copied.
    tail: Option<Bytes>,
    /// Items in it, less those that are confirmed.
    pub(crate) count: u32,
    /// Its items that are confirmed, which are the first ones.
    pub(crate) stored: u32,
    // Items at the front that are not counted any more and are cut off before it is sent again.
    skip: u32,
    /// What it takes of the window, in bytes.
    pub(crate) weight: u64,
    /// The number of the first of `count`, once it was sent.
    pub(crate) first: u64,
    /// How long the server may wait for room.
    pub(crate) wait: Wait,
    /// Who waits for the end of it.
    pub(crate) ticket: Option<Arc<PutTicket>>,
    /// Nobody wants it stored any more.
    pub(crate) withdrawn: bool,
    /// The number under which its end is kept, for who has been told that it is unknown.
    pub(crate) remembered: Option<u64>,
}

impl Parcel {
    pub(crate) fn new(mut buffer: BytesMut, wait: Wait, ticket: Option<Arc<PutTicket>>) -> Self {
        buffer.put_bytes(0, Put::FRONT);
        Self {
            body: Body::Filling(buffer),
            tail: None,
            count: 0,
            stored: 0,
            skip: 0,
            weight: 0,
            first: 0,
            wait,
            ticket,
            withdrawn: false,
            remembered: None,
        }
    }

    /// The bytes of the frame that it makes.
    pub(crate) fn size(&self) -> usize {
        let body = match &self.body {
            Body::Filling(buffer) => buffer.len(),
            Body::Sealed(frame) => frame.len(),
        };
        body + self.tail.as_ref().map_or(0, Bytes::len)
    }

    /// Whether another item may be added.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.body, Body::Filling(_)) && self.tail.is_none() && self.ticket.is_none()
    }

    /// Adds an item, which has less than 4 GiB.
    #[inline]
    pub(crate) fn push(&mut self, item: &[u8]) {
        if let Body::Filling(buffer) = &mut self.body {
            buffer.put_u32_le(item.len() as u32);
            buffer.extend_from_slice(item);
            self.count += 1;
            self.weight += weight_of(item.len());
        }
    }

    /// Adds items that are laid out as in a frame.
    pub(crate) fn push_laid_out(&mut self, items: &[u8], count: u32) {
        if let Body::Filling(buffer) = &mut self.body {
            buffer.extend_from_slice(items);
            self.count += count;
            self.weight += items.len() as u64;
        }
    }

    /// Adds the last item without a copy.
    pub(crate) fn end_with(&mut self, item: Bytes) {
        if let Body::Filling(buffer) = &mut self.body {
            buffer.put_u32_le(item.len() as u32);
            self.count += 1;
            self.weight += weight_of(item.len());
            self.tail = Some(item);
        }
    }

    /// Makes the frame, which is the one given back with the bytes that follow it.
    ///
    /// # Errors
    /// `Excess` when the frame is larger than the server takes.
    pub(crate) fn seal(
        &mut self,
        queue: Handle,
        codec: ItemCodec,
        now: Instant,
        limit: u32,
    ) -> Result<(Bytes, Option<Bytes>), WireError> {
        let wait = match self.wait {
            Wait::Never => Micros::ZERO,
            Wait::Until(deadline) => deadline.saturating_duration_since(now).into(),
            Wait::Forever => Micros::FOREVER,
        };
        let put = Put {
            queue,
            codec,
            first: self.first,
            wait,
            items: Items::empty(),
        };
        let mut buffer = self.unseal();
        let tail = self.tail.as_deref().unwrap_or_default();
        let sealed = put.seal(&mut buffer, self.count, tail, limit);
        let frame = buffer.freeze();
        self.body = Body::Sealed(frame.clone());
        sealed.map(|()| (frame, self.tail.clone()))
    }

    /// The items with room for a front, which can be written.
    fn unseal(&mut self) -> BytesMut {
        let buffer = match std::mem::replace(&mut self.body, Body::Sealed(Bytes::new())) {
            Body::Filling(buffer) => buffer,
            Body::Sealed(frame) => frame
                .try_into_mut()
                .unwrap_or_else(|shared| BytesMut::from(shared.as_ref())),
        };
        match std::mem::take(&mut self.skip) {
            0 => buffer,
            items => self.without(&buffer, items),
        }
    }

    fn without(&mut self, buffer: &[u8], items: u32) -> BytesMut {
        let mut at = Put::FRONT;
        for _ in 0..items {
            let len = buffer.get(at..).and_then(<[u8]>::first_chunk);
            let len = len.map_or(0, |len| u32::from_le_bytes(*len));
            at = at.saturating_add(FRONT_OF_ITEM + len as usize);
        }
        if at > buffer.len() {
            // The last one, whose bytes are elsewhere.
            self.tail = None;
        }
        let mut rest = BytesMut::zeroed(Put::FRONT);
        rest.extend_from_slice(buffer.get(at..).unwrap_or_default());
        rest
    }

    /// Its first `items` are confirmed, or refused for good: they are not sent again. Says how much room in the window that makes.
    pub(crate) fn drop_front(&mut self, items: u32) -> u64 {
        let items = items.min(self.count);
        if items == 0 {
            return 0;
        }
        let freed = self.weight * u64::from(items) / u64::from(self.count);
        self.weight -= freed;
        self.skip += items;
        self.count -= items;
        self.first += u64::from(items);
        freed
    }

    /// Its buffer, once it is not needed any more.
    pub(crate) fn into_buffer(self) -> Option<Bytes> {
        match self.body {
            Body::Sealed(frame) => Some(frame),
            Body::Filling(_) => None,
        }
    }
}
