//! What a process of a campaign was told to be.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Dice;

/// Read from words like `actor=3`.
#[derive(Debug)]
pub struct Part {
    settings: HashMap<String, String>,
    /// Its number among all processes of the campaign.
    pub actor: u32,
    /// What it is seeded with.
    pub seed: u64,
    /// How long a call may take, unless it says otherwise.
    pub limit: Duration,
    /// Where it writes down what it is told.
    pub journal: PathBuf,
    stop: PathBuf,
    parent: u32,
}

impl Part {
    /// From the words behind the role.
    ///
    /// # Errors
    /// What is missing or no number.
    pub fn new(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let settings: HashMap<String, String> = words
            .filter_map(|word| {
                let (name, value) = word.split_once('=')?;
                Some((name.to_owned(), value.to_owned()))
            })
            .collect();
        let text = |name: &str| settings.get(name).ok_or_else(|| format!("`{name}` is missing"));
        let number = |name: &str| text(name)?.parse::<u64>().map_err(|error| format!("`{name}`: {error}"));
        Ok(Self {
            actor: u32::try_from(number("actor")?).map_err(|error| format!("`actor`: {error}"))?,
            seed: number("seed")?,
            limit: Duration::from_millis(number("limit")?),
            journal: PathBuf::from(text("journal")?),
            stop: PathBuf::from(text("stop")?),
            parent: std::os::unix::process::parent_id(),
            settings,
        })
    }

    /// Dice of its own.
    #[must_use]
    pub const fn dice(&self) -> Dice {
        Dice::new(self.seed)
    }

    /// A further setting.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// A further setting that is a number; 0 unless said otherwise.
    #[must_use]
    pub fn number(&self, name: &str) -> u64 {
        self.setting(name).and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// The file whose being there says that it is time to end.
    #[must_use]
    pub fn stop(&self) -> &Path {
        &self.stop
    }

    /// Whether it is time to end: somebody said so, or nobody is left to say so.
    #[must_use]
    pub fn ends(&self) -> bool {
        self.stop.exists() || std::os::unix::process::parent_id() != self.parent
    }
}
