//! What goes over a connection of queue type `rpc`, version 1: preamble, frames and messages. No sockets, no clocks, no threads:
//! bytes in, messages out, and back.
//!
//! * [`preamble()`] and [`check_preamble`]: the first eight bytes of each direction.
//! * [`Decoder`]: bytes in segments of any size become [`Frame`]s and [`Message`]s.
//! * [`Message::encode`] and [`ItemsWriter`] append frames to a buffer.
//! * [`Message`] lists everything that can be said; each has a struct of its own.
//!
//! Every byte of it is written down in `docs/protocol.md`, with examples. Everything read here may come from a peer that means
//! harm: lengths are checked before anything is done with them, no memory is taken for what is not there, and what is not exactly
//! what [`Message::encode`] writes is refused with one [`WireError`].
//!
//! ```
//! use queue_core::ErrorKind;
//! use rpc_wire::{Decoder, Handle, ItemCodec, Items, Message, Micros, Ping, Put, WireError, preamble};
//!
//! // One side writes two messages behind its preamble.
//! let put = Put {
//!     queue: Handle::new(1).expect("not 0"),
//!     codec: ItemCodec::default(),
//!     first: 40,
//!     wait: Micros(250_000),
//!     items: Items::new([b"sweep".as_slice(), b"wash"])?,
//! };
//! let mut sent = preamble().to_vec();
//! Message::from(Ping { number: 9 }).encode(&mut sent, 4096)?;
//! Message::from(put.clone()).encode(&mut sent, 4096)?;
//!
//! // The other side gets them byte by byte.
//! let mut decoder = Decoder::new();
//! let mut heard = Vec::new();
//! for byte in &sent {
//!     decoder.feed(&[*byte]);
//!     heard.extend(decoder.next_message()?);
//! }
//! assert_eq!(heard, [Ping { number: 9 }.into(), Message::from(put)]);
//!
//! // Somebody else has mistaken the port.
//! let mut decoder = Decoder::new();
//! decoder.feed(b"GET / HTTP/1.1");
//! let error = decoder.next_message().unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Incompatible);
//! assert!(error.to_string().contains("an HTTP request"), "{error}");
//! # Ok::<(), WireError>(())
//! ```
#![forbid(unsafe_code)]

mod batch;
mod decoder;
mod error;
mod failure;
mod field;
mod frame;
mod limits;
mod message;
mod preamble;
mod ranges;
mod value;

pub use batch::{Batch, Items, Loans};
pub use decoder::{Decoder, SKIPPED_FROM};
pub use error::WireError;
pub use failure::{Failure, KindName};
pub use frame::{Frame, HANDSHAKE_FRAME, HEAD, LEAST_FRAME, MAX_FRAME};
pub use limits::{Capabilities, Limits};
pub use message::*;
pub use preamble::{MAGIC, PREAMBLE, VERSION, check_preamble, preamble};
pub use ranges::Ranges;
pub use value::{Call, Few, Flag, Handle, ItemCodec, Micros, Record, Text};
