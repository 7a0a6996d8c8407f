//! The command line.

use std::ops::Deref;
use std::time::Duration;

use queue_shm::STEPS;
use queue_testkit::campaign::{self, Program, number};

/// What a campaign does to the processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Kill9,
    Points,
    Storm,
    Stop,
    Tamper,
    Fork,
    Wakes,
}

pub(crate) const PROGRAM: Program<Fault> = Program {
    backend: "shm",
    faults: &[
        ("kill9", Fault::Kill9, 1000),
        ("points", Fault::Points, 50),
        ("storm", Fault::Storm, 1000),
        ("stop", Fault::Stop, 2 * STEPS.len() as u64),
        ("tamper", Fault::Tamper, 100_000),
        ("fork", Fault::Fork, 100),
        ("wakes", Fault::Wakes, 10_000_000),
    ],
    keeps: true,
    usage: "chaos --backend shm --fault kill9|points|storm|stop|tamper|fork|wakes [--rounds N] [--seed S] \
     [--pairs N] [--opens N] [--hold MILLISECONDS] [--plant FAULT] [--keep] [--json]",
};

/// A campaign as asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    usual: campaign::Options<Fault>,
    /// How many pairs of steps by lot, in `points`; each of them, without a number.
    pub(crate) pairs: Option<u64>,
    /// How often each process opens a queue in `storm`; 0 for as long as others are killed.
    pub(crate) opens: u64,
    /// How long a process is stopped.
    pub(crate) hold: Duration,
    /// A fault in the queue itself, which the campaign must notice.
    pub(crate) plant: Option<String>,
}

impl Deref for Options {
    type Target = campaign::Options<Fault>;

    fn deref(&self) -> &Self::Target {
        &self.usual
    }
}

pub(crate) fn read(words: &mut dyn Iterator<Item = String>) -> Result<Options, String> {
    let (mut pairs, mut opens, mut hold, mut plant) = (None, 10_000, Duration::from_secs(5), None);
    let usual = PROGRAM.read(words, |word, value| {
        match word {
            "--pairs" => pairs = Some(number(word, value)?),
            "--opens" => opens = number(word, value)?,
            "--hold" => hold = Duration::from_millis(number(word, value)?),
            "--plant" => plant = Some(value.to_owned()),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(Options {
        usual,
        pairs,
        opens,
        hold,
        plant,
    })
}
