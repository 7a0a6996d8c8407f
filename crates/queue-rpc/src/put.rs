//! Putting items into the window, where they stay until they are confirmed.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use descriptor_core::wait::Waiter;
use descriptor_core::{Error, ErrorKind, PutError, Wait, Wire};

use crate::RpcQueue;
use crate::format::{Format, as_bytes, with_buffer};
use crate::session::Accepted;

/// Bytes of at least so many are not copied.
const LARGE: usize = 32 << 10;
/// Items of a batch are accepted in runs of about so many bytes.
const RUN: usize = 64 << 10;

impl<T: Wire> RpcQueue<T> {
    /// Lends the item as it is sent.
    #[inline]
    pub(crate) fn with_item<R>(&self, item: &T, work: impl FnOnce(&[u8]) -> R) -> Result<R, Error> {
        if self.format == Format::Raw
            && let Some(bytes) = as_bytes(item)
            && bytes.len() <= self.door.largest
        {
            return Ok(work(bytes));
        }
        // Not under the lock: `Serialize` is the user's code.
        with_buffer(|buffer| {
            let appended = self.format.append(item, self.door.largest, buffer);
            appended.map_err(|error| self.door.named(error))?;
            Ok(work(buffer))
        })
    }

    #[inline]
    fn accept_now(&self, item: &T, bytes: &[u8]) -> Accepted {
        let key = self.door.key;
        if bytes.len() >= LARGE
            && let Some(shared) = as_bytes(item)
        {
            return self.door.link.with(|session| session.put_shared(key, shared));
        }
        self.door.link.with(|session| session.put(key, bytes))
    }

    /// As [`accept_now`](Self::accept_now), for who waits for room.
    fn accept_if_room(&self, item: &T, bytes: &[u8]) -> Option<Accepted> {
        match self.accept_now(item, bytes) {
            Accepted::NoRoom => None,
            done => Some(done),
        }
    }

    pub(crate) fn end<I>(&self, accepted: Accepted, item: I) -> Result<(), PutError<I>> {
        match accepted {
            Accepted::Yes => Ok(()),
            Accepted::NoRoom | Accepted::Behind => Err(PutError::Full(item)),
            Accepted::Closed => Err(PutError::Closed(item)),
            Accepted::Failed(cause) if cause.kind() == ErrorKind::Closed => Err(PutError::Closed(item)),
            Accepted::Failed(cause) => Err(PutError::Failed(item, self.door.named(cause.error("put")))),
        }
    }

    #[inline]
    pub(crate) fn accept(&self, item: T, wait: Wait) -> Result<(), PutError<T>> {
        let accepted = self.with_item(&item, |bytes| match self.accept_now(&item, bytes) {
            Accepted::NoRoom if wait != Wait::Never => {
                let attempt = || self.accept_if_room(&item, bytes);
                self.door.lines.putters.block(wait, attempt).unwrap_or(Accepted::NoRoom)
            }
            done => done,
        });
        match accepted {
            Ok(Accepted::Yes) => Ok(()),
            Ok(accepted) => self.end(accepted, item),
            Err(error) => Err(PutError::Failed(item, error)),
        }
    }

    /// As many as there is room for in the window, waiting for the first one only.
    pub(crate) fn accept_many(&self, items: &mut VecDeque<T>, wait: Wait) -> Result<usize, PutError<()>> {
        let mut taken = 0;
        loop {
            let run = self.accept_run(items);
            let (count, stop) = match run {
                Ok(run) => run,
                Err(_) if taken > 0 => return Ok(taken),
                Err(error) => return Err(PutError::Failed((), error)),
            };
            taken += count;
            match stop {
                None if items.is_empty() => return Ok(taken),
                None => {}
                Some(_) if taken > 0 => return Ok(taken),
                Some(Accepted::NoRoom) if wait != Wait::Never => {
                    let Some(first) = items.pop_front() else { return Ok(0) };
                    match self.accept(first, wait) {
                        Ok(()) => taken += 1,
                        Err(refusal) => return Err(refusal.map(|item| items.push_front(item))),
                    }
                }
                Some(refused) => return self.end(refused, ()).map(|()| 0),
            }
        }
    }

