//! A server that runs, as whoever started it holds it.

use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use queue_core::{Error, ErrorKind};
use tokio::sync::watch;

use crate::gate::Gate;
use crate::hub::Hub;
use crate::life::{Life, Order};
use crate::{Address, Settings, Status};

/// Starts servers.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Reads the files, binds every address and starts the server's thread. When it returns, clients can connect.
    ///
    /// # Errors
    /// `InvalidDescriptor` for settings that make no sense, as for an address that others can reach without token and TLS;
    /// `PermissionDenied` for files that others can read; `NotFound`, `Corrupt`, `Incompatible`, `TooLarge` or `Io` for files;
    /// `ResourceExhausted` when an address is taken or the system refuses a socket or a thread. Each says what to do.
    pub fn start(settings: Settings) -> Result<RunningServer, Error> {
        let (orders, ordered) = watch::channel(Order::Serve);
        let (sender, ready) = mpsc::sync_channel(1);
        let end = Arc::new(End::default());
        let told = Arc::clone(&end);
        let thread = thread::Builder::new()
            .name("rpc-server".to_owned())
            .spawn(move || {
                // Whatever happens in here, those who wait are told that it has ended.
                let mut last = Last(told, Some("its thread panicked"));
                match Life::begin(settings) {
                    Ok((life, running)) => {
                        // The one who started it waits for this.
                        let _ = sender.send(Ok(running));
                        last.1 = life.run(ordered);
                    }
                    Err(error) => {
                        last.1 = None;
                        let _ = sender.send(Err(error));
                    }
                }
            })
            .map_err(|cause| {
                Error::new(ErrorKind::ResourceExhausted, "start the server")
                    .backend("rpc")
                    .caused_by(cause)
                    .remedy("raise the limit of threads")
            })?;
        let parts = ready.recv().map_err(|_| broken("its thread panicked"))??;
        Ok(RunningServer {
            parts,
            orders,
            end,
            thread: Some(thread),
        })
    }
}

/// What is seen of a server from outside of its thread.
pub(crate) struct Parts {
    pub(crate) addresses: Vec<Address>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) gate: Arc<Gate>,
}

/// A server that runs in a thread of its own. Dropping it stops it at once.
pub struct RunningServer {
    parts: Parts,
    orders: watch::Sender<Order>,
    end: Arc<End>,
    thread: Option<JoinHandle<()>>,
}

impl RunningServer {
    /// What it listens on, with the ports that it really has.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.parts.addresses
    }

    /// How it is.
    #[must_use]
    pub fn status(&self) -> Status {
        let (connections, accepted, refused) = self.parts.gate.numbers();
        Status {
            connections,
            accepted,
            refused,
            broker: self.parts.hub.lock().broker.status(),
        }
    }

    /// Works with the broker itself while nobody else does; to be short, as everybody waits.
    pub fn with<R>(&self, work: impl FnOnce(&mut rpc_broker::Broker) -> R) -> R {
        let mut state = self.parts.hub.lock();
        let result = work(&mut state.broker);
        self.parts.hub.settle(&mut state);
        result
    }

    /// Asks for the end and does not wait for it: nobody new is let in, every client is told, and has as long as `grace` to
    /// end what is under way. Asked again, it ends at once.
    pub fn begin_stop(&self, grace: Duration) {
        self.orders.send_modify(|order| {
            *order = match *order {
                Order::Serve => Order::Drain(grace),
                Order::Drain(_) | Order::End => Order::End,
            };
        });
    }

    /// Waits until it has ended, at most so long; without a time as long as it takes. Whether it has.
    ///
    /// # Errors
    /// What ended it when nobody asked for it.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool, Error> {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut outcome = self.end.outcome();
        loop {
            match (*outcome, until) {
                (Some(Outcome::Asked), _) => return Ok(true),
                (Some(Outcome::Broken(why)), _) => return Err(broken(why)),
                (None, Some(until)) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Ok(false);
                    }
                    let waited = self.end.told.wait_timeout(outcome, left);
                    outcome = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                (None, None) => {
                    outcome = self.end.told.wait(outcome).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// [`begin_stop`](Self::begin_stop), then [`wait`](Self::wait).
    ///
    /// # Errors
    /// What ended it before somebody asked for it.
    pub fn stop(&self, grace: Duration) -> Result<(), Error> {
        self.begin_stop(grace);
        self.wait(None).map(|_| ())
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.orders.send_replace(Order::End);
        if let Some(thread) = self.thread.take() {
            // A panic was said by the thread itself.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for RunningServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningServer")
            .field("addresses", &self.parts.addresses)
            .finish_non_exhaustive()
    }
}

/// How it ended, for those who wait.
#[derive(Debug, Default)]
struct End {
    outcome: Mutex<Option<Outcome>>,
    told: Condvar,
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Asked,
    Broken(&'static str),
}

impl End {
    fn outcome(&self) -> MutexGuard<'_, Option<Outcome>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says the end when it is dropped, and what was wrong, if anything.
struct Last(Arc<End>, Option<&'static str>);

impl Drop for Last {
    fn drop(&mut self) {
        *self.0.outcome() = Some(match self.1 {
            Some(why) => Outcome::Broken(why),
            None => Outcome::Asked,
        });
        self.0.told.notify_all();
    }
}

fn broken(why: &'static str) -> Error {
    Error::new(ErrorKind::PeerDied, "serve")
        .backend("rpc")
        .expected("a server that runs until it is asked to stop")
        .found(why)
        .remedy("start it again, and report what the log says")
}
