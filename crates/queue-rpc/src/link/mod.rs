//! One connection with its session, shared by all who use it.

mod connect;
mod pool;
pub(crate) mod runtime;
mod shore;
mod target;
mod task;
mod tls;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use descriptor_core::{Error, ErrorKind};
use tokio::sync::{Notify, watch};

pub(crate) use self::pool::{another, private, shared};
use self::shore::Shore;
use self::target::Target;
use crate::ServerLife;
use crate::session::{Ring, Session};
use crate::status::{ConnectionState, ConnectionStatus, StatusChanges};

/// What is under the lock.
#[derive(Debug)]
struct Held {
    session: Session,
    /// Where callers may write, if the connection has such a side.
    shore: Option<Arc<Shore>>,
    /// Used again and again, and empty.
    pieces: VecDeque<Bytes>,
}

impl Held {
    /// Writes what is to be said, while the task of the connection sleeps and has nothing to write. False when not all of it went
    /// out, so that the task has to be woken.
    fn write(&mut self) -> bool {
        let Some(shore) = &self.shore else {
            self.session.rung();
            return false;
        };
        self.session.take_output(Instant::now(), &mut self.pieces);
        shore.write_now(&mut self.pieces);
        self.session.put_back(&mut self.pieces)
    }
}

/// See [the module](self).
#[derive(Debug)]
pub(crate) struct Link {
    held: Mutex<Held>,
    // Rung when the connection has slept and there is something to send.
    bell: Notify,
    status: watch::Sender<ConnectionStatus>,
    target: Target,
    timeout: Duration,
    retries: u32,
    is_pooled: bool,
    /// The one life of the server that it belongs to, if it is one.
    life: Option<ServerLife>,
}

impl Link {
    fn new(target: Target, timeout: Duration, retries: u32, is_pooled: bool, life: Option<&ServerLife>) -> Arc<Self> {
        let status = ConnectionStatus {
            peer: target.address.to_string(),
            ..ConnectionStatus::default()
        };
        Arc::new(Self {
            held: Mutex::new(Held {
                session: Session::new(target.token.clone(), life.map(ServerLife::epoch), Instant::now()),
                shore: None,
                pieces: VecDeque::new(),
            }),
            bell: Notify::new(),
            status: watch::Sender::new(status),
            target,
            timeout,
            retries,
            is_pooled,
            life: life.cloned(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // Nothing in a session panics halfway through a change.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works with the session, then wakes whom that concerns. What is said while nothing else is unanswered is written here: to
    /// hand it to the thread of the connection would take longer than to write it.
    #[inline]
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Session) -> R) -> R {
        let mut held = self.lock();
        let result = work(&mut held.session);
        let (wakes, ring) = held.session.after();
        let rings = match ring {
            Ring::Not => false,
            Ring::Bell => true,
            Ring::Aside => !held.write(),
        };
        drop(held);
        if rings {
            self.bell.notify_one();
        }
        for wake in wakes {
            wake.run();
        }
        result
    }

    /// Where callers may write from now on.
    fn moor(&self, shore: Option<Arc<Shore>>) {
        self.lock().shore = shore;
    }

    pub(crate) fn status(&self) -> ConnectionStatus {
        self.status.borrow().clone()
    }

    pub(crate) fn changes(&self) -> StatusChanges {
        StatusChanges::new(self.status.subscribe())
    }

    /// How long a connection may take, and an answer.
    pub(crate) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// No answer came.
    pub(crate) fn late(&self, operation: &'static str) -> Error {
        let status = self.status();
        let remedy = match status.state {
            ConnectionState::Connected => "see whether the server is well, or raise connection_timeout",
            _ => "start one with `sage serve`, correct the address, or raise connection_timeout",
        };
        Error::new(ErrorKind::Timeout, operation)
            .backend("rpc")
            .expected(format!("an answer of {} within {:?}", status.peer, self.timeout))
            .found(status.error.unwrap_or_else(|| "none".into()))
            .remedy(remedy)
    }

    fn report(&self, state: ConnectionState, error: Option<String>) {
        self.status.send_if_modified(|status| {
            let before = (status.state, status.error.take());
            status.state = state;
            status.error = error;
            before != (status.state, status.error.clone())
        });
    }
}
