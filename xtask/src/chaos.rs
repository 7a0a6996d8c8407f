//! `cargo xtask chaos`: a queue type while its processes are killed, stopped, forked, or write nonsense into it, and while
//! connections to its server are cut and spoiled; and jobs while what they are made of fails.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::args::{Args, Failure};
use crate::ci::{processors, test_threads};
use crate::nearest::nearest;
use crate::nightly::{TARGET, missing, nightly};
use crate::shell::{self, cargo, say};
use crate::{abreast, example, features};

/// Line in the list of verbs.
pub(crate) const ABOUT: &str = "processes and connections fail: chaos --backend shm|rpc|actor|runtime --fault kill9|cut|storm|... [--asan] [--durability disk] [--rounds N] [--seed S] [--json]";

const SHM: &str = "shm";
const RPC: &str = "rpc";
const ACTOR: &str = "actor";
const RUNTIME: &str = "runtime";
const BACKENDS: &[&str] = &[SHM, RPC, ACTOR, RUNTIME];
const FAULTS: &[&str] = &["kill9", "points", "storm", "stop", "tamper", "fork", "wakes", LEASES];
const RPC_FAULTS: &[&str] = &[
    "kill-client",
    "kill-server",
    "cut",
    "resegment",
    "bitflip",
    "half-open",
    "power",
];
const ACTOR_FAULTS: &[&str] = &["storm", "manager"];
const RUNTIME_FAULTS: &[&str] = &[
    "panic",
    "stuck",
    "kill",
    "exit",
    "stop",
    "coordinator",
    "slow",
    "storm",
    "uneven",
];
/// Deaths of those who have items on loan, for which there is a program of its own.
const LEASES: &str = "leases";
/// The programs whose processes die at labelled steps, the test that runs them, and the feature that they need.
pub(crate) const WITH_STEPS: [&str; 2] = [CHAOS, LEASE_DEATHS];
pub(crate) const TEST_WITH_STEPS: &str = "shm_campaigns";
pub(crate) const KILL_POINTS: &str = "queue-shm/kill-points";
const CHAOS: &str = "chaos";
const LEASE_DEATHS: &str = "lease_deaths";
/// The others, and the tests that run them.
const CHAOS_RPC: &str = "chaos_rpc";
const CHAOS_ACTOR: &str = "chaos_actor";
const CHAOS_RUNTIME: &str = "chaos_runtime";
pub(crate) const TESTS: &str = "campaigns";
/// Builds with AddressSanitizer.
const ASAN: &str = "--asan";
const ASAN_FLAGS: &str = "-Zsanitizer=address -Cunsafe-allow-abi-mismatch=sanitizer";
/// A report is an exit code that no process of a campaign has; the signal of a segment that was cut short stays one.
const ASAN_OPTIONS: &str = "exitcode=66:handle_sigbus=0";

/// What `cargo xtask ci` does: about a minute in all, and of each fault enough to meet it. The tests of the crate come
/// first; they plant faults that the campaigns must notice.
const QUICK: &[(&str, &str)] = &[
    ("kill9", "--rounds 100"),
    ("points", "--rounds 1 --pairs 100"),
    ("storm", "--rounds 100 --opens 0"),
    ("stop", "--hold 50"),
    ("tamper", "--rounds 2000"),
    ("fork", "--rounds 50"),
    ("wakes", "--rounds 30000"),
    (LEASES, "--rounds 1 --pairs 0 --hold 100"),
];
const RPC_QUICK: &[(&str, &str)] = &[
    ("kill-client", "--rounds 40"),
    ("kill-server", "--rounds 10"),
    ("kill-server", "--durability disk --rounds 2"),
    ("cut", "--rounds 50"),
    ("resegment", "--rounds 4"),
    ("bitflip", "--rounds 2000 --live 50"),
    ("half-open", "--rounds 2"),
    ("power", "--rounds 2"),
];
const ACTOR_QUICK: &[(&str, &str)] = &[
    ("storm", "--rounds 2 --processes 12 --opens 100"),
    ("manager", "--rounds 20"),
];
/// Five seconds of it go by until an operator that does not return is given up, and four until a worker with one is.
const RUNTIME_QUICK: &[(&str, &str)] = &[
    ("panic", "--rounds 24"),
    ("stuck", "--rounds 4"),
    ("kill", "--rounds 4"),
    ("exit", "--rounds 4"),
    ("stop", "--rounds 2 --hold 200"),
    ("coordinator", "--rounds 2"),
    ("slow", "--rounds 8"),
    ("storm", "--rounds 15"),
    ("uneven", "--rounds 56"),
];

