//! `cargo xtask fuzz`: everything that reads what a stranger wrote, under libFuzzer. First with a planted fault, which it must find,
//! then each reader for some seconds from its seeds and from what earlier runs found worth keeping.
//!
//! The fuzzer is a crate; the compiler counts the branches with flags of its own, so no other toolchain is needed.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::args::{Args, Failure};
use crate::example;
use crate::nearest::nearest;
use crate::nightly::TARGET;
use crate::shell::{self, cargo, say};

/// Line in the list of verbs.
pub(crate) const ABOUT: &str =
    "what reads foreign bytes, under libFuzzer, a planted fault first: fuzz [TARGET...] [--seconds=N] [--json]";

/// Branches are counted and comparisons told to the fuzzer; overflows and debug assertions stay on.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions=on \
                     -Coverflow-checks=on --cfg fuzzing";
const PLANTED: &str = "planted";
/// Longer inputs say nothing new and cost time.
const MAX_LEN: usize = 1 << 16;
/// A run that takes so long, in seconds, or so much memory, in MiB, is a finding.
const SLOWEST: u32 = 10;
const MEMORY: u32 = 2_048;
/// More than the planted fault ever took.
const PLANTED_SECONDS: u64 = 60;

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (seconds, names) = read(args)?;
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        say(format_args!("skipped: fuzz: it is for {TARGET} only"));
        return Ok(());
    }
    let root = shell::root()?;
    let folder = example::target(&root)?.join("fuzz");
    let fuzzer = build(&root, &folder)?;
    let all = list(&fuzzer)?;
    let chosen = choose(&all, &names)?;
    find_planted(&fuzzer, &folder)?;
    let mut reports = Vec::new();
    for name in chosen {
        reports.push(watch(&fuzzer, &folder, name, seconds)?);
    }
    let failed: Vec<&str> = reports
        .iter()
        .filter(|report| report.finding.is_some())
        .map(|report| report.name.as_str())
        .collect();
    if args.has("--json") {
        say(json(&reports));
    }
    match failed.as_slice() {
        [] => Ok(()),
        names => Err(Failure::Failed(format!("{} found something", names.join(", ")))),
    }
}

/// `--seconds=N` or `--seconds N`, and the targets.
fn read(args: &Args) -> Result<(u64, Vec<String>), Failure> {
    let usage = |message: String| Failure::Usage(message);
    let mut seconds = 15;
    let mut names = Vec::new();
    let mut line = args.line().iter();
    while let Some(word) = line.next() {
        let value = match word.as_str() {
            "--json" => continue,
            "--seconds" => line.next().cloned(),
            other if other.starts_with("--seconds=") => other.strip_prefix("--seconds=").map(str::to_owned),
            other if other.starts_with('-') => {
                return Err(usage(format!(
                    "unexpected `{other}`, this verb knows --seconds, --json"
                )));
            }
            name => {
                names.push(name.to_owned());
                continue;
            }
        };
        seconds = value
            .and_then(|text| text.parse().ok())
            .filter(|seconds| (1..=86_400).contains(seconds))
            .ok_or_else(|| usage("--seconds takes a whole number from 1 to 86400".to_owned()))?;
    }
    Ok((seconds, names))
}

/// In a folder of its own, because the flags are part of every package's build.
fn build(root: &Path, folder: &Path) -> Result<PathBuf, String> {
    let mut command = cargo(
        root,
        &[
            "build",
            "--quiet",
            "--locked",
            "--release",
            "--package",
            "sage-fuzz",
            "--features",
            "libfuzzer",
            "--bin",
            "fuzz",
            "--target",
            TARGET,
        ],
    );
    command
        .env("CARGO_TARGET_DIR", folder)
        .env("RUSTFLAGS", FLAGS)
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "2");
    shell::run(&mut command)?;
    Ok(folder.join(TARGET).join("release/fuzz"))
}

fn list(fuzzer: &Path) -> Result<Vec<String>, String> {
    let text = shell::probe(&mut Command::new(fuzzer)).ok_or("the fuzzer did not start")?;
    Ok(text.lines().map(str::to_owned).collect())
}

fn choose<'a>(all: &'a [String], names: &[String]) -> Result<Vec<&'a str>, Failure> {
    if names.is_empty() {
        return Ok(all.iter().map(String::as_str).collect());
    }
    names
        .iter()
        .map(|name| {
            let known = all.iter().find(|known| *known == name);
            known.map(String::as_str).ok_or_else(|| {
                let near = nearest(name, all.iter().map(String::as_str));
                Failure::Usage(format!(
                    "no target `{name}`, the nearest is `{near}`; targets: {}",
                    all.join(", ")
                ))
            })
        })
        .collect()
}

/// One target after its time.
struct Report {
    name: String,
    runs: u64,
    branches: u64,
    /// The file with the bytes that made it fail.
    finding: Option<PathBuf>,
}

/// The fuzzer on one target, and everything it said.
fn fuzz(fuzzer: &Path, name: &str, seconds: u64, places: &Places) -> Result<(bool, String), String> {
    let output = Command::new(fuzzer)
        .env("SAGE_FUZZ_TARGET", name)
        .arg(&places.corpus)
        .arg(&places.seeds)
        .arg(format!("-artifact_prefix={}/", places.findings.display()))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={MAX_LEN}"))
        .arg(format!("-timeout={SLOWEST}"))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .args(["-print_final_stats=1", "-verbosity=1"])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{} did not start: {error}", fuzzer.display()))?;
    Ok((
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    ))
}

