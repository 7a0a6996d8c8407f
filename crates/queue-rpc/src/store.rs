//! Puts that return when the server has stored them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use descriptor_core::wait::Waiter;
use descriptor_core::{Error, ErrorKind, PutError, RetryToken, Wait, Wire};

use crate::RpcQueue;
use crate::door::is_over;
use crate::format::with_buffer;
use crate::session::{Accepted, Cause, Known, PutEnd, PutTicket, Why};

/// How often a put whose time is over looks whether there still is a connection that could answer.
const LOOK: Duration = Duration::from_millis(100);

/// How long a put that does not wait looks whether those before it end: about as long as an answer takes.
const MOMENT: Duration = Duration::from_millis(2);

/// How the items of one call ended.
enum End {
    /// So many are stored, and why the others are not.
    Told(PutEnd),
    /// None was sent.
    Refused(Accepted),
}

impl<T: Wire> RpcQueue<T> {
    /// Sends items, laid out as in a frame, and waits until it is known what became of them.
    fn send(&self, items: &[u8], count: u32, wait: Wait) -> End {
        let ticket = PutTicket::new();
        let key = self.door.key;
        let (link, lines) = (&self.door.link, &self.door.lines);
        let submit = || match link.with(|session| session.submit(key, items, count, wait, &ticket)) {
            Accepted::NoRoom | Accepted::Behind => None,
            done => Some(done),
        };
        let accepted = submit().or_else(|| match wait {
            // Those before it may end in a moment.
            Wait::Never => lines.flushers.block(Wait::from(MOMENT), submit),
            wait => lines.putters.block(wait, submit),
        });
        match accepted {
            Some(Accepted::Yes) => End::Told(self.await_end(&ticket, wait)),
            Some(refused) => End::Refused(refused),
            None => End::Refused(Accepted::NoRoom),
        }
    }

    /// Waits for the end of a put. The server ends it when its time is over, so this goes on as long as there is a server.
    fn await_end(&self, ticket: &Arc<PutTicket>, wait: Wait) -> PutEnd {
        let mut end = match wait {
            Wait::Never => None,
            wait => ticket.block(wait),
        };
        let patience = Instant::now().checked_add(self.door.link.timeout());
        while end.is_none() && self.door.is_up() && patience.is_none_or(|until| Instant::now() < until) {
            if wait != Wait::Never {
                self.door.link.with(|session| session.overtake(self.door.key, ticket));
            }
            end = ticket.block(Wait::from(LOOK));
        }
        end.unwrap_or_else(|| self.give_up(ticket))
    }

    fn give_up(&self, ticket: &Arc<PutTicket>) -> PutEnd {
        let status = self.door.link.status();
        let cause = Cause::lost(status.error.unwrap_or_else(|| "none right now".into()));
        let end = self
            .door
            .link
            .with(|session| session.give_up(self.door.key, ticket, &cause));
        // Else it has ended in this moment.
        end.or_else(|| ticket.take()).unwrap_or(PutEnd {
            stored: 0,
            why: Some(Why::Refused(cause)),
        })
    }

    fn token(&self, sequence: u64) -> RetryToken {
        RetryToken {
            session: self.door.link.with(|session| session.number()),
            sequence,
        }
    }

    /// The end for whoever put, with what comes back.
    fn told<I>(&self, why: Option<Why>, item: I) -> Result<(), PutError<I>> {
        match why {
            None => Ok(()),
            Some(Why::Unknown(sequence)) => Err(PutError::Unknown(item, self.token(sequence))),
            Some(Why::Refused(cause)) => match cause.kind() {
                ErrorKind::Full | ErrorKind::Timeout | ErrorKind::Cancelled => Err(PutError::Full(item)),
                ErrorKind::Closed => Err(PutError::Closed(item)),
                _ => Err(PutError::Failed(item, self.door.named(cause.error("put")))),
            },
        }
    }

    pub(crate) fn store(&self, item: T, wait: Wait) -> Result<(), PutError<T>> {
        let end = with_buffer(|buffer| {
            self.lay_out(&item, buffer)?;
            Ok(self.send(buffer, 1, wait))
        });
        match end {
            Ok(End::Told(end)) => self.told(end.why, item),
            Ok(End::Refused(accepted)) => self.end(accepted, item),
            Err(error) => Err(PutError::Failed(item, error)),
        }
    }

    /// As many as there is room for, in one frame; when there is none for the first one, that one waits, and then the rest is
    /// tried again.
    pub(crate) fn store_many(&self, items: &mut VecDeque<T>, wait: Wait) -> Result<usize, PutError<()>> {
        if items.is_empty() {
            return Ok(0);
        }
        match self.store_run(items) {
            Err(PutError::Full(())) if wait != Wait::Never => {}
            done => return done,
        }
        let Some(first) = items.pop_front() else { return Ok(0) };
        if let Err(refusal) = self.store(first, wait) {
            return Err(refusal.map(|item| items.push_front(item)));
        }
        let rest = if items.is_empty() || is_over(wait) {
            Ok(0)
        } else {
            self.store_run(items)
        };
        Ok(1 + rest.unwrap_or(0))
    }

