//! Many items under one lock, made visible or free by one store.

use std::any::Any;
use std::collections::VecDeque;

use bytes::Bytes;
use descriptor_core::{GetError, PutError, Wait, Wire};

use crate::format::with_buffer;
use crate::layout::{RECORD, ROOM, record_bytes};
use crate::put::Refusal;
use crate::record::{self, Front};
use crate::{ShmQueue, memory};

/// The most bytes that are made ready for one batch before any of it is put.
const BATCH_BYTES: usize = 256 * 1024;
/// As many items have room in the list of a batch from the start.
const USUAL: usize = 64;
/// Small items that come in one batch lie in one piece of memory, of at most so many bytes: who keeps one of them keeps
/// no more than this.
const SHARED: usize = 16 * 1024;

impl<T: Wire> ShmQueue<T> {
    pub(crate) fn put_many(&self, items: &mut VecDeque<T>, wait: Wait) -> Result<usize, PutError<()>> {
        if items.is_empty() {
            return Ok(0);
        }
        self.segment.check("put").map_err(|error| PutError::Failed((), error))?;
        let mut total = 0;
        loop {
            let mut fronts = Vec::with_capacity(items.len().min(USUAL));
            let done = self.format.with_buffer(|buffer| {
                self.prepare(items, &mut fronts, buffer)?;
                let attempt = || match self.put_prepared(items, &fronts, buffer, wait) {
                    Err(Refusal::Full) => None,
                    done => Some(done),
                };
                // Only the first one is waited for.
                let wait = if total == 0 { wait } else { Wait::Never };
                let done = self.segment.persist(ROOM, wait, attempt);
                Ok(done.unwrap_or(Err(Refusal::Full)))
            });
            match done {
                Ok(Ok(count)) => {
                    items.drain(..count);
                    total += count;
                    if items.is_empty() || count < fronts.len() {
                        return Ok(total);
                    }
                }
                _ if total > 0 => return Ok(total),
                Ok(Err(refusal)) => return Err(Self::refuse(refusal, ())),
                Err(error) => return Err(PutError::Failed((), error)),
            }
        }
    }

    /// As much from the front of `items` as is worth trying to put at once: a front for each, and those that are encoded one
    /// after the other in `buffer`. An item that cannot be encoded ends it.
    fn prepare(
        &self,
        items: &VecDeque<T>,
        fronts: &mut Vec<Front>,
        buffer: &mut Vec<u8>,
    ) -> Result<(), descriptor_core::Error> {
        let (limit, mut bytes) = (self.limit(), 0);
        for item in items {
            match self.format.bytes(item, limit, buffer) {
                Ok(item) => {
                    bytes += record_bytes(item.len());
                    fronts.push(Front::of(item));
                }
                Err(error) if fronts.is_empty() => return Err(self.named(error)),
                Err(_) => break,
            }
            if bytes >= BATCH_BYTES {
                break;
            }
        }
        Ok(())
    }

    /// As many of them as fit.
    fn put_prepared(&self, items: &VecDeque<T>, fronts: &[Front], buffer: &[u8], wait: Wait) -> Result<usize, Refusal> {
        let fronts = fronts.iter().copied();
        if let Some(items) = (items as &dyn Any).downcast_ref::<VecDeque<Bytes>>() {
            return self.segment.put_run(wait, fronts.zip(items.iter().map(AsRef::as_ref)));
        }
        let mut rest = buffer;
        self.segment.put_run(
            wait,
            fronts.map(move |front| {
                let (item, next) = rest.split_at_checked(front.len()).unwrap_or_default();
                rest = next;
                (front, item)
            }),
        )
    }

    /// Up to `max` items; 0 when there are none.
    pub(crate) fn take_run(&self, out: &mut Vec<T>, max: usize, wait: Wait) -> Result<usize, GetError> {
        with_buffer(|buffer| {
            let Some(count) = self.take_records(buffer, max, wait)? else {
                return self.take_singly(out, max);
            };
            if count == 0 {
                return Ok(0);
            }
            let before = out.len();
            self.unpack(buffer, count, out);
            self.segment.finish(count);
            self.unless_none(out.len() - before)
        })
    }

    /// Up to `max` records, into the empty `buffer`, and their number, 0 when there are none; `None` when there are items that
    /// came back.
    pub(crate) fn take_records(&self, buffer: &mut Vec<u8>, max: usize, wait: Wait) -> Result<Option<usize>, GetError> {
        self.segment.tend();
        let Some(held) = self.segment.getters(wait) else {
            return Ok(Some(0));
        };
        if held.returned().is_some() {
            return Ok(None);
        }
        let Some((held, (head, items, bytes))) = held.ahead(max)? else {
            return Ok(Some(0));
        };
        let first = held.front(head, bytes).map_err(GetError::Failed)?;
        held.copy_records(head, (items, bytes), max, first.record_bytes(), buffer);
        let most = max.min(usize::try_from(items).unwrap_or(usize::MAX));
        let (mut rest, mut count) = (buffer.as_slice(), 0);
        while count < most
            && let Some((_, _, next)) = record::split(rest)
        {
            rest = next;
            count += 1;
        }
        let used = buffer.len() - rest.len();
        if count == 0 {
            buffer.clear();
            return Err(GetError::Failed(
                held.give_up(head, "an item within the limits of the queue"),
            ));
        }
        held.take(head.after(used, count), count);
        drop(held);
        self.segment.announce_room(count);
        buffer.truncate(used);
        Ok(Some(count))
    }

    /// So many good items of several; when there are none, the call tells of the first bad one.
    pub(crate) fn unless_none(&self, good: usize) -> Result<usize, GetError> {
        if good == 0
            && let Some(fault) = self.fault()
        {
            return Err(GetError::Failed(fault));
        }
        Ok(good)
    }

    /// The items of these records. A bad one is kept as a fault.
    fn unpack(&self, records: &[u8], count: usize, out: &mut Vec<T>) {
        if let Some(out) = (out as &mut dyn Any).downcast_mut::<Vec<Bytes>>() {
            out.reserve(count);
            return self.unpack_bytes(records, out);
        }
        let mut rest = records;
        while let Some((front, item, next)) = record::split(rest) {
            rest = next;
            match front.check(item).and_then(|()| self.format.decode(item)) {
                Ok(item) => out.push(item),
                Err(error) => self.keep_fault(self.named(error)),
            }
        }
    }

    /// The same for bytes: as many as may share memory get one piece of it.
    fn unpack_bytes(&self, records: &[u8], out: &mut Vec<Bytes>) {
        let mut rest = records;
        while let Some((front, item, mut next)) = record::split(rest) {
            if next.is_empty() || front.record_bytes() > SHARED {
                self.keep_good(front, item, out, || memory::copy(item));
                rest = next;
                continue;
            }
            while let Some((_, _, after)) = record::split(next)
                && rest.len() - after.len() <= SHARED
            {
                next = after;
            }
            let (piece, next) = rest.split_at(rest.len() - next.len());
            let shared = Bytes::copy_from_slice(piece);
            let (mut left, mut start) = (piece, RECORD);
            while let Some((front, item, after)) = record::split(left) {
                self.keep_good(front, item, out, || shared.slice(start..start + item.len()));
                start += front.record_bytes();
                left = after;
            }
            rest = next;
        }
    }

    #[inline]
    fn keep_good(&self, front: Front, item: &[u8], out: &mut Vec<Bytes>, make: impl FnOnce() -> Bytes) {
        match front.check(item) {
            Ok(()) => out.push(make()),
            Err(error) => self.keep_fault(self.named(error)),
        }
    }
}
