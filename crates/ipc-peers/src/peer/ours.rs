//! `shm`, item by item and in batches.

use std::collections::VecDeque;
use std::io::{Read, Write};

use bytes::{Bytes, BytesMut};
use sage_comm::{Pack, Queue, QueueId, ShmQueue, ShmSpec, Wait};

use super::{Rx, Transport, Tx, failed};
use crate::item;
use crate::meeting::{Meeting, Shape};
use crate::subject::Kind;

/// Items in a batch.
const BATCH: usize = 64;

type Result<T> = std::result::Result<T, String>;

fn open(meeting: &Meeting) -> Result<ShmQueue<Bytes>> {
    let id = QueueId::new(meeting.name()).map_err(failed("name"))?;
    // Rings are powers of two. The one below has room for some items fewer, the one above would take twice the cache.
    let room = 1 << (meeting.capacity() * (meeting.size + 8)).ilog2();
    let spec = ShmSpec::bounded(meeting.capacity())
        .max_item(meeting.size)
        .max_bytes(room);
    ShmQueue::open(&id, &spec).map_err(failed("open"))
}

/// One call, one item.
pub(crate) struct Single;

/// The memory of an item is used again for the next one.
pub(crate) struct SingleTx(ShmQueue<Bytes>, BytesMut);
pub(crate) struct SingleRx(ShmQueue<Bytes>);

impl Transport for Single {
    const NAME: &'static str = "shm";
    const KIND: Kind = Kind::Ours;
    const MOST: Shape = Shape::ANY;
    type Tx = SingleTx;
    type Rx = SingleRx;

    fn tx(meeting: &Meeting) -> Result<SingleTx> {
        Ok(SingleTx(open(meeting)?, item::blank(meeting.size).as_slice().into()))
    }

    fn rx(meeting: &Meeting) -> Result<SingleRx> {
        open(meeting).map(SingleRx)
    }
}

impl Tx for SingleTx {
    #[inline]
    fn send(&mut self, number: u64) -> Result<()> {
        item::stamp(&mut self.1, number);
        let item = std::mem::take(&mut self.1).freeze();
        let again = item.clone();
        self.0.put(item).map_err(failed("put"))?;
        self.1 = again.try_into_mut().map_err(|_| "an item that is kept by the queue")?;
        Ok(())
    }
}

impl Rx for SingleRx {
    #[inline]
    fn recv(&mut self) -> Result<u64> {
        let item = self.0.get().map_err(failed("get"))?;
        Ok(item::number(&item))
    }
}

/// As many in one call as a batch has.
pub(crate) struct Batched;

pub(crate) struct BatchedTx {
    queue: ShmQueue<Bytes>,
    blank: Vec<u8>,
    // Where items are made, one after the other; empty again when all of a batch are gone.
    block: BytesMut,
    items: VecDeque<Bytes>,
    batch: usize,
}

pub(crate) struct BatchedRx {
    queue: ShmQueue<Bytes>,
    // The next one at the end.
    items: Vec<Bytes>,
}

impl Transport for Batched {
    const NAME: &'static str = "shm, batch 64";
    const KIND: Kind = Kind::Ours;
    // A batch may hold what another consumer has yet to count: the rest of a lap is shared by none.
    const MOST: Shape = Shape::MERGE;
    type Tx = BatchedTx;
    type Rx = BatchedRx;

    fn tx(meeting: &Meeting) -> Result<BatchedTx> {
        Ok(BatchedTx {
            queue: open(meeting)?,
            blank: item::blank(meeting.size),
            block: BytesMut::new(),
            items: VecDeque::with_capacity(BATCH),
            batch: BATCH.min(meeting.capacity()),
        })
    }

    fn rx(meeting: &Meeting) -> Result<BatchedRx> {
        Ok(BatchedRx {
            queue: open(meeting)?,
            items: Vec::with_capacity(BATCH),
        })
    }
}

