//! One connection with its session, shared by all who use it.

mod connect;
mod pool;
pub(crate) mod runtime;
mod target;
mod task;
mod tls;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use descriptor_core::{Error, ErrorKind};
use tokio::sync::{Notify, watch};

pub(crate) use self::pool::{another, private, shared};
use self::target::Target;
use crate::ServerLife;
use crate::session::Session;
use crate::status::{ConnectionState, ConnectionStatus, StatusChanges};

/// See [the module](self).
#[derive(Debug)]
pub(crate) struct Link {
    session: Mutex<Session>,
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
            session: Mutex::new(Session::new(
                target.token.clone(),
                life.map(ServerLife::epoch),
                Instant::now(),
            )),
            bell: Notify::new(),
            status: watch::Sender::new(status),
            target,
            timeout,
            retries,
            is_pooled,
            life: life.cloned(),
        })
    }

    /// Works with the session, then wakes whom that concerns.
    #[inline]
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Session) -> R) -> R {
        // Nothing in a session panics halfway through a change.
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let result = work(&mut session);
        let (wakes, rings) = session.after();
        drop(session);
        if rings {
            self.bell.notify_one();
        }
        for wake in wakes {
            wake.run();
        }
        result
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
