//! A client of a campaign: what it was told to be, and calls on the queue that it writes down.

use std::collections::VecDeque;
use std::ops::Deref;
use std::time::{Duration, Instant};

use bytes::Bytes;
use descriptor_core::{ErrorKind, GetError, Lease, PutError, Queue, QueueCore, QueueId, Wait};
use queue_rpc::{Confirm, Durability, RpcQueue, RpcSpec};
use queue_testkit::Dice;
use queue_testkit::campaign::{Journal, Part, complain};

use crate::clock::Begun;
use crate::journal::{End, Entry, Kind};
use crate::payload;

/// Items that every queue of a campaign can hold.
pub(crate) const CAPACITY: usize = 400;
/// The largest batch.
pub(crate) const BATCH: usize = 8;
/// How long an answer of the server may take, beyond the limit of the call.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);
/// What takes longer than this never ends.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The client.
pub(crate) struct Worker {
    part: Part,
    pub(crate) dice: Dice,
    journal: Journal,
    next: u32,
}

type Client = RpcQueue<Bytes>;

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

    pub(crate) fn is_window(&self) -> bool {
        self.setting("confirm") == Some("window")
    }

    fn spec(&self) -> Result<RpcSpec, String> {
        let spec = match (self.setting("unix"), self.setting("tcp")) {
            (Some(path), _) => RpcSpec::on_socket(path),
            (None, Some(address)) => {
                let (host, port) = address.rsplit_once(':').ok_or("an address without a port")?;
                RpcSpec::at(host, port.parse().map_err(|_| "an address without a port")?)
            }
            (None, None) => return Err("no address".into()),
        };
        let confirm = if self.is_window() {
            Confirm::Window
        } else {
            Confirm::Each
        };
        let capacity = self.number("maxsize");
        let capacity = if capacity == 0 { CAPACITY } else { capacity as usize };
        let durability = match self.setting("durability") {
            Some("disk") => Durability::Disk,
            _ => Durability::Process,
        };
        let mut spec = spec
            .capacity(capacity)
            .durability(durability)
            .confirm(confirm)
            .lease_time(Duration::ZERO);
        spec.connection_timeout = TIMEOUT;
        spec.retry_count = 0;
        if let Some(items) = self.setting("prefetch").and_then(|text| text.parse().ok()) {
            spec.prefetch = items;
        }
        Ok(spec)
    }

    pub(crate) fn open(&self) -> Result<Client, String> {
        self.open_named(self.setting("queue").unwrap_or_default())
    }

    /// Tries again until there is a server.
    pub(crate) fn open_named(&self, name: &str) -> Result<Client, String> {
        let id = QueueId::new(name).map_err(|error| error.to_string())?;
        let spec = self.spec()?;
        let begun = Instant::now();
        loop {
            match Client::open(&id, &spec) {
                Ok(queue) => return Ok(queue),
                Err(error) => {
                    let may_pass = matches!(
                        error.kind(),
                        ErrorKind::Disconnected | ErrorKind::Timeout | ErrorKind::Corrupt
                    );
                    if !may_pass || begun.elapsed() > PATIENCE || self.ends() {
                        return Err(format!("open: {error}"));
                    }
                }
            }
        }
    }

    pub(crate) fn write(&mut self, entries: impl IntoIterator<Item = Entry>) -> Result<(), String> {
        self.journal.write(entries)
    }

    fn call(&self, queue: &Client, limit: Duration) -> Call {
        Call {
            actor: self.actor,
            begun: Begun::now(),
            limit: u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX),
            epoch: queue.status().epoch,
        }
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        u64::from(self.actor) << 32 | u64::from(self.next)
    }

    fn begin_put(&mut self, queue: &Client, count: usize, limit: Duration) -> Result<(Vec<u64>, Call), String> {
        let items: Vec<u64> = (0..count).map(|_| self.fresh()).collect();
        let call = self.call(queue, limit);
        self.write(
            items
                .iter()
                .map(|item| call.entry(Kind::BeginPut, End::Ok, *item, 0, call.epoch)),
        )?;
        Ok((items, self.call(queue, limit)))
    }

    /// One item, and what became of it when that is not known at once.
    pub(crate) fn put(&mut self, queue: &Client, limit: Duration) -> Result<End, String> {
        let (items, call) = self.begin_put(queue, 1, limit)?;
        let number = items.first().copied().unwrap_or_default();
        let kind = if self.is_window() { Kind::Accept } else { Kind::Put };
        let mut put = queue.put_within(payload::make(number), wait(limit));
        let mut end = self.end_of_put("put", &put);
        self.write([call.ended(kind, end, number, queue)])?;
        while let Err(PutError::Unknown(item, token)) = put {
            std::thread::sleep(Duration::from_millis(2));
            let call = self.call(queue, limit);
            put = queue.retry(item, token, wait(limit));
            end = self.end_of_put("retry", &put);
            self.write([call.ended(Kind::Retry, end, number, queue)])?;
        }
        Ok(end)
    }

    fn end_of_put<I>(&self, what: &str, put: &Result<(), PutError<I>>) -> End {
        match put {
            Ok(()) => End::Ok,
            Err(PutError::Full(_)) => End::Full,
            Err(PutError::Closed(_)) => End::Closed,
            Err(PutError::Unknown(..)) => End::Unknown,
            Err(PutError::Failed(_, error)) => self.failed(what, error),
            Err(_) => End::Failed,
        }
    }

    fn failed(&self, what: &str, error: &descriptor_core::Error) -> End {
        complain(format_args!("actor {}: {what}: {error}", self.actor));
        End::of(error.kind())
    }

    /// A batch into the window.
    pub(crate) fn put_batch(&mut self, queue: &Client, limit: Duration) -> Result<End, String> {
        let count = 2 + self.dice.below(BATCH as u64 - 1) as usize;
        let (items, call) = self.begin_put(queue, count, limit)?;
        let mut batch: VecDeque<Bytes> = items.iter().map(|item| payload::make(*item)).collect();
        let put = queue.put_batch(&mut batch, wait(limit));
        let (stored, end) = match put {
            Ok(stored) => (stored, End::Full),
            Err(refused) => (0, self.end_of_put("put_batch", &Err(refused))),
        };
        if batch.len() + stored != count {
            return Err(format!("put_batch took {stored} of {count} and left {}", batch.len()));
        }
        let ends = items.iter().enumerate().map(|(at, item)| {
            let end = if at < stored { End::Ok } else { end };
            call.ended(Kind::Accept, end, *item, queue)
        });
        let ends: Vec<_> = ends.collect();
        self.write(ends)?;
        Ok(if stored > 0 { End::Ok } else { end })
    }

    /// Waits until all that was accepted is stored.
    pub(crate) fn flush(&mut self, queue: &Client, limit: Duration) -> Result<End, String> {
        let call = self.call(queue, limit);
        let end = match queue.flush(wait(limit)) {
            Ok(()) => End::Ok,
            Err(error) => self.failed("flush", &error),
        };
        self.write([call.ended(Kind::Flush, end, 0, queue)])?;
        Ok(end)
    }

    /// Up to `max` items; one by a single call.
    pub(crate) fn get(&mut self, queue: &Client, limit: Duration, max: usize) -> Result<End, String> {
        let call = self.call(queue, limit);
        self.write([call.entry(Kind::BeginGet, End::Ok, max as u64, 0, call.epoch)])?;
        let call = self.call(queue, limit);
        let mut out = Vec::new();
        let got = if max == 1 {
            queue.get_within(wait(limit)).map(|item| out.push(item))
        } else {
            queue.get_batch(&mut out, max, wait(limit)).map(drop)
        };
        self.end_get(queue, call, Kind::Get, got, &out)
    }

    /// Items on loan, each written down and then acknowledged.
    pub(crate) fn lease(&mut self, queue: &Client, limit: Duration, max: usize) -> Result<End, String> {
        let call = self.call(queue, limit);
        let mut leases: Vec<Lease<Bytes>> = Vec::new();
        let got = queue.lease_batch(&mut leases, max, wait(limit)).map(drop);
        let out: Vec<Bytes> = leases.iter().filter_map(|lease| lease.item().cloned()).collect();
        let end = self.end_get(queue, call, Kind::Lent, got, &out)?;
        for (lease, item) in leases.into_iter().zip(out) {
            let call = self.call(queue, Duration::ZERO);
            let acked = match lease.ack() {
                Ok(_) => End::Ok,
                Err(error) => self.failed("ack", &error),
            };
            self.write([call.ended(Kind::Ack, acked, payload::claimed(&item), queue)])?;
        }
        Ok(end)
    }

    fn end_get(
        &mut self,
        queue: &Client,
        call: Call,
        kind: Kind,
        got: Result<(), GetError>,
        out: &[Bytes],
    ) -> Result<End, String> {
        // Written down before anything else, so that a death loses as little as can be.
        let end = match &got {
            Ok(()) => End::Ok,
            Err(GetError::Empty) => End::Empty,
            Err(GetError::Closed) => End::Closed,
            Err(GetError::Failed(error)) => End::of(error.kind()),
            Err(_) => End::Failed,
        };
        let ended = |item: &Bytes| {
            let is_whole = payload::is_whole(item);
            let end = if is_whole { End::Ok } else { End::Wrong };
            call.ended(kind, end, payload::claimed(item), queue)
        };
        let mut entries: Vec<_> = out.iter().map(ended).collect();
        if entries.is_empty() {
            entries.push(call.ended(kind, end, 0, queue));
        }
        self.write(entries)?;
        if let Err(GetError::Failed(error)) = &got {
            self.failed("get", error);
        }
        Ok(end)
    }

    /// Now and then a short while without calls, so that queues run full and empty.
    pub(crate) fn pause(&mut self) {
        if self.dice.below(8) == 0 {
            std::thread::sleep(Duration::from_micros(self.dice.below(3000)));
        }
    }

    /// A limit of a call: none, a short one, or the usual one.
    pub(crate) fn some_limit(&mut self) -> Duration {
        match self.dice.below(8) {
            0 => Duration::ZERO,
            1 => Duration::from_millis(1 + self.dice.below(20)),
            _ => self.limit,
        }
    }
}

/// A call on its way.
#[derive(Clone, Copy)]
struct Call {
    actor: u32,
    begun: Begun,
    limit: u64,
    epoch: u64,
}

impl Call {
    const fn entry(self, kind: Kind, end: End, item: u64, returned: u64, epoch: u64) -> Entry {
        Entry {
            kind,
            end,
            actor: self.actor,
            item,
            invoked: self.begun.at,
            returned,
            limit: self.limit,
            epochs: [self.epoch, epoch],
        }
    }

    fn ended(self, kind: Kind, end: End, item: u64, queue: &Client) -> Entry {
        let returned = self.begun.until_now();
        self.entry(kind, end, item, returned, queue.status().epoch)
    }
}

fn wait(limit: Duration) -> Wait {
    Wait::from(limit)
}
