//! Taking items.

use std::cell::Cell;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use descriptor_core::wait::Waiter;
use descriptor_core::{ErrorKind, GetError, Wait, Wire};
use rpc_wire::Message;

use crate::RpcQueue;
use crate::session::{Cause, Session, Step};

/// What a task that waits at a queue waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanting {
    Item,
    Loan,
}

/// Items as they came, with their codecs.
type Raw = Vec<(u8, Bytes)>;

impl<T: Wire> RpcQueue<T> {
    pub(crate) fn failed(&self, cause: &Cause, operation: &'static str) -> GetError {
        match cause.kind() {
            ErrorKind::Closed => GetError::Closed,
            _ => GetError::Failed(self.door.named(cause.error(operation))),
        }
    }

    /// The next item that is here; nothing when there is none, and the end of it all.
    #[inline]
    fn pop(&self, waited: bool) -> Option<Result<(u8, Bytes), GetError>> {
        let key = self.door.key;
        let step = self.door.link.with(|session| {
            let step = session.pop(key, waited);
            if let Step::Item(_, _, true) = step {
                session.ask_for_items(key, Instant::now());
            }
            step
        });
        match step {
            Step::Item(codec, item, _) => Some(Ok((codec, item))),
            Step::Empty => None,
            Step::Drained => Some(Err(GetError::Closed)),
            Step::Failed(cause) => Some(Err(self.failed(&cause, "get"))),
        }
    }

    /// As [`pop`](Self::pop), up to `max` items.
    fn pop_many(&self, max: usize, waited: bool, raw: &mut Raw) -> Option<Result<usize, GetError>> {
        let key = self.door.key;
        let before = raw.len();
        let end = self.door.link.with(|session| {
            let mut waited = waited;
            let mut short = false;
            let mut end = None;
            while raw.len() - before < max {
                match session.pop(key, waited) {
                    Step::Item(codec, item, is_short) => {
                        raw.push((codec, item));
                        short = is_short;
                        waited = false;
                    }
                    other => {
                        end = Some(other);
                        break;
                    }
                }
            }
            if short {
                session.ask_for_items(key, Instant::now());
            }
            end
        });
        match (raw.len() - before, end) {
            (0, Some(Step::Drained)) => Some(Err(GetError::Closed)),
            (0, Some(Step::Failed(cause))) => Some(Err(self.failed(&cause, "get"))),
            (0, _) => None,
            (taken, _) => Some(Ok(taken)),
        }
    }

    fn decode(&self, codec: u8, item: Bytes) -> Result<T, GetError> {
        let item = self.format.decode(codec, item);
        item.map_err(|error| GetError::Failed(self.door.named(error)))
    }

    /// Asks the server for items that are there now, and waits for its answer: they are here then.
    fn fetch(&self, max: usize) -> Result<(), GetError> {
        let key = self.door.key;
        if !self.door.is_up() {
            return Err(self.offline("get"));
        }
        let answer = self
            .door
            .answer(self.door.deadline(), |session| session.ask_now(key, false, max));
        match answer {
            Ok(Some(Message::Failed(failed))) => self.refused(failed.failure, "get"),
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(GetError::Failed(self.door.late("get"))),
            Err(cause) => Err(self.failed(&cause, "get")),
        }
    }

    /// A call for items that does not wait was refused.
    pub(crate) fn refused(&self, failure: rpc_wire::Failure, operation: &'static str) -> Result<(), GetError> {
        match failure.kind.kind() {
            Some(ErrorKind::Empty | ErrorKind::Cancelled) => Ok(()),
            Some(ErrorKind::Closed) => {
                self.door.link.with(|session| session.note_drained(self.door.key));
                Ok(())
            }
            _ => Err(GetError::Failed(self.door.named(failure.into_error(operation)))),
        }
    }

    pub(crate) fn offline(&self, operation: &'static str) -> GetError {
        let status = self.door.link.status();
        let cause = Cause::lost(status.error.unwrap_or_else(|| "none right now".into()));
        self.failed(&cause, operation)
    }

    /// The last thing a call does whose time is over, and the only one of a call that does not wait.
    fn last_look<R>(&self, max: usize, mut look: impl FnMut() -> Option<Result<R, GetError>>) -> Result<R, GetError> {
        self.fetch(max)?;
        look().unwrap_or(Err(GetError::Empty))
    }

