//! The command line.

use std::ops::Deref;

use queue_testkit::campaign::{self, Program, choice};

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

pub(crate) const PROGRAM: Program<Fault> = Program {
    backend: "rpc",
    faults: &[
        ("kill-client", Fault::KillClient, 200),
        ("kill-server", Fault::KillServer, 50),
        ("cut", Fault::Cut, 500),
        ("resegment", Fault::Resegment, 100),
        ("bitflip", Fault::Bitflip, 500),
        ("half-open", Fault::HalfOpen, 10),
        ("power", Fault::Power, 50),
    ],
    keeps: true,
    usage: "chaos --backend rpc --fault kill-client|kill-server|cut|resegment|bitflip|half-open|power \
     [--rounds N] [--seed S] [--durability disk] [--plant thief|twin|liar|stranger|replay|rewind|no-sync|no-flip|blank] [--live N] [--keep] [--json]",
};

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
    /// No bit is flipped on tapes.
    Blank,
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
    ("blank", Plant::Blank),
];

/// A campaign as asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    usual: campaign::Options<Fault>,
    pub(crate) plant: Option<Plant>,
    /// Whether the queues outlive their server.
    pub(crate) on_disk: bool,
    /// With flipped bits: the most rounds on live connections. Further ones are on tapes of what came over those.
    pub(crate) live: u64,
}

/// Live rounds take a fifth of a second each.
const LIVE: u64 = 1_000;

impl Deref for Options {
    type Target = campaign::Options<Fault>;

    fn deref(&self) -> &Self::Target {
        &self.usual
    }
}

pub(crate) fn read(words: &mut dyn Iterator<Item = String>) -> Result<Options, String> {
    let (mut plant, mut on_disk, mut live) = (None, false, LIVE);
    let usual = PROGRAM.read(words, |word, value| {
        match word {
            "--durability" => on_disk = choice("durability", &[("disk", true), ("process", false)], value)?,
            "--live" => {
                live = value
                    .parse()
                    .map_err(|_| format!("`--live {value}` is no number of rounds"))?
            }
            "--plant" => plant = Some(choice("plant", PLANTS, value)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if usual.fault == Fault::Power {
        on_disk = true;
    } else if on_disk && usual.fault != Fault::KillServer {
        return Err("`--durability disk` goes with `--fault kill-server`: in the others the server lives".into());
    }
    Ok(Options {
        usual,
        plant,
        on_disk,
        live,
    })
}
