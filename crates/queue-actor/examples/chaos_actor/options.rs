//! The command line.

use std::ops::Deref;

use queue_testkit::campaign::{self, Program, choice, number};

/// What a campaign does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Many processes open the same names at once, while nobody is the manager yet.
    Storm,
    /// The process of the manager is killed.
    Manager,
}

pub(crate) const PROGRAM: Program<Fault> = Program {
    backend: "actor",
    faults: &[("storm", Fault::Storm, 1), ("manager", Fault::Manager, 500)],
    keeps: false,
    usage: "chaos --backend actor --fault storm|manager [--rounds N] [--processes N] [--opens N] \
     [--seed S] [--plant split|rewind|forget] [--json]",
};

/// A mistake that is made on purpose, and must be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    /// One process is somewhere else, and has a manager of its own.
    Split,
    /// The number of the epoch is set back after a death.
    Rewind,
    /// What a manager wrote down is gone after its death.
    Forget,
}

const PLANTS: &[(&str, Plant)] = &[
    ("split", Plant::Split),
    ("rewind", Plant::Rewind),
    ("forget", Plant::Forget),
];

/// A campaign as asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    usual: campaign::Options<Fault>,
    pub(crate) processes: u64,
    /// Queues that each process opens in a storm.
    pub(crate) opens: u64,
    pub(crate) plant: Option<Plant>,
}

impl Deref for Options {
    type Target = campaign::Options<Fault>;

    fn deref(&self) -> &Self::Target {
        &self.usual
    }
}

pub(crate) fn read(words: &mut dyn Iterator<Item = String>) -> Result<Options, String> {
    let (mut processes, mut opens, mut plant) = (None, 1000, None);
    let usual = PROGRAM.read(words, |word, value| {
        match word {
            "--processes" => processes = Some(number(word, value)?),
            "--opens" => opens = number(word, value)?.max(1),
            "--plant" => plant = Some(choice("plant", PLANTS, value)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let most = match usual.fault {
        Fault::Storm => 32,
        Fault::Manager => 4,
    };
    Ok(Options {
        usual,
        processes: processes.unwrap_or(most).max(2),
        opens,
        plant,
    })
}