    /// Those items from the front for which there is room at once, at most one frame of them.
    fn store_run(&self, items: &mut VecDeque<T>) -> Result<usize, PutError<()>> {
        let sent = with_buffer(|buffer| {
            let mut count = 0;
            for item in items.iter() {
                let before = buffer.len();
                if let Err(error) = self.lay_out(item, buffer) {
                    if count == 0 {
                        return Err(error);
                    }
                    break;
                }
                if count > 0 && buffer.len() > self.door.largest {
                    buffer.truncate(before);
                    break;
                }
                count += 1;
            }
            Ok(self.send(buffer, count, Wait::Never))
        });
        match sent {
            Ok(End::Told(end)) => {
                let stored = end.stored as usize;
                items.drain(..stored.min(items.len()));
                match (stored, end.why) {
                    (0, why) => self.told(why, ()).map(|()| 0),
                    (stored, Some(Why::Unknown(_))) => Err(PutError::Failed((), self.half_known(stored))),
                    (stored, _) => Ok(stored),
                }
            }
            Ok(End::Refused(accepted)) => self.end(accepted, ()).map(|()| 0),
            Err(error) => Err(PutError::Failed((), error)),
        }
    }

    /// A batch of which a part is stored and nobody knows of the rest.
    fn half_known(&self, stored: usize) -> Error {
        let error = Error::new(ErrorKind::Unknown, "put")
            .expected("the whole batch to end before the connection")
            .found(format!(
                "{stored} items stored, which are taken out, and no word of the others"
            ))
            .remedy("put the others again and accept that they may be there twice");
        self.door.named(error)
    }

    pub(crate) fn poll_store(
        &self,
        cx: &Context<'_>,
        item: &mut Option<T>,
        waiter: &mut Waiter,
    ) -> Poll<Result<(), PutError<T>>> {
        let known = waiter
            .state()
            .as_ref()
            .and_then(|state| state.downcast_ref::<Arc<PutTicket>>());
        if let Some(ticket) = known.cloned() {
            return self.poll_end(cx, &ticket, item, waiter);
        }
        let Some(at_hand) = item.as_ref() else {
            return Poll::Ready(Ok(()));
        };
        let ticket = PutTicket::new();
        let step = with_buffer(|buffer| {
            self.lay_out(at_hand, buffer)?;
            let submit = || {
                let key = self.door.key;
                let submit =
                    |session: &mut crate::session::Session| session.submit(key, buffer, 1, Wait::Forever, &ticket);
                match self.door.link.with(submit) {
                    Accepted::NoRoom | Accepted::Behind => None,
                    done => Some(done),
                }
            };
            Ok(self.door.lines.putters.poll(cx, waiter, submit))
        });
        match step {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Accepted::Yes)) => {
                *waiter.state() = Some(Box::new(Arc::clone(&ticket)));
                self.poll_end(cx, &ticket, item, waiter)
            }
            Ok(Poll::Ready(refused)) => Poll::Ready(item.take().map_or(Ok(()), |item| self.end(refused, item))),
            Err(error) => {
                self.door.lines.putters.cancel(waiter);
                Poll::Ready(item.take().map_or(Ok(()), |item| Err(PutError::Failed(item, error))))
            }
        }
    }

    fn poll_end(
        &self,
        cx: &Context<'_>,
        ticket: &Arc<PutTicket>,
        item: &mut Option<T>,
        waiter: &mut Waiter,
    ) -> Poll<Result<(), PutError<T>>> {
        let Poll::Ready(end) = ticket.poll(cx, waiter) else {
            return Poll::Pending;
        };
        *waiter.state() = None;
        Poll::Ready(item.take().map_or(Ok(()), |item| self.told(end.why, item)))
    }

    /// The future of a put was dropped.
    pub(crate) fn give_up_put(&self, waiter: &mut Waiter) {
        let state = waiter.state().take();
        let Some(ticket) = state.and_then(|state| state.downcast::<Arc<PutTicket>>().ok()) else {
            self.door.lines.putters.cancel(waiter);
            return;
        };
        ticket.cancel(waiter);
        self.door.link.with(|session| session.withdraw(self.door.key, &ticket));
    }

    /// Finds out what became of a put, and puts again only when it is certain that it is not stored.
    pub(crate) fn store_again(&self, item: T, token: RetryToken, wait: Wait) -> Result<(), PutError<T>> {
        let ticket = PutTicket::new();
        let known = self.door.link.with(|session| {
            let known = session.known(self.door.key, token.sequence, &ticket);
            (session.number() == token.session).then_some(known).flatten()
        });
        match known {
            Some(Known::Stored) => Ok(()),
            Some(Known::NotStored) => self.store(item, wait),
            Some(Known::Open) => {
                let end = match ticket.block(wait) {
                    Some(end) => end,
                    None => self.give_up(&ticket),
                };
                match end.why {
                    // It was there no more in time for its own wait, but there may be now.
                    Some(Why::Refused(cause)) if cause.kind() == ErrorKind::Full => self.store(item, wait),
                    why => self.told(why, item),
                }
            }
            None => {
                let error = Error::new(ErrorKind::StaleHandle, "retry")
                    .expected("a token of this session that was not used before")
                    .found("one of a session that the server does not know any more, or another one")
                    .remedy("put the item again and accept that it may be there twice");
                Err(PutError::Failed(item, self.door.named(error)))
            }
        }
    }
}
