//! What a name leads to: how queues are named, described, opened and chosen.
//!
//! * [`Descriptor`] names a queue and opens it on first use; [`DescriptorPool`] is a set of their records.
//! * [`Spec`] and [`Open`] make a queue type; [`Registry`] opens records of the types it was given; [`Backends`] is a
//!   choice of types. [`kinds`] lists the types of this library with their parameters.
//! * [`Strategy`] chooses a type of queue; [`NameService`] elects the one holder of a name.
//!
//! The two layers below are exported here by name, so that one crate has the whole vocabulary: `queue_core` is what a
//! queue promises ([`Queue`], [`Error`], [`wait`], [`Ledger`]), `descriptor_record` is what travels
//! ([`DescriptorRecord`], [`QueueId`], [`Codec`], [`TypeTag`]).
//!
//! There is no input or output here, no thread is started and nothing is unsafe.
//!
//! A queue type from outside needs its parameters and a way to open it. Descriptors do the rest:
//!
//! ```
//! use std::sync::Arc;
//! use descriptor_core::{
//!     Descriptor, DynQueue, Error, Item, KeySpec, Metadata, Open, Params, QueueId, Reach, Registry, Spec, Value,
//! };
//! # use std::{collections::VecDeque, sync::Mutex};
//! # use descriptor_core::wait::WaitList;
//! # use descriptor_core::{Caps, GetError, PutError, QueueCore, TryQueue};
//! # struct MyQueue<T> { items: Mutex<VecDeque<T>>, limit: usize, getters: WaitList, putters: WaitList }
//! # impl<T: Item> MyQueue<T> {
//! #     fn new(limit: usize) -> Self {
//! #         Self { items: Mutex::default(), limit, getters: WaitList::new(), putters: WaitList::new() }
//! #     }
//! # }
//! # impl<T: Item> QueueCore for MyQueue<T> {
//! #     fn depth(&self) -> Option<usize> { Some(self.items.lock().unwrap().len()) }
//! #     fn capacity(&self) -> Option<usize> { Some(self.limit) }
//! #     fn caps(&self) -> Caps { Caps::IN_PROCESS }
//! #     fn close(&self) {}
//! #     fn is_closed(&self) -> bool { false }
//! # }
//! # impl<T: Item> TryQueue<T> for MyQueue<T> {
//! #     type Barrier = descriptor_core::wait::Fence;
//! #     fn getters(&self) -> &WaitList { &self.getters }
//! #     fn putters(&self) -> &WaitList { &self.putters }
//! #     fn put_now(&self, item: T) -> Result<(), PutError<T>> {
//! #         let mut items = self.items.lock().unwrap();
//! #         if items.len() >= self.limit { return Err(PutError::Full(item)); }
//! #         items.push_back(item);
//! #         drop(items);
//! #         self.getters.notify(1);
//! #         Ok(())
//! #     }
//! #     fn get_now(&self) -> Result<T, GetError> {
//! #         let item = self.items.lock().unwrap().pop_front().ok_or(GetError::Empty)?;
//! #         self.putters.notify(1);
//! #         Ok(item)
//! #     }
//! #     fn put_run(&self, items: &mut VecDeque<T>) -> Result<usize, PutError<()>> {
//! #         let Some(item) = items.pop_front() else { return Ok(0) };
//! #         let refused = |item| items.push_front(item);
//! #         self.put_now(item).map(|()| 1).map_err(|error| error.map(refused))
//! #     }
//! #     fn get_run(&self, out: &mut Vec<T>, _: usize) -> Result<usize, GetError> {
//! #         out.push(self.get_now()?);
//! #         Ok(1)
//! #     }
//! # }
//! # descriptor_core::waiting_queue!(MyQueue);
//!
//! #[derive(Clone, Debug)]
//! struct MySpec {
//!     maxsize: usize,
//! }
//!
//! impl Spec for MySpec {
//!     const KIND: &'static str = "mine";
//!     const REACH: Reach = Reach::Process;
//!
//!     fn keys() -> &'static [KeySpec] {
//!         const { &[KeySpec::bounded(1000)] }
//!     }
//!     fn to_metadata(&self) -> Metadata {
//!         Metadata::from([("maxsize".into(), Value::Int(self.maxsize as i64))])
//!     }
//!     fn from_params(params: &Params) -> Result<Self, Error> {
//!         Ok(Self { maxsize: params.capacity("maxsize").unwrap_or(1000) })
//!     }
//! }
//!
//! impl<T: Item> Open<T> for MySpec {
//!     fn open(&self, _: &QueueId) -> Result<DynQueue<T>, Error> {
//!         Ok(Arc::new(MyQueue::new(self.maxsize)))
//!     }
//! }
//!
//! let jobs = Descriptor::new("jobs", MySpec { maxsize: 10 })?;
//! let line = jobs.to_uri()?;
//! jobs.put("sweep".to_owned())?;
//!
//! // Elsewhere in the program, from the line of text alone:
//! let registry = Registry::<String>::new().with::<MySpec>();
//! assert_eq!(registry.open(&line.parse()?)?.get()?, "sweep");
//! # Ok::<(), Error>(())
//! ```
#![forbid(unsafe_code)]

mod backends;
mod descriptor;
pub mod kinds;
mod live;
mod name_service;
mod names;
mod params;
mod pool;
mod process;
mod registry;
mod spec;
mod strategy;

pub use backends::Backends;
pub use descriptor::{Descriptor, Evicted, LiveQueue, QueueDescriptor, adopt, describe, evict, live_queues};
pub use descriptor_record::{
    Codec, DescriptorRecord, Metadata, QueueId, Reach, Scope, TypeTag, Value, excerpt, nearest,
};
pub use kinds::{KINDS, Kind};
pub use name_service::{Holder, LocalNames, NameService};
pub use params::Params;
pub use pool::{DescriptorPool, PoolDiff};
pub use process::process_token;
pub use queue_core::{
    Caps, Counter, DropCause, DynQueue, EdgeCounts, EdgeLedger, EdgeReport, Error, ErrorKind, GetAsync, GetBatchAsync,
    GetError, Item, Iter, Lease, LeaseAsync, LeaseKeeper, LeaseTotals, Ledger, LedgerReport, PutAsync, PutBatchAsync,
    PutError, Queue, QueueCore, QueueExt, QueueSink, QueueStats, QueueStream, Result, RetryToken, Select, SelectAsync,
    Totals, TryQueue, Wait, Wire, metric, try_queue, wait, waiting_queue,
};
pub use registry::Registry;
pub use spec::{KeySpec, MAX_CAPACITY, Open, Preset, Spec, Takes};
pub use strategy::{Choice, DefaultStrategy, EdgeRequest, KindInfo, Refusal, ServerAddress, Strategy};
