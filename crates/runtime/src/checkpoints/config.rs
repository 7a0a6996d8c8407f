//! Where and how often.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Attempts;

/// Where a job keeps its checkpoints, and how often it makes one.
///
/// The folder belongs to one job. It is made when it is not there, with access for its owner alone; the last two
/// complete checkpoints stay in it, and a job that is started with it again goes on from the last one.
///
/// ```
/// use std::time::Duration;
/// let often = runtime::Checkpoints::in_folder("/var/lib/job").every(Duration::from_secs(1));
/// assert_eq!(often.folder(), std::path::Path::new("/var/lib/job"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoints {
    pub(super) folder: PathBuf,
    pub(super) every: Duration,
    pub(super) state_bytes: usize,
    pub(crate) retries: Option<Attempts>,
}

impl Checkpoints {
    /// Every ten seconds, into this folder.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            every: Duration::from_secs(10),
            state_bytes: 1 << 30,
            retries: None,
        }
    }

    /// The pause between the end of one checkpoint and the begin of the next.
    #[must_use]
    pub fn every(self, pause: Duration) -> Self {
        Self { every: pause, ..self }
    }

    /// The most bytes that the state of one instance may take; 1 GiB unless said otherwise. A job with more fails.
    #[must_use]
    pub fn state_bytes(self, most: usize) -> Self {
        Self {
            state_bytes: most,
            ..self
        }
    }

    /// Lets the job go on by itself when it fails: everything of it ends, goes back to the last complete checkpoint, or to the
    /// beginning when there is none, and starts again, so often and after such pauses. Behind the limit it fails with what
    /// happened last. Who drains or aborts the job gets no further attempt.
    ///
    /// ```
    /// use std::time::Duration;
    /// use runtime::{Attempts, Checkpoints};
    /// let twice = Attempts::within(2, Duration::from_secs(60)).pauses(Duration::ZERO, Duration::ZERO);
    /// let often = Checkpoints::in_folder("/var/lib/job").retries(twice);
    /// # drop(often);
    /// ```
    #[must_use]
    pub fn retries(self, attempts: Attempts) -> Self {
        Self {
            retries: Some(attempts),
            ..self
        }
    }

    /// Where they are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}
