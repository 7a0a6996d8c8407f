//! The server of queue type `rpc` as a state machine: bytes in, bytes out, and the time is handed in. No sockets, clocks, threads or
//! randomness of its own; `docs/protocol.md` says what the bytes mean.
//!
//! * [`Broker`] has the queues, the sessions and the connections. Whoever has the sockets calls it with what was read, and writes what
//!   it says.
//! * [`Settings`] are its limits, deadlines and secrets; everything that a peer can fill has a limit.
//! * [`Rights`] and [`Rule`] say who may do what with which queues.
//!
//! What holds: puts of a session are stored once and in order; items are delivered in the order in which they were stored, and what
//! comes back has its old place; the capacity counts what waits and what is away, exactly; whoever waits is served in turn, and who does not
//! read keeps nobody back. Items are copied into blocks and out of them, without a look at each.
//!
//! ```
//! use std::time::{Duration, Instant};
//!
//! use rpc_broker::{Broker, Settings};
//! use rpc_wire::{Capabilities, Decoder, Hello, Limits, Message, Ping, Pong, Text, WireError, preamble};
//!
//! let now = Instant::now();
//! let entropy = Box::new(|bytes: &mut [u8]| bytes.fill(7)); // use the random bytes of the system
//! let mut broker = Broker::new(Settings::default(), 1, entropy);
//!
//! // A peer connects, and says who it is.
//! let peer = broker.join("127.0.0.1:4711", now).expect("not too many");
//! let hello = Hello {
//!     capabilities: Capabilities::LEASES,
//!     limits: Limits::default(),
//!     session: [0; 16],
//!     epoch: 0,
//!     nonce: [9; 32],
//!     agent: Text::default(),
//! };
//! let mut said = preamble().to_vec();
//! Message::from(hello).encode(&mut said, 4096)?;
//! Message::from(Ping { number: 5 }).encode(&mut said, 4096)?;
//! broker.buffer(peer).expect("it is not over").extend_from_slice(&said);
//! broker.received(peer, now);
//!
//! // It is welcome, and the server is there.
//! let mut heard = Decoder::new();
//! heard.feed(&std::mem::take(broker.output(peer).expect("it is not over")));
//! broker.wrote(peer, now);
//! assert!(matches!(heard.next_message()?, Some(Message::Welcome(_))));
//! assert_eq!(heard.next_message()?, Some(Pong { number: 5 }.into()));
//!
//! // Nobody has heard of it for long.
//! assert!(broker.next_due() > Some(now));
//! (1..10).for_each(|beat| broker.tick(now + beat * Duration::from_secs(2)));
//! assert!(broker.is_over(peer));
//! # Ok::<(), WireError>(())
//! ```
#![forbid(unsafe_code)]

mod broker;
mod connection;
mod dispatch;
mod due;
mod durable;
mod get;
mod guests;
mod handshake;
mod inspect;
mod journal;
mod lifecycle;
mod loans;
mod open;
mod piece;
mod pump;
mod put;
mod queue;
mod restore;
mod rights;
mod session;
mod settings;
mod store;
mod table;
mod terms;
mod timers;

pub use broker::{Broker, ConnectionId, Entropy, Status};
pub use guests::{Guest, GuestFacts, Guests};
pub use journal::{Author, Batch, Entry};
pub use restore::{Restored, RestoredQueue, Run};
pub use rights::{Rights, Rule};
pub use settings::{Secret, Settings};
