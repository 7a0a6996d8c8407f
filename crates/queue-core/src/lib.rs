//! What a queue of sage-comm promises, and what it takes to keep the promise.
//!
//! * [`Queue`] is the contract; [`QueueCore`] is the part that does not know the item's type; [`Caps`] says what a
//!   queue can do; [`QueueExt`] adds futures, iterators, streams and sinks.
//! * [`PutError`] and [`GetError`] are the ways to be refused, [`Error`] is everything else that goes wrong.
//! * [`TryQueue`] and [`waiting_queue!`] make a queue of one that never waits; [`wait`] is the line that threads and
//!   tasks wait in.
//! * [`Select`] waits for the first of several queues.
//! * [`Lease`] is an item on loan; [`Counter`], [`QueueStats`] and [`Ledger`] keep the books.
//!
//! There is no input or output here, no thread is started and nothing is unsafe. A queue that needs no descriptor stands
//! on this crate alone:
//!
//! ```
//! use std::collections::VecDeque;
//! use std::sync::Mutex;
//! use std::time::Duration;
//!
//! use queue_core::wait::{Fence, WaitList};
//! use queue_core::{Caps, GetError, Item, PutError, Queue, QueueCore, TryQueue, Wait};
//!
//! struct Shelf<T> {
//!     items: Mutex<VecDeque<T>>,
//!     limit: usize,
//!     getters: WaitList,
//!     putters: WaitList,
//! }
//!
//! impl<T: Item> QueueCore for Shelf<T> {
//!     fn depth(&self) -> Option<usize> {
//!         Some(self.items.lock().unwrap().len())
//!     }
//!     fn capacity(&self) -> Option<usize> {
//!         Some(self.limit)
//!     }
//!     fn caps(&self) -> Caps {
//!         Caps::IN_PROCESS
//!     }
//! #   fn close(&self) {}
//! #   fn is_closed(&self) -> bool { false }
//!     // and `close`, `is_closed`
//! }
//!
//! impl<T: Item> TryQueue<T> for Shelf<T> {
//!     type Barrier = Fence;
//!
//!     fn put_now(&self, item: T) -> Result<(), PutError<T>> {
//!         let mut items = self.items.lock().unwrap();
//!         if items.len() >= self.limit {
//!             return Err(PutError::Full(item));
//!         }
//!         items.push_back(item);
//!         drop(items);
//!         self.getters.notify(1);
//!         Ok(())
//!     }
//!     fn get_now(&self) -> Result<T, GetError> {
//!         let item = self.items.lock().unwrap().pop_front().ok_or(GetError::Empty)?;
//!         self.putters.notify(1);
//!         Ok(item)
//!     }
//! #   fn getters(&self) -> &WaitList { &self.getters }
//! #   fn putters(&self) -> &WaitList { &self.putters }
//! #   fn put_run(&self, items: &mut VecDeque<T>) -> Result<usize, PutError<()>> {
//! #       let Some(item) = items.pop_front() else { return Ok(0) };
//! #       let refused = |item| items.push_front(item);
//! #       self.put_now(item).map(|()| 1).map_err(|error| error.map(refused))
//! #   }
//! #   fn get_run(&self, out: &mut Vec<T>, _: usize) -> Result<usize, GetError> {
//! #       out.push(self.get_now()?);
//! #       Ok(1)
//! #   }
//!     // and the two lists, and the same in runs
//! }
//!
//! queue_core::waiting_queue!(Shelf);
//!
//! let shelf = Shelf { items: Mutex::default(), limit: 1, getters: WaitList::new(), putters: WaitList::new() };
//! let book = std::thread::scope(|scope| {
//!     scope.spawn(|| shelf.put("book"));
//!     shelf.get()
//! })?;
//! assert_eq!(book, "book");
//! shelf.put("lamp")?;
//! let refused = shelf.put_within("vase", Wait::from(Duration::from_millis(1)));
//! assert!(matches!(refused, Err(PutError::Full("vase"))));
//! # Ok::<(), queue_core::Error>(())
//! ```
#![forbid(unsafe_code)]

mod caps;
mod counters;
mod error;
mod ext;
mod lease;
mod lease_async;
mod ledger;
mod queue;
mod refusal;
mod select;
mod sync;
pub mod try_queue;
pub mod wait;

pub use caps::Caps;
pub use counters::{Counter, LeaseTotals, QueueStats, metric};
pub use error::{Error, ErrorKind, Result};
pub use ext::{GetAsync, GetBatchAsync, Iter, PutAsync, PutBatchAsync, QueueExt, QueueSink, QueueStream};
pub use lease::{Lease, LeaseKeeper};
pub use lease_async::LeaseAsync;
pub use ledger::{DropCause, EdgeCounts, EdgeLedger, EdgeReport, Ledger, LedgerReport};
pub use queue::{DynQueue, Item, Queue, QueueCore, Totals, Wait, Wire};
pub use refusal::{GetError, PutError, RetryToken};
pub use select::{Select, SelectAsync};
pub use try_queue::TryQueue;
