//! The state machine as the server sees it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use descriptor_record::QueueId;
use queue_core::{Error, ErrorKind};
use ring::hmac;
use rpc_wire::{Failure, Goodbye, HANDSHAKE_FRAME, Message, Micros, preamble};

use crate::connection::Connection;
use crate::journal::Journal;
use crate::piece::Piece;
use crate::queue::Queue;
use crate::session::{Member, Session};
use crate::settings::Settings;
use crate::table::{Key, Table};
use crate::timers::{Timer, Timers};

/// A connection of a [`Broker`]. Never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub(crate) Key);

/// Numbers about a [`Broker`], for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Connections, also those that are about to end.
    pub connections: usize,
    /// Sessions, with a connection or without.
    pub sessions: usize,
    /// Queues.
    pub queues: usize,
    /// Items in them, waiting or away.
    pub items: u64,
    /// The bytes of these items.
    pub bytes: u64,
    /// True from [`Broker::stop`] on.
    pub stopping: bool,
}

/// Fills with random bytes that nobody can guess.
pub type Entropy = Box<dyn FnMut(&mut [u8]) + Send>;

/// All queues of a server, and all who are connected to it. Every call is short: put it behind a mutex.
pub struct Broker {
    pub(crate) settings: Settings,
    /// Of `settings.secrets`, in their order.
    pub(crate) keys: Vec<hmac::Key>,
    pub(crate) epoch: u64,
    /// Queues ever made.
    pub(crate) made: u64,
    pub(crate) entropy: Entropy,
    pub(crate) connections: Table<Connection>,
    pub(crate) sessions: Table<Session>,
    pub(crate) session_ids: HashMap<[u8; 16], Key>,
    /// Sessions without a connection, the oldest first.
    pub(crate) detached: BTreeSet<(Instant, Key)>,
    pub(crate) queues: Table<Queue>,
    pub(crate) names: BTreeMap<QueueId, Key>,
    pub(crate) members: Table<Member>,
    pub(crate) timers: Timers,
    /// Numbers for what waits.
    pub(crate) last_id: u64,
    /// Items in all queues, and their bytes.
    pub(crate) usage: (u64, u64),
    pub(crate) changed: Vec<Key>,
    /// Queues where something may move.
    pub(crate) dirty: Vec<Key>,
    /// Queues where something moved since they were last looked over.
    pub(crate) touched: Vec<Key>,
    /// Members that are to get a confirmation.
    pub(crate) unconfirmed: Vec<Key>,
    /// What is to be written down about durable queues.
    pub(crate) journal: Journal,
    pub(crate) stopping: bool,
    /// Empty; kept for its memory.
    pub(crate) scratch: Vec<Piece>,
}

impl Broker {
    /// A broker without queues. `epoch` names this life of the server: larger than that of every life before by more than the
    /// queues made in it, for example the microseconds since 1970.
    #[must_use]
    pub fn new(mut settings: Settings, epoch: u64, entropy: Entropy) -> Self {
        settings.max_sessions = settings.max_sessions.max(settings.max_connections);
        let keys = settings.secrets.iter();
        let keys = keys
            .map(|secret| hmac::Key::new(hmac::HMAC_SHA256, &secret.key))
            .collect();
        Self {
            settings,
            keys,
            epoch,
            made: 0,
            entropy,
            connections: Table::new(),
            sessions: Table::new(),
            session_ids: HashMap::new(),
            detached: BTreeSet::new(),
            queues: Table::new(),
            names: BTreeMap::new(),
            members: Table::new(),
            timers: Timers::default(),
            last_id: 0,
            usage: (0, 0),
            changed: Vec::new(),
            dirty: Vec::new(),
            touched: Vec::new(),
            unconfirmed: Vec::new(),
            journal: Journal::default(),
            stopping: false,
            scratch: Vec::new(),
        }
    }

