//! What a broker had written down, as a table in memory, and the next life of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use queue_core::{Error, ErrorKind};
use rpc_broker::{Batch, Entry, Restored, RestoredQueue, Run, Settings};
use rpc_wire::ItemCodec;

use crate::world::World;

#[derive(Clone, Default)]
pub(crate) struct Disk {
    sessions: BTreeMap<[u8; 16], Option<String>>,
    queues: BTreeMap<u64, Kept>,
}

#[derive(Clone, Default)]
struct Kept {
    record: Vec<u8>,
    tag: Option<(String, u64)>,
    closed: bool,
    items: BTreeMap<u64, (ItemCodec, Vec<u8>)>,
    next_puts: BTreeMap<[u8; 16], u64>,
}

pub(crate) fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.durable = true;
    settings
}

impl Disk {
    pub(crate) fn write(&mut self, batch: &Batch) {
        for entry in batch.entries() {
            self.apply(entry);
        }
    }

    fn of(&mut self, queue: u64) -> &mut Kept {
        self.queues.get_mut(&queue).expect("a queue that was made")
    }

    fn apply(&mut self, entry: &Entry) {
        match entry.clone() {
            Entry::Made { queue, record } => {
                let kept = Kept {
                    record,
                    ..Kept::default()
                };
                assert!(self.queues.insert(queue, kept).is_none(), "made twice");
            }
            Entry::Typed { queue, name, shape } => self.of(queue).tag = Some((name, shape)),
            Entry::Put {
                queue,
                order,
                codec,
                count,
                mut items,
                by,
            } => {
                for order in (order..).take(count as usize) {
                    let len = u32::from_le_bytes(items[..4].try_into().unwrap()) as usize;
                    let item = items.split_to(4 + len).to_vec();
                    let before = self.of(queue).items.insert(order, (codec, item));
                    assert!(before.is_none(), "two items in one place");
                }
                assert!(items.is_empty());
                if let Some(by) = by {
                    assert!(
                        self.sessions.contains_key(&by.session),
                        "a session that was written down"
                    );
                    self.of(queue).next_puts.insert(by.session, by.next_put);
                }
            }
            Entry::Settled { queue, first, count } => {
                for order in first..first + count {
                    let settled = self.of(queue).items.remove(&order);
                    assert!(settled.is_some(), "an item that was there");
                }
            }
            Entry::Closed { queue } => self.of(queue).closed = true,
            Entry::Deleted { queue } => drop(self.queues.remove(&queue).expect("a queue that was there")),
            Entry::Session { id, identity } => drop(self.sessions.insert(id, identity)),
            Entry::Forgotten { id, queues } => {
                self.sessions.remove(&id);
                for queue in queues {
                    self.of(queue).next_puts.remove(&id);
                }
            }
        }
    }

    /// The next life of the server, later by as many queues as there may be.
    pub(crate) fn start(&self, life: u64, settings: Settings) -> World {
        let queues = self.queues.iter().map(|(epoch, kept)| RestoredQueue {
            epoch: *epoch,
            record: kept.record.clone(),
            tag: kept.tag.clone(),
            closed: kept.closed,
            runs: kept
                .items
                .iter()
                .map(|(order, (codec, item))| Run {
                    order: *order,
                    codec: *codec,
                    count: 1,
                    items: Bytes::from(item.clone()),
                })
                .collect(),
            next_puts: kept.next_puts.iter().map(|(id, next)| (*id, *next)).collect(),
        });
        let restored = Restored {
            sessions: self.sessions.iter().map(|(id, who)| (*id, who.clone())).collect(),
            queues: queues.collect(),
        };
        let world = World::of_life(settings, life);
        let now = world.now.get();
        world
            .broker
            .borrow_mut()
            .restore(restored, now)
            .expect("what was written down");
        world
    }

    /// Writes down what there is to write.
    pub(crate) fn sync(&mut self, world: &World) {
        let mut broker = world.broker.borrow_mut();
        while let Some(batch) = broker.take_batch() {
            self.write(&batch);
            broker.wrote_down(&batch, world.now.get());
        }
    }

    pub(crate) fn depth(&self) -> usize {
        self.queues.values().map(|kept| kept.items.len()).sum()
    }
}

/// The disk is full.
pub(crate) fn fail(world: &World) {
    let mut broker = world.broker.borrow_mut();
    let batch = broker.take_batch().expect("something to write down");
    let error = Error::new(ErrorKind::OutOfSpace, "write")
        .expected("room on the disk")
        .found("none");
    broker.not_written_down(batch, &error, world.now.get());
}
