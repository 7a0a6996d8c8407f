//! The targets under libFuzzer. The environment says which: `SAGE_FUZZ_TARGET`, and without it the list is printed. With
//! `SAGE_FUZZ_SEEDS` the seeds of the target are written into that folder instead. `planted` is a target with a fault, for whoever
//! wants to know whether the fuzzer finds any.
#![forbid(unsafe_code)]
#![no_main]

use std::io::{self, Write};
use std::path::Path;
use std::process::exit;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use sage_fuzz::TARGETS;

static RUN: OnceLock<fn(&[u8])> = OnceLock::new();

fuzz_target!(
    init: begin(),
    |bytes: &[u8]| {
        if let Some(run) = RUN.get() {
            run(bytes);
        }
    }
);

/// Does what the environment asks for; what it does not end with goes on with the fuzzer.
fn begin() {
    let done = match std::env::var("SAGE_FUZZ_TARGET") {
        Err(_) => list(),
        Ok(name) => match (sage_fuzz::find(&name), std::env::var_os("SAGE_FUZZ_SEEDS")) {
            (Some(target), Some(folder)) => write(&(target.seeds)(), Path::new(&folder)),
            (Some(target), None) => return choose(target.run),
            (None, _) if name == "planted" => return choose(planted),
            (None, _) => Err(io::Error::other(format!(
                "SAGE_FUZZ_TARGET is `{name}`, which is no target"
            ))),
        },
    };
    match done {
        Ok(()) => exit(0),
        Err(error) => {
            let _ = writeln!(io::stderr(), "fuzz: {error}");
            exit(2)
        }
    }
}

fn choose(run: fn(&[u8])) {
    // The first one stays; nobody sets another.
    RUN.get_or_init(|| run);
}

fn list() -> io::Result<()> {
    let mut out = io::stdout().lock();
    TARGETS.iter().try_for_each(|target| writeln!(out, "{}", target.name))
}

fn write(seeds: &[Vec<u8>], folder: &Path) -> io::Result<()> {
    for (number, seed) in seeds.iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{number}")), seed)?;
    }
    Ok(())
}

/// Found by following the branches, not by luck: five bytes in a row.
fn planted(bytes: &[u8]) {
    for (place, wanted) in b"fault".iter().enumerate() {
        if bytes.get(place) != Some(wanted) {
            return;
        }
    }
    panic!("the planted fault");
}
