//! `cargo xtask tidy`: the rules of this workspace that no lint can see, all findings at once.
//!
//! Each checker is a pure function over texts or over a small model of the packages, so a test can plant a fault.

mod arrows;
mod covered;
mod crates;
mod docs;
mod library;
mod links;
mod model;
mod sizes;
mod source;
mod words;

use std::fmt;
use std::path::Path;

use crate::args::{Args, Failure};
use crate::shell::{self, say};

/// One broken rule: where, what, and what to do about it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    what: String,
    remedy: String,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}, {}", self.path, self.line, self.what, self.remedy)
    }
}

/// A file of the checkout: path from its root with `/`, and text.
#[derive(Debug, Clone)]
struct File {
    path: String,
    text: String,
}

/// Line in the list of verbs.
pub(crate) const ABOUT: &str = "layers, sizes, unsafe, manifests, documents: what no lint can see";

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    args.allow(&[], false)?;
    Ok(check(&shell::root()?)?)
}

/// All rules over the checkout at `root`.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let workspace = model::Workspace::read(root)?;
    let findings = findings(&workspace);
    for finding in &findings {
        say(finding);
    }
    if findings.is_empty() {
        say(format_args!(
            "{} packages and {} files are tidy",
            workspace.packages.len(),
            workspace.files.len()
        ));
        return Ok(());
    }
    Err(format!("{} findings, each line above says what to do", findings.len()))
}

fn findings(workspace: &model::Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(arrows::check(&workspace.packages));
    findings.extend(arrows::reach(&workspace.graph));
    findings.extend(crates::check(workspace));
    findings.extend(sizes::check(workspace));
    findings.extend(docs::check(workspace));
    findings.extend(covered::check(&workspace.files));
    findings.extend(links::check(&workspace.files, &|path| {
        workspace.root.join(path).exists()
    }));
    for file in &workspace.files {
        findings.extend(words::check(file));
    }
    findings.sort();
    findings.dedup();
    findings
}
