//! `cargo xtask semantics`: every queue type held to every clause, and the page that says how each ended.

mod page;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::args::{Args, Failure};
use crate::shell::{self, cargo, say};
use crate::{example, features};
use page::Line;

/// Line in the list of verbs.
pub(crate) const ABOUT: &str = "docs/semantics.md, queue types by clauses, from a run: semantics [--check]";

const PAGE: &str = "docs/semantics.md";
const DRIVER: &str = "semantics";

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    args.allow(&["--check"], false)?;
    let root = shell::root()?;
    if args.has("--check") {
        return Ok(check(&root)?);
    }
    let text = page::write(&lines(&root)?);
    std::fs::write(root.join(PAGE), &text).map_err(|error| format!("{PAGE}: {error}"))?;
    say(format_args!("{PAGE} is written"));
    Ok(())
}

/// Runs all clauses and fails if one does, or if the page says something else.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let fresh = page::write(&lines(root)?);
    let kept = std::fs::read_to_string(root.join(PAGE)).map_err(|error| format!("{PAGE}: {error}"))?;
    match difference(&kept, &fresh) {
        None => {
            say(format_args!("{PAGE} says what the run says"));
            Ok(())
        }
        Some(line) => Err(format!(
            "{PAGE} is not what the run says, first in line {line}: run `cargo xtask semantics`"
        )),
    }
}

/// The number of the first line that differs.
fn difference(kept: &str, fresh: &str) -> Option<usize> {
    if kept == fresh {
        return None;
    }
    let same = kept.lines().zip(fresh.lines()).take_while(|(a, b)| a == b).count();
    Some(same + 1)
}

/// What the driver reported; an error if a clause failed.
fn lines(root: &Path) -> Result<Vec<Line>, String> {
    let driver = build(root)?;
    say(format_args!("$ {}", driver.display()));
    let output = Command::new(&driver)
        .current_dir(root)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{} did not start: {error}", driver.display()))?;
    let lines = page::read(&String::from_utf8_lossy(&output.stdout))?;
    if output.status.success() {
        Ok(lines)
    } else {
        Err(format!("the driver ended with {}", output.status))
    }
}

/// With the features that the tests are built with, so that nothing is compiled twice.
fn build(root: &Path) -> Result<PathBuf, String> {
    let all = features::all_of_facade(root)?;
    let words = ["build", "--quiet", "--workspace", "--locked", "--features", &all];
    example::built(root, &mut cargo(root, &words), "debug", DRIVER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_differs_is_named_by_its_first_line() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("a\nb\n", "a\nc\n"), Some(2));
        assert_eq!(difference("a\n", "a\nb\n"), Some(2));
        assert_eq!(difference("", "a\n"), Some(1));
    }
}
