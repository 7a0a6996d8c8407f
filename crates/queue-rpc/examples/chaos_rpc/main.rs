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
mod campaign;
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
mod wire;
mod worker;

use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    if let Some(role) = words.peek().and_then(|word| word.strip_prefix('@')).map(str::to_owned) {
        return roles::play(&role, words.skip(1));
    }
    match options::read(words) {
        Ok(options) => campaign::run(&options),
        Err(message) => {
            complain(format_args!("chaos: {message}; usage: {}", options::USAGE));
            ExitCode::from(2)
        }
    }
}

/// One line to standard output; a closed pipe is the reader's choice.
fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// One line to standard error, which for a process of a campaign is a file of the campaign.
fn complain(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
