//! What should be there.

use std::collections::BTreeMap;

use bytes::Bytes;
use rpc_broker::{Author, Entry, Restored};
use rpc_wire::ItemCodec;

pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) % most.max(1)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Queue {
    record: Vec<u8>,
    tag: Option<(String, u64)>,
    closed: bool,
    items: BTreeMap<u64, (u8, Vec<u8>)>,
    numbers: BTreeMap<[u8; 16], u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Model {
    sessions: BTreeMap<[u8; 16], Option<String>>,
    queues: BTreeMap<u64, Queue>,
}

fn each(mut items: Bytes, codec: ItemCodec, order: u64) -> BTreeMap<u64, (u8, Vec<u8>)> {
    let mut each = BTreeMap::new();
    for order in order.. {
        let Some(len) = items.first_chunk() else { break };
        let item = items.split_to(4 + u32::from_le_bytes(*len) as usize);
        each.insert(order, (codec.0, item.to_vec()));
    }
    each
}

impl Model {
    pub(super) fn of(restored: Restored) -> Self {
        let queues = restored.queues.into_iter().map(|queue| {
            let mut items = BTreeMap::new();
            for run in queue.runs {
                let part = each(run.items, run.codec, run.order);
                assert_eq!(part.len(), run.count as usize);
                items.extend(part);
            }
            let of = Queue {
                record: queue.record,
                tag: queue.tag,
                closed: queue.closed,
                items,
                numbers: queue.next_puts.into_iter().collect(),
            };
            (queue.epoch, of)
        });
        Self {
            queues: queues.collect(),
            sessions: restored.sessions.into_iter().collect(),
        }
    }

    pub(super) fn items(&self) -> Vec<(u64, u64)> {
        let of = |(queue, it): (&u64, &Queue)| it.items.keys().map(|order| (*queue, *order)).collect::<Vec<_>>();
        self.queues.iter().flat_map(of).collect()
    }

    pub(super) fn apply(&mut self, entry: &Entry) {
        match entry.clone() {
            Entry::Made { queue, record } => {
                let made = Queue {
                    record,
                    ..Queue::default()
                };
                self.queues.insert(queue, made);
            }
            Entry::Typed { queue, name, shape } => self.queue(queue).tag = Some((name, shape)),
            Entry::Put {
                queue,
                order,
                codec,
                items,
                by,
                ..
            } => {
                self.queue(queue).items.extend(each(items, codec, order));
                if let Some(by) = by {
                    self.queue(queue).numbers.insert(by.session, by.next_put);
                }
            }
            Entry::Settled { queue, first, count } => {
                self.queue(queue)
                    .items
                    .retain(|order, _| !(first..first + count).contains(order));
            }
            Entry::Closed { queue } => self.queue(queue).closed = true,
            Entry::Deleted { queue } => drop(self.queues.remove(&queue)),
            Entry::Session { id, identity } => drop(self.sessions.insert(id, identity)),
            Entry::Forgotten { id, queues } => {
                self.sessions.remove(&id);
                for queue in queues {
                    self.queue(queue).numbers.remove(&id);
                }
            }
        }
    }

    fn queue(&mut self, queue: u64) -> &mut Queue {
        self.queues.get_mut(&queue).expect("a queue that was made")
    }
}

/// Batches that make sense, one after the other.
#[derive(Clone, Default)]
pub(super) struct Script {
    made: u64,
    queues: BTreeMap<u64, u64>,
    /// Which can be settled: those of batches before.
    waiting: Vec<(u64, u64)>,
    fresh: Vec<(u64, u64)>,
    numbers: BTreeMap<(u64, [u8; 16]), u64>,
    sessions: u8,
}

impl Script {
    /// Goes on from what is there.
    pub(super) fn on(model: &Model) -> Self {
        let queues = model.queues.iter().map(|(queue, it)| {
            let next = it.items.last_key_value().map_or(0, |(order, _)| order + 1);
            // Beyond what a put that failed may have taken.
            (*queue, next + 100_000)
        });
        let numbers = model.queues.iter().flat_map(|(queue, it)| {
            let of = |(id, next): (&[u8; 16], &u64)| ((*queue, *id), *next);
            it.numbers.iter().map(of).collect::<Vec<_>>()
        });
        Self {
            made: model.queues.keys().max().map_or(0, |queue| queue + 1000),
            queues: queues.collect(),
            waiting: model.items(),
            fresh: Vec::new(),
            numbers: numbers.collect(),
            sessions: model.sessions.keys().map(|id| id[0]).max().unwrap_or(0),
        }
    }

    pub(super) fn batch(&mut self, dice: &mut Dice) -> Vec<Entry> {
        self.waiting.append(&mut self.fresh);
        let mut entries = Vec::new();
        if self.queues.is_empty() || dice.below(20) == 0 {
            self.make(dice, &mut entries);
        }
        if self.sessions == 0 || (dice.below(20) == 0 && self.sessions < 200) {
            self.sessions += 1;
            entries.push(Entry::Session {
                id: [self.sessions; 16],
                identity: (dice.below(2) == 0).then(|| "somebody".to_owned()),
            });
        }
        for _ in 0..dice.below(8) {
            let queue = self.any_queue(dice);
            match dice.below(12) {
                0..=5 => self.put(queue, dice, &mut entries),
                6..=10 => self.settle(dice, &mut entries),
                _ if dice.below(4) == 0 => entries.push(Entry::Closed { queue }),
                _ if dice.below(8) == 0 && self.queues.len() > 1 => {
                    self.queues.remove(&queue);
                    self.waiting.retain(|(of, _)| *of != queue);
                    self.fresh.retain(|(of, _)| *of != queue);
                    self.numbers.retain(|(of, _), _| *of != queue);
                    entries.push(Entry::Deleted { queue });
                }
                _ => {}
            }
        }
        entries
    }

    /// A batch was not written down: its puts are refused, and the rest comes again.
    pub(super) fn refused(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut rest = Vec::new();
        for entry in entries {
            match entry {
                Entry::Put {
                    queue,
                    order,
                    count,
                    by: Some(by),
                    ..
                } => {
                    let count = u64::from(count);
                    if let Some(number) = self.numbers.get_mut(&(queue, by.session)) {
                        *number -= count;
                    }
                    self.fresh
                        .retain(|(of, at)| *of != queue || !(order..order + count).contains(at));
                }
                entry => rest.push(entry),
            }
        }
        rest
    }

    fn any_queue(&self, dice: &mut Dice) -> u64 {
        let at = dice.below(self.queues.len() as u64) as usize;
        *self.queues.keys().nth(at).expect("there is one")
    }

    fn make(&mut self, dice: &mut Dice, entries: &mut Vec<Entry>) {
        self.made += 1;
        self.queues.insert(self.made, 0);
        entries.push(Entry::Made {
            queue: self.made,
            record: vec![1; dice.below(100) as usize],
        });
        if dice.below(2) == 0 {
            entries.push(Entry::Typed {
                queue: self.made,
                name: "Thing".to_owned(),
                shape: 5,
            });
        }
    }

    fn put(&mut self, queue: u64, dice: &mut Dice, entries: &mut Vec<Entry>) {
        let count = [1, 3, 64, 200][dice.below(4) as usize] as u32;
        let len = [0, 10, 64, 3000][dice.below(4) as usize];
        let mut items = Vec::new();
        for _ in 0..count {
            let len = dice.below(len + 1) as usize;
            items.extend_from_slice(&(len as u32).to_le_bytes());
            items.resize(items.len() + len, dice.below(256) as u8);
        }
        let session = [1 + dice.below(self.sessions.into()) as u8; 16];
        let number = self.numbers.entry((queue, session)).or_insert(1);
        *number += u64::from(count);
        let next = self.queues.get_mut(&queue).expect("there is one");
        let order = *next;
        *next += u64::from(count);
        self.fresh.extend((order..*next).map(|order| (queue, order)));
        entries.push(Entry::Put {
            queue,
            order,
            codec: ItemCodec(dice.below(4) as u8),
            count,
            items: items.into(),
            by: Some(Author {
                session,
                next_put: *number,
            }),
        });
    }

    /// Mostly from the head, sometimes from anywhere.
    fn settle(&mut self, dice: &mut Dice, entries: &mut Vec<Entry>) {
        if self.waiting.is_empty() {
            return;
        }
        let at = match dice.below(3) {
            0 => dice.below(self.waiting.len() as u64) as usize,
            _ => 0,
        };
        let (queue, first) = self.waiting[at];
        let most = 1 + dice.below(150);
        let mut count = 0;
        while count < most && self.waiting.get(at) == Some(&(queue, first + count)) {
            self.waiting.remove(at);
            count += 1;
        }
        entries.push(Entry::Settled { queue, first, count });
    }
}