    fn wait_for<R>(
        &self,
        max: usize,
        wait: Wait,
        mut look: impl FnMut(bool) -> Option<Result<R, GetError>>,
    ) -> Result<R, GetError> {
        if let Some(done) = look(false) {
            return done;
        }
        if wait == Wait::Never {
            return self.last_look(max, || look(false));
        }
        let (link, key) = (&self.door.link, self.door.key);
        link.with(|session| session.want(key, Instant::now()));
        let done = self.door.lines.getters.block(wait, || look(true));
        match done {
            Some(Ok(items)) => Ok(items),
            Some(Err(error)) => {
                link.with(|session| session.unwant(key));
                Err(error)
            }
            None => {
                link.with(|session| session.unwant(key));
                self.last_look(max, || look(false))
            }
        }
    }

    #[inline]
    pub(crate) fn take(&self, wait: Wait) -> Result<T, GetError> {
        if let Some(fault) = self.fault() {
            return Err(GetError::Failed(fault));
        }
        let (codec, item) = self.wait_for(1, wait, |waited| self.pop(waited))?;
        self.decode(codec, item)
    }

    pub(crate) fn take_many(&self, out: &mut Vec<T>, max: usize, wait: Wait) -> Result<usize, GetError> {
        if max == 0 {
            return Ok(0);
        }
        if let Some(fault) = self.fault() {
            return Err(GetError::Failed(fault));
        }
        with_raw(|raw| {
            let taken = self.wait_for(max, wait, |waited| self.pop_many(max, waited, raw))?;
            let key = self.door.key;
            let is_flowing = |session: &mut Session| session.queue(key).is_some_and(|queue| queue.gets.is_flowing());
            if taken < max && (wait == Wait::Never || !self.door.link.with(is_flowing)) {
                // What the loop of singles would find there.
                if self.fetch(max - taken).is_ok() {
                    let _ = self.pop_many(max - taken, false, raw);
                }
            }
            let mut taken = 0;
            for (codec, item) in raw.drain(..) {
                match self.decode(codec, item) {
                    Ok(item) => {
                        out.push(item);
                        taken += 1;
                    }
                    Err(GetError::Failed(error)) => self.keep_fault(error),
                    Err(_) => {}
                }
            }
            match self.fault() {
                Some(fault) if taken == 0 => Err(GetError::Failed(fault)),
                Some(fault) => {
                    self.keep_fault(fault);
                    Ok(taken)
                }
                None => Ok(taken),
            }
        })
    }

    pub(crate) fn poll_take(&self, cx: &Context<'_>, waiter: &mut Waiter) -> Poll<Result<T, GetError>> {
        if let Some(fault) = self.fault() {
            self.give_up_get(waiter);
            return Poll::Ready(Err(GetError::Failed(fault)));
        }
        if !waiter.is_armed() {
            if let Some(done) = self.pop(false) {
                return Poll::Ready(done.and_then(|(codec, item)| self.decode(codec, item)));
            }
            *waiter.state() = Some(Box::new(Wanting::Item));
            self.door
                .link
                .with(|session| session.want(self.door.key, Instant::now()));
        }
        match self.door.lines.getters.poll(cx, waiter, || self.pop(true)) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok((codec, item))) => {
                *waiter.state() = None;
                Poll::Ready(self.decode(codec, item))
            }
            Poll::Ready(Err(error)) => {
                self.give_up_get(waiter);
                Poll::Ready(Err(error))
            }
        }
    }

    pub(crate) fn give_up_get(&self, waiter: &mut Waiter) {
        let wanting = waiter.state().take().and_then(|state| state.downcast::<Wanting>().ok());
        match wanting.as_deref() {
            Some(Wanting::Item) => self.door.link.with(|session| session.unwant(self.door.key)),
            Some(Wanting::Loan) => {
                self.door.lines.borrowers.cancel(waiter);
                self.door.link.with(|session| session.unwant_loan(self.door.key));
                return;
            }
            None => {}
        }
        self.door.lines.getters.cancel(waiter);
    }
}

/// Lends a list of this thread: no allocation per batch.
fn with_raw<R>(work: impl FnOnce(&mut Raw) -> R) -> R {
    thread_local! {
        static RAW: Cell<Raw> = const { Cell::new(Vec::new()) };
    }
    let mut raw = RAW.take();
    raw.clear();
    let result = work(&mut raw);
    raw.clear();
    if raw.capacity() <= 4096 {
        RAW.set(raw);
    }
    result
}
