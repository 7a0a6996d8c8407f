//! `cargo xtask chaos`: a queue type while its processes are killed, stopped, forked, or write nonsense into it.

use std::path::Path;

use crate::args::{Args, Failure};
use crate::example;
use crate::nearest::nearest;
use crate::shell::{self, cargo};

/// Line in the list of verbs.
pub(crate) const ABOUT: &str =
    "processes die, stop, fork: chaos --backend shm --fault kill9|... [--rounds N] [--seed S] [--json]";

const BACKENDS: &[&str] = &["shm"];
const FAULTS: &[&str] = &["kill9", "points", "storm", "stop", "tamper", "fork"];

/// What `cargo xtask ci` does: about a minute in all, and of each fault enough to meet it. The tests of the crate come
/// first; they plant faults that the campaigns must notice.
const QUICK: &[(&str, &str)] = &[
    ("kill9", "--rounds 200"),
    ("points", "--rounds 2 --pairs 200"),
    ("storm", "--rounds 200"),
    ("stop", "--hold 100"),
    ("tamper", "--rounds 4000"),
    ("fork", "--rounds 50"),
];

/// The short campaigns.
pub(crate) fn quick(root: &Path, nextest: bool) -> Result<(), String> {
    let words: &[&str] = if nextest {
        &["nextest", "run", "--retries", "0"]
    } else {
        // No names of targets: those would make a test of the example, which the tests run as a program.
        &["test"]
    };
    let mut tests = cargo(root, words);
    tests.args(["--locked", "--package", "queue-shm", "--features", "kill-points"]);
    shell::run(&mut tests)?;
    for (fault, rest) in QUICK {
        let line = format!("--backend shm --fault {fault} {rest} --json");
        let line: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        campaign(root, &line).map_err(|failure| match failure {
            Failure::Usage(message) | Failure::Failed(message) => message,
        })?;
    }
    Ok(())
}

/// Passes the line on: the program that is all processes of a campaign reads it, checks it, and prints the verdict last.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    one_of(args.line(), "--backend", BACKENDS)?;
    one_of(args.line(), "--fault", FAULTS)?;
    campaign(&shell::root()?, args.line())
}

/// The value of that flag, which must be one of these.
fn one_of(line: &[String], flag: &str, known: &[&str]) -> Result<(), Failure> {
    let all = known.join(", ");
    let given = line
        .iter()
        .position(|word| word == flag)
        .and_then(|at| line.get(at + 1));
    match given {
        Some(given) if known.contains(&given.as_str()) => Ok(()),
        Some(given) => {
            let near = nearest(given, known.iter().copied());
            Err(Failure::Usage(format!(
                "no {flag} `{given}`, the nearest is `{near}`; known: {all}"
            )))
        }
        None => Err(Failure::Usage(format!("{flag} is missing, one of {all}"))),
    }
}

fn campaign(root: &Path, line: &[String]) -> Result<(), Failure> {
    let words = [
        "run",
        "--quiet",
        "--locked",
        "--package",
        "queue-shm",
        "--features",
        "kill-points",
        "--example",
        "chaos",
        "--",
    ];
    let mut command = cargo(root, &words);
    example::passed_on(command.args(line))
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
    }

    #[test]
    fn an_unknown_fault_or_backend_names_those_there_are() {
        for (text, flag, known) in [
            ("--fault kill8", "--fault", FAULTS),
            ("--backend rpc", "--backend", BACKENDS),
            ("--fault", "--fault", FAULTS),
        ] {
            let Err(Failure::Usage(message)) = one_of(&line(text), flag, known) else {
                panic!("`{text}` passed")
            };
            assert!(known.iter().all(|name| message.contains(name)), "{message}");
        }
        assert!(one_of(&line("--fault kill9 --json"), "--fault", FAULTS).is_ok());
    }
}
