//! A queue at a server, whatever its items: calls that wait, over a session that does not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use descriptor_core::{Error, ErrorKind, QueueId, Wait};
use rpc_wire::{Call, Handle, Message};

use crate::link::{Link, private, runtime, shared};
use crate::session::{Answer, CallTicket, Cause, Facts, Key, Lines, Session, Terms};
use crate::{RpcSpec, ServerLife};

/// The last handle waits at most so long until the queue is given back.
const FAREWELL: Duration = Duration::from_secs(1);

/// One handle of one queue. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) link: Arc<Link>,
    pub(crate) key: Key,
    pub(crate) lines: Arc<Lines>,
    pub(crate) id: QueueId,
    pub(crate) facts: Facts,
    /// The largest item that the server takes.
    pub(crate) largest: usize,
}

impl Door {
    /// Opens a queue, or makes it.
    ///
    /// # Errors
    /// What the server says, or why it cannot be reached.
    pub(crate) fn open(spec: &RpcSpec, life: Option<&ServerLife>, terms: &Terms) -> Result<Self, Error> {
        let link = if spec.enable_pooling {
            shared(spec, life)?
        } else {
            private(spec, life)?
        };
        if let Some(door) = Self::attach(link, terms) {
            return door.opened();
        }
        // Open here with other parameters: the server shall say what it thinks of these.
        match Self::attach(private(spec, life)?, terms) {
            Some(door) => door.opened(),
            None => Err(Error::new(ErrorKind::Incompatible, "open").queue(terms.id.as_str())),
        }
    }

    /// A handle on a connection that was entered; it is left when there is none.
    fn attach(link: Arc<Link>, terms: &Terms) -> Option<Self> {
        let attached = link.with(|session| {
            let attached = session.attach(terms);
            if attached.is_none() {
                session.leave();
            }
            attached
        });
        let (key, lines) = attached?;
        Some(Self {
            link,
            key,
            lines,
            id: terms.id.clone(),
            facts: Facts::default(),
            largest: 0,
        })
    }

    fn opened(mut self) -> Result<Self, Error> {
        let deadline = self.deadline();
        let attempt = || {
            self.link.with(|session| {
                let Some(queue) = session.queue(self.key) else {
                    return Some(Err(Cause::lost("a connection that ended")));
                };
                if let Some(facts) = queue.facts {
                    return Some(Ok((facts, session.largest_item())));
                }
                let why = queue.failed.as_ref().or_else(|| session.gone())?;
                Some(Err(why.clone()))
            })
        };
        let end = attempt().or_else(|| self.lines.openers.block(deadline, attempt));
        match end {
            Some(Ok((facts, largest))) => {
                self.facts = facts;
                self.largest = largest;
                Ok(self)
            }
            Some(Err(cause)) => Err(self.named(cause.error("open"))),
            None => Err(self.late("open")),
        }
    }

    /// Until when an answer is waited for.
    pub(crate) fn deadline(&self) -> Wait {
        Wait::from(self.link.timeout().max(Duration::from_millis(1)))
    }

    pub(crate) fn named(&self, error: Error) -> Error {
        error.queue(self.id.as_str()).backend("rpc")
    }

    /// No answer came.
    pub(crate) fn late(&self, operation: &'static str) -> Error {
        self.named(self.link.late(operation))
    }

    /// Makes a call and waits for its answer, over as many connections as it takes until `wait` ends.
    ///
    /// # Errors
    /// What the server says, or why there is no answer.
    pub(crate) fn call(
        &self,
        operation: &'static str,
        wait: Wait,
        message: impl Fn(Call, Handle) -> Message,
    ) -> Result<Message, Error> {
        match self.answer(wait, |session| session.ask(self.key, &message)) {
            Ok(Some(Message::Failed(failed))) => Err(self.named(failed.failure.into_error(operation))),
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(self.late(operation)),
            Err(cause) => Err(self.named(cause.error(operation))),
        }
    }

    /// Waits for the answer to what `ask` asks; `None` when there was no answer, and a failure as the server said it.
    pub(crate) fn answer(
        &self,
        wait: Wait,
        ask: impl Fn(&mut Session) -> Option<Arc<CallTicket>>,
    ) -> Result<Option<Message>, Cause> {
        let ask = || {
            self.link.with(|session| {
                let why = match session.queue(self.key) {
                    Some(queue) => queue.failed.as_ref().or_else(|| session.gone()),
                    None => return Some(Err(Cause::lost("a connection that ended"))),
                };
                if let Some(why) = why {
                    return Some(Err(why.clone()));
                }
                ask(session).map(Ok)
            })
        };
        loop {
            let asked = ask().or_else(|| self.lines.openers.block(wait, ask));
            let Some(ticket) = asked.transpose()? else {
                return Ok(None);
            };
            match ticket.block(wait) {
                Some(Answer::Heard(message)) => return Ok(Some(message)),
                Some(Answer::Lost(_)) if is_over(wait) => return Ok(None),
                // On the next connection.
                Some(Answer::Lost(_)) => {}
                None => return Ok(None),
            }
        }
    }

    /// Whether there is a connection, so that an answer is to be expected.
    pub(crate) fn is_up(&self) -> bool {
        self.link.with(|session| session.is_up())
    }
}

pub(crate) fn is_over(wait: Wait) -> bool {
    match wait {
        Wait::Never => true,
        Wait::Until(deadline) => deadline <= Instant::now(),
        Wait::Forever => false,
    }
}

impl Drop for Door {
    /// The process may end next: what the last handle accepted, and what it says of the items that it handed out, shall not
    /// end with it.
    fn drop(&mut self) {
        let (key, lines) = (self.key, &self.lines);
        let is_given_back = |session: &Session| {
            let ours = session.queue(key).filter(|queue| Arc::ptr_eq(&queue.lines, lines));
            ours.is_none_or(|queue| queue.users > 0) || !session.is_up()
        };
        let done = self.link.with(|session| {
            session.detach(key);
            session.leave();
            is_given_back(session)
        });
        if !done && !runtime::is_this_thread() {
            let look = || self.link.with(|session| is_given_back(session).then_some(()));
            let _ = self.lines.openers.block(Wait::from(FAREWELL), look);
        }
    }
}