/// Folders of one target.
struct Places {
    /// What is worth keeping for the next run.
    corpus: PathBuf,
    seeds: PathBuf,
    findings: PathBuf,
}

impl Places {
    fn make(folder: &Path, name: &str) -> Result<Self, String> {
        let at = |kind: &str| folder.join(kind).join(name);
        let places = Self {
            corpus: at("corpus"),
            seeds: at("seeds"),
            findings: at("findings"),
        };
        for place in [&places.corpus, &places.seeds, &places.findings] {
            fs::create_dir_all(place).map_err(|error| format!("cannot make `{}`: {error}", place.display()))?;
        }
        Ok(places)
    }
}

/// Anything that is not found here would not be found elsewhere either.
fn find_planted(fuzzer: &Path, folder: &Path) -> Result<(), Failure> {
    let places = Places::make(folder, PLANTED)?;
    // Found anew each time, not remembered.
    fs::remove_dir_all(&places.corpus).map_err(|error| format!("`{}`: {error}", places.corpus.display()))?;
    let places = Places::make(folder, PLANTED)?;
    let (passed, said) = fuzz(fuzzer, PLANTED, PLANTED_SECONDS, &places)?;
    if passed || !said.contains("the planted fault") {
        say(&said);
        return Err(Failure::Failed(format!(
            "the planted fault was not found within {PLANTED_SECONDS} s: the fuzzer sees no branches"
        )));
    }
    say(format_args!(
        "planted: found after {} runs",
        number(&said, "stat::number_of_executed_units:").unwrap_or(0)
    ));
    Ok(())
}

fn watch(fuzzer: &Path, folder: &Path, name: &str, seconds: u64) -> Result<Report, String> {
    let places = Places::make(folder, name)?;
    let mut seeds = Command::new(fuzzer);
    seeds
        .env("SAGE_FUZZ_TARGET", name)
        .env("SAGE_FUZZ_SEEDS", &places.seeds);
    shell::probe(&mut seeds).ok_or_else(|| format!("{name}: the seeds could not be written"))?;
    let (passed, said) = fuzz(fuzzer, name, seconds, &places)?;
    let finding = if passed {
        None
    } else {
        say(&said);
        let file = said.lines().find_map(|line| line.split_once("Test unit written to "));
        Some(file.map_or_else(|| places.findings.clone(), |(_, file)| PathBuf::from(file.trim())))
    };
    let report = Report {
        name: name.to_owned(),
        runs: number(&said, "stat::number_of_executed_units:").unwrap_or(0),
        branches: said.lines().rev().find_map(|line| number(line, "cov:")).unwrap_or(0),
        finding,
    };
    let verdict = match &report.finding {
        None => "nothing".to_owned(),
        Some(file) => format!("FOUND {}", file.display()),
    };
    say(format_args!(
        "{name}: {} runs, {} branches, {verdict}",
        report.runs, report.branches
    ));
    if report.finding.is_none() && report.runs == 0 {
        say(&said);
        return Err(format!("{name}: the fuzzer ran nothing"));
    }
    Ok(report)
}

/// The number behind a word of the fuzzer's.
fn number(said: &str, word: &str) -> Option<u64> {
    let (_, rest) = said.split_once(word)?;
    rest.split_whitespace().next()?.parse().ok()
}

fn json(reports: &[Report]) -> String {
    let mut out = String::from("{\"planted\":\"found\",\"targets\":[");
    for (place, report) in reports.iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        let found = report.finding.is_some();
        // Names are ours: nothing to escape. Writing to a string cannot fail.
        let _ = write!(
            out,
            "{comma}{{\"name\":\"{}\",\"runs\":{},\"branches\":{},\"found\":{found}}}",
            report.name, report.runs, report.branches
        );
    }
    out.push_str("]}");
    out
}

#[cfg(test)]
mod checks {
    use super::*;

    fn args(words: &[&str]) -> Args {
        Args::new(words.iter().map(|word| (*word).to_owned()))
    }

    #[test]
    fn seconds_come_with_or_without_an_equals_sign() {
        for words in [
            &["--seconds", "20", "frames"][..],
            &["--seconds=20", "--json", "frames"],
        ] {
            let (seconds, names) = read(&args(words)).expect("right");
            assert_eq!((seconds, names.as_slice()), (20, ["frames".to_owned()].as_slice()));
        }
        for wrong in [
            &["--seconds", "0"][..],
            &["--seconds"],
            &["--seconds=x"],
            &["--second=3"],
        ] {
            assert!(matches!(read(&args(wrong)), Err(Failure::Usage(_))), "{wrong:?}");
        }
    }

    #[test]
    fn numbers_are_found_behind_their_words() {
        let said = "#9\tINITED cov: 12 ft: 13\n#99 DONE cov: 47 ft: 9\nstat::number_of_executed_units: 991\n";
        assert_eq!(number(said, "stat::number_of_executed_units:"), Some(991));
        assert_eq!(said.lines().rev().find_map(|line| number(line, "cov:")), Some(47));
    }
}
