//! `cargo xtask features`: the facade compiles with each feature alone, with none, by default and with all.

use std::path::Path;

use cargo_metadata::{Metadata, MetadataCommand};

use crate::args::{Args, Failure};
use crate::shell::{self, cargo, say};
use crate::warnings;

/// The package whose features the rest of the world sees.
pub(crate) const FACADE: &str = "sage-comm";

/// Line in the list of verbs.
pub(crate) const ABOUT: &str = "each feature of the facade alone, none, default and all compile";

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    args.allow(&[], false)?;
    Ok(check(&shell::root()?)?)
}

/// All selections, each without a warning.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let names = of_facade(root)?;
    let lines = selections(&names);
    for line in &lines {
        let args: Vec<&str> = ["check", "--locked", "--package", FACADE]
            .into_iter()
            .chain(line.iter().copied())
            .collect();
        warnings::check(&mut cargo(root, &args))?;
    }
    say(format_args!(
        "{} selections of {} features compile without a warning",
        lines.len(),
        names.len()
    ));
    Ok(())
}

/// The facade's features, without `default`.
pub(crate) fn of_facade(root: &Path) -> Result<Vec<String>, String> {
    let metadata = MetadataCommand::new()
        .current_dir(root)
        .no_deps()
        .other_options(["--locked".to_owned()])
        .exec()
        .map_err(|error| format!("cargo metadata failed: {error}"))?;
    named(&metadata)
}

/// The same as the argument of `--features` for a build of the whole workspace.
pub(crate) fn all_of_facade(root: &Path) -> Result<String, String> {
    let names = of_facade(root)?;
    let names: Vec<String> = names.iter().map(|name| format!("{FACADE}/{name}")).collect();
    Ok(names.join(","))
}

fn named(metadata: &Metadata) -> Result<Vec<String>, String> {
    let facade = metadata.packages.iter().find(|package| package.name == FACADE);
    let facade =
        facade.ok_or_else(|| format!("no package {FACADE} in the workspace, expected the facade; restore it"))?;
    Ok(facade
        .features
        .keys()
        .filter(|name| *name != "default")
        .cloned()
        .collect())
}

/// Further words for `cargo check`, one list per selection. Examples and tests come along where a user would build
/// them: by default, and with everything.
fn selections(names: &[String]) -> Vec<Vec<&str>> {
    let mut lines = vec![vec!["--no-default-features"]];
    lines.extend(
        names
            .iter()
            .map(|name| vec!["--no-default-features", "--features", name]),
    );
    lines.push(vec!["--all-targets"]);
    lines.push(vec!["--all-targets", "--all-features"]);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_stands_alone_once() {
        let names = ["local".to_owned(), "sage".to_owned()];
        let lines = selections(&names);
        assert_eq!(lines.len(), 5);
        for name in &names {
            let alone = lines.iter().filter(|line| line.last() == Some(&name.as_str()));
            assert_eq!(alone.count(), 1, "{name}");
        }
        assert_eq!(
            lines.iter().filter(|line| **line == ["--no-default-features"]).count(),
            1
        );
    }

    #[test]
    fn the_list_is_read_from_the_manifest() {
        let names = of_facade(&shell::root().expect("root")).expect("features");
        assert!(names.iter().any(|name| name == "local"), "{names:?}");
        assert!(!names.iter().any(|name| name == "default"), "{names:?}");
    }
}
