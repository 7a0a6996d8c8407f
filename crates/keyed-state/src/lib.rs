//! State by key, and windows of it over event time: what keyed operators keep between packets.
//!
//! All of it belongs to one instance and is in memory; it can be written down (`serde`) and read again. Nothing here knows packets, queues or threads.
//!
//! ```
//! use keyed_state::{Panes, Place, WindowSpec};
//! use partition_key::Key;
//!
//! let mut panes = Panes::<u32>::new(WindowSpec::tumbling(10)?);
//! for time_ms in [1, 9, 12] {
//!     if let Place::Open(count) = panes.place(time_ms, &Key::from("a")) {
//!         *count += 1;
//!     }
//! }
//! let mut fired = Vec::new();
//! panes.fire(10, |window| {
//!     let whole = window.merged(|into, from| *into += from);
//!     fired.extend(whole.iter().map(|(key, count)| (window.end_ms, key.to_string(), *count)));
//!     Ok::<(), std::convert::Infallible>(())
//! })?;
//! assert_eq!(fired, [(10, "\"a\"".to_owned(), 2)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod aggregate;
mod by_key;
mod panes;
mod saved;
mod state;
mod window_spec;

pub use aggregate::{Aggregate, AggregateFn};
pub use by_key::ByKey;
pub use panes::{Panes, Place, Window};
pub use state::{KeyedState, StoredHash};
pub use window_spec::WindowSpec;
