//! The command line.

use std::ops::Deref;

use queue_testkit::campaign::{self, Program, choice, number};

/// What a campaign does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An operator panics at some packet.
    Panic,
    /// An operator does not return.
    Stuck,
    /// A worker is killed.
    Kill,
    /// A worker ends too early.
    Exit,
    /// A worker is stopped, and goes on.
    Stop,
    /// The coordinator is killed.
    Coordinator,
    /// The sink is slow, all queues are full, and the job is told to end.
    Slow,
    /// Many threads tell one job many things.
    Storm,
    /// Upstreams of different length and speed.
    Uneven,
}

pub(crate) const PROGRAM: Program<Fault> = Program {
    backend: "runtime",
    faults: &[
        ("panic", Fault::Panic, 300),
        ("stuck", Fault::Stuck, 8),
        ("kill", Fault::Kill, 50),
        ("exit", Fault::Exit, 50),
        ("stop", Fault::Stop, 10),
        ("coordinator", Fault::Coordinator, 20),
        ("slow", Fault::Slow, 200),
        ("storm", Fault::Storm, 100),
        ("uneven", Fault::Uneven, 1000),
    ],
    keeps: false,
    usage: "chaos --backend runtime --fault panic|stuck|kill|exit|stop|coordinator|slow|storm|uneven [--rounds N] [--hold MS] \
     [--seed S] [--plant lose|twice|blame|linger|leak] [--json]",
};

/// A mistake that is made on purpose, and must be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    /// A packet that arrived is forgotten.
    Lose,
    /// A packet arrives once more.
    Twice,
    /// Somebody else is expected in the report.
    Blame,
    /// Somebody does not end.
    Linger,
    /// Something is left behind.
    Leak,
}

const PLANTS: &[(&str, Plant)] = &[
    ("lose", Plant::Lose),
    ("twice", Plant::Twice),
    ("blame", Plant::Blame),
    ("linger", Plant::Linger),
    ("leak", Plant::Leak),
];

/// A campaign as asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    usual: campaign::Options<Fault>,
    /// How long a worker is stopped at most, in milliseconds.
    pub(crate) hold: u64,
    pub(crate) plant: Option<Plant>,
}

impl Deref for Options {
    type Target = campaign::Options<Fault>;

    fn deref(&self) -> &Self::Target {
        &self.usual
    }
}

impl Options {
    pub(crate) fn plants(&self, plant: Plant) -> bool {
        self.plant == Some(plant)
    }
}

pub(crate) fn read(words: &mut dyn Iterator<Item = String>) -> Result<Options, String> {
    let (mut hold, mut plant) = (3_000, None);
    let usual = PROGRAM.read(words, |word, value| {
        match word {
            "--hold" => hold = number(word, value)?.max(1),
            "--plant" => plant = Some(choice("plant", PLANTS, value)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(Options { usual, hold, plant })
}
