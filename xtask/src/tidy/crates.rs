//! What every package has: inherited settings, forbidden unsafe code, and the files of its kind.

use super::arrows::is_backend;
use super::model::{Package, Workspace};
use super::source::{mask, words};
use super::{File, Finding, library};

/// The crates whose data structures need unsafe code.
const UNSAFE: &[&str] = &["queue-sage", "queue-shm"];
const FORBID: &str = "#![forbid(unsafe_code)]";
const INHERITED: &[&str] = &["version", "edition", "rust-version", "license"];
/// Whoever knows one backend knows them all.
const BACKEND_FILES: &[&str] = &["lib.rs", "spec.rs", "queue.rs", "backend.rs"];

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        findings.extend(inherits(package));
        findings.extend(backend_files(package, &workspace.files));
        for file in &workspace.files {
            if package.roots.contains(&file.path) {
                findings.extend(forbids(package, file));
            }
            if package.library.as_ref() == Some(&file.path) {
                findings.extend(library::check(file, package.name == "queue-testkit"));
            }
            if file.path.starts_with(&format!("{}/", package.folder)) {
                findings.extend(safe(package, file));
            }
        }
    }
    findings
}

/// The manifest takes version, edition, licence and lints from the workspace.
fn inherits(package: &Package) -> Vec<Finding> {
    let path = package.manifest_path();
    let mut findings = Vec::new();
    for key in INHERITED {
        if !is_inherited(&package.manifest, "[package]", key) {
            let line = package.line_of(key);
            findings.push(Finding::new(
                &path,
                line,
                format!("{key} is not the workspace's"),
                format!("write {key}.workspace = true"),
            ));
        }
    }
    let lints = section(&package.manifest, "[lints]").any(|line| line == "workspace = true");
    if !lints {
        let line = package.line_of("[lints");
        findings.push(Finding::new(
            &path,
            line,
            "lints are not the workspace's",
            "write [lints] with workspace = true",
        ));
    }
    findings
}

fn is_inherited(manifest: &str, header: &str, key: &str) -> bool {
    section(manifest, header).any(|line| {
        let line = line.replace(' ', "");
        line == format!("{key}.workspace=true") || line == format!("{key}={{workspace=true}}")
    })
}

fn section<'a>(manifest: &'a str, header: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = manifest.lines().map(str::trim);
    lines
        .skip_while(move |line| *line != header)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
}

fn backend_files(package: &Package, files: &[File]) -> Vec<Finding> {
    if !is_backend(&package.name) {
        return Vec::new();
    }
    let paths = BACKEND_FILES
        .iter()
        .map(|name| format!("{}/src/{name}", package.folder));
    let missing = paths.filter(|path| !files.iter().any(|file| file.path == *path));
    missing
        .map(|path| {
            Finding::new(
                &path,
                1,
                "backend without this file",
                "add it: every backend has the same four",
            )
        })
        .collect()
}

/// The crate root forbids unsafe code.
fn forbids(package: &Package, root: &File) -> Option<Finding> {
    let missing = !UNSAFE.contains(&package.name.as_str()) && !root.text.lines().any(|line| line.trim() == FORBID);
    missing.then(|| Finding::new(&root.path, 1, "unsafe code is not forbidden", format!("add {FORBID}")))
}

/// No unsafe code in files that are crates of their own either: tests, examples, benches.
fn safe(package: &Package, file: &File) -> Option<Finding> {
    if UNSAFE.contains(&package.name.as_str()) || !file.path.ends_with(".rs") {
        return None;
    }
    let masked = mask(&file.text);
    let (line, ..) = words(&masked).find(|(_, word, _)| *word == "unsafe")?;
    let what = format!("unsafe code in {}", package.name);
    Some(Finding::new(
        &file.path,
        line,
        what,
        format!("keep it to {}", UNSAFE.join(" and ")),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[package]\nname = \"a\"\nversion.workspace = true\nedition.workspace = true\n\
                            rust-version.workspace = true\nlicense = { workspace = true }\n\n[lints]\nworkspace = true\n";

    fn package(name: &str, manifest: &str) -> Package {
        Package {
            name: name.to_owned(),
            folder: format!("crates/{name}"),
            manifest: manifest.to_owned(),
            roots: vec![format!("crates/{name}/src/lib.rs")],
            library: Some(format!("crates/{name}/src/lib.rs")),
            ..Package::default()
        }
    }

    fn file(path: &str, text: &str) -> File {
        File {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_manifest_of_its_own_mind_is_found() {
        assert_eq!(inherits(&package("a", MANIFEST)), []);
        let version = MANIFEST.replace("version.workspace = true\ne", "version = \"9.0.0\"\ne");
        assert_eq!(
            inherits(&package("a", &version)).first().map(|finding| finding.line),
            Some(3)
        );
        let lints = MANIFEST.replace("[lints]\nworkspace = true", "[lints.rust]\nworkspace = true");
        assert_eq!(inherits(&package("a", &lints)).len(), 1);
        assert_eq!(inherits(&package("a", "")).len(), INHERITED.len() + 1);
    }

    #[test]
    fn a_root_that_does_not_forbid_is_found_but_not_in_the_unsafe_crates() {
        let bare = file("crates/a/src/lib.rs", "//! docs #![forbid(unsafe_code)]\n");
        assert!(forbids(&package("a", MANIFEST), &bare).is_some());
        assert_eq!(forbids(&package("queue-sage", MANIFEST), &bare), None);
        let good = file("crates/a/src/lib.rs", "//! docs\n#![forbid(unsafe_code)]\n");
        assert_eq!(forbids(&package("a", MANIFEST), &good), None);
    }

    #[test]
    fn unsafe_code_in_a_test_is_found_and_the_word_in_a_comment_is_not() {
        let planted = file("crates/a/tests/t.rs", "// unsafe\nfn f() { unsafe { g() } }\n");
        assert_eq!(
            safe(&package("a", MANIFEST), &planted).map(|finding| finding.line),
            Some(2)
        );
        assert_eq!(safe(&package("queue-shm", MANIFEST), &planted), None);
        let lint = file("crates/a/src/lib.rs", "#![forbid(unsafe_code)]\n// unsafe\n");
        assert_eq!(safe(&package("a", MANIFEST), &lint), None);
    }

    #[test]
    fn a_backend_without_its_files_is_found() {
        let files: Vec<_> = BACKEND_FILES
            .iter()
            .map(|name| file(&format!("crates/queue-x/src/{name}"), ""))
            .collect();
        assert_eq!(backend_files(&package("queue-x", MANIFEST), &files), []);
        assert_eq!(
            backend_files(&package("queue-x", MANIFEST), files.get(..3).unwrap_or_default()).len(),
            1
        );
        assert_eq!(backend_files(&package("queue-testkit", MANIFEST), &[]), []);
        assert_eq!(backend_files(&package("router", MANIFEST), &[]), []);
    }
}
