//! Sessions begin, lose their connection, are resumed and end.

use std::time::Instant;

use queue_core::ErrorKind;
use rpc_wire::{Capabilities, Failure, Goodbye, Micros};

use crate::broker::Broker;
use crate::connection::Phase;
use crate::journal::Entry;
use crate::session::Session;
use crate::table::Key;
use crate::timers::Timer;

impl Broker {
    pub(crate) fn new_session(&mut self, secret: Option<usize>) -> Key {
        if self.sessions.len() >= self.settings.max_sessions
            && let Some((_, oldest)) = self.detached.first().copied()
        {
            self.forget(oldest);
        }
        let mut id = [0; 16];
        (self.entropy)(&mut id);
        let key = self.sessions.insert(Session {
            id,
            identity: self.identity(secret).map(str::to_owned),
            written: false,
            restored: false,
            connection: None,
            members: Default::default(),
            return_due: None,
            forget_due: None,
            absent_since: None,
        });
        self.session_ids.insert(id, key);
        key
    }

    /// A session gets a connection again. What it holds of queues that it does not open again still goes back.
    pub(crate) fn attach(&mut self, key: Key, now: Instant) -> Option<Key> {
        self.end_absence(key)?;
        self.await_return(key, now);
        Some(key)
    }

    /// The session is not without a connection any more.
    fn end_absence(&mut self, key: Key) -> Option<()> {
        let session = self.sessions.get_mut(key)?;
        let forget_due = session.forget_due.take();
        if let Some(since) = session.absent_since.take() {
            self.detached.remove(&(since, key));
        }
        self.timers.clear(forget_due, Timer::Forget(key));
        Some(())
    }

    /// From now on there is some time left for what the session holds.
    fn await_return(&mut self, key: Key, now: Instant) {
        let due = now.checked_add(self.settings.item_grace);
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let before = std::mem::replace(&mut session.return_due, due);
        self.timers.clear(before, Timer::Return(key));
        if let Some(due) = due {
            self.timers.set(due, Timer::Return(key));
        }
    }

    /// The connection is over: nothing more is read or answered. What its session holds waits for it to come back.
    pub(crate) fn end(&mut self, at: Key, now: Instant) {
        let Some(connection) = self.connections.get_mut(at).filter(|connection| !connection.is_over()) else {
            return;
        };
        connection.phase = Phase::Over;
        let session = connection.session.take();
        let resumes = connection.capabilities.has(Capabilities::RESUME);
        let dues = [
            (connection.handshake_due.take(), Timer::Handshake(at)),
            (connection.beat_due.take(), Timer::Beat(at)),
        ];
        *connection.decoder.buffer_mut() = bytes::BytesMut::new();
        connection.open.clear();
        connection.calls.clear();
        for (due, timer) in dues {
            self.timers.clear(due, timer);
        }
        self.note(at);
        let Some(key) = session else {
            return;
        };
        self.detach(key);
        if !resumes {
            return self.forget(key);
        }
        let forget_due = now.checked_add(self.settings.session_grace);
        if let Some(session) = self.sessions.get_mut(key) {
            session.connection = None;
            session.forget_due = forget_due;
            session.absent_since = Some(now);
        }
        self.detached.insert((now, key));
        if let Some(due) = forget_due {
            self.timers.set(due, Timer::Forget(key));
        }
        self.await_return(key, now);
    }

    /// Nothing of the session waits at its queues any more.
    fn detach(&mut self, key: Key) {
        let Some(session) = self.sessions.get(key) else {
            return;
        };
        let members: Vec<Key> = session.members.values().copied().collect();
        for at in members {
            self.drop_gets(at);
            self.drop_puts(at);
            let Some(member) = self.members.get_mut(at) else {
                continue;
            };
            member.open = None;
            member.dropping = false;
            member.refusing = None;
            let queue = member.queue;
            self.mark(queue);
        }
    }

    /// The gets of a member are not waited for any more; nobody is told.
    pub(crate) fn drop_gets(&mut self, at: Key) {
        let Some(member) = self.members.get(at) else {
            return;
        };
        let key = member.queue;
        if let Some(queue) = self.queues.get_mut(key) {
            let timers = &mut self.timers;
            queue.gets.retain(|waiter| {
                if waiter.member == at {
                    timers.clear(waiter.until, Timer::Get(key, waiter.id));
                }
                waiter.member != at
            });
        }
    }

    /// What a session holds of queues that it has not open goes back: its connection was lost for too long.
    pub(crate) fn return_items(&mut self, key: Key) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let due = session.return_due.take();
        let members: Vec<Key> = session.members.values().copied().collect();
        self.timers.clear(due, Timer::Return(key));
        for member in members {
            if self.members.get(member).is_some_and(|member| member.open.is_none()) {
                self.return_of(member, true);
            }
        }
    }

    /// The session is no more.
    pub(crate) fn forget(&mut self, key: Key) {
        self.return_items(key);
        self.end_absence(key);
        let Some(session) = self.sessions.remove(key) else {
            return;
        };
        self.session_ids.remove(&session.id);
        if session.written {
            let queues = session.members.keys().filter_map(|queue| self.queues.get(*queue));
            let queues = queues.filter(|queue| queue.terms.durable).map(|queue| queue.epoch);
            self.journal.push(Entry::Forgotten {
                id: session.id,
                queues: queues.collect(),
            });
        }
        for (queue, member) in session.members {
            self.members.remove(member);
            if let Some(queue) = self.queues.get_mut(queue) {
                queue.members.remove(&member);
            }
        }
    }

    /// The client has said `Goodbye`: what it asked for is answered, and what it holds goes back at once.
    pub(crate) fn leave(&mut self, at: Key, now: Instant) {
        let Some(connection) = self.connections.get(at) else {
            return;
        };
        let calls: Vec<u32> = connection.calls.keys().copied().collect();
        let members: Vec<Key> = connection.open.values().copied().collect();
        let session = connection.session;
        for call in calls.into_iter().filter_map(rpc_wire::Call::new) {
            self.cancel(at, call);
        }
        for member in members {
            self.cut(member, 0, ErrorKind::Cancelled);
            self.confirm(member);
        }
        let failure: Option<Failure> = None;
        self.tell(
            at,
            Goodbye {
                grace: Micros::ZERO,
                failure,
            },
        );
        self.end(at, now);
        if let Some(session) = session {
            self.forget(session);
        }
    }
}
