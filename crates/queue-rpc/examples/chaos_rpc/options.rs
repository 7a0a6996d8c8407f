//! The command line.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

pub(crate) const USAGE: &str = "chaos --backend rpc --fault kill-client|kill-server|cut|resegment|bitflip|half-open|power \
     [--rounds N] [--seed S] [--durability disk] [--plant thief|twin|liar|stranger|replay|rewind|no-sync|no-flip] [--keep] [--json]";

/// What a campaign does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    KillClient,
    KillServer,
    Cut,
    Resegment,
    Bitflip,
    HalfOpen,
    Power,
}

/// Name, fault, and rounds unless told otherwise.
const FAULTS: &[(&str, Fault, u64)] = &[
    ("kill-client", Fault::KillClient, 200),
    ("kill-server", Fault::KillServer, 50),
    ("cut", Fault::Cut, 500),
    ("resegment", Fault::Resegment, 100),
    ("bitflip", Fault::Bitflip, 500),
    ("half-open", Fault::HalfOpen, 10),
    ("power", Fault::Power, 50),
];

impl Fault {
    pub(crate) fn name(self) -> &'static str {
        let known = FAULTS.iter().find(|(_, fault, _)| *fault == self);
        known.map_or("", |(name, ..)| name)
    }
}

/// A mistake that is made on purpose, and must be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    /// Somebody takes items and tells nobody.
    Thief,
    /// Somebody puts an item again that was there already.
    Twin,
    /// Somebody puts an item whose bytes are wrong.
    Liar,
    /// Somebody else is at work in a queue that one client has for itself.
    Stranger,
    /// An item that came out in the old life of the server is put into the new one.
    Replay,
    /// The disk of the server is put back to what it was one life before.
    Rewind,
    /// The disk says that it has synced, and has not.
    NoSync,
    /// No bit is flipped.
    NoFlip,
}

const PLANTS: &[(&str, Plant)] = &[
    ("thief", Plant::Thief),
    ("twin", Plant::Twin),
    ("liar", Plant::Liar),
    ("stranger", Plant::Stranger),
    ("replay", Plant::Replay),
    ("rewind", Plant::Rewind),
    ("no-sync", Plant::NoSync),
    ("no-flip", Plant::NoFlip),
];

/// A campaign as asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) fault: Fault,
    pub(crate) rounds: u64,
    pub(crate) seed: u64,
    pub(crate) plant: Option<Plant>,
    /// Whether the queues outlive their server.
    pub(crate) on_disk: bool,
    /// The journals stay when nothing failed, too.
    pub(crate) keep: bool,
    pub(crate) json: bool,
}

pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let (mut fault, mut backend, mut rounds) = (None, None, None);
    let mut options = Options {
        fault: Fault::Cut,
        rounds: 0,
        seed: RandomState::new().hash_one(0) >> 32,
        plant: None,
        on_disk: false,
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
            "--seed" => options.seed = number()?,
            "--durability" if value == "disk" => options.on_disk = true,
            "--durability" if value == "process" => options.on_disk = false,
            "--durability" => return Err(format!("no durability `{value}`, `disk` or `process`")),
            "--plant" => {
                let known = PLANTS.iter().find(|(name, _)| *name == value);
                let (_, plant) = known.ok_or_else(|| format!("no plant `{value}`"))?;
                options.plant = Some(*plant);
            }
            _ => return Err(format!("unexpected `{word}`")),
        }
    }
    match backend.as_deref() {
        Some("rpc") => {}
        Some(other) => return Err(format!("expected the backend `rpc`, found `{other}`")),
        None => return Err("expected `--backend rpc`".into()),
    }
    let asked = fault.ok_or("expected `--fault` and which")?;
    let known = FAULTS.iter().find(|(name, ..)| *name == asked);
    let (_, fault, usual) = known.ok_or_else(|| format!("no fault `{asked}`"))?;
    options.fault = *fault;
    if options.fault == Fault::Power {
        options.on_disk = true;
    } else if options.on_disk && options.fault != Fault::KillServer {
        return Err("`--durability disk` goes with `--fault kill-server`: in the others the server lives".into());
    }
    options.rounds = rounds.unwrap_or(*usual).max(1);
    Ok(options)
}
