//! The vocabulary of sage-comm.
#![forbid(unsafe_code)]

mod caps;
mod error;
mod ext;
mod id;
mod lease;
mod queue;
mod reach;
mod record;
mod refusal;
mod sync;
mod try_queue;
mod value;
pub mod wait;

pub use caps::Caps;
pub use error::{Error, ErrorKind, Result};
pub use ext::{GetAsync, GetBatchAsync, Iter, PutAsync, PutBatchAsync, QueueExt, QueueSink, QueueStream};
pub use id::QueueId;
pub use lease::{Lease, LeaseKeeper};
pub use queue::{DynQueue, Item, Queue, QueueCore, Totals, Wait, Wire};
pub use reach::Reach;
pub use record::{DescriptorRecord, Scope};
pub use refusal::{GetError, PutError, RetryToken};
pub use try_queue::TryQueue;
pub use value::{Metadata, Value};
