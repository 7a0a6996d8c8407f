//! `cargo xtask ci`: what has to hold before a change lands, in one command.
//!
//! Steps that share build artefacts use the same profile and the same features: tests and doc tests one set,
//! clippy and the documentation another, and the release profile is built once, while the tests run.

use std::path::PathBuf;

use crate::ahead::Ahead;
use crate::args::{Args, Failure};
use crate::nearest::nearest;
use crate::shell::{self, cargo, run as sh};
use crate::steps::{self, Step};
use crate::tools::NEXTEST;
use crate::{budget, chaos, deny, features, semantics, tidy};

/// What every step needs.
pub(crate) struct Context {
    root: PathBuf,
    /// All features of the facade, as the argument of `--features`.
    all: String,
    install: bool,
    /// Whether anything of the release profile is a step of this run.
    releases: bool,
    release: Ahead,
}

/// The first step in the release profile.
const DEMO: &str = "demo";

const STEPS: &[Step<Context>] = &[
    Step::new("fmt", fmt),
    Step::new("clippy", clippy),
    Step::new("tidy", |ci| tidy::check(&ci.root).map(|()| Vec::new())),
    Step::new("doctests", doctests),
    Step::new("tests", tests),
    Step::new("chaos", |ci| {
        let nextest = NEXTEST.ensure(&ci.root, ci.install).is_ok();
        chaos::quick(&ci.root, nextest).map(|()| Vec::new())
    }),
    Step::new("semantics", |ci| semantics::check(&ci.root).map(|()| Vec::new())),
    Step::new("docs", docs),
    Step::new("features", |ci| features::check(&ci.root).map(|()| Vec::new())),
    Step::new("supply-chain", |ci| deny::check(&ci.root, ci.install)),
    Step::new(DEMO, demo),
    Step::new("hello", hello),
    Step::new("budget", |ci| budget::check(&ci.root, false)),
];

/// Line in the list of verbs.
pub(crate) const ABOUT: &str = "everything CI checks, in order: ci [STEP...] [--no-install]";

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    args.allow(&["--no-install"], true)?;
    let chosen = choose(args.words())?;
    let root = shell::root()?;
    let all = features::all_of_facade(&root)?;
    let context = Context {
        root,
        all,
        install: !args.has("--no-install"),
        releases: chosen.iter().any(|step| step.name == DEMO),
        release: Ahead::default(),
    };
    Ok(steps::run(&chosen, &context, |text| shell::say(text))?)
}

/// The steps with these names in the order of the table, all when none is named.
fn choose(names: &[String]) -> Result<Vec<&'static Step<Context>>, Failure> {
    let known = || STEPS.iter().map(|step| step.name);
    for name in names {
        if !known().any(|step| step == name) {
            let near = nearest(name, known());
            let all: Vec<&str> = known().collect();
            return Err(Failure::Usage(format!(
                "no step `{name}`, the nearest is `{near}`; steps: {}",
                all.join(", ")
            )));
        }
    }
    Ok(STEPS
        .iter()
        .filter(|step| names.is_empty() || names.iter().any(|name| name == step.name))
        .collect())
}

impl Context {
    /// A cargo command over the whole workspace with every feature of the facade.
    fn workspace(&self, words: &[&str]) -> std::process::Command {
        let mut command = cargo(&self.root, words);
        command.args(["--workspace", "--locked", "--features", &self.all]);
        command
    }
}

fn fmt(ci: &Context) -> Result<Vec<String>, String> {
    sh(&mut cargo(&ci.root, &["fmt", "--all", "--check"]))?;
    Ok(Vec::new())
}

fn clippy(ci: &Context) -> Result<Vec<String>, String> {
    sh(ci
        .workspace(&["clippy", "--all-targets"])
        .args(["--", "-D", "warnings"]))?;
    // Not among all targets, because nobody runs it without its name.
    sh(ci
        .workspace(&["clippy", "--test", chaos::TESTS])
        .args(["--", "-D", "warnings"]))?;
    // The steps at which processes die, and the programs that have them die, are there for no other build.
    let mut command = ci.workspace(&["clippy", "--features", chaos::KILL_POINTS]);
    for name in chaos::WITH_STEPS {
        command.args(["--example", name]);
    }
    sh(command.args(["--test", chaos::TEST_WITH_STEPS, "--", "-D", "warnings"]))?;
    Ok(Vec::new())
}

fn tests(ci: &Context) -> Result<Vec<String>, String> {
    if ci.releases {
        ci.release
            .start(&cargo(&ci.root, &["build", "--release", "--locked", "--bin", "sage"]));
    }
    match NEXTEST.ensure(&ci.root, ci.install) {
        Ok(()) => {
            let threads = test_threads();
            sh(&mut ci.workspace(&["nextest", "run", "--retries", "0", "--test-threads", &threads]))
                .map(|()| Vec::new())
        }
        Err(reason) => {
            sh(&mut ci.workspace(&["test", "--tests", "--no-fail-fast"]))?;
            Ok(vec![format!("nextest: {reason}; the tests ran under `cargo test`")])
        }
    }
}

/// Half as many again as processors: many tests wait most of their time.
pub(crate) fn test_threads() -> String {
    (processors() * 3).div_ceil(2).to_string()
}

pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn doctests(ci: &Context) -> Result<Vec<String>, String> {
    sh(&mut ci.workspace(&["test", "--doc"]))?;
    Ok(Vec::new())
}

fn docs(ci: &Context) -> Result<Vec<String>, String> {
    sh(ci.workspace(&["doc", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(Vec::new())
}

/// The demo as the README gives it, shorter; and with a worker that is lost.
fn demo(ci: &Context) -> Result<Vec<String>, String> {
    ci.release.wait();
    let words = ["run", "--release", "--locked", "--bin", "sage", "--"];
    sh(cargo(&ci.root, &words).args(["demo", "--events", "200000", "--verify", "--json"]))?;
    let lost = [
        "demo",
        "--kill-worker",
        "--transport",
        "shm",
        "--events",
        "1000000",
        "--verify",
        "--json",
    ];
    sh(cargo(&ci.root, &words).args(lost))?;
    Ok(Vec::new())
}

fn hello(ci: &Context) -> Result<Vec<String>, String> {
    sh(&mut cargo(
        &ci.root,
        &[
            "run",
            "--release",
            "--locked",
            "--example",
            "hello",
            "--package",
            features::FACADE,
        ],
    ))?;
    Ok(Vec::new())
}

#[cfg(test)]
mod checks {
    use super::*;

    fn names(chosen: &[&Step<Context>]) -> Vec<&'static str> {
        chosen.iter().map(|step| step.name).collect()
    }

    #[test]
    fn without_names_every_step_runs_in_order() {
        let all = names(&choose(&[]).expect("all"));
        assert_eq!(all.first(), Some(&"fmt"));
        assert_eq!(all.len(), STEPS.len());
    }

    #[test]
    fn named_steps_run_in_the_order_of_the_table() {
        assert_eq!(
            names(&choose(&["tidy".to_owned(), "fmt".to_owned()]).expect("two")),
            ["fmt", "tidy"]
        );
    }

    #[test]
    fn an_unknown_step_names_the_nearest() {
        let Err(Failure::Usage(message)) = choose(&["clipy".to_owned()]) else {
            panic!("`clipy` was found")
        };
        assert!(message.contains("`clippy`"), "{message}");
    }
}
