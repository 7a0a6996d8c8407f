//! Queue type `rpc`: queues of a server, over TCP, Unix sockets and TLS.
//!
//! A server (`sage serve`) has the queues; whoever opens the same queue id at it reaches the same queue. All queues of a process at
//! one server share one connection, which is made anew when it is lost and then goes on where it was.
//!
//! ```
//! use descriptor_core::{Descriptor, QueueCore, Wait};
//! use queue_rpc::RpcSpec;
//! use rpc_server::{Server, Settings};
//!
//! // A server of our own, on a free port; usually it is another process, on another host.
//! let server = Server::start(Settings { bind: vec!["localhost:0".into()], ..Settings::default() })?;
//! # let Some(address) = server.addresses().iter().find_map(|address| address.socket()) else { unreachable!() };
//! # let (host, port) = (address.ip().to_string(), address.port());
//!
//! let jobs = Descriptor::new("jobs/in", RpcSpec::at(host, port).capacity(100))?;
//! let queue = jobs.queue::<String>()?;
//! queue.put("sweep".into())?;
//! queue.flush(Wait::Forever)?; // now it is certain that the server has it
//! assert_eq!(queue.get()?, "sweep");
//! # Ok::<(), descriptor_core::Error>(())
//! ```
//!
//! # What `Ok` of a put means
//!
//! With [`Confirm::Window`], the usual one, that the item was accepted: it is in a window of this process, sent with others, and kept
//! until the server confirms it. `flush` waits for that, and names what was refused. The window has room for some items even when
//! the queue is full, and takes items while there is no connection. A close reaches the server behind everything that was
//! accepted before. When the process ends, what is in the window is lost: flush first.
//!
//! With [`Confirm::Each`] that the server has stored it. A put whose connection is lost before its answer comes is
//! [`Unknown`](descriptor_core::PutError::Unknown) when its time is over; `retry` finds out, and stores it once. A future of such a
//! put that is dropped is withdrawn, but may have been stored in that moment, as the server is somewhere else.
//!
//! # What is fetched ahead
//!
//! Gets that follow each other quickly make the server send more items at once, up to [`RpcSpec::prefetch`]. They are the server's until they are
//! handed over, and go back in order when this process ends or the last handle is dropped; when a connection is lost at the wrong
//! moment some of them may come twice after that. With `prefetch(0)` nothing comes twice, but each get is a question and an answer.
//!
//! # Limits
//!
//! A call that asks the server (a try of a get, `depth`, the end of a lease) waits for its answer, also in a task: about as long as
//! the way there and back.
#![forbid(unsafe_code)]

mod admin;
mod backend;
mod door;
mod format;
mod get;
mod lease;
mod life;
mod link;
mod luggage;
mod put;
mod queue;
mod secret;
mod session;
mod spec;
mod stats;
mod status;
mod store;

pub use admin::{RpcAdmin, RpcListing, RpcPeek};
pub use life::ServerLife;
pub use luggage::Luggage;
pub use queue::RpcQueue;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub use session::fuzz;
pub use spec::{Confirm, DEFAULT_PORT, Durability, RpcSpec};
pub use stats::RpcStats;
pub use status::{ConnectionState, ConnectionStatus, StatusChanges};
