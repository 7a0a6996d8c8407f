//! The command line.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

pub(crate) const USAGE: &str = "chaos --backend actor --fault storm|manager [--rounds N] [--processes N] [--opens N] \
     [--seed S] [--plant split|rewind|forget] [--json]";

/// What a campaign does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Many processes open the same names at once, while nobody is the manager yet.
    Storm,
    /// The process of the manager is killed.
    Manager,
}

/// Name, fault, and rounds and processes unless told otherwise.
const FAULTS: &[(&str, Fault, u64, u64)] = &[("storm", Fault::Storm, 1, 32), ("manager", Fault::Manager, 500, 4)];

impl Fault {
    pub(crate) fn name(self) -> &'static str {
        let known = FAULTS.iter().find(|(_, fault, ..)| *fault == self);
        known.map_or("", |(name, ..)| name)
    }
}

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
    pub(crate) fault: Fault,
    pub(crate) rounds: u64,
    pub(crate) processes: u64,
    /// Queues that each process opens in a storm.
    pub(crate) opens: u64,
    pub(crate) seed: u64,
    pub(crate) plant: Option<Plant>,
    pub(crate) json: bool,
}

pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let (mut fault, mut backend, mut rounds, mut processes) = (None, None, None, None);
    let mut options = Options {
        fault: Fault::Storm,
        rounds: 0,
        processes: 0,
        opens: 1000,
        seed: RandomState::new().hash_one(0) >> 32,
        plant: None,
        json: false,
    };
    while let Some(word) = words.next() {
        if word == "--json" {
            options.json = true;
            continue;
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
            "--processes" => processes = Some(number()?),
            "--opens" => options.opens = number()?.max(1),
            "--seed" => options.seed = number()?,
            "--plant" => {
                let known = PLANTS.iter().find(|(name, _)| *name == value);
                let (_, plant) = known.ok_or_else(|| format!("no plant `{value}`"))?;
                options.plant = Some(*plant);
            }
            _ => return Err(format!("unexpected `{word}`")),
        }
    }
    match backend.as_deref() {
        Some("actor") => {}
        Some(other) => return Err(format!("expected the backend `actor`, found `{other}`")),
        None => return Err("expected `--backend actor`".into()),
    }
    let asked = fault.ok_or("expected `--fault` and which")?;
    let known = FAULTS.iter().find(|(name, ..)| *name == asked);
    let (_, fault, usual_rounds, usual_processes) = known.ok_or_else(|| format!("no fault `{asked}`"))?;
    options.fault = *fault;
    options.rounds = rounds.unwrap_or(*usual_rounds).max(1);
    options.processes = processes.unwrap_or(*usual_processes).max(2);
    Ok(options)
}
