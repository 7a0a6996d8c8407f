//! Development commands of this workspace: `cargo xtask VERB`.
//!
//! A verb is one file and one row of [`VERBS`]. Everything here needs only cargo; other tools are installed at a
//! pinned version or skipped by name.
#![forbid(unsafe_code)]

mod abreast;
mod ahead;
mod args;
mod budget;
mod chaos;
mod ci;
mod deny;
mod example;
mod features;
mod fuzz;
mod hostile;
mod lin;
mod loom;
mod nearest;
mod nightly;
mod semantics;
mod shell;
mod steps;
mod tidy;
mod tools;
mod tsan;
mod warnings;

use std::process::ExitCode;

use args::{Args, Failure};
use shell::{complain, say};

/// One command: its name, its line in the list, and what it runs.
struct Verb {
    name: &'static str,
    about: &'static str,
    run: fn(&Args) -> Result<(), Failure>,
}

const VERBS: &[Verb] = &[
    verb("budget", budget::run, budget::ABOUT),
    verb("chaos", chaos::run, chaos::ABOUT),
    verb("ci", ci::run, ci::ABOUT),
    verb("deny", deny::run, deny::ABOUT),
    verb("features", features::run, features::ABOUT),
    verb("fuzz", fuzz::run, fuzz::ABOUT),
    verb("hostile", hostile::run, hostile::ABOUT),
    verb("lin", lin::run, lin::ABOUT),
    verb("loom", loom::run, loom::ABOUT),
    verb("semantics", semantics::run, semantics::ABOUT),
    verb("tidy", tidy::run, tidy::ABOUT),
    verb("tsan", tsan::run, tsan::ABOUT),
];

const fn verb(name: &'static str, run: fn(&Args) -> Result<(), Failure>, about: &'static str) -> Verb {
    Verb { name, about, run }
}

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let Some(name) = words.next() else {
        say(list());
        return ExitCode::SUCCESS;
    };
    if matches!(name.as_str(), "--help" | "-h" | "help") {
        say(list());
        return ExitCode::SUCCESS;
    }
    match find(&name).and_then(|verb| (verb.run)(&Args::new(words))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            complain(format_args!("xtask: {message}"));
            ExitCode::from(2)
        }
        Err(Failure::Failed(message)) => {
            complain(format_args!("xtask {name}: {message}"));
            ExitCode::FAILURE
        }
    }
}

fn find(name: &str) -> Result<&'static Verb, Failure> {
    VERBS.iter().find(|verb| verb.name == name).ok_or_else(|| {
        let nearest = nearest::nearest(name, VERBS.iter().map(|verb| verb.name));
        Failure::Usage(format!(
            "no verb `{name}`, the nearest is `{nearest}`; `cargo xtask` lists all"
        ))
    })
}

fn list() -> String {
    let mut text = String::from("cargo xtask VERB\n");
    for verb in VERBS {
        text.push_str(&format!("\n  {:<11}{}", verb.name, verb.about));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_verb_names_the_nearest() {
        let Err(Failure::Usage(message)) = find("tidi") else {
            panic!("`tidi` was found")
        };
        assert!(message.contains("`tidy`"), "{message}");
    }

    #[test]
    fn the_list_shows_every_verb() {
        let text = list();
        assert!(VERBS.iter().all(|verb| text.contains(verb.about)), "{text}");
    }
}
