//! `cargo xtask loom`: the ring and the waiting list under the model checker, which runs every interleaving of a small
//! program up to a bound. With `--mutants` the same models run again with one planted fault at a time, and each fault
//! must be noticed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::args::{Args, Failure};
use crate::shell::{self, cargo, say, shown};

/// Line in the list of verbs.
pub(crate) const ABOUT: &str = "models of the ring and of waiting, all interleavings: loom [--mutants] [--json]";

/// Preemptive switches per interleaving. Published errors of such code need two at most; a third is insurance.
const PREEMPTIONS: &str = "3";
/// For the mutants: enough to find them, and quicker.
const MUTANT_PREEMPTIONS: &str = "2";

/// Faults that `planted` in a `sync.rs` knows, or in a model.
const MUTANTS: &[&str] = &[
    "position-store-relaxed",
    "position-load-relaxed",
    "drained-too-early",
    "owner-without-barrier",
    "owner-not-awaited",
    "enter-relaxed",
    "unlock-relaxed",
    "sole-not-awaited",
    "sole-leave-relaxed",
    "notifier-without-barrier",
    "sleeper-without-barrier",
    "block-without-recheck",
    "poll-without-recheck",
    "cancel-keeps-token",
    "timeout-keeps-token",
    "close-wakes-one",
    "turn-without-wake",
    "look-without-lock",
    "close-beside-lock",
];

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    args.allow(&["--mutants", "--json"], false)?;
    let root = shell::root()?;
    let start = Instant::now();
    let bound = std::env::var("LOOM_MAX_PREEMPTIONS").unwrap_or_else(|_| PREEMPTIONS.to_owned());
    let sound = explore(&root, &bound, None)?;
    say(&sound.text);
    let mut rows = Vec::new();
    if sound.succeeded && args.has("--mutants") {
        for name in MUTANTS {
            let run = explore(&root, MUTANT_PREEMPTIONS, Some(name))?;
            rows.push((*name, caught_by(&run)));
        }
        say(table(&rows));
    }
    let report = Report {
        models: sound.passed,
        failed: failures(&sound.text).len(),
        preemptions: bound,
        mutants: rows,
        seconds: start.elapsed().as_secs(),
    };
    if args.has("--json") {
        say(report.json());
    }
    Ok(report.verdict(sound.succeeded)?)
}

/// One run of all models.
struct Run {
    succeeded: bool,
    passed: usize,
    text: String,
}

fn explore(root: &Path, preemptions: &str, mutant: Option<&str>) -> Result<Run, String> {
    let mut command = cargo(root, &["test", "--locked", "--release", "--test", "loom"]);
    command.args(["--package", "queue-core", "--package", "queue-sage"]);
    // A fault is caught when the models of one crate notice it.
    if mutant.is_none() {
        command.arg("--no-fail-fast");
    }
    prepare(&mut command, root, preemptions, mutant);
    say(format_args!(
        "$ RUSTFLAGS=\"--cfg loom\" LOOM_MAX_PREEMPTIONS={preemptions} {}{}",
        mutant.map(|name| format!("LOOM_MUTANT={name} ")).unwrap_or_default(),
        shown(&command)
    ));
    let output = command
        .output()
        .map_err(|error| format!("`{}` did not start: {error}", shown(&command)))?;
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let text = text.join("\n");
    Ok(Run {
        succeeded: output.status.success(),
        passed: text
            .lines()
            .filter(|line| line.starts_with("test ") && line.ends_with("... ok"))
            .count(),
        text,
    })
}

/// A folder of its own, because the flag is part of every package's build; checks on, and no time spent on linking.
fn prepare(command: &mut Command, root: &Path, preemptions: &str, mutant: Option<&str>) {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    command
        .env("CARGO_TARGET_DIR", target.join("loom"))
        .env("RUSTFLAGS", "--cfg loom")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true")
        .env("LOOM_MAX_PREEMPTIONS", preemptions)
        .env_remove("LOOM_MUTANT");
    if let Some(name) = mutant {
        command.env("LOOM_MUTANT", name);
    }
}

/// Who noticed: none when the run went well, whatever it printed.
fn caught_by(run: &Run) -> BTreeSet<String> {
    if run.succeeded {
        return BTreeSet::new();
    }
    let models = failures(&run.text);
    if models.is_empty() { crash(&run.text) } else { models }
}

/// Items of a model are boxes, so one that comes twice is freed twice, and the allocator ends the process before any
/// model can speak. A signal from outside, such as the kernel's when memory is short, does not count.
fn crash(text: &str) -> BTreeSet<String> {
    ["SIGABRT", "SIGSEGV", "SIGBUS"]
        .iter()
        .find(|signal| {
            text.lines()
                .any(|line| line.contains("(signal: ") && line.contains(&format!(", {signal}:")))
        })
        .map(|signal| format!("the process, by {signal}"))
        .into_iter()
        .collect()
}

/// Names of the models that failed. A failure deep in the checker ends the process before the harness can say so, but
/// the panic names the thread, which is the model.
fn failures(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| {
            let panicked = || {
                let (name, rest) = line.strip_prefix("thread '")?.split_once('\'')?;
                rest.contains("panicked at").then_some(name)
            };
            let reported = || line.strip_prefix("test ")?.strip_suffix(" ... FAILED");
            reported().or_else(panicked)
        })
        .map(str::to_owned)
        .collect()
}