/// The short campaigns. Only queues with labelled steps are compiled for them: all else is as the tests have it.
pub(crate) fn quick(root: &Path, nextest: bool) -> Result<(), String> {
    let all = features::all_of_facade(root)?;
    let usual = ["--locked", "--workspace", "--features", &all];
    let with_steps = [&usual[..], &["--features", KILL_POINTS]].concat();
    let mut programs = BTreeMap::new();
    for (names, features) in [
        (&[CHAOS_RPC, CHAOS_ACTOR, CHAOS_RUNTIME][..], &usual[..]),
        (&WITH_STEPS, &with_steps),
    ] {
        for name in names {
            let path = example::built(root, cargo(root, &["build"]).args(features), "debug", name)?;
            programs.insert(*name, path);
        }
    }
    shell::run(&mut tests(root, nextest, TESTS, &usual))?;
    shell::run(&mut tests(root, nextest, TEST_WITH_STEPS, &with_steps))?;
    let all = [
        (SHM, QUICK),
        (RPC, RPC_QUICK),
        (ACTOR, ACTOR_QUICK),
        (RUNTIME, RUNTIME_QUICK),
    ];
    let all = all.map(|(backend, quick)| quick.iter().map(move |quick| (backend, quick)));
    let mut campaigns = Vec::new();
    for (backend, (fault, rest)) in all.into_iter().flatten() {
        let line = format!("--backend {backend} --fault {fault} {rest} --json");
        let line: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let (name, rest) = program(&line);
        let program = programs.get(name).ok_or_else(|| format!("`{name}` was not built"))?;
        let mut command = Command::new(program);
        command.args(rest).current_dir(root);
        campaigns.push(command);
    }
    // Most of their time they wait: for those who are stopped to go on, and for limits to pass.
    abreast::run(campaigns, processors())
}

/// Runs that test, of every package that has it.
fn tests(root: &Path, nextest: bool, name: &str, features: &[&str]) -> Command {
    if !nextest {
        let mut command = cargo(root, &["test", "--test", name]);
        command.args(features);
        return command;
    }
    let mut command = cargo(root, &["nextest", "run", "--retries", "0"]);
    command
        .args(["--test-threads", &test_threads(), "--test", name])
        .args(features);
    command
}

/// Passes the line on: the program that is all processes of a campaign reads it, checks it, and prints the verdict last.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    one_of(args.line(), "--backend", BACKENDS)?;
    let backend = value(args.line(), "--backend");
    one_of(args.line(), "--fault", faults_of(backend))?;
    if backend != Some(SHM) && args.has(ASAN) {
        return Err(Failure::Usage(format!(
            "{ASAN} goes with --backend {SHM}: nothing else here has code that it could find fault with"
        )));
    }
    if args.has(ASAN)
        && let Some(reason) = missing()
    {
        say(format_args!("skipped: chaos {ASAN}: {reason}"));
        return Ok(());
    }
    campaign(&shell::root()?, args.line())
}

/// What can happen to queues of that type.
fn faults_of(backend: Option<&str>) -> &'static [&'static str] {
    match backend {
        Some(RPC) => RPC_FAULTS,
        Some(ACTOR) => ACTOR_FAULTS,
        Some(RUNTIME) => RUNTIME_FAULTS,
        _ => FAULTS,
    }
}

/// The value of that flag, which must be one of these.
fn one_of(line: &[String], flag: &str, known: &[&str]) -> Result<(), Failure> {
    let all = known.join(", ");
    match value(line, flag) {
        Some(given) if known.contains(&given) => Ok(()),
        Some(given) => {
            let near = nearest(given, known.iter().copied());
            Err(Failure::Usage(format!(
                "no {flag} `{given}`, the nearest is `{near}`; known: {all}"
            )))
        }
        None => Err(Failure::Usage(format!("{flag} is missing, one of {all}"))),
    }
}

fn value<'a>(line: &'a [String], flag: &str) -> Option<&'a str> {
    let at = line.iter().position(|word| word == flag)?;
    line.get(at + 1).map(String::as_str)
}

