//! `cargo xtask deny`: what the dependencies bring along.
//!
//! Advisories are read by cargo-audit from the folder that `ADVISORY_DB` names, so no network is needed. Licences,
//! sources and banned packages are cargo-deny's part. `deny.toml` is the one place for exceptions to either.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::args::{Args, Failure};
use crate::shell::{self, cargo, say};
use crate::tools::{AUDIT, DENY};

const CONFIG: &str = "deny.toml";

/// Line in the list of verbs.
pub(crate) const ABOUT: &str = "advisories, licences, sources of the dependencies: deny [--no-install]";

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    args.allow(&["--no-install"], false)?;
    for reason in check(&shell::root()?, !args.has("--no-install"))? {
        say(format_args!("skipped: {reason}"));
    }
    Ok(())
}

/// Runs both parts and returns what was skipped, by name.
pub(crate) fn check(root: &Path, install: bool) -> Result<Vec<String>, String> {
    let mut skipped = Vec::new();
    match database(std::env::var_os("ADVISORY_DB").as_deref())? {
        None => {
            skipped.push("advisories: ADVISORY_DB is not set, name a folder with the RustSec advisories".to_owned())
        }
        Some(folder) => match AUDIT.ensure(root, install) {
            Ok(()) => advisories(root, &folder)?,
            Err(reason) => skipped.push(format!("advisories: {reason}")),
        },
    }
    match DENY.ensure(root, install) {
        Ok(()) => {
            // The check reads the crates of every platform, also of those that this machine never builds for.
            match shell::run(&mut cargo(root, &["fetch", "--locked"])) {
                Ok(()) => shell::run(&mut cargo(
                    root,
                    &["deny", "--locked", "--offline", "check", "licenses", "bans", "sources"],
                ))?,
                Err(reason) => skipped.push(format!("licences, bans, sources: {reason}")),
            }
        }
        Err(reason) => skipped.push(format!("licences, bans, sources: {reason}")),
    }
    Ok(skipped)
}

/// The advisory folder, `None` when none is named. A name that leads nowhere is an error: an empty database
/// would let everything pass.
fn database(named: Option<&OsStr>) -> Result<Option<PathBuf>, String> {
    let Some(folder) = named.filter(|name| !name.is_empty()).map(PathBuf::from) else {
        return Ok(None);
    };
    if folder.join("crates").is_dir() {
        return Ok(Some(folder));
    }
    Err(format!(
        "ADVISORY_DB is {}, expected a folder holding `crates/`; name a copy of the RustSec advisories",
        folder.display()
    ))
}

fn advisories(root: &Path, folder: &Path) -> Result<(), String> {
    let text =
        std::fs::read_to_string(root.join(CONFIG)).map_err(|error| format!("{CONFIG} is not readable: {error}"))?;
    let mut command = cargo(root, &["audit", "--no-fetch", "--stale", "--deny", "warnings", "--db"]);
    command.arg(folder);
    for id in exceptions(&text)? {
        command.args(["--ignore", &id]);
    }
    shell::run(&mut command)
}

/// The advisories that `deny.toml` excepts: rows `{ id = "...", reason = "..." }` of `ignore` in `[advisories]`.
fn exceptions(config: &str) -> Result<Vec<String>, String> {
    let mut section = "";
    let mut inside = false;
    let mut ids = Vec::new();
    for (number, line) in config.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        if !inside && line.starts_with('[') {
            section = line;
        }
        inside |= section == "[advisories]" && line.starts_with("ignore");
        if !inside {
            continue;
        }
        for row in line.split('{').skip(1) {
            let at = format_args!("{CONFIG}:{}", number + 1).to_string();
            let id = field(row, "id")
                .ok_or_else(|| format!("{at}: exception without id, write {{ id, reason }} on one line"))?;
            if field(row, "reason").is_none_or(|reason| reason.trim().is_empty()) {
                return Err(format!(
                    "{at}: exception {id} gives no reason, write {{ id, reason }} on one line"
                ));
            }
            ids.push(id.to_owned());
        }
        if !line.contains('{') && line.contains('"') {
            return Err(format!(
                "{CONFIG}:{}: bare exception, write {{ id, reason }} so that it says why",
                number + 1
            ));
        }
        inside = !line.ends_with(']');
    }
    Ok(ids)
}

/// The text of `key = "..."` in one row.
fn field<'a>(row: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = row.split_once(&format!("{key} = \""))?;
    rest.split_once('"').map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exceptions_come_from_the_advisories_section() {
        let text = "[bans]\nignore = [\"no\"]\n\n[advisories]\nversion = 2\nignore = [\n  # why\n  { id = \"RUSTSEC-2000-0001\", \
                    reason = \"behind a seam\" },\n]\n[licenses]\nallow = [\"MIT\"]\n";
        assert_eq!(exceptions(text), Ok(vec!["RUSTSEC-2000-0001".to_owned()]));
        let short = "[advisories]\nignore = [{ id = \"A\", reason = \"b\" }]\nyanked = \"deny\"\n";
        assert_eq!(exceptions(short), Ok(vec!["A".to_owned()]));
        assert_eq!(
            exceptions("[advisories]\nignore = []\nyanked = \"deny\"\n"),
            Ok(Vec::new())
        );
    }

    #[test]
    fn an_exception_without_a_reason_is_refused() {
        for text in [
            "[advisories]\nignore = [{ id = \"A\" }]\n",
            "[advisories]\nignore = [{ id = \"A\", reason = \" \" }]\n",
            "[advisories]\nignore = [\n  \"A\",\n]\n",
            "[advisories]\nignore = [{ reason = \"b\" }]\n",
        ] {
            assert!(exceptions(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_real_file_excepts_something_with_a_reason() {
        let text = std::fs::read_to_string(shell::root().expect("root").join(CONFIG)).expect(CONFIG);
        let ids = ["RUSTSEC-2025-0141", "RUSTSEC-2024-0436", "RUSTSEC-2026-0186"].map(str::to_owned);
        assert_eq!(exceptions(&text), Ok(ids.into()));
    }

    #[test]
    fn a_database_that_is_not_there_is_an_error_and_none_named_is_not() {
        assert_eq!(database(None), Ok(None));
        assert_eq!(database(Some(OsStr::new(""))), Ok(None));
        let error = database(Some(OsStr::new("no-such-folder"))).expect_err("found");
        assert!(error.contains("no-such-folder"), "{error}");
    }
}
