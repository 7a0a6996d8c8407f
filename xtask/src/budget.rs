//! `cargo xtask budget`: how many instructions the hot paths take, against a file of what they may take.
//!
//! Instructions and not seconds: callgrind counts them exactly, whatever else the machine does, so a path that grew by
//! one percent is seen. What they cost in time is measured by sage-bench.

mod file;

use std::path::Path;
use std::process::{Command, Stdio};

use crate::args::{Args, Failure};
use crate::shell::{self, cargo, say};
use crate::{example, features};
use file::{Budget, Count};

/// Line in the list of verbs.
pub(crate) const ABOUT: &str = "instructions of the hot paths, which may only become fewer: budget [--update]";

const FILE: &str = "xtask/budget.toml";
const DRIVER: &str = "budget";
/// The function of the driver below which everything is counted, as the profiler writes it.
const MEASURED: &str = "budget::measured";
/// The paths differ between instruction sets.
const HOST: &str = "x86_64-unknown-linux-gnu";

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    args.allow(&["--update"], false)?;
    for reason in check(&shell::root()?, args.has("--update"))? {
        say(format_args!("skipped: budget: {reason}"));
    }
    Ok(())
}

/// Counts and compares, or lowers the budget; `Ok` says why there was nothing to count.
pub(crate) fn check(root: &Path, update: bool) -> Result<Vec<String>, String> {
    if let Some(reason) = missing(root)? {
        return Ok(vec![reason]);
    }
    let toolchain = compiler(root)?.0;
    let path = root.join(FILE);
    let known = match std::fs::read_to_string(&path) {
        Ok(text) => file::read(&text)?,
        Err(_) if update => Budget::new(&toolchain),
        Err(error) => return Err(format!("{FILE}: {error}; `cargo xtask budget --update` writes it")),
    };
    if known.toolchain != toolchain {
        return Err(format!(
            "{FILE} was recorded with {}, this is {toolchain}, and compilers differ: use the former, or delete the file \
             and record it anew with --update",
            known.toolchain
        ));
    }
    let counts = count(root)?;
    say(known.table(&counts));
    if update {
        let updated = known.lowered(&counts);
        updated.verdict(&counts).map_err(|findings| {
            format!(
                "{findings}\n--update only lowers and has written nothing: raise a number in {FILE} by hand, and say why in \
                 the commit"
            )
        })?;
        std::fs::write(&path, updated.write()).map_err(|error| format!("{FILE}: {error}"))?;
        say(format_args!("{FILE} is written"));
        return Ok(Vec::new());
    }
    known.verdict(&counts).map(|()| Vec::new()).map_err(|findings| {
        format!(
            "{findings}\nmake the path as short as it was; `cargo xtask budget --update` records what became shorter"
        )
    })
}

/// Why nothing can be counted here.
fn missing(root: &Path) -> Result<Option<String>, String> {
    let (_, host) = compiler(root)?;
    if host != HOST {
        return Ok(Some(format!("recorded on {HOST}, this is {host}")));
    }
    let found = shell::probe(Command::new("valgrind").arg("--version"));
    Ok(found.is_none().then(|| "valgrind is not installed".to_owned()))
}

/// Version and host of the compiler.
fn compiler(root: &Path) -> Result<(String, String), String> {
    let text = shell::probe(Command::new("rustc").arg("-vV").current_dir(root)).ok_or("`rustc -vV` does not run")?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    match (text.lines().next(), host) {
        (Some(version), Some(host)) => Ok((version.to_owned(), host.to_owned())),
        _ => Err(format!("expected version and host from `rustc -vV`, found `{text}`")),
    }
}

/// Builds the driver as users build it, runs it in the profiler, and reads the dumps.
fn count(root: &Path) -> Result<Vec<Count>, String> {
    // With what it needs and no more: neither servers nor peers.
    let words = [
        "build",
        "--quiet",
        "--release",
        "--locked",
        "--package",
        features::FACADE,
    ];
    let mut build = cargo(root, &words);
    build.args(["--no-default-features", "--features", "local,router,sage"]);
    // Flags of the environment would be measured along.
    build.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let driver = example::built(root, &mut build, "release", DRIVER)?;
    let folder = example::target(root)?.join("budget");
    // What an earlier run left there would be read as ours.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let out = folder.join("dump");
    let output = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={MEASURED}"))
        .arg(format!("--dump-after={MEASURED}"))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(&driver)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind did not start: {error}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(format!("valgrind ended with {}: {}", output.status, text.trim()));
    }
    let dump = |number: usize| {
        let path = folder.join(format!("dump.{number}"));
        std::fs::read_to_string(&path).map_err(|error| {
            format!(
                "{}: {error}; expected two dumps for each path, one per call of {MEASURED}",
                path.display()
            )
        })
    };
    file::counts(&String::from_utf8_lossy(&output.stdout), dump)
}
