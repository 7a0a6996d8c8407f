//! What the server says.

use std::sync::Arc;
use std::time::Instant;

use descriptor_core::ErrorKind;
use rpc_wire::{Close, Message, Ping, Pong, Side};

use super::handshake::unexpected;
use super::{Cause, HEARTBEAT, Line, MISSED, Session, Wake};

/// Frames that say nothing, in one beat, after which a server is none. An honest one sends a handful.
const MOST_IDLE: u32 = 10_000;

impl Session {
    /// One message of the server.
    ///
    /// # Errors
    /// Why the connection is to be ended: the server said something that it may not say now, or `Goodbye`.
    pub(crate) fn receive(&mut self, message: Message, now: Instant) -> Result<(), Cause> {
        self.heard = now;
        self.pings = 0;
        if message.said_by() == Side::Client {
            return Err(unexpected(message.name()));
        }
        match (self.line, message) {
            (_, Message::Goodbye(goodbye)) => {
                let cause = match goodbye.failure {
                    Some(failure) => Cause::peer(failure),
                    None => Cause::lost("a server that stops"),
                };
                self.goodbye = Some(cause.clone());
                Err(cause)
            }
            (Line::Greeting, Message::Challenge(challenge)) => self.challenged(challenge),
            (Line::Greeting, Message::Welcome(welcome)) => self.welcomed(&welcome),
            (Line::Up, message) => self.told(message, now),
            (_, message) => Err(unexpected(message.name())),
        }
    }

    fn told(&mut self, message: Message, now: Instant) -> Result<(), Cause> {
        match message {
            Message::Delivered(delivered) => return self.delivered(delivered),
            Message::Lent(lent) => return self.lent(lent),
            Message::Confirmed(confirmed) => self.confirmed(confirmed.queue, confirmed.up_to),
            Message::Refused(refused) => {
                let cause = Cause::peer(refused.failure);
                self.refused(refused.queue, refused.from, &cause, now);
            }
            Message::Opened(opened) => return self.opened(&opened),
            Message::Closed(closed) => {
                if let Some(key) = self.handles.get(&closed.queue.get()).copied() {
                    self.note_closed(key);
                }
            }
            Message::Failed(failed) => return self.failed(failed),
            Message::Done(done) => self.done(done),
            Message::Settled(settled) => self.heard_answer(settled.call, settled.into()),
            Message::Existence(existence) => self.heard_answer(existence.call, existence.into()),
            Message::Listed(listed) => self.heard_answer(listed.call, listed.into()),
            Message::StatsAre(stats) => self.heard_answer(stats.call, stats.into()),
            Message::DepthIs(depth) => self.heard_answer(depth.call, depth.into()),
            Message::Peeked(peeked) => self.heard_answer(peeked.call, peeked.into()),
            Message::Ping(ping) => {
                self.count_idle(now)?;
                self.say(&Message::from(Pong { number: ping.number }));
            }
            Message::Pong(_) => self.count_idle(now)?,
            other => return Err(unexpected(other.name())),
        }
        Ok(())
    }

    /// That queue was closed, by whomever: putters are told at once, getters once it is drained.
    pub(crate) fn note_closed(&mut self, key: super::Key) {
        if let Some(queue) = self.queue_mut(key) {
            queue.closed = true;
            queue.closing = false;
            let lines = Arc::clone(&queue.lines);
            self.wake(Wake::Putters(lines));
        }
    }

    /// Closes a queue: nothing more is accepted, and the server is told behind what was. True when that has been accepted by the
    /// server already, so that it is for the caller to tell it.
    pub(crate) fn close(&mut self, key: super::Key) -> bool {
        self.note_closed(key);
        let Some(queue) = self.queue_mut(key) else { return false };
        // Whoever waits for a put to be confirmed is rather told that the queue is closed.
        queue.closing = !queue.terms.each && !queue.puts.is_settled();
        !queue.closing
    }

    /// Tells the server that a queue is closed, if that was waited for and is due.
    pub(super) fn close_if_due(&mut self, key: super::Key) {
        if let Some(queue) = self.queue(key)
            && let (true, true, Some(handle)) = (queue.closing, queue.puts.is_settled(), queue.handle())
        {
            let call = self.asked(super::Asked::Unheard);
            self.say(&Message::from(Close { queue: handle, call }));
        }
    }

    /// It was not closed after all.
    pub(crate) fn note_open(&mut self, key: super::Key) {
        if let Some(queue) = self.queue_mut(key) {
            queue.closed = false;
        }
    }

    /// A frame that says nothing. Each may have an answer, which takes memory while the server does not read.
    fn count_idle(&mut self, now: Instant) -> Result<(), Cause> {
        let (count, since) = &mut self.idle_frames;
        if *since + HEARTBEAT <= now {
            (*count, *since) = (0, now);
        }
        *count += 1;
        if *count <= MOST_IDLE {
            return Ok(());
        }
        Err(Cause::new(
            ErrorKind::Overloaded,
            &format!("at most {MOST_IDLE} frames that say nothing in {HEARTBEAT:?}"),
            "more",
            "the server does not keep to the protocol; see what listens there",
        ))
    }

    /// Time has passed.
    ///
    /// # Errors
    /// `PeerDied` when the server has said nothing for too long.
    pub(crate) fn tick(&mut self, now: Instant) -> Result<(), Cause> {
        if self.paused_until.is_some_and(|until| until <= now) {
            self.paused_until = None;
            for key in self.keys() {
                if let Some(queue) = self.queue_mut(key) {
                    queue.puts.paused = None;
                    self.list(key);
                }
            }
        }
        if self.line == Line::Up && self.heard + HEARTBEAT * (self.pings + 1) <= now {
            if self.pings >= MISSED {
                return Err(Cause::new(
                    ErrorKind::PeerDied,
                    "the server to answer within 3 s",
                    "silence",
                    "see whether the server and the network are well",
                ));
            }
            self.pings += 1;
            let number = self.pings.into();
            self.say(&Message::from(Ping { number }));
        }
        Ok(())
    }
}
