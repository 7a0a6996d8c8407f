//! The command line.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use queue_shm::STEPS;

pub(crate) const USAGE: &str = "chaos --backend shm --fault kill9|points|storm|stop|tamper|fork|wakes [--rounds N] [--seed S] \
     [--pairs N] [--opens N] [--hold MILLISECONDS] [--plant FAULT] [--keep] [--json]";

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

/// Name, fault, and rounds unless told otherwise.
const FAULTS: &[(&str, Fault, u64)] = &[
    ("kill9", Fault::Kill9, 1000),
    ("points", Fault::Points, 50),
    ("storm", Fault::Storm, 1000),
    ("stop", Fault::Stop, 2 * STEPS.len() as u64),
    ("tamper", Fault::Tamper, 100_000),
    ("fork", Fault::Fork, 100),
    ("wakes", Fault::Wakes, 10_000_000),
];

impl Fault {
    pub(crate) fn name(self) -> &'static str {
        FAULTS
            .iter()
            .find(|(_, fault, _)| *fault == self)
            .map_or("", |(name, ..)| name)
    }
}

/// A campaign as asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) fault: Fault,
    pub(crate) rounds: u64,
    pub(crate) seed: u64,
    /// How many pairs of steps by lot, in `points`; each of them, without a number.
    pub(crate) pairs: Option<u64>,
    /// How often each process opens a queue in `storm`; 0 for as long as others are killed.
    pub(crate) opens: u64,
    /// How long a process is stopped.
    pub(crate) hold: Duration,
    /// A fault in the queue itself, which the campaign must notice.
    pub(crate) plant: Option<String>,
    /// The journals stay when nothing failed, too.
    pub(crate) keep: bool,
    pub(crate) json: bool,
}

pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let (mut fault, mut backend, mut rounds) = (None, None, None);
    let mut options = Options {
        fault: Fault::Kill9,
        rounds: 0,
        seed: RandomState::new().hash_one(0) >> 32,
        pairs: None,
        opens: 10_000,
        hold: Duration::from_secs(5),
        plant: None,
        keep: false,
        json: false,
    };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => {
                options.json = true;
                continue;
            }
            "--keep" => {
                options.keep = true;
                continue;
            }
            _ => {}
        }
        let value = words.next().ok_or_else(|| format!("`{word}` lacks its value"))?;
        let number = || {
            let parsed = value.replace('_', "").parse::<u64>();
            parsed.map_err(|_| format!("`{word}` takes a number, found `{value}`"))
        };
        match word.as_str() {
            "--backend" => backend = Some(value),
            "--fault" => fault = Some(value),
            "--rounds" => rounds = Some(number()?),
            "--pairs" => options.pairs = Some(number()?),
            "--opens" => options.opens = number()?,
            "--seed" => options.seed = number()?,
            "--hold" => options.hold = Duration::from_millis(number()?),
            "--plant" => options.plant = Some(value),
            _ => return Err(format!("unexpected `{word}`")),
        }
    }
    match backend.as_deref() {
        Some("shm") => {}
        Some(other) => return Err(format!("expected the backend `shm`, found `{other}`")),
        None => return Err("expected `--backend shm`".into()),
    }
    let asked = fault.ok_or("expected `--fault` and which")?;
    let known = FAULTS.iter().find(|(name, ..)| *name == asked);
    let (_, fault, usual) = known.ok_or_else(|| format!("no fault `{asked}`"))?;
    options.fault = *fault;
    options.rounds = rounds.unwrap_or(*usual).max(1);
    Ok(options)
}