fn table(rows: &[(&str, BTreeSet<String>)]) -> String {
    let mut text = format!("\n{:<26}caught by", "mutant");
    for (name, by) in rows {
        let by = match by.iter().next() {
            None => "NOBODY".to_owned(),
            Some(first) if by.len() == 1 => first.clone(),
            Some(first) => format!("{first} and {} more", by.len() - 1),
        };
        text.push_str(&format!("\n{name:<26}{by}"));
    }
    text
}

struct Report {
    models: usize,
    failed: usize,
    preemptions: String,
    mutants: Vec<(&'static str, BTreeSet<String>)>,
    seconds: u64,
}

impl Report {
    fn survivors(&self) -> Vec<&'static str> {
        let missed = self.mutants.iter().filter(|(_, by)| by.is_empty());
        missed.map(|(name, _)| *name).collect()
    }

    fn verdict(&self, succeeded: bool) -> Result<(), String> {
        if !succeeded {
            return Err("a model failed or did not build: its output is above".to_owned());
        }
        if self.models == 0 {
            return Err("no model ran: expected tests named `loom` in queue-core and queue-sage".to_owned());
        }
        let survivors = self.survivors();
        if survivors.is_empty() {
            return Ok(());
        }
        Err(format!(
            "no model notices {}: write one that does",
            survivors.join(", ")
        ))
    }

    /// One object; all texts in it are names of ours, so nothing needs escaping.
    fn json(&self) -> String {
        let mutants: Vec<String> = self
            .mutants
            .iter()
            .map(|(name, by)| {
                let by: Vec<String> = by.iter().map(|model| format!("\"{model}\"")).collect();
                format!("{{\"mutant\":\"{name}\",\"caught_by\":[{}]}}", by.join(","))
            })
            .collect();
        format!(
            "{{\"models\":{},\"failed\":{},\"preemptions\":\"{}\",\"mutants\":{},\"caught\":{},\"seconds\":{},\"rows\":[{}]}}",
            self.models,
            self.failed,
            self.preemptions,
            self.mutants.len(),
            self.mutants.len() - self.survivors().len(),
            self.seconds,
            mutants.join(",")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABORTED: &str = "test one ... ok\ntest two ... FAILED\n\
        thread 'a::three' (7) panicked at src/rt.rs:1:1:\nthread caused non-unwinding panic. aborting.\n";

    fn report(models: usize, by: &[&str]) -> Report {
        Report {
            models,
            failed: 0,
            preemptions: "2".to_owned(),
            mutants: vec![("fault", by.iter().map(|name| (*name).to_owned()).collect())],
            seconds: 1,
        }
    }

    #[test]
    fn failed_models_are_named_by_the_harness_or_by_their_panic() {
        let names: Vec<_> = failures(ABORTED).into_iter().collect();
        assert_eq!(names, ["a::three", "two"]);
    }

    #[test]
    fn a_run_that_went_well_caught_nothing() {
        let run = |succeeded| Run {
            succeeded,
            passed: 1,
            text: ABORTED.to_owned(),
        };
        assert!(caught_by(&run(true)).is_empty());
        assert_eq!(caught_by(&run(false)).len(), 2);
    }

    #[test]
    fn a_crash_counts_when_no_model_was_named_and_a_kill_does_not() {
        let run = |signal: &str| Run {
            succeeded: false,
            passed: 1,
            text: format!(
                "test one ... ok\nfree(): double free detected\n  process didn't exit (signal: 6, {signal}: why)"
            ),
        };
        let by = |signal| caught_by(&run(signal)).into_iter().collect::<Vec<_>>();
        assert_eq!(by("SIGABRT"), ["the process, by SIGABRT"]);
        assert!(by("SIGKILL").is_empty());
        let named = Run {
            text: format!("{ABORTED} (signal: 6, SIGABRT: why)"),
            ..run("SIGABRT")
        };
        assert_eq!(caught_by(&named).len(), 2, "the models alone");
    }

    #[test]
    fn a_survivor_and_an_empty_run_are_failures() {
        assert_eq!(report(3, &["a"]).verdict(true), Ok(()));
        assert!(report(3, &["a"]).verdict(false).is_err());
        assert!(report(0, &["a"]).verdict(true).is_err());
        let error = report(3, &[]).verdict(true).expect_err("a survivor");
        assert!(error.contains("fault"), "{error}");
        assert!(table(&report(3, &[]).mutants).contains("NOBODY"));
    }

    #[test]
    fn the_report_is_one_object() {
        assert_eq!(
            report(3, &["a", "b"]).json(),
            "{\"models\":3,\"failed\":0,\"preemptions\":\"2\",\"mutants\":1,\"caught\":1,\"seconds\":1,\
             \"rows\":[{\"mutant\":\"fault\",\"caught_by\":[\"a\",\"b\"]}]}"
        );
    }

    /// Both lists are kept by hand: a fault that is planted nowhere could never be caught, one that is not run is dead.
    #[test]
    fn every_mutant_is_planted_and_every_planted_fault_is_run() {
        let root = shell::root().expect("root");
        let mut planted = BTreeSet::new();
        for folder in [
            "crates/queue-core/src",
            "crates/queue-core/src/wait",
            "crates/queue-core/tests",
            "crates/queue-sage/src",
        ] {
            for entry in std::fs::read_dir(root.join(folder)).expect("folder") {
                let Ok(text) = std::fs::read_to_string(entry.expect("entry").path()) else {
                    continue;
                };
                for rest in text.split("planted(\"").skip(1) {
                    planted.extend(rest.split('"').next().map(str::to_owned));
                }
            }
        }
        let run: BTreeSet<String> = MUTANTS.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(planted, run);
    }
}
