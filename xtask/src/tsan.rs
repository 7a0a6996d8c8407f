//! `cargo xtask tsan`: threads on the ring under ThreadSanitizer, which reports two accesses that nothing orders, on the
//! real machine and at full length. First with a race planted, which it must report, then without, and it must be silent.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::args::{Args, Failure};
use crate::example;
use crate::nightly::{TARGET, missing, nightly};
use crate::shell::{self, say};

/// Line in the list of verbs.
pub(crate) const ABOUT: &str = "threads on the ring under ThreadSanitizer, a planted race first: tsan [--json]";

const DRIVER: &str = "tsan";
/// Of the faults that `planted` in the ring's `sync.rs` knows, those that leave two accesses without an order.
const FAULTS: &[&str] = &["position-store-relaxed", "position-load-relaxed"];
/// Code that goes into the program is instrumented; the standard library is there without, which the driver minds.
const FLAGS: &str = "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer --cfg sage_tsan";
/// What the checker ends the program with.
const FOUND: i32 = 66;
const REPORT: &str = "WARNING: ThreadSanitizer:";

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    args.allow(&["--json"], false)?;
    if let Some(reason) = missing() {
        say(format_args!("skipped: tsan: {reason}"));
        return Ok(());
    }
    let root = shell::root()?;
    let begun = Instant::now();
    let driver = build(&root)?;
    for fault in FAULTS {
        let end = watch(&driver, Some(fault))?;
        caught(fault, &end)?;
        say(format_args!("{fault}: {}", end.first_report().unwrap_or_default()));
    }
    let end = watch(&driver, None)?;
    let cases = clean(&end).inspect_err(|_| say(&end.text))?;
    let seconds = begun.elapsed().as_secs();
    say(format_args!("{cases} cases without a report"));
    if args.has("--json") {
        say(format_args!(
            "{{\"cases\":{cases},\"reports\":0,\"planted\":{count},\"caught\":{count},\"seconds\":{seconds}}}",
            count = FAULTS.len()
        ));
    }
    Ok(())
}

/// In a folder of its own, because the flags are part of every package's build.
fn build(root: &Path) -> Result<PathBuf, String> {
    let target = example::target(root)?.join("tsan");
    let words = [
        "cargo",
        "build",
        "--quiet",
        "--locked",
        "--release",
        "--package",
        "queue-sage",
    ];
    let mut command = nightly(&words);
    command
        .args(["--target", TARGET, "--example", DRIVER])
        .current_dir(root)
        .env("CARGO_TARGET_DIR", &target)
        .env("RUSTFLAGS", FLAGS)
        .env("CARGO_PROFILE_RELEASE_LTO", "off");
    say(format_args!(
        "$ RUSTFLAGS=\"{FLAGS}\" cargo +nightly {} --target {TARGET} --example {DRIVER}",
        words[1..].join(" ")
    ));
    let status = command
        .status()
        .map_err(|error| format!("rustup did not start: {error}"))?;
    if !status.success() {
        return Err(format!("the driver does not build with the checker: {status}"));
    }
    Ok(target.join(TARGET).join("release/examples").join(DRIVER))
}

/// How the driver ended.
struct End {
    code: Option<i32>,
    text: String,
}

impl End {
    fn first_report(&self) -> Option<&str> {
        self.text.lines().find(|line| line.starts_with(REPORT))
    }
}

fn watch(driver: &Path, fault: Option<&str>) -> Result<End, String> {
    let mut command = Command::new(driver);
    command
        .stdin(Stdio::null())
        // No suppressions from outside either.
        .env("TSAN_OPTIONS", format!("halt_on_error=1 exitcode={FOUND}"))
        .env_remove("LOOM_MUTANT");
    if let Some(fault) = fault {
        command.env("LOOM_MUTANT", fault);
    }
    let output = command
        .output()
        .map_err(|error| format!("{} did not start: {error}", driver.display()))?;
    let text = [output.stderr, output.stdout].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok(End {
        code: output.status.code(),
        text: text.join("\n"),
    })
}

/// The planted race must be what ended the driver.
fn caught(fault: &str, end: &End) -> Result<(), String> {
    let race = end.first_report().is_some_and(|line| line.contains("data race"));
    if race && end.code == Some(FOUND) {
        return Ok(());
    }
    Err(format!(
        "the planted race {fault} was not reported, so silence would mean nothing; the driver ended with {:?}: {}",
        end.code, end.text
    ))
}

/// How many cases went by without a report.
fn clean(end: &End) -> Result<usize, String> {
    if let Some(line) = end.first_report() {
        return Err(format!("{line}, in full above"));
    }
    let cases = end
        .text
        .lines()
        .find_map(|line| line.strip_suffix(" cases")?.parse().ok());
    match (end.code, cases) {
        (Some(0), Some(cases)) if cases > 0 => Ok(cases),
        (code, _) => Err(format!("the driver ended with {code:?}, without a report: see above")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(code: i32, text: &str) -> End {
        End {
            code: Some(code),
            text: text.to_owned(),
        }
    }

    const RACE: &str = "==\nWARNING: ThreadSanitizer: data race (pid=1)\n  Read of size 8\n";

    #[test]
    fn a_planted_race_counts_only_when_it_is_reported() {
        assert_eq!(caught("fault", &end(FOUND, RACE)), Ok(()));
        for other in [
            end(0, "200 cases\n"),
            end(0, RACE),
            end(FOUND, "WARNING: ThreadSanitizer: thread leak (pid=1)\n"),
            end(101, "thread panicked"),
        ] {
            let error = caught("fault", &other).expect_err("not the planted race");
            assert!(error.contains("fault"), "{error}");
        }
    }

    #[test]
    fn silence_counts_only_after_cases_that_went_well() {
        assert_eq!(clean(&end(0, "\n200 cases\n")), Ok(200));
        assert!(clean(&end(0, "0 cases\n")).is_err());
        assert!(clean(&end(0, "")).is_err());
        assert!(clean(&end(1, "200 cases\n")).is_err());
        assert!(clean(&end(FOUND, RACE)).is_err());
        assert!(clean(&end(0, &format!("{RACE}200 cases\n"))).is_err());
    }

    /// A fault that is planted nowhere would make every run fail for a reason that is none of the ring's.
    #[test]
    fn the_faults_are_planted_in_the_ring() {
        let root = shell::root().expect("root");
        let folder = std::fs::read_dir(root.join("crates/queue-sage/src")).expect("folder");
        let texts: Vec<String> = folder
            .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok())
            .collect();
        for fault in FAULTS {
            let call = format!("planted(\"{fault}\")");
            assert!(texts.iter().any(|text| text.contains(&call)), "{fault}");
        }
    }
}
