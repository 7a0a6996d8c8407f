//! `shm`, item by item and in batches.

use std::collections::VecDeque;

use bytes::Bytes;
use sage_comm::{Queue, QueueId, ShmQueue, ShmSpec, Wait};

use super::{Rx, Shape, Transport, Tx, failed};
use crate::ipc::item;
use crate::ipc::meeting::Meeting;
use crate::measure::Role;
use crate::subject::BATCH;

type Result<T> = std::result::Result<T, String>;

fn open(meeting: &Meeting) -> Result<ShmQueue<Bytes>> {
    let id = QueueId::new(meeting.name()).map_err(failed("name"))?;
    let room = meeting.capacity() * (meeting.size + 8);
    let spec = ShmSpec::bounded(meeting.capacity())
        .max_item(meeting.size)
        .max_bytes(room);
    ShmQueue::open(&id, &spec).map_err(failed("open"))
}

/// One call, one item.
pub(in crate::ipc) struct Single;

pub(in crate::ipc) struct SingleTx(ShmQueue<Bytes>, Vec<u8>);
pub(in crate::ipc) struct SingleRx(ShmQueue<Bytes>);

impl Transport for Single {
    const NAME: &'static str = "shm";
    const ROLE: Role = Role::Ours;
    const MOST: Shape = Shape::ANY;
    type Tx = SingleTx;
    type Rx = SingleRx;

    fn tx(meeting: &Meeting) -> Result<SingleTx> {
        Ok(SingleTx(open(meeting)?, item::blank(meeting.size)))
    }

    fn rx(meeting: &Meeting) -> Result<SingleRx> {
        open(meeting).map(SingleRx)
    }
}

impl Tx for SingleTx {
    #[inline]
    fn send(&mut self, number: u64) -> Result<()> {
        item::stamp(&mut self.1, number);
        self.0.put(Bytes::copy_from_slice(&self.1)).map_err(failed("put"))
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
pub(in crate::ipc) struct Batched;

pub(in crate::ipc) struct BatchedTx {
    queue: ShmQueue<Bytes>,
    blank: Vec<u8>,
    items: VecDeque<Bytes>,
}

pub(in crate::ipc) struct BatchedRx {
    queue: ShmQueue<Bytes>,
    // The next one at the end.
    items: Vec<Bytes>,
}

impl Transport for Batched {
    const NAME: &'static str = "shm, batch 64";
    const ROLE: Role = Role::Ours;
    const MOST: Shape = Shape::ANY;
    type Tx = BatchedTx;
    type Rx = BatchedRx;

    fn tx(meeting: &Meeting) -> Result<BatchedTx> {
        Ok(BatchedTx {
            queue: open(meeting)?,
            blank: item::blank(meeting.size),
            items: VecDeque::with_capacity(BATCH),
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
        self.items.push_back(Bytes::copy_from_slice(&self.blank));
        if self.items.len() < BATCH {
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