    /// Some items from the front, under one lock: how many went in, and why no more did.
    fn accept_run(&self, items: &mut VecDeque<T>) -> Result<(usize, Option<Accepted>), Error> {
        let key = self.door.key;
        with_buffer(|buffer| {
            let mut ends = 0;
            for item in items.iter() {
                match self.lay_out(item, buffer) {
                    Ok(()) => ends += 1,
                    // Its turn is the next one.
                    Err(_) if ends > 0 => break,
                    Err(error) => return Err(error),
                }
                if buffer.len() >= RUN {
                    break;
                }
            }
            let (count, stop) = self.door.link.with(|session| session.put_run(key, buffer, ends));
            items.drain(..count);
            Ok((count, stop))
        })
    }

    /// Appends an item as it lies in a frame.
    pub(crate) fn lay_out(&self, item: &T, buffer: &mut Vec<u8>) -> Result<(), Error> {
        let laid_out = self.format.lay_out(item, self.door.largest, buffer);
        laid_out.map_err(|error| self.door.named(error))
    }

    pub(crate) fn poll_accept(
        &self,
        cx: &Context<'_>,
        item: &mut Option<T>,
        waiter: &mut Waiter,
    ) -> Poll<Result<(), PutError<T>>> {
        let Some(at_hand) = item.as_ref() else {
            return Poll::Ready(Ok(()));
        };
        let step = self.with_item(at_hand, |bytes| {
            let attempt = || self.accept_if_room(at_hand, bytes);
            if !waiter.is_armed()
                && let Some(done) = attempt()
            {
                return Poll::Ready(done);
            }
            self.door.lines.putters.poll(cx, waiter, attempt)
        });
        let accepted = match step {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(accepted)) => Ok(accepted),
            Err(error) => {
                self.door.lines.putters.cancel(waiter);
                Err(error)
            }
        };
        let Some(item) = item.take() else {
            return Poll::Ready(Ok(()));
        };
        Poll::Ready(match accepted {
            Ok(accepted) => self.end(accepted, item),
            Err(error) => Err(PutError::Failed(item, error)),
        })
    }

    /// Waits until everything accepted so far is settled.
    ///
    /// # Errors
    /// `Timeout` when it is not by the end of the wait; else what was refused since the last time, and why.
    pub(crate) fn flush_within(&self, wait: Wait) -> Result<(), Error> {
        let (link, key) = (&self.door.link, self.door.key);
        let accepted = link.with(|session| session.queue(key).map_or(0, |queue| queue.puts.accepted));
        let look = || {
            link.with(|session| {
                let Some(queue) = session.queue(key) else {
                    return Some(None);
                };
                if queue.puts.settled >= accepted {
                    return Some(None);
                }
                let why = queue.failed.as_ref().or_else(|| session.gone())?;
                Some(Some(why.clone()))
            })
        };
        let end = look().or_else(|| self.door.lines.flushers.block(wait, look));
        let (open, losses) = link.with(|session| match session.queue_mut(key) {
            Some(queue) => {
                let open = accepted.saturating_sub(queue.puts.settled);
                (open, std::mem::take(&mut queue.puts.losses))
            }
            None => (0, Default::default()),
        });
        if let Some(why) = losses.why {
            let error = self.door.named(why.error("flush"));
            return Err(error.with("not stored", losses.count));
        }
        match end {
            Some(None) => Ok(()),
            Some(Some(why)) => Err(self.door.named(why.error("flush")).with("not confirmed", open)),
            None => {
                let error = Error::new(ErrorKind::Timeout, "flush")
                    .expected("every accepted item confirmed")
                    .found(format!("{open} that are not"))
                    .remedy("take items out of the queue, which may be full, or wait longer");
                Err(self.door.named(error))
            }
        }
    }
}
