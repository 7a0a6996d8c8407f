//! The command line.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// What a program can do.
#[derive(Clone, Copy, Debug)]
pub struct Program<F: 'static> {
    /// The queue type, as `--backend` names it.
    pub backend: &'static str,
    /// Name, fault, and rounds unless told otherwise.
    pub faults: &'static [(&'static str, F, u64)],
    /// Whether there are journals that `--keep` can keep.
    pub keeps: bool,
    /// The command line in words.
    pub usage: &'static str,
}

/// What every campaign is asked for.
#[derive(Clone, Debug)]
pub struct Options<F> {
    /// The queue type.
    pub backend: &'static str,
    /// What is done to it.
    pub fault: F,
    /// How that is called.
    pub name: &'static str,
    /// How often, at least once.
    pub rounds: u64,
    /// Who dies, when and how follows from it.
    pub seed: u64,
    /// Whether journals stay when nothing failed, too.
    pub keep: bool,
    /// Whether the verdict is an object.
    pub json: bool,
}

impl<F: Copy> Program<F> {
    /// Reads a command line. `own` is given each other word with its value, and says whether it knows the word.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(
        &self,
        mut words: impl Iterator<Item = String>,
        mut own: impl FnMut(&str, &str) -> Result<bool, String>,
    ) -> Result<Options<F>, String> {
        let (mut fault, mut backend, mut rounds) = (None, None, None);
        let mut seed = RandomState::new().hash_one(0) >> 32;
        let (mut keep, mut json) = (false, false);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--json" => {
                    json = true;
                    continue;
                }
                "--keep" if self.keeps => {
                    keep = true;
                    continue;
                }
                _ => {}
            }
            let value = words.next().ok_or_else(|| format!("`{word}` lacks its value"))?;
            match word.as_str() {
                "--backend" => backend = Some(value),
                "--fault" => fault = Some(value),
                "--rounds" => rounds = Some(number(&word, &value)?),
                "--seed" => seed = number(&word, &value)?,
                _ if own(&word, &value)? => {}
                _ => return Err(format!("unexpected `{word}`")),
            }
        }
        match backend {
            Some(backend) if backend == self.backend => {}
            Some(other) => return Err(format!("expected the backend `{}`, found `{other}`", self.backend)),
            None => return Err(format!("expected `--backend {}`", self.backend)),
        }
        let asked = fault.ok_or("expected `--fault` and which")?;
        let known = self.faults.iter().find(|(name, ..)| *name == asked);
        let (name, fault, usual) = *known.ok_or_else(|| format!("no fault `{asked}`"))?;
        Ok(Options {
            backend: self.backend,
            fault,
            name,
            rounds: rounds.unwrap_or(usual).max(1),
            seed,
            keep,
            json,
        })
    }
}

/// The number that is the value of a word; it may have `_` in it.
///
/// # Errors
/// When it is none.
pub fn number(word: &str, value: &str) -> Result<u64, String> {
    let parsed = value.replace('_', "").parse();
    parsed.map_err(|_| format!("`{word}` takes a number, found `{value}`"))
}

/// What has that name.
///
/// # Errors
/// When nothing has.
pub fn choice<T: Copy>(what: &str, known: &[(&str, T)], value: &str) -> Result<T, String> {
    let found = known.iter().find(|(name, _)| *name == value);
    found
        .map(|(_, choice)| *choice)
        .ok_or_else(|| format!("no {what} `{value}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: Program<u8> = Program {
        backend: "shm",
        faults: &[("storm", 1, 1000), ("stop", 2, 10)],
        keeps: true,
        usage: "",
    };

    fn read(line: &str) -> Result<(Options<u8>, u64), String> {
        let mut opens = 0;
        let words = line.split_whitespace().map(str::to_owned);
        let options = PROGRAM.read(words, |word, value| {
            if word == "--opens" {
                opens = number(word, value)?;
            }
            Ok(word == "--opens")
        })?;
        Ok((options, opens))
    }

    #[test]
    fn what_all_know_and_what_one_knows_are_read() {
        let line = "--backend shm --fault stop --keep --seed 1_000 --opens 7 --json --rounds 0";
        let (options, opens) = read(line).expect("a right line");
        assert_eq!((options.fault, options.name, options.rounds), (2, "stop", 1));
        assert_eq!((options.seed, options.keep, options.json, opens), (1000, true, true, 7));
        assert_eq!(
            read("--backend shm --fault storm").expect("a right line").0.rounds,
            1000
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, words) in [
            ("", "expected `--backend shm`"),
            ("--backend rpc --fault stop", "found `rpc`"),
            ("--backend shm", "expected `--fault`"),
            ("--backend shm --fault cut", "no fault `cut`"),
            ("--backend shm --fault stop --rounds", "lacks its value"),
            ("--backend shm --fault stop --rounds ten", "takes a number, found `ten`"),
            ("--backend shm --fault stop --pairs 2", "unexpected `--pairs`"),
        ] {
            let error = read(line).expect_err(line);
            assert!(error.contains(words), "{error}");
        }
        assert_eq!(choice("plant", &[("thief", 1)], "thief"), Ok(1));
        assert_eq!(
            choice("plant", &[("thief", 1)], "chief"),
            Err("no plant `chief`".into())
        );
    }
}
