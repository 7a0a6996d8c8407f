//! A queue of many processes while they die, stop, fork, storm in and out, or write nonsense into it:
//! `chaos --backend shm --fault kill9|points|storm|stop|tamper|fork|wakes [--rounds N] [--seed S] [--json]`.
//!
//! The program starts itself again for every process of a campaign; each writes down what it was told by the queue, call
//! by call, into a journal that outlives it. What the journals say together is judged in the end. The seed decides who
//! dies, when and at which step; how processes meet is up to the machine, so a seed repeats the plan of a campaign and not
//! its every interleaving. The journals of a failed campaign are kept.
//!
//! Exit code 0 without a failure, 1 with one, 2 for a wrong command line.

mod audit;
mod crew;
mod fork;
mod journal;
mod kill9;
mod ledger;
mod options;
mod payload;
mod points;
mod report;
mod roles;
mod scene;
mod stop;
mod storm;
mod sys;
mod tamper;
mod waging;
mod wakes;
mod worker;

use std::process::ExitCode;

use queue_testkit::campaign;

fn main() -> ExitCode {
    campaign::main(options::PROGRAM.usage, roles::play, options::read, waging::run)
}
