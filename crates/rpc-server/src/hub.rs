//! The broker, and how its connections are woken.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use rpc_broker::{Broker, ConnectionId};
use tokio::sync::Notify;
use tokio::time::sleep_until;

use crate::complaints::Complaints;
use crate::store::Signal;
use crate::strangers::Strangers;

/// What all tasks of a server share.
pub(crate) struct Hub {
    state: Mutex<State>,
    complaints: Mutex<Complaints>,
    strangers: Mutex<Strangers>,
    /// Told when something is due before the timer would look.
    due: Notify,
    /// Told when the broker panicked, after which nobody knows what is in it.
    pub(crate) broken: Notify,
    /// Tells whoever writes down what outlives the server.
    keeper: Option<Arc<Signal>>,
}

/// The broker and those who wait for something of it. All that is done with it is short.
pub(crate) struct State {
    pub(crate) broker: Broker,
    wakers: HashMap<ConnectionId, Waker>,
    changed: Vec<ConnectionId>,
    /// When the timer looks next.
    armed: Option<Instant>,
}

impl Hub {
    pub(crate) fn new(broker: Broker, keeper: Option<Arc<Signal>>) -> Self {
        Self {
            state: Mutex::new(State {
                broker,
                wakers: HashMap::new(),
                changed: Vec::new(),
                armed: None,
            }),
            complaints: Mutex::default(),
            strangers: Mutex::default(),
            due: Notify::new(),
            broken: Notify::new(),
            keeper,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| {
            self.broken.notify_one();
            poisoned.into_inner()
        })
    }

    /// After anything was done with the broker: whoever has something to write, or is over, goes on.
    pub(crate) fn settle(&self, state: &mut State) {
        let State {
            broker,
            wakers,
            changed,
            armed,
        } = state;
        broker.drain_changed(changed);
        for connection in changed.drain(..) {
            if let Some(waker) = wakers.get(&connection) {
                waker.wake_by_ref();
            }
        }
        if let Some(keeper) = &self.keeper
            && broker.has_batch()
        {
            keeper.ask(broker.gathered_puts());
        }
        let due = broker.next_due();
        if due.is_some_and(|due| armed.is_none_or(|armed| due < armed)) {
            *armed = due;
            self.due.notify_one();
        }
    }

    /// Does what is due, for ever.
    pub(crate) async fn keep_time(&self) {
        loop {
            let due = {
                let mut state = self.lock();
                let now = Instant::now();
                if state.broker.next_due().is_some_and(|due| due <= now) {
                    state.broker.tick(now);
                }
                state.armed = state.broker.next_due();
                self.settle(&mut state);
                state.armed
            };
            match due {
                Some(due) => tokio::select! {
                    () = sleep_until(due.into()) => {}
                    () = self.due.notified() => {}
                },
                None => self.due.notified().await,
            }
        }
    }

    /// Tells everybody that it ends.
    pub(crate) fn stop(&self, grace: Duration) {
        let mut state = self.lock();
        state.broker.stop(grace, Instant::now());
        self.settle(&mut state);
    }

    /// The connection is no more.
    pub(crate) fn leave(&self, connection: ConnectionId) {
        let mut state = self.lock();
        state.wakers.remove(&connection);
        state.broker.ended(connection, Instant::now());
        self.settle(&mut state);
    }

    /// Something about a peer for the log.
    pub(crate) fn complain(&self, peer: &str, address: Option<IpAddr>, what: &str) {
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        complaints.warn(peer, address, what, Instant::now());
    }

    /// How long a wrong proof from there waits for its answer.
    pub(crate) fn stranger(&self, address: Option<IpAddr>) -> Duration {
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        strangers.wait(address, Instant::now())
    }
}

impl State {
    /// Remembers whom to wake for a connection.
    pub(crate) fn wait(&mut self, connection: ConnectionId, waker: &Waker) {
        match self.wakers.get_mut(&connection) {
            Some(known) => known.clone_from(waker),
            None => drop(self.wakers.insert(connection, waker.clone())),
        }
    }
}