    /// A peer has connected. `peer` is its address, for messages.
    ///
    /// # Errors
    /// With what to write before the connection is closed, when there are too many or the broker is stopping.
    pub fn join(&mut self, peer: &str, now: Instant) -> Result<ConnectionId, Bytes> {
        let most = self.settings.max_connections;
        if self.connections.len() >= most || self.stopping {
            let error = Error::new(ErrorKind::Overloaded, "connect").backend("rpc");
            let error = match self.stopping {
                true => error.expected("a server that goes on").found("one that is stopping"),
                false => error.expected(format!("at most {most} connections")).found("one more"),
            };
            return Err(farewell(
                &error.remedy("try again later, or raise the limit of the server"),
            ));
        }
        let at = self.connections.insert(Connection::new(peer.to_owned(), now));
        let handshake_due = now.checked_add(self.settings.handshake_deadline);
        let beat_due = now.checked_add(self.settings.heartbeat);
        if let Some(connection) = self.connections.get_mut(at) {
            connection.handshake_due = handshake_due;
            connection.beat_due = beat_due;
        }
        for (due, timer) in [(handshake_due, Timer::Handshake(at)), (beat_due, Timer::Beat(at))] {
            due.into_iter().for_each(|due| self.timers.set(due, timer));
        }
        Ok(ConnectionId(at))
    }

    /// Where to append what was read; then call [`received`](Self::received). `None` when the connection is over, and nothing more
    /// should be read. See also [`reads`](Self::reads).
    pub fn buffer(&mut self, connection: ConnectionId) -> Option<&mut BytesMut> {
        let connection = self.connections.get_mut(connection.0)?;
        (!connection.is_over()).then(|| connection.decoder.buffer_mut())
    }

    /// Whether more should be read from this connection now: not while the peer leaves its answers unread, and not when it is over.
    /// It changes with [`wrote`](Self::wrote).
    #[must_use]
    pub fn reads(&self, connection: ConnectionId) -> bool {
        let most = self.answers_pause_at();
        let connection = self.connections.get(connection.0);
        connection.is_some_and(|connection| !connection.is_over() && connection.unread() < most)
    }

    /// Handles all whole frames that are in the buffer.
    pub fn received(&mut self, connection: ConnectionId, now: Instant) {
        if let Some(connection) = self.connections.get_mut(connection.0) {
            connection.heard = now;
        }
        self.take_frames(connection.0, now);
        self.settle_down(now);
    }

    /// The connection is closed, by whichever side; also after [`is_over`](Self::is_over). Its id means nothing any more.
    pub fn ended(&mut self, connection: ConnectionId, now: Instant) {
        self.end(connection.0, now);
        self.connections.remove(connection.0);
        self.settle_down(now);
    }

    /// What is to be written. Take it, best against an empty vector that has served before (`std::mem::swap`), and call
    /// [`wrote`](Self::wrote) when the socket has it all.
    pub fn output(&mut self, connection: ConnectionId) -> Option<&mut Vec<u8>> {
        self.connections
            .get_mut(connection.0)
            .map(|connection| &mut connection.out)
    }

    /// What was taken from [`output`](Self::output) is written: what was held back for a slow reader may follow.
    pub fn wrote(&mut self, connection: ConnectionId, now: Instant) {
        let at = connection.0;
        let Some(connection) = self.connections.get_mut(at) else {
            return;
        };
        if connection.paused {
            // Nothing was read from it meanwhile, so this is the sign of life.
            connection.heard = now;
        }
        let mut overdue = Vec::new();
        if std::mem::take(&mut connection.stalled) {
            overdue = std::mem::take(&mut connection.overdue);
            let waiting: BTreeSet<Key> = connection.calls.values().copied().collect();
            waiting.into_iter().for_each(|queue| self.mark(queue));
        }
        // Frames that were left where they are, because of answers that nobody read.
        self.take_frames(at, now);
        self.settle_down(now);
        for (queue, id) in overdue {
            self.get_is_late(queue, id);
        }
    }

    /// Whether to close the connection as soon as its output is written.
    #[must_use]
    pub fn is_over(&self, connection: ConnectionId) -> bool {
        self.connections.get(connection.0).is_none_or(Connection::is_over)
    }

    /// Does what is due: waits and loans that end, peers that are silent.
    pub fn tick(&mut self, now: Instant) {
        self.settle_down(now);
    }

