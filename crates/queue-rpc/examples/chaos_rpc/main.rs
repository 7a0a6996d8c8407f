//! Queues of a server while clients, the server and the connections between them fail:
//! `chaos --backend rpc --fault kill-client|kill-server|cut|resegment|bitflip|half-open|power [--rounds N] [--seed S] [--durability disk] [--json]`.
//!
//! The program starts itself again for every client, and for the server when that is what dies. Each client writes down what
//! it was told, call by call, into a journal that outlives it, and what the journals say together is judged in the end. The seed
//! decides who dies, when, and which byte is hit; how processes meet is up to the machine, so a seed repeats the plan of a
//! campaign and not its every interleaving. The journals of a failed campaign are kept.
//!
//! Exit code 0 without a failure, 1 with one, 2 for a wrong command line.

mod books;
mod clock;
mod crew;
mod half_open;
mod journal;
mod kill_client;
mod kill_server;
mod law;
mod options;
mod payload;
mod report;
mod resegment;
mod roles;
mod scene;
mod script;
mod tape;
mod waging;
mod wire;
mod worker;

use std::process::ExitCode;

use queue_testkit::campaign;

fn main() -> ExitCode {
    campaign::main(options::PROGRAM.usage, roles::play, options::read, waging::run)
}
