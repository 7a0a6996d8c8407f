//! Cargo subcommands that are not part of the toolchain: found, or installed at a pinned version.

use std::path::Path;

use crate::shell;

/// A cargo subcommand from the registry.
pub(crate) struct Tool {
    /// Package to install.
    pub(crate) package: &'static str,
    /// Word after `cargo`.
    pub(crate) subcommand: &'static str,
    /// Version to install; one that is already there is used as it is.
    pub(crate) version: &'static str,
    /// Further words for `cargo install`: what keeps the build short.
    pub(crate) install: &'static [&'static str],
}

/// Runs the tests: one process each, so that a hang is killed and named.
pub(crate) const NEXTEST: Tool = Tool {
    package: "cargo-nextest",
    subcommand: "nextest",
    version: "0.9.143",
    install: &["--no-default-features", "--features", "default-no-update"],
};

/// Advisories; reads a plain folder, so it works offline.
pub(crate) const AUDIT: Tool = Tool {
    package: "cargo-audit",
    subcommand: "audit",
    version: "0.22.2",
    // Run once, and as quick to have as it is slow: to optimise it takes minutes.
    install: &["--no-default-features", "--debug"],
};

/// Licences, sources and banned packages.
pub(crate) const DENY: Tool = Tool {
    package: "cargo-deny",
    subcommand: "deny",
    version: "0.20.2",
    // Run once, and as quick to have as it is slow: to optimise it takes minutes.
    install: &["--no-default-features", "--debug"],
};

impl Tool {
    /// The version line of the installed tool.
    pub(crate) fn found(&self, root: &Path) -> Option<String> {
        shell::probe(&mut shell::cargo(root, &[self.subcommand, "--version"]))
            .map(|text| text.lines().next().unwrap_or_default().to_owned())
    }

    /// Makes the tool available. The error says why it is not, in words fit for a list of skipped checks.
    pub(crate) fn ensure(&self, root: &Path, install: bool) -> Result<(), String> {
        if let Some(version) = self.found(root) {
            shell::say(format_args!("{} found: {version}", self.package));
            return Ok(());
        }
        if !install {
            return Err(format!("{} is not installed and --no-install was given", self.package));
        }
        shell::run(&mut shell::cargo(root, &self.install_line()))
            .map_err(|error| format!("{} is missing, {error}", self.package))?;
        self.found(root).map(|_| ()).ok_or_else(|| {
            format!(
                "{} was installed but `cargo {}` does not start",
                self.package, self.subcommand
            )
        })
    }

    fn install_line(&self) -> Vec<&'static str> {
        let mut line = vec!["install", self.package, "--locked", "--version", self.version];
        line.extend(self.install);
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABSENT: Tool = Tool {
        package: "cargo-that-is-not-there",
        subcommand: "that-is-not-there",
        version: "1.0.0",
        install: &[],
    };

    #[test]
    fn a_missing_tool_is_skipped_by_name() {
        let root = shell::root().expect("root");
        let reason = ABSENT
            .ensure(&root, false)
            .expect_err("found a tool that does not exist");
        assert!(reason.contains("cargo-that-is-not-there"), "{reason}");
    }

    #[test]
    fn versions_are_pinned_exactly() {
        for tool in [NEXTEST, AUDIT, DENY] {
            let line = tool.install_line();
            assert!(line.contains(&"--locked"), "{line:?}");
            assert_eq!(tool.version.split('.').count(), 3, "{}", tool.package);
        }
    }
}
