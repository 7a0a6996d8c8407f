//! The vocabulary of sage-comm.
#![forbid(unsafe_code)]

mod backends;
mod caps;
mod descriptor;
mod error;
mod ext;
mod id;
pub mod kinds;
mod lease;
mod live;
mod names;
mod nearest;
mod params;
mod pool;
mod process;
mod queue;
mod reach;
mod record;
mod refusal;
mod registry;
mod spec;
mod strategy;
mod sync;
pub mod try_queue;
mod value;
pub mod wait;

pub use backends::Backends;
pub use caps::Caps;
pub use descriptor::{Descriptor, Evicted, QueueDescriptor};
pub use error::{Error, ErrorKind, Result};
pub use ext::{GetAsync, GetBatchAsync, Iter, PutAsync, PutBatchAsync, QueueExt, QueueSink, QueueStream};
pub use id::QueueId;
pub use kinds::{KINDS, Kind};
pub use lease::{Lease, LeaseKeeper};
pub use params::Params;
pub use pool::{DescriptorPool, PoolDiff};
pub use process::process_token;
pub use queue::{DynQueue, Item, Queue, QueueCore, Totals, Wait, Wire};
pub use reach::Reach;
pub use record::{DescriptorRecord, Scope};
pub use refusal::{GetError, PutError, RetryToken};
pub use registry::Registry;
pub use spec::{KeySpec, MAX_CAPACITY, Open, Preset, Spec, Takes};
pub use strategy::{Choice, DefaultStrategy, EdgeRequest, KindInfo, Refusal, Strategy};
pub use try_queue::TryQueue;
pub use value::{Metadata, Value};