    /// When to call [`tick`](Self::tick) next.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.timers.next_due()
    }

    /// Appends the connections that have output or are over since it was asked last, each once.
    pub fn drain_changed(&mut self, out: &mut Vec<ConnectionId>) {
        for at in self.changed.drain(..) {
            if let Some(connection) = self.connections.get_mut(at) {
                connection.changed = false;
                out.push(ConnectionId(at));
            }
        }
    }

    /// Ends gracefully: no more connections and puts, `Goodbye` to everyone, and what is in the queues can be taken until `grace`
    /// is over. Then every connection is.
    pub fn stop(&mut self, grace: Duration, now: Instant) {
        self.stopping = true;
        let error = stopped("serve");
        for at in self.connections.keys() {
            let goodbye = Goodbye {
                grace: grace.into(),
                failure: Some(Failure::from(&error)),
            };
            let known = self
                .connections
                .get(at)
                .is_some_and(|connection| connection.session.is_some());
            match known && !grace.is_zero() {
                true => self.tell(at, goodbye),
                false => self.break_off(at, &error, now),
            }
        }
        self.refuse_all_puts(now);
        self.timers.set(now.checked_add(grace).unwrap_or(now), Timer::Stop);
        self.settle_down(now);
    }

    /// Who a connection is, for people: the peer's address, and its name once that is known.
    #[must_use]
    pub fn describe(&self, connection: ConnectionId) -> Option<String> {
        let connection = self.connections.get(connection.0)?;
        let peer = &connection.peer;
        Some(match self.identity(connection.secret) {
            Some(name) => format!("`{}` at {peer}", name.escape_debug()),
            None => peer.clone(),
        })
    }

    /// Why the broker broke a connection off, for a log, once: a peer that does not keep to the protocol or the limits, a secret that
    /// is wrong (`Unauthenticated`), a deadline that passed. One line; words of the peer in it are not escaped.
    pub fn complaint(&mut self, connection: ConnectionId) -> Option<(ErrorKind, String)> {
        let complaint = &mut self.connections.get_mut(connection.0)?.complaint;
        complaint.take().filter(|_| !self.stopping)
    }

    /// Numbers for people.
    #[must_use]
    pub const fn status(&self) -> Status {
        Status {
            connections: self.connections.len(),
            sessions: self.sessions.len(),
            queues: self.queues.len(),
            items: self.usage.0,
            bytes: self.usage.1,
            stopping: self.stopping,
        }
    }

    /// Sends a message.
    pub(crate) fn tell(&mut self, at: Key, message: impl Into<Message>) {
        if let Some(connection) = self.connections.get_mut(at) {
            connection.send(message);
            self.note(at);
        }
    }

    /// The connection has output, or is over.
    pub(crate) fn note(&mut self, at: Key) {
        if let Some(connection) = self.connections.get_mut(at)
            && !std::mem::replace(&mut connection.changed, true)
        {
            self.changed.push(at);
        }
    }

    /// Something may move in this queue.
    pub(crate) fn mark(&mut self, at: Key) {
        let Some(queue) = self.queues.get_mut(at) else {
            return;
        };
        if !std::mem::replace(&mut queue.dirty, true) {
            self.dirty.push(at);
        }
        if !std::mem::replace(&mut queue.touched, true) {
            self.touched.push(at);
        }
    }

    /// A number for something that waits.
    pub(crate) const fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// From so many bytes of output on, a connection's frames stay where they are. Twice as many as keep deliveries back: who
    /// has deliveries unread may still put.
    pub(crate) const fn answers_pause_at(&self) -> usize {
        self.settings.max_output.saturating_mul(2)
    }

    /// Moves what can be moved, ends what is due, and confirms.
    pub(crate) fn settle_down(&mut self, now: Instant) {
        loop {
            while let Some(queue) = self.dirty.pop() {
                self.pump(queue, now);
            }
            match self.timers.pop_due(now) {
                Some(timer) => self.fire(timer, now),
                None if self.dirty.is_empty() => break,
                None => {}
            }
        }
        while let Some(member) = self.unconfirmed.pop() {
            self.confirm(member);
        }
    }
}

/// Why a server that is stopping does not do something.
pub(crate) fn stopped(operation: &'static str) -> Error {
    Error::new(ErrorKind::Disconnected, operation)
        .backend("rpc")
        .expected("a server that goes on")
        .found("one that is stopping")
        .remedy("connect again when it is back")
}

/// What is said to somebody who is not let in.
fn farewell(error: &Error) -> Bytes {
    let mut out = preamble().to_vec();
    let goodbye = Goodbye {
        grace: Micros::ZERO,
        failure: Some(Failure::from(error)),
    };
    // A failure has at most about a kilobyte.
    let _ = Message::from(goodbye).encode(&mut out, HANDSHAKE_FRAME);
    out.into()
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
