//! Requests and answers over queues: typed clients, any number of workers, deadlines, cancellation, answers in parts.
//!
//! * A [`Desk`] is a service: its name, its request queue, its number of workers. [`Worker`] takes from it, [`Staff`] is a
//!   thread for each worker.
//! * A [`ServiceClient`] asks: [`call`](ServiceClient::call), [`call_async`](ServiceClient::call_async),
//!   [`stream`](ServiceClient::stream). Its answers come into a [`Mailbox`], which clients of any services can share.
//! * [`ReplyQueues`] is how workers reach callers in other processes: a request names its response queue by descriptor
//!   or by its place in a pool.
//!
//! Every call has a deadline, which travels in the request: what has expired is skipped, and a worker that dies leaves calls
//! that end in time with an error. What a handler says when it fails arrives with its kind, message and causes; its
//! panic is an error of the caller, and the worker goes on.
//!
//! No call has a thread, and no client: whoever waits reads the answers of all who share its mailbox. One thread of the
//! process reads for asynchronous calls.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use descriptor_core::{Descriptor, Wait};
//! use queue_sage::SageSpec;
//! use service::{Call, Desk, Mailbox, ServiceClient, Staff};
//!
//! let requests = Descriptor::new("squares/requests", SageSpec::bounded(16))?;
//! let desk = Desk::<u64>::new("squares", 2, requests.queue()?);
//! let staff = Staff::start(&desk, 2, &Arc::default(), |_| {
//!     |number: u64, _: &mut Call<u64>| match number.checked_mul(number) {
//!         Some(square) => Ok(Some(square)),
//!         None => Err("too large".into()),
//!     }
//! })?;
//!
//! let answers = Descriptor::new("squares/answers", SageSpec::bounded(16))?;
//! let mailbox = Mailbox::new(answers.queue()?, &answers.to_record());
//! let squares = ServiceClient::<u64, u64>::new(&desk, &mailbox);
//! assert_eq!(squares.call(12, Wait::from(Duration::from_secs(10)))?, 144);
//! let error = squares.call(u64::MAX, Wait::from(Duration::from_secs(10))).unwrap_err();
//! assert!(error.to_string().contains("too large"));
//! assert_eq!(staff.end(Duration::from_secs(10)).totals.taken, 2);
//! # Ok::<(), descriptor_core::Error>(())
//! ```
#![forbid(unsafe_code)]

mod by_hand;
mod call_async;
mod client;
mod deadline;
mod desk;
mod fault;
mod mailbox;
mod message;
mod parcel;
mod pending;
mod pump;
mod replies;
mod reply_to;
mod staff;
mod tally;
mod trail;
mod worker;

pub use call_async::CallAsync;
pub use client::{DEFAULT_LIMIT, ServiceClient};
pub use desk::Desk;
pub use mailbox::{DEFAULT_PENDING, Mailbox};
pub use message::{Answer, CallId, Message, Ticket};
pub use replies::Replies;
pub use reply_to::ReplyQueues;
pub use staff::{Staff, StaffReport};
pub use tally::ServiceTotals;
pub use worker::{Call, Failure, Worker};
