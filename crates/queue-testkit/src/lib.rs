//! The conformance kit: what every queue is held to, whoever wrote it.
//!
//! The sixteen clauses of [`Queue`](descriptor_core::Queue) are functions here, several per clause. A queue
//! type is a [`Subject`]; one line makes a test of every clause, named after the clause and the subject:
//!
//! ```
//! mod conformance {
//!     queue_testkit::conformance!(in_process reference, queue_testkit::ReferenceQueues);
//! }
//! # use queue_testkit::{Outcome, ReferenceQueues, Suite};
//! # let suite = Suite::in_process(ReferenceQueues);
//! # assert_eq!(suite.check("order::one_producer_comes_out_in_order"), Outcome::Held);
//! ```
//!
//! A queue that only carries what can be serialized leaves the word `in_process` away. Clauses that ask for more than
//! the queue's [`Caps`](descriptor_core::Caps) promise are skipped, and the test `skipped_clauses` prints them with
//! the reason. Outside of tests, [`Suite`] is the same thing as a value.
//!
//! [`Chaos`] is the other way round: a queue that goes wrong on purpose, for tests of what uses queues.
//!
//! Beside the clauses, a [`Storm`] records what threads and tasks see of one queue as a [`History`], and [`judge`] names
//! every [`Rule`] that no right queue could have broken.
//!
//! [`campaign`] is what programs share that kill the processes of a queue type.
//!
//! A [`Proxy`] does to a connection what networks do: delay, cut, stall, split, and flip bits.
//!
//! Every clause runs under a [`watchdog`]: a lost wake-up is a failed clause, not a stuck test run. `SAGE_STRESS=10`
//! in the environment makes all of them work ten times as long; any positive number does.
#![forbid(unsafe_code)]

pub mod campaign;
mod chaos;
mod clause;
mod clauses;
mod fixture;
mod flow;
mod history;
mod item_types;
mod kind;
mod list;
mod proxy;
mod reference;
mod run;
mod storm;
mod subject;
mod suite;

pub use chaos::{Chaos, ChaosSpec, Copier, Faults};
pub use clause::{Clause, Need, Outcome};
pub use fixture::{
    CountingWaker, Dice, Drops, Probe, Tracked, between, join, linger, on_tokio, spawn, spawn_many, until, watchdog,
    within_yields,
};
pub use flow::{Actor, Flow, Stamp, Verb};
pub use history::{Call, Clock, End, History, Log, Op, Rule, Violation, judge};
pub use item_types::{ItemTypes, item_types};
pub use proxy::{Direction, Endpoint, Pieces, Place, Proxy, Tally, Tape, Weather};
pub use reference::{Reference, ReferenceQueues};
pub use run::Run;
pub use storm::Storm;
pub use subject::{InProcess, Lending, Loan, Subject, Twice};
pub use suite::Suite;
