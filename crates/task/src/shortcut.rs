//! A queue between processes, for an instance that has neighbours in its own process.
//!
//! What one of them sends need not be written and read again. Packets in a row stay where they are, and only word of them
//! goes through the queue: in its order, against its capacity, under its accounts. So there is one queue for each input as
//! before, and whoever sends from elsewhere notices nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use descriptor_core::wait::Waiter;
use descriptor_core::{Caps, DynQueue, Error, ErrorKind, GetError, PutError, Queue, QueueCore, Totals, Wait};
use router::{Envelope, Event, Pack};

use crate::Data;
use crate::port::as_inner;

struct Shortcut<T: Data> {
    inner: DynQueue<Envelope<T>>,
    here: Mutex<Here<T>>,
}

/// `inner` for the one process that reads it; the others that send to it use it as it is.
pub(crate) fn shortcut<T: Data>(inner: DynQueue<Envelope<T>>) -> DynQueue<Envelope<T>> {
    Arc::new(Shortcut {
        inner,
        here: Mutex::new(Here {
            packs: VecDeque::new(),
            first: 0,
        }),
    })
}

/// The packets that word is under way of. As many packs at most as the queue holds items.
struct Here<T> {
    /// Their numbers count up from `first`; nearly all leave in front.
    packs: VecDeque<Option<Pack<T>>>,
    first: u64,
}

impl<T> Here<T> {
    /// Keeps packets back, and leaves word of them.
    fn keep(&mut self, item: &mut Envelope<T>) {
        if let Event::Packets(pack) = &mut item.event
            && let Ok(packets) = u32::try_from(pack.len())
        {
            let number = self.first.wrapping_add(self.packs.len() as u64);
            self.packs.push_back(Some(std::mem::take(pack)));
            item.event = Event::Here { number, packets };
        }
    }

    /// Puts packets in the place of word of them. False when they are not here.
    fn give(&mut self, item: &mut Envelope<T>) -> bool {
        let Event::Here { number, .. } = item.event else {
            return true;
        };
        let place = usize::try_from(number.wrapping_sub(self.first));
        let kept = place.ok().and_then(|place| self.packs.get_mut(place));
        let Some(pack) = kept.and_then(Option::take) else {
            tracing::warn!(number, "word of packets that nobody here has sent");
            return false;
        };
        // Those that were refused: of their numbers no word is under way.
        while let Some(None) = self.packs.back() {
            self.packs.pop_back();
        }
        while let Some(None) = self.packs.front() {
            self.packs.pop_front();
            self.first = self.first.wrapping_add(1);
        }
        item.event = Event::Packets(pack);
        true
    }
}

impl<T: Data> Shortcut<T> {
    fn here(&self) -> MutexGuard<'_, Here<T>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that was refused, as it was.
    fn back(&self, mut item: Envelope<T>) -> Envelope<T> {
        self.here().give(&mut item);
        item
    }

    fn arrived(&self, mut item: Envelope<T>) -> Result<Envelope<T>, GetError> {
        if self.here().give(&mut item) {
            Ok(item)
        } else {
            Err(unknown())
        }
    }
}

#[cold]
fn unknown() -> GetError {
    GetError::Failed(
        Error::new(ErrorKind::Corrupt, "get")
            .expected("word of packets that wait in this process")
            .found("word of packets that nobody here has sent")
            .remedy("see who else writes to the queue"),
    )
}

impl<T: Data> QueueCore for Shortcut<T> {
    as_inner!();

    fn caps(&self) -> Caps {
        let mut caps = self.inner.caps();
        // Loans are not offered here.
        caps.lease = false;
        caps
    }
}

impl<T: Data> Queue<Envelope<T>> for Shortcut<T> {
    fn put_within(&self, mut item: Envelope<T>, wait: Wait) -> Result<(), PutError<Envelope<T>>> {
        self.here().keep(&mut item);
        let put = self.inner.put_within(item, wait);
        put.map_err(|refusal| refusal.map(|item| self.back(item)))
    }

    fn get_within(&self, wait: Wait) -> Result<Envelope<T>, GetError> {
        self.arrived(self.inner.get_within(wait)?)
    }

    fn put_batch(&self, items: &mut VecDeque<Envelope<T>>, wait: Wait) -> Result<usize, PutError<()>> {
        items.iter_mut().for_each(|item| self.here().keep(item));
        let put = self.inner.put_batch(items, wait);
        if !items.is_empty() {
            let mut here = self.here();
            for item in items {
                here.give(item);
            }
        }
        put
    }

    fn get_batch(&self, out: &mut Vec<Envelope<T>>, max: usize, wait: Wait) -> Result<usize, GetError> {
        let before = out.len();
        let got = self.inner.get_batch(out, max, wait)?;
        let mut here = self.here();
        let mut at = 0;
        out.retain_mut(|item| {
            at += 1;
            at <= before || here.give(item)
        });
        match out.len() - before {
            0 if got > 0 => Err(unknown()),
            known => Ok(known),
        }
    }

    fn poll_put(
        &self,
        cx: &mut Context<'_>,
        item: &mut Option<Envelope<T>>,
        waiter: &mut Waiter,
    ) -> Poll<Result<(), PutError<Envelope<T>>>> {
        item.iter_mut().for_each(|item| self.here().keep(item));
        let step = self.inner.poll_put(cx, item, waiter);
        if let Some(item) = item {
            self.here().give(item);
        }
        step.map_err(|refusal| refusal.map(|item| self.back(item)))
    }

    fn poll_get(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<Envelope<T>, GetError>> {
        let step = self.inner.poll_get(cx, waiter);
        step.map(|got| got.and_then(|item| self.arrived(item)))
    }

    fn cancel_put(&self, waiter: &mut Waiter) {
        self.inner.cancel_put(waiter);
    }

    fn cancel_get(&self, waiter: &mut Waiter) {
        self.inner.cancel_get(waiter);
    }
}
