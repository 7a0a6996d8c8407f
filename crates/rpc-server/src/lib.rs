//! The server of queue type `rpc`: listeners on TCP, TLS and Unix sockets around [`rpc_broker`].
//!
//! [`Server::start`] binds everything that [`Settings`] name and returns; the server then lives in a thread of its own until it is
//! stopped or dropped. Each connection is a task that reads into the broker's buffer and writes from it, so that a client
//! that does not read holds up nobody but itself.
//!
//! ```
//! use rpc_server::{Server, Settings};
//! use std::time::Duration;
//!
//! let server = Server::start(Settings { bind: vec!["127.0.0.1:0".to_owned()], ..Settings::default() })?;
//! assert_eq!(server.addresses().len(), 1);
//! assert_eq!(server.status().connections, 0);
//! server.stop(Duration::from_secs(1))?;
//! # Ok::<(), queue_core::Error>(())
//! ```
#![forbid(unsafe_code)]

mod accept;
mod address;
mod bind;
mod complaints;
mod connection;
mod file;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
mod gate;
mod habit;
mod hub;
mod life;
mod running;
mod settings;
mod status;
mod store;
mod strangers;
mod tls;
mod tokens;
mod unix;

pub use address::Address;
/// Queues of this process that come into the server when somebody asks for them.
pub use rpc_broker::{Broker, Guest, GuestFacts, Guests};
#[doc(inline)]
pub use rpc_broker::{Rights, Rule, Secret};
/// What the broker inside is told: limits, deadlines, rights.
pub use rpc_broker::{Settings as BrokerSettings, Status as BrokerStatus};
#[doc(inline)]
pub use rpc_wire::Limits;
pub use running::{RunningServer, Server};
pub use settings::{PORT, Settings, TlsFiles, rule};
pub use status::Status;
#[cfg(feature = "power-cuts")]
pub use store::{Disk, Medium};
