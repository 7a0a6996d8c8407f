//! Programs of this workspace that a verb runs: examples, so that no user sees them.

use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::MetadataCommand;

use crate::args::Failure;
use crate::shell;

/// Runs the cargo command that builds the example and says where it is. `folder` is what the profile and the target add
/// to the target folder.
pub(crate) fn built(root: &Path, build: &mut Command, folder: &str, name: &str) -> Result<PathBuf, String> {
    shell::run(build.args(["--example", name]))?;
    Ok(target(root)?
        .join(folder)
        .join("examples")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}

/// Where cargo builds.
pub(crate) fn target(root: &Path) -> Result<PathBuf, String> {
    MetadataCommand::new()
        .current_dir(root)
        .no_deps()
        .exec()
        .map(|metadata| metadata.target_directory.into_std_path_buf())
        .map_err(|error| format!("cargo metadata failed: {error}"))
}

/// Runs a program that reads the line itself: what it says of wrong use and its verdict are the verb's.
pub(crate) fn passed_on(command: &mut Command) -> Result<(), Failure> {
    let shown = shell::shown(command);
    shell::say(format_args!("$ {shown}"));
    let status = command
        .status()
        .map_err(|error| format!("`{shown}` did not start: {error}"))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(2) => Err(Failure::Usage("see the usage above".to_owned())),
        _ => Err(Failure::Failed(format!("`{shown}` ended with {status}"))),
    }
}
