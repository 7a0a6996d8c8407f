//! A server from its first socket to its end, in its own thread.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use queue_core::{Error, ErrorKind};
use ring::rand::{SecureRandom, SystemRandom};
use rpc_broker::{Broker, Restored};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::accept::Doors;
use crate::bind::Bound;
use crate::connection::LINGER;
use crate::gate::Gate;
use crate::hub::Hub;
use crate::running::Parts;
use crate::store::{Keeper, Signal, Store};
use crate::{Settings, tokens};

/// No grace is longer.
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
const BROKEN: &str = "a panic while it did something for a client";

/// What the server is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Serve,
    /// Let nobody in, and let everybody end what is under way within that time.
    Drain(Duration),
    End,
}

/// A server that has its sockets.
pub(crate) struct Life {
    runtime: Runtime,
    bound: Bound,
    doors: Arc<Doors>,
    keeper: Option<Keeper>,
}

impl Life {
    pub(crate) fn begin(settings: Settings) -> Result<(Self, Parts), Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|cause| refused(cause, "raise the limit of open files (ulimit -n)"))?;
        let mut broker = settings.broker.clone();
        if let Some(path) = &settings.token_file {
            broker.secrets.extend(tokens::read(path, &broker.anonymous)?);
        }
        let gate = Gate::new(broker.max_connections, settings.max_per_address);
        let handshake = broker.handshake_deadline.min(YEAR);
        let stored = settings.data_dir.as_deref().map(Store::open);
        #[cfg(feature = "power-cuts")]
        let stored = stored.or_else(|| settings.disk.clone().map(Store::on));
        let stored = stored.transpose()?;
        broker.durable = stored.is_some();
        let life = settings.epoch.unwrap_or_else(epoch);
        let (broker, store) = match stored {
            None => (Broker::new(broker, life, entropy()?), None),
            Some((mut store, restored)) => {
                let broker = resume(&mut store, restored, broker, life, entropy()?)?;
                (broker, Some(store))
            }
        };
        let signal = store.is_some().then(Arc::<Signal>::default);
        let hub = Arc::new(Hub::new(broker, signal.clone()));
        let bound = {
            let _inside = runtime.enter();
            Bound::new(&settings)?
        };
        let parts = Parts {
            addresses: bound.addresses.clone(),
            hub,
            gate: Arc::new(gate),
        };
        let doors = Doors::new(Arc::clone(&parts.hub), Arc::clone(&parts.gate), handshake);
        let keeper = match (store, signal) {
            (Some(store), Some(signal)) => Some(Keeper::start(store, Arc::clone(&parts.hub), signal)?),
            _ => None,
        };
        let life = Self {
            runtime,
            bound,
            doors: Arc::new(doors),
            keeper,
        };
        Ok((life, parts))
    }

    /// To the end. What was wrong, if it was not asked for.
    pub(crate) fn run(self, orders: watch::Receiver<Order>) -> Option<&'static str> {
        let Self {
            runtime,
            bound,
            doors,
            keeper,
        } = self;
        let outcome = runtime.block_on(live(bound, doors, orders));
        // Tasks that are left end with the runtime; what they left to write down is written.
        drop(runtime);
        drop(keeper);
        outcome
    }
}

async fn live(bound: Bound, doors: Arc<Doors>, mut orders: watch::Receiver<Order>) -> Option<&'static str> {
    let mut keepers = JoinSet::new();
    let hub = Arc::clone(&doors.hub);
    keepers.spawn(async move { hub.keep_time().await });
    let mut listeners = JoinSet::new();
    for listener in bound.listeners {
        listeners.spawn(Arc::clone(&doors).keep(listener));
    }
    tokio::select! {
        _ = orders.wait_for(|order| *order != Order::Serve) => {}
        () = doors.hub.broken.notified() => return Some(BROKEN),
        // They only end by a panic.
        _ = keepers.join_next() => return Some(BROKEN),
        _ = listeners.join_next() => return Some(BROKEN),
    }
    // Closed before anybody is told, so that nobody who is told comes back to it.
    listeners.shutdown().await;
    drop(bound.socket_file);
    let order = *orders.borrow();
    if let Order::Drain(grace) = order {
        let grace = grace.min(YEAR);
        doors.hub.stop(grace);
        let latest = Instant::now() + grace + LINGER;
        tokio::select! {
            () = doors.gate.empty() => {}
            () = sleep_until(latest.into()) => {}
            _ = orders.wait_for(|order| *order == Order::End) => {}
            () = doors.hub.broken.notified() => return Some(BROKEN),
            _ = keepers.join_next() => return Some(BROKEN),
        }
    }
    None
}

/// The broker with all that was written down, in a life that has a number of its own.
pub(crate) fn resume(
    store: &mut Store,
    restored: Restored,
    settings: rpc_broker::Settings,
    wanted: u64,
    entropy: Entropy,
) -> Result<Broker, Error> {
    let mut broker = Broker::new(settings, store.begin_life(wanted)?, entropy);
    broker.restore(restored, Instant::now())?;
    Ok(broker)
}

/// Microseconds since 1970: later lives have larger ones, unless somebody sets the clock back.
fn epoch() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX).max(1)
}

/// Fills with random bytes.
pub(crate) type Entropy = Box<dyn FnMut(&mut [u8]) + Send>;

/// Random bytes of the system.
fn entropy() -> Result<Entropy, Error> {
    let system = SystemRandom::new();
    // Once it has given some, it gives more: nothing else is left that it could wait for.
    let tried = system.fill(&mut [0; 32]);
    tried.map_err(|_| refused("no random numbers", "start it where the system has random numbers"))?;
    Ok(Box::new(move |bytes| {
        let filled = system.fill(bytes);
        assert!(filled.is_ok(), "the system has no random numbers any more");
    }))
}

fn refused(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>, remedy: &'static str) -> Error {
    Error::new(ErrorKind::ResourceExhausted, "start the server")
        .backend("rpc")
        .caused_by(cause)
        .remedy(remedy)
}