/// The program of that fault, and what it is told.
fn program(line: &[String]) -> (&'static str, Vec<&str>) {
    let mut rest: Vec<&str> = line.iter().map(String::as_str).filter(|word| *word != ASAN).collect();
    match value(line, "--backend") {
        Some(RPC) => return (CHAOS_RPC, rest),
        Some(ACTOR) => return (CHAOS_ACTOR, rest),
        Some(RUNTIME) => return (CHAOS_RUNTIME, rest),
        _ => {}
    }
    if value(line, "--fault") != Some(LEASES) {
        return (CHAOS, rest);
    }
    // It knows one fault and one backend, and always ends with one object.
    for flag in ["--backend", "--fault"] {
        if let Some(at) = rest.iter().position(|word| *word == flag) {
            rest.drain(at..at + 2);
        }
    }
    rest.retain(|word| *word != "--json");
    (LEASE_DEATHS, rest)
}

fn campaign(root: &Path, line: &[String]) -> Result<(), Failure> {
    let (example, rest) = program(line);
    let (package, features) = match example {
        CHAOS_RPC => ("queue-rpc", ""),
        CHAOS_ACTOR => ("queue-actor", ""),
        CHAOS_RUNTIME => ("sage-tests", ""),
        _ => ("queue-shm", KILL_POINTS),
    };
    let words = [
        "run",
        "--quiet",
        "--locked",
        "--package",
        package,
        "--features",
        features,
        "--example",
        example,
    ];
    let mut command = if line.iter().any(|word| word == ASAN) {
        with_asan(root, &words)?
    } else {
        cargo(root, &words)
    };
    example::passed_on(command.arg("--").args(rest))
}

/// In a folder of its own, because the flags are part of every package's build.
fn with_asan(root: &Path, words: &[&str]) -> Result<Command, String> {
    let mut command = nightly(&["cargo"]);
    command
        .args(words)
        .args(["--target", TARGET])
        .current_dir(root)
        .env("CARGO_TARGET_DIR", example::target(root)?.join("asan"))
        .env("RUSTFLAGS", ASAN_FLAGS)
        .env("ASAN_OPTIONS", ASAN_OPTIONS);
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn every_fault_is_met_by_the_short_campaigns() {
        assert_eq!(QUICK.iter().map(|(fault, _)| *fault).collect::<Vec<_>>(), FAULTS);
        let mut rpc: Vec<_> = RPC_QUICK.iter().map(|(fault, _)| *fault).collect();
        rpc.dedup();
        assert_eq!(rpc, RPC_FAULTS);
        assert_eq!(
            ACTOR_QUICK.iter().map(|(fault, _)| *fault).collect::<Vec<_>>(),
            ACTOR_FAULTS
        );
        assert_eq!(
            RUNTIME_QUICK.iter().map(|(fault, _)| *fault).collect::<Vec<_>>(),
            RUNTIME_FAULTS
        );
    }

    #[test]
    fn an_unknown_fault_or_backend_names_those_there_are() {
        for (text, flag, known) in [
            ("--fault kill8", "--fault", FAULTS),
            ("--backend ipc", "--backend", BACKENDS),
            ("--backend rpc --fault kill9", "--fault", RPC_FAULTS),
            ("--backend actor --fault cut", "--fault", ACTOR_FAULTS),
            ("--backend runtime --fault kill9", "--fault", RUNTIME_FAULTS),
            ("--fault", "--fault", FAULTS),
        ] {
            let Err(Failure::Usage(message)) = one_of(&line(text), flag, known) else {
                panic!("`{text}` passed")
            };
            assert!(known.iter().all(|name| message.contains(name)), "{message}");
        }
        assert!(one_of(&line("--fault kill9 --json"), "--fault", FAULTS).is_ok());
    }

    #[test]
    fn each_program_is_told_what_it_knows() {
        let told = |text| {
            let line = line(text);
            let (name, rest) = program(&line);
            (name, rest.join(" "))
        };
        let (name, rest) = told("--backend shm --fault leases --rounds 2 --json");
        assert_eq!((name, rest.as_str()), ("lease_deaths", "--rounds 2"));
        let (name, rest) = told("--asan --backend shm --fault tamper");
        assert_eq!((name, rest.as_str()), ("chaos", "--backend shm --fault tamper"));
        let (name, rest) = told("--backend rpc --fault cut --json");
        assert_eq!((name, rest.as_str()), ("chaos_rpc", "--backend rpc --fault cut --json"));
        let (name, _) = told("--backend actor --fault storm");
        assert_eq!(name, "chaos_actor");
        let (name, _) = told("--backend runtime --fault storm");
        assert_eq!(name, "chaos_runtime");
    }
}
