//! From frames to what they ask for.

use std::time::Instant;

use queue_core::{Error, ErrorKind};
use rpc_wire::{Call, Closed, Failed, Failure, Goodbye, Handle, Message, Micros, Open, Pong, Side, WireError};

use crate::broker::Broker;
use crate::connection::Phase;
use crate::get::Ask;
use crate::queue::Mode;
use crate::table::Key;

/// Why something is not done.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The call fails.
    Refused(Error),
    /// The peer does not keep to the protocol, or to the limits: the connection ends.
    Wrong(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl Stop {
    /// The peer said what it may not say.
    pub(crate) fn wrong(expected: impl Into<String>, found: impl Into<String>) -> Self {
        let error = Error::new(ErrorKind::Corrupt, "read from connection").backend("rpc");
        Self::Wrong(
            error
                .expected(expected)
                .found(found)
                .remedy("the peer does not keep to the protocol; bring both sides to the same release"),
        )
    }

    /// The peer asked for more than the limits of `Welcome`.
    pub(crate) fn too_much(expected: impl Into<String>, found: impl Into<String>) -> Self {
        let error = Error::new(ErrorKind::Overloaded, "read from connection").backend("rpc");
        Self::Wrong(
            error
                .expected(expected)
                .found(found)
                .remedy("keep to the limits in `Welcome`, or raise those of the server"),
        )
    }
}

impl Broker {
    /// Handles the frames that are there, unless the peer does not read what it is told.
    pub(crate) fn take_frames(&mut self, at: Key, now: Instant) {
        let pause_at = self.answers_pause_at();
        let mut taken = 0_u64;
        loop {
            let Some(connection) = self.connections.get_mut(at) else {
                return;
            };
            if connection.is_over() {
                return;
            }
            let paused = connection.unread() >= pause_at;
            connection.paused = paused;
            let message = if paused { Ok(None) } else { connection.next_message() };
            match message {
                Ok(Some(message)) => {
                    taken += 1;
                    if let Err(Stop::Wrong(error) | Stop::Refused(error)) = self.handle(at, message, now) {
                        self.break_off(at, &error, now);
                    }
                }
                Ok(None) => break self.after_frames(at, taken, paused, now),
                Err(error) => return self.misread(at, error, now),
            }
        }
    }

    /// Looks at what is left: half a frame, or more than may be.
    fn after_frames(&mut self, at: Key, taken: u64, paused: bool, now: Instant) {
        let most = (self.settings.limits.frame as usize).saturating_add(self.answers_pause_at());
        let idle_most = self.idle_frames_a_beat();
        let Some(connection) = self.connections.get_mut(at) else {
            return;
        };
        if connection.is_greeted() && !connection.out.is_empty() {
            self.note(at);
        }
        let Some(connection) = self.connections.get_mut(at) else {
            return;
        };
        let skipped = connection.decoder.skipped();
        connection.idle_frames += skipped - connection.skipped;
        connection.skipped = skipped;
        let pending = connection.decoder.pending();
        connection.half_since = match pending == 0 || paused {
            true => None,
            false => connection.half_since.filter(|_| taken == 0).or(Some(now)),
        };
        let idle = connection.idle_frames;
        if pending > most {
            let stop = Stop::too_much(format!("at most {most} bytes that wait"), pending.to_string());
            self.stop_for(at, stop, now);
        } else if idle > idle_most {
            let stop = Stop::too_much(
                format!("at most {idle_most} frames that ask for nothing"),
                idle.to_string(),
            );
            self.stop_for(at, stop, now);
        }
    }

    /// Frames without a request that a connection may send between two beats.
    const fn idle_frames_a_beat(&self) -> u64 {
        10_000
    }

    fn stop_for(&mut self, at: Key, stop: Stop, now: Instant) {
        let (Stop::Wrong(error) | Stop::Refused(error)) = stop;
        self.break_off(at, &error, now);
    }

    /// The bytes are no frames. Who does not speak this protocol is not answered in it.
    fn misread(&mut self, at: Key, error: WireError, now: Instant) {
        match error {
            WireError::Foreign { .. } | WireError::Version { .. } => {
                self.complain(at, &error.into());
                self.end(at, now);
            }
            _ => self.break_off(at, &error.into(), now),
        }
    }

    /// Ends a connection and says why.
    pub(crate) fn break_off(&mut self, at: Key, error: &Error, now: Instant) {
        let greeted = self
            .connections
            .get(at)
            .is_some_and(|connection| connection.is_greeted());
        let over = self.connections.get(at).is_none_or(|connection| connection.is_over());
        if greeted && !over {
            let goodbye = Goodbye {
                grace: Micros::ZERO,
                failure: Some(Failure::from(error)),
            };
            self.tell(at, goodbye);
        }
        self.complain(at, error);
        self.end(at, now);
    }

    /// Keeps why a connection is broken off, for the log of whoever has the sockets.
    fn complain(&mut self, at: Key, error: &Error) {
        if let Some(connection) = self.connections.get_mut(at).filter(|connection| !connection.is_over()) {
            connection.complaint = Some((error.kind(), error.to_string()));
        }
    }

    fn handle(&mut self, at: Key, message: Message, now: Instant) -> Result<(), Stop> {
        let known = self
            .connections
            .get(at)
            .is_some_and(|connection| matches!(connection.phase, Phase::Known));
        match message {
            Message::Hello(hello) => return self.hello(at, hello, now),
            Message::Proof(proof) => return self.proof(at, &proof, now),
            message if !known => return Err(Stop::wrong("a handshake", message.name())),
            Message::Put(put) => return self.put(at, put, now),
            Message::Consumed(consumed) => return self.consumed(at, &consumed),
            Message::Get(get) => {
                let mode = if get.outright.0 { Mode::Outright } else { Mode::Marked };
                let ask = Ask {
                    queue: get.queue,
                    call: get.call,
                    mode,
                    once: get.once.0,
                    items: get.items,
                    bytes: get.bytes,
                    wait: get.wait,
                };
                return self.get(at, &ask, now);
            }
            Message::Lease(lease) => return self.lease(at, &lease, now),
            Message::Ping(ping) => {
                self.count_idle(at);
                self.tell(at, Pong { number: ping.number });
                return Ok(());
            }
            // What a client could not do is its own affair.
            Message::Pong(_) | Message::Failed(_) => {
                self.count_idle(at);
                return Ok(());
            }
            message if message.said_by() == Side::Server => {
                return Err(Stop::wrong("a message of a client", message.name()));
            }
            _ => {}
        }
        // Whoever asks sees everything that was said before.
        self.pump_all(now);
        match message {
            Message::Withdraw(withdraw) => self.withdraw(at, withdraw.queue, withdraw.from),
            Message::Goodbye(_) => {
                self.take_leave(at, now);
                Ok(())
            }
            Message::Cancel(cancel) => {
                self.cancel(at, cancel.call);
                Ok(())
            }
            Message::Open(open) => self.answer_open(at, &open),
            Message::Release(m) => self.answer_of(at, m.queue, m.call, |broker, member| broker.release(member, m.call)),
            Message::Close(m) => self.answer_of(at, m.queue, m.call, |broker, member| broker.close(member, m.call)),
            Message::Delete(m) => self.answer(at, None, m.call, |broker| broker.delete(at, &m)),
            Message::Exists(m) => self.answer(at, None, m.call, |broker| broker.exists(at, &m)),
            Message::List(m) => self.answer(at, None, m.call, |broker| broker.list(at, &m)),
            Message::Stats(m) => self.answer(at, None, m.call, |broker| broker.stats(at, &m)),
            Message::Depth(m) => self.answer_of(at, m.queue, m.call, |broker, member| broker.depth(member, m.call)),
            Message::Peek(m) => self.answer_of(at, m.queue, m.call, |broker, member| broker.peek(at, member, &m)),
            Message::Ack(m) => self.answer_of(at, m.queue, m.call, |broker, member| broker.ack(member, &m)),
            Message::Nack(m) => self.answer_of(at, m.queue, m.call, |broker, member| broker.nack(member, &m, now)),
            Message::Extend(m) => self.answer_of(at, m.queue, m.call, |broker, member| broker.extend(member, &m, now)),
            other => Err(Stop::wrong("a message of a client", other.name())),
        }
    }

    fn count_idle(&mut self, at: Key) {
        if let Some(connection) = self.connections.get_mut(at) {
            connection.idle_frames += 1;
        }
    }

    /// A call that is answered at once.
    fn answer(
        &mut self,
        at: Key,
        queue: Option<Handle>,
        call: Call,
        run: impl FnOnce(&mut Self) -> Result<Message, Stop>,
    ) -> Result<(), Stop> {
        self.check_call(at, call)?;
        let before = self.journal.made();
        let answer = match run(self) {
            Ok(answer) => answer,
            Err(Stop::Refused(error)) => failed(queue, call, &error).into(),
            Err(wrong) => return Err(wrong),
        };
        self.answer_after(before, at, answer);
        Ok(())
    }

    fn answer_open(&mut self, at: Key, open: &Open) -> Result<(), Stop> {
        self.check_call(at, open.call)?;
        let before = self.journal.made();
        let (member, opened, closed) = match self.open(at, open) {
            Ok(opened) => opened,
            Err(Stop::Refused(error)) => {
                self.answer_after(before, at, failed(None, open.call, &error));
                return Ok(());
            }
            Err(wrong) => return Err(wrong),
        };
        let queue = opened.queue;
        self.tell_opened(before, at, member, opened);
        if closed {
            // The client knows the number only after that.
            self.answer_after(before, at, Closed { queue });
        }
        Ok(())
    }

    /// As `answer`, about an open queue. A number that is void is not answered: the client was told.
    fn answer_of(
        &mut self,
        at: Key,
        queue: Handle,
        call: Call,
        run: impl FnOnce(&mut Self, Key) -> Result<Message, Stop>,
    ) -> Result<(), Stop> {
        match self.member_at(at, queue)? {
            Some(member) => self.answer(at, Some(queue), call, |broker| run(broker, member)),
            None => Ok(()),
        }
    }

    /// The number of a call must not be that of one that waits.
    pub(crate) fn check_call(&self, at: Key, call: Call) -> Result<(), Stop> {
        let connection = self.connections.get(at);
        match connection.is_some_and(|connection| connection.calls.contains_key(&call.get())) {
            true => Err(Stop::wrong("a number of a call that is free", call.get().to_string())),
            false => Ok(()),
        }
    }

    /// The member with this number on the connection; none when the number is void.
    pub(crate) fn member_at(&self, at: Key, queue: Handle) -> Result<Option<Key>, Stop> {
        let Some(connection) = self.connections.get(at) else {
            return Ok(None);
        };
        let found = connection.member(queue);
        found.map_err(|number| Stop::wrong("a number of a queue that was given", number.to_string()))
    }
}

/// A call that fails.
pub(crate) fn failed(queue: Option<Handle>, call: Call, error: &Error) -> Failed {
    Failed {
        queue,
        call: Some(call),
        failure: Failure::from(error),
    }
}
