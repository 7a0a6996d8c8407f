//! Checkpoints of submitted jobs: what is asked for, and where they are.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use descriptor_core::{Error, ErrorKind};
use runtime::{Attempts, Checkpoints};
use serde::{Deserialize, Serialize};

use crate::task::Task;

/// What the checkpoints are of, beside them.
const JOB: &str = "job.json";
/// The longest name of a folder, in bytes.
const NAME_BYTES: usize = 64;

/// How a submitted job keeps checkpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keep {
    /// A folder of the manager: the job goes on from what a job of the same name and parameters left there under this name.
    /// What is in it goes when a job has finished. Without a name the job begins anew, and its checkpoints go with it.
    pub name: Option<String>,
    /// The pause between two checkpoints, in milliseconds.
    pub every_ms: u64,
    /// How often within a minute the job goes back to the last one by itself when it fails.
    pub retries: u32,
}

impl Default for Keep {
    /// Without a name, each second, five times.
    fn default() -> Self {
        Self {
            name: None,
            every_ms: 1000,
            retries: 5,
        }
    }
}

/// The folder of one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    pub(crate) folder: PathBuf,
    /// Others may go on from it.
    named: bool,
    every_ms: u64,
    retries: u32,
}

impl Kept {
    /// Below the folder of the manager, for the job of this id.
    pub(crate) fn new(root: &Path, id: &str, keep: &Keep) -> Result<Self, Error> {
        let folder = match &keep.name {
            Some(name) if is_plain(name) => root.join(name),
            Some(name) => {
                return Err(Error::new(ErrorKind::InvalidDescriptor, "submit job")
                    .with("parameter", "checkpoints")
                    .expected(format!(
                        "a name of at most {NAME_BYTES} letters, digits, `-`, `_` and `.` that does not begin with `.`"
                    ))
                    .found(format!("`{}`", descriptor_core::excerpt(name)))
                    .remedy("choose another name"));
            }
            // No name begins so.
            None => root.join(format!(".{id}")),
        };
        Ok(Self {
            folder,
            named: keep.name.is_some(),
            every_ms: keep.every_ms,
            retries: keep.retries,
        })
    }

    pub(crate) fn checkpoints(&self) -> Checkpoints {
        let tries = Attempts::within(self.retries, Duration::from_secs(60))
            .pauses(Duration::from_millis(20), Duration::from_secs(1));
        Checkpoints::in_folder(&self.folder)
            .every(Duration::from_millis(self.every_ms))
            .retries(tries)
    }

    /// Makes sure that what is there is of this very job. Nobody else has the folder meanwhile.
    pub(crate) fn prepare(&self, task: &Task) -> Result<(), Error> {
        if !self.named {
            return self.clear();
        }
        let text = match fs::read_to_string(self.folder.join(JOB)) {
            Ok(text) => text,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(cause) => return Err(self.failed(cause)),
        };
        let before = Task::from_text(&text)?;
        if before.name == task.name && before.params == task.params {
            return Ok(());
        }
        let differs = task
            .params
            .iter()
            .find(|(name, value)| before.params.get(*name) != Some(value));
        Err(Error::new(ErrorKind::Incompatible, "submit job")
            .with("job", &task.name)
            .with("folder", self.folder.display().to_string())
            .expected("checkpoints of the same job with the same parameters")
            .found(match differs {
                Some((name, _)) if before.name == task.name => match before.params.get(name) {
                    Some(value) => format!("some with {name} = {value}"),
                    None => format!("some without {name}"),
                },
                _ => format!("some of `{}`", before.name),
            })
            .remedy("submit it as it was, or give its checkpoints another name"))
    }

    /// Says beside the checkpoints what they are of.
    pub(crate) fn label(&self, task: &Task) -> Result<(), Error> {
        if !self.named {
            return Ok(());
        }
        let text = task.to_text()?;
        let (new, at) = (self.folder.join("job.json.new"), self.folder.join(JOB));
        let written = || {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &at)
        };
        written().map_err(|cause| self.failed(cause))
    }

    /// The job has ended: what nobody will go on from goes.
    pub(crate) fn leave(&self, finished: bool) {
        if (finished || !self.named)
            && let Err(error) = self.clear()
        {
            tracing::warn!(%error, "checkpoints of a job that has ended stay");
        }
    }

    fn clear(&self) -> Result<(), Error> {
        match fs::remove_dir_all(&self.folder) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(self.failed(cause)),
            _ => Ok(()),
        }
    }

    fn failed(&self, cause: io::Error) -> Error {
        Error::new(ErrorKind::Io, "keep checkpoints")
            .with("folder", self.folder.display().to_string())
            .caused_by(cause)
            .remedy("see what is wrong with that folder")
    }
}

fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=NAME_BYTES).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let at = |name: &str| {
            let keep = Keep {
                name: Some(name.into()),
                ..Keep::default()
            };
            Kept::new(Path::new("/data/jobs"), "sum-1", &keep)
        };
        assert_eq!(at("nightly-2.a").unwrap().folder, Path::new("/data/jobs/nightly-2.a"));
        for wrong in ["", ".", "..", ".sum-1", "a/b", "/etc", "a\0", "ä", &"a".repeat(65)] {
            assert_eq!(at(wrong).unwrap_err().kind(), ErrorKind::InvalidDescriptor, "{wrong:?}");
        }
        let own = Kept::new(Path::new("/data/jobs"), "sum-1", &Keep::default()).unwrap();
        assert_eq!(own.folder, Path::new("/data/jobs/.sum-1"));
    }
}
