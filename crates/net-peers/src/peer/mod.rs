//! What carries items through a server, each behind the same few traits.
//!
//! A call is a whole lap: how items follow each other is the peer's own business, as it would be in a program that uses it.

mod manager;
#[cfg(feature = "crates")]
mod nats;
#[cfg(feature = "crates")]
mod redis;
mod relay;
#[cfg(feature = "crates")]
mod remoc;
mod rpc;
#[cfg(feature = "crates")]
mod tarpc;
#[cfg(feature = "crates")]
mod tonic;
#[cfg(feature = "crates")]
mod zero_mq;

use std::any::Any;
use std::fmt::{Debug, Display};
use std::time::Instant;

use tokio::runtime::{Builder, Runtime};

use crate::site::Site;

pub(crate) use manager::{Inside, Manager, Ring};
pub(crate) use relay::Relay;
pub(crate) use rpc::{Over, Rpc};
#[cfg(feature = "crates")]
pub(crate) use {
    nats::{Core, JetStream},
    redis::{List, Stream},
    remoc::Channels,
    tarpc::Calls,
    tonic::Streams,
    zero_mq::Proxy,
};

type Result<T> = std::result::Result<T, String>;

/// The sending half in a process of its own.
pub(crate) trait Tx {
    /// Puts the items with the numbers from 0 to `items`, and returns when all are confirmed by who confirms, else when all are sent.
    fn send(&mut self, items: u64) -> Result<()>;
}

/// The receiving half.
pub(crate) trait Rx {
    /// Gets so many items; the sum of their numbers.
    fn receive(&mut self, items: u64) -> Result<u64>;
}

/// One question after the other.
pub(crate) trait Ask {
    /// So many; nanoseconds of each.
    fn ask(&mut self, trips: u64) -> Result<Vec<f64>>;
}

/// Something that carries items. What it does not do is an error, and its scenario leaves it out.
pub(crate) trait Peer: Debug + Sync {
    /// Why it cannot be had, beside the program of its server.
    fn missing(&self) -> Option<String> {
        None
    }

    /// Is the server as long as the outcome is kept, for those whose server is this program.
    fn serve(&self, site: &Site) -> Result<Box<dyn Any>> {
        Err(format!("nobody serves in {}", site.folder.display()))
    }

    fn tx(&self, _: &Site) -> Result<Box<dyn Tx>> {
        Err(format!("{self:?} does not send"))
    }

    fn rx(&self, _: &Site) -> Result<Box<dyn Rx>> {
        Err(format!("{self:?} does not receive"))
    }

    /// Puts one item after the other itself, and receives each.
    fn alone(&self, _: &Site) -> Result<Box<dyn Rx>> {
        Err(format!("{self:?} needs two processes"))
    }

    /// Puts one item after the other, each confirmed.
    fn put(&self, _: &Site) -> Result<Box<dyn Ask>> {
        Err(format!("{self:?} confirms nothing"))
    }

    /// Puts one item after the other, and gets each.
    fn trip(&self, _: &Site) -> Result<Box<dyn Ask>> {
        Err(format!("{self:?} has no put and get"))
    }

    /// So many producers at the same time, who each have one item confirmed after the other.
    fn crowd(&self, _: &Site, _producers: u64) -> Result<Box<dyn Tx>> {
        Err(format!("{self:?} confirms nothing"))
    }

    /// So many clients.
    fn tx_many(&self, _: &Site, _clients: u64) -> Result<Box<dyn Tx>> {
        Err(format!("{self:?} is one client"))
    }

    /// As many.
    fn rx_many(&self, _: &Site, _clients: u64) -> Result<Box<dyn Rx>> {
        Err(format!("{self:?} is one client"))
    }

    /// So many idle connections, or idle queues of one.
    fn hold(&self, _: &Site, _amount: u64, _queues: bool) -> Result<Box<dyn Any>> {
        Err(format!("{self:?} holds nothing"))
    }
}

/// For `map_err`: what was tried, and what came of it.
fn failed<E: Display>(what: &'static str) -> impl FnOnce(E) -> String {
    move |error| format!("{what}: {error}")
}

/// Where tasks of one process run. One thread: with a processor for each of producer, server and consumer there would be more to gain
/// from a second one, here they take turns anyway.
fn runtime() -> Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed("a runtime"))
}

/// The same with a thread of its own, for those whose tasks have something left to do when a lap is over.
#[cfg(feature = "crates")]
fn driven() -> Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(failed("a runtime"))
}

/// Times one question after the other.
fn timed(trips: u64, mut ask: impl FnMut(u64) -> Result<()>) -> Result<Vec<f64>> {
    (0..trips)
        .map(|number| {
            let asked = Instant::now();
            ask(number)?;
            Ok(asked.elapsed().as_nanos() as f64)
        })
        .collect()
}

/// An answer that is the number that was asked.
fn same(asked: u64, found: u64) -> Result<()> {
    if asked == found {
        return Ok(());
    }
    Err(format!("expected {asked} back, found {found}"))
}
