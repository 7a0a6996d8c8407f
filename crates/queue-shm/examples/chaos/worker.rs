//! A process of a campaign: what it was told to be, and calls on the queue that it writes down.

use std::collections::VecDeque;
use std::ops::Deref;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use descriptor_core::{Error, ErrorKind, GetError, Lease, PutError, Queue, QueueId, Wait};
use queue_shm::{ShmQueue, ShmSpec};
use queue_testkit::Dice;
use queue_testkit::campaign::{Journal, Part, complain};

use crate::journal::{End, Entry, FACTS, Fact, Kind};
use crate::{payload, sys};

/// Items that every queue of a campaign can hold.
pub(crate) const CAPACITY: usize = 64;
/// The largest batch.
pub(crate) const BATCH: usize = 8;

/// The process.
pub(crate) struct Worker {
    part: Part,
    pub(crate) dice: Dice,
    journal: Journal,
    next: u32,
}

impl Deref for Worker {
    type Target = Part;

    fn deref(&self) -> &Part {
        &self.part
    }
}

impl Worker {
    /// From words like `actor=3`.
    pub(crate) fn new(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let part = Part::new(words)?;
        Ok(Self {
            dice: part.dice(),
            journal: Journal::open(&part.journal)?,
            next: 0,
            part,
        })
    }