impl Tx for BatchedTx {
    #[inline]
    fn send(&mut self, number: u64) -> Result<()> {
        item::stamp(&mut self.blank, number);
        if self.items.is_empty() {
            self.block.reserve(self.batch * self.blank.len());
        }
        self.block.extend_from_slice(&self.blank);
        self.items.push_back(self.block.split().freeze());
        if self.items.len() < self.batch {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        while !self.items.is_empty() {
            self.queue
                .put_batch(&mut self.items, Wait::Forever)
                .map_err(failed("put"))?;
        }
        Ok(())
    }
}

impl Rx for BatchedRx {
    #[inline]
    fn recv(&mut self) -> Result<u64> {
        if self.items.is_empty() {
            self.queue
                .get_batch(&mut self.items, BATCH, Wait::Forever)
                .map_err(failed("get"))?;
            self.items.reverse();
        }
        let item = self.items.pop().ok_or("a batch without items")?;
        Ok(item::number(&item))
    }
}

/// Batches in one piece of memory.
pub(crate) struct Packed;

pub(crate) struct PackedTx {
    queue: ShmQueue<Bytes>,
    blank: Vec<u8>,
    pack: Pack,
}

pub(crate) struct PackedRx {
    queue: ShmQueue<Bytes>,
    pack: Pack,
}

impl Transport for Packed {
    const NAME: &'static str = "shm, packs of 64";
    const KIND: Kind = Kind::Ours;
    // As with batches.
    const MOST: Shape = Shape::MERGE;
    type Tx = PackedTx;
    type Rx = PackedRx;

    fn tx(meeting: &Meeting) -> Result<PackedTx> {
        let queue = open(meeting)?;
        Ok(PackedTx {
            pack: queue.pack(),
            queue,
            blank: item::blank(meeting.size),
        })
    }

    fn rx(meeting: &Meeting) -> Result<PackedRx> {
        let queue = open(meeting)?;
        Ok(PackedRx {
            pack: queue.pack(),
            queue,
        })
    }
}

impl Tx for PackedTx {
    #[inline]
    fn send(&mut self, number: u64) -> Result<()> {
        item::stamp(&mut self.blank, number);
        self.pack.push(&self.blank).map_err(failed("push"))?;
        if self.pack.len() < BATCH {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        while !self.pack.is_empty() {
            let put = self.queue.put_pack(&mut self.pack, Wait::Forever);
            put.map_err(failed("put"))?;
        }
        Ok(())
    }
}

impl Rx for PackedRx {
    #[inline]
    fn recv(&mut self) -> Result<u64> {
        if self.pack.is_empty() {
            let got = self.queue.get_pack(&mut self.pack, BATCH, Wait::Forever);
            got.map_err(failed("get"))?;
        }
        let item = self.pack.pop_front().ok_or("a pack without items")?;
        Ok(item::number(item))
    }
}

/// Written where it is to be and read from there: one copy on each side, and large items without a checksum.
pub(crate) struct InPlace;

pub(crate) struct InPlaceHalf(ShmQueue<Bytes>, Vec<u8>);

/// From this size on there is no checksum: a second look at each byte.
const LARGE: usize = 64 << 10;

impl Transport for InPlace {
    const NAME: &'static str = "shm, in place";
    const KIND: Kind = Kind::Ours;
    const MOST: Shape = Shape::ANY;
    type Tx = InPlaceHalf;
    type Rx = InPlaceHalf;

    fn tx(meeting: &Meeting) -> Result<InPlaceHalf> {
        Ok(InPlaceHalf(open(meeting)?, item::blank(meeting.size)))
    }

    fn rx(meeting: &Meeting) -> Result<InPlaceHalf> {
        Self::tx(meeting)
    }
}

impl Tx for InPlaceHalf {
    #[inline]
    fn send(&mut self, number: u64) -> Result<()> {
        item::stamp(&mut self.1, number);
        let mut room = self.0.reserve(self.1.len(), Wait::Forever).map_err(failed("reserve"))?;
        if self.1.len() >= LARGE {
            room = room.without_checksum();
        }
        room.write_all(&self.1).map_err(failed("write"))?;
        room.commit();
        Ok(())
    }
}

impl Rx for InPlaceHalf {
    #[inline]
    fn recv(&mut self) -> Result<u64> {
        let mut view = self.0.view(Wait::Forever).map_err(failed("view"))?;
        view.read_exact(&mut self.1).map_err(failed("read"))?;
        view.remove();
        Ok(item::number(&self.1))
    }
}
