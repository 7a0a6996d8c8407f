//! Documents that would drift from the code if nothing looked.

use std::collections::BTreeMap;

use super::model::{Package, Workspace};
use super::{File, Finding};
use crate::features::FACADE;

const README: &str = "README.md";
const MAP: &str = "ARCHITECTURE.md";
const INCLUDED: &str = "include_str!(\"../../../README.md\")";
const DECISIONS: &str = "docs/decisions/";

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(readme(
        workspace.text(README).is_some(),
        workspace.text("crates/sage-comm/src/lib.rs"),
    ));
    findings.extend(map(workspace.text(MAP), &workspace.packages));
    findings.extend(decisions(&workspace.files));
    findings
}

/// The README is the facade's crate documentation, so its examples are tested.
fn readme(exists: bool, library: Option<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !exists {
        findings.push(Finding::new(README, 1, "no README", "write it"));
    }
    let included = library.is_some_and(|text| {
        text.lines()
            .any(|line| line.starts_with("#![doc") && line.contains(INCLUDED))
    });
    if !included {
        let path = format!("crates/{FACADE}/src/lib.rs");
        findings.push(Finding::new(
            &path,
            1,
            "the README is not the crate's documentation",
            format!("write #![doc = {INCLUDED}]"),
        ));
    }
    findings
}

/// The map names every crate, and no crate that is gone.
fn map(text: Option<&str>, packages: &[Package]) -> Vec<Finding> {
    let Some(text) = text else {
        return vec![Finding::new(MAP, 1, "no code map", "write it and name every crate")];
    };
    let crates: Vec<&str> = packages
        .iter()
        .filter_map(|package| package.folder.strip_prefix("crates/"))
        .collect();
    let named = |name: &str| text.contains(&format!("`{name}`")) || mentioned(text).any(|(_, found)| found == name);
    let mut findings: Vec<_> = crates
        .iter()
        .filter(|name| !named(name))
        .map(|name| {
            Finding::new(
                MAP,
                1,
                format!("crate {name} is not in the map"),
                format!("say what `crates/{name}` is for"),
            )
        })
        .collect();
    for (line, name) in mentioned(text) {
        if !crates.contains(&name) {
            findings.push(Finding::new(
                MAP,
                line,
                format!("crates/{name} is not there"),
                "drop it from the map",
            ));
        }
    }
    findings
}

/// Every `crates/NAME` of the text, with its line.
fn mentioned(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().flat_map(|(index, line)| {
        line.split("crates/").skip(1).filter_map(move |rest| {
            let name = rest
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
                .next()
                .unwrap_or_default();
            (!name.is_empty()).then_some((index + 1, name))
        })
    })
}

/// Decisions are `NNNN-name.md`, each number once.
fn decisions(files: &[File]) -> Vec<Finding> {
    let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
    let mut findings = Vec::new();
    for file in files {
        let Some(name) = file.path.strip_prefix(DECISIONS).filter(|name| *name != README) else {
            continue;
        };
        let number = name.split_once('-').map_or("", |(number, _)| number);
        if number.len() != 4 || !number.bytes().all(|byte| byte.is_ascii_digit()) || !name.ends_with(".md") {
            findings.push(Finding::new(
                &file.path,
                1,
                "not named like a decision",
                "name it NNNN-what-was-decided.md",
            ));
        } else if let Some(other) = taken.insert(number, &file.path) {
            findings.push(Finding::new(
                &file.path,
                1,
                format!("number {number} is taken by {other}"),
                "take the next free one",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crate_in(folder: &str) -> Package {
        Package {
            folder: folder.to_owned(),
            ..Package::default()
        }
    }

    fn file(path: &str) -> File {
        File {
            path: path.to_owned(),
            text: String::new(),
        }
    }

    #[test]
    fn a_readme_that_is_not_the_crate_doc_is_found() {
        assert_eq!(
            readme(true, Some("#![doc = include_str!(\"../../../README.md\")]\n")),
            []
        );
        assert_eq!(
            readme(true, Some("//! include_str!(\"../../../README.md\")\n")).len(),
            1
        );
        assert_eq!(readme(false, None).len(), 2);
    }

    #[test]
    fn a_crate_missing_from_the_map_is_found_and_so_is_one_that_is_gone() {
        let packages = [crate_in("crates/graph"), crate_in("crates/router"), crate_in("xtask")];
        assert_eq!(
            map(
                Some("`graph` is data\n* `crates/router/src` moves packets\n"),
                &packages
            ),
            []
        );
        let missing = map(Some("a graph, `crates/router`"), &packages);
        assert_eq!(missing.len(), 1, "{missing:?}");
        let gone = map(Some("`graph` `router`\ncrates/gone\n"), &packages);
        assert_eq!(gone.first().map(|finding| finding.line), Some(2));
        assert_eq!(map(None, &packages).len(), 1);
    }

    #[test]
    fn a_decision_number_is_taken_once() {
        let good = [
            file("docs/decisions/0001-a.md"),
            file("docs/decisions/0002-b.md"),
            file("docs/decisions/README.md"),
        ];
        assert_eq!(decisions(&good), []);
        assert_eq!(
            decisions(&[file("docs/decisions/0001-a.md"), file("docs/decisions/0001-b.md")]).len(),
            1
        );
        assert_eq!(
            decisions(&[file("docs/decisions/1-a.md"), file("docs/decisions/notes.md")]).len(),
            2
        );
    }
}