    /// Having opened the queue, waits for a word to begin, when it was told to.
    pub(crate) fn wait_for_go(&self) {
        while let Some(path) = self.setting("go") {
            if Path::new(path).exists() || self.ends() {
                return;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// Waits until somebody says that it is time to end, also in a child, but not for ever.
    pub(crate) fn wait_for_stop(&self, limit: Duration) {
        let begun = Instant::now();
        while !self.part.stop().exists() && begun.elapsed() < limit {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn write(&mut self, entries: impl IntoIterator<Item = Entry>) -> Result<(), String> {
        self.journal.write(entries)
    }

    fn entry(&self, kind: Kind, end: End, item: u64, invoked: u64, returned: u64) -> Entry {
        Entry {
            kind,
            end,
            actor: self.actor,
            item,
            invoked,
            returned,
        }
    }

    /// Writes down something that is no call on items.
    pub(crate) fn note(&mut self, kind: Kind, item: u64, invoked: u64) -> Result<(), String> {
        let entry = self.entry(kind, End::Ok, item, invoked, sys::now());
        self.write([entry])
    }

    pub(crate) fn fact(&mut self, fact: Fact, value: u64) -> Result<(), String> {
        let number = FACTS.iter().position(|known| *known == fact).unwrap_or_default();
        self.note(Kind::Fact, value, number as u64)
    }

    pub(crate) fn try_open(&mut self) -> Result<Result<ShmQueue<Bytes>, Error>, String> {
        let name = self.setting("queue").unwrap_or_default().to_owned();
        self.try_open_named(&name)
    }

    /// The outer error is about the campaign, the inner one about the queue.
    pub(crate) fn try_open_named(&mut self, name: &str) -> Result<Result<ShmQueue<Bytes>, Error>, String> {
        let id = QueueId::new(name).map_err(|error| error.to_string())?;
        let invoked = sys::now();
        let mut spec = ShmSpec::bounded(CAPACITY).max_item(payload::LARGEST);
        if let Some(dead) = self.setting("dead") {
            let lease_time = Duration::from_millis(self.number("lease_ms"));
            let letters = format!("shm://{dead}?maxsize={CAPACITY}");
            spec = spec.lease_time(lease_time).max_deliveries(3).dead_letter(letters);
        }
        let opened = ShmQueue::open(&id, &spec);
        if let Ok(queue) = &opened {
            self.note(Kind::Open, queue.epoch(), invoked)?;
        }
        Ok(opened)
    }

    pub(crate) fn open(&mut self) -> Result<ShmQueue<Bytes>, String> {
        self.try_open()?.map_err(|error| format!("open: {error}"))
    }

    pub(crate) fn leave(&mut self, queue: ShmQueue<Bytes>) -> Result<(), String> {
        self.note(Kind::Leave, queue.epoch(), sys::now())?;
        drop(queue);
        Ok(())
    }

    fn fresh(&mut self, flags: u64) -> u64 {
        self.next += 1;
        u64::from(self.actor) << 32 | flags | u64::from(self.next)
    }

    /// Puts new items, and says how many were taken and how it ended.
    fn begin_put(&mut self, count: usize, flags: u64, limit: u64) -> Result<(Vec<u64>, u64), String> {
        let items: Vec<u64> = (0..count).map(|_| self.fresh(flags)).collect();
        let invoked = sys::now();
        let begins: Vec<_> = items
            .iter()
            .map(|item| self.entry(Kind::BeginPut, End::Ok, *item, invoked, limit))
            .collect();
        self.write(begins)?;
        Ok((items, sys::now()))
    }

    fn end_put(&mut self, items: &[u64], stored: usize, end: End, invoked: u64) -> Result<(), String> {
        let returned = sys::now();
        let ends: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let end = if index < stored { End::Ok } else { end };
                self.entry(Kind::Put, end, *item, invoked, returned)
            })
            .collect();
        self.write(ends)
    }

    /// One item; `flags` go into its number.
    pub(crate) fn put(&mut self, queue: &ShmQueue<Bytes>, wait: Limit, flags: u64) -> Result<End, String> {
        let (items, invoked) = self.begin_put(1, flags, wait.nanos())?;
        let item = payload::make(items.first().copied().unwrap_or_default());
        let end = match queue.put_within(item, wait.wait()) {
            Ok(()) => End::Ok,
            Err(PutError::Full(_)) => End::Full,
            Err(PutError::Closed(_)) => End::Closed,
            Err(PutError::Failed(_, error)) => self.failed("put", &error),
            Err(error) => return Err(format!("put: {error}")),
        };
        self.end_put(&items, 0, end, invoked)?;
        Ok(end)
    }

    /// A batch of two and more.
    pub(crate) fn put_batch(&mut self, queue: &ShmQueue<Bytes>, wait: Limit) -> Result<End, String> {
        let count = 2 + self.dice.below(BATCH as u64 - 1) as usize;
        let (items, invoked) = self.begin_put(count, 0, wait.nanos())?;
        let mut batch: VecDeque<Bytes> = items.iter().map(|item| payload::make(*item)).collect();
        let (stored, end) = match queue.put_batch(&mut batch, wait.wait()) {
            Ok(stored) => (stored, End::Full),
            Err(PutError::Full(())) => (0, End::Full),
            Err(PutError::Closed(())) => (0, End::Closed),
            Err(PutError::Failed((), error)) => (0, self.failed("put_batch", &error)),
            Err(error) => return Err(format!("put_batch: {error}")),
        };
        if batch.len() + stored != count {
            return Err(format!("put_batch took {stored} of {count} and left {}", batch.len()));
        }
        self.end_put(&items, stored, end, invoked)?;
        Ok(if stored > 0 { End::Ok } else { end })
    }

    /// Up to `max` items; one by a single call.
    pub(crate) fn get(&mut self, queue: &ShmQueue<Bytes>, wait: Limit, max: usize) -> Result<End, String> {
        let begun = self.entry(Kind::BeginGet, End::Ok, max as u64, sys::now(), wait.nanos());
        self.write([begun])?;
        let invoked = sys::now();
        let mut out = Vec::new();
        let got = if max == 1 {
            queue.get_within(wait.wait()).map(|item| out.push(item))
        } else {
            queue.get_batch(&mut out, max, wait.wait()).map(|_| ())
        };
        self.end_get(got, &out, invoked)
    }

    /// Up to `max` items on loan.
    pub(crate) fn lease(
        &mut self,
        queue: &ShmQueue<Bytes>,
        wait: Limit,
        max: usize,
        leases: &mut Vec<Lease<Bytes>>,
    ) -> Result<End, String> {
        let begun = self.entry(Kind::BeginGet, End::Ok, max as u64, sys::now(), wait.nanos());
        self.write([begun])?;
        let (invoked, before) = (sys::now(), leases.len());
        let got = queue.lease_batch(leases, max, wait.wait()).map(drop);
        let items = leases.get(before..).unwrap_or_default();
        let items: Vec<Bytes> = items.iter().filter_map(|lease| lease.item().cloned()).collect();
        self.end_get(got, &items, invoked)
    }

    fn end_get(&mut self, got: Result<(), GetError>, out: &[Bytes], invoked: u64) -> Result<End, String> {
        let returned = sys::now();
        let end = match got {
            Ok(()) => End::Ok,
            Err(GetError::Empty) => End::Empty,
            Err(GetError::Closed) => End::Closed,
            Err(GetError::Failed(error)) => self.failed("get", &error),
            Err(error) => return Err(format!("get: {error}")),
        };
        // Written down before anything else, so that a death loses as little as can be.
        let mut entries: Vec<_> = out
            .iter()
            .map(|item| self.entry(Kind::Get, End::Ok, payload::claimed(item), invoked, returned))
            .collect();
        if entries.is_empty() {
            entries.push(self.entry(Kind::Get, end, 0, invoked, returned));
        }
        self.write(entries)?;
        let wrong = out.iter().filter(|item| !payload::is_whole(item)).count();
        for _ in 0..wrong {
            let entry = self.entry(Kind::Get, End::Wrong, 0, invoked, returned);
            self.write([entry])?;
        }
        Ok(end)
    }

    /// An item on loan has been acknowledged, by a call that began then: it was lent before, and is taken for good now.
    pub(crate) fn acked(&mut self, item: &Bytes, invoked: u64) -> Result<(), String> {
        let entry = self.entry(Kind::Get, End::Ok, payload::claimed(item), invoked, sys::now());
        self.write([entry])
    }

    fn failed(&self, call: &str, error: &Error) -> End {
        complain(format_args!("actor {}: {call}: {error}", self.actor));
        if error.kind() == ErrorKind::Corrupt {
            End::Corrupt
        } else {
            End::Failed
        }
    }

    /// Now and then a short while without calls, so that queues run full and empty.
    pub(crate) fn pause(&mut self) {
        if self.dice.below(8) == 0 {
            std::thread::sleep(Duration::from_micros(self.dice.below(1500)));
        }
    }
}

/// How long a call may take, in a form that a journal can keep.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    Never,
    Within(Duration),
    Forever,
}

impl Limit {
    fn wait(self) -> Wait {
        match self {
            Self::Never => Wait::Never,
            Self::Within(limit) => Wait::from(limit),
            Self::Forever => Wait::Forever,
        }
    }

    /// Never is 0, forever is all ones.
    fn nanos(self) -> u64 {
        match self {
            Self::Never => 0,
            Self::Within(limit) => u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX),
            Self::Forever => u64::MAX,
        }
    }
}
