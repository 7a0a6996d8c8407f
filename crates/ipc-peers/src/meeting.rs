//! Where processes that measure something together find each other.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// The most items and bytes in a queue, and the fewest items.
const ITEMS: usize = 1024;
const BYTES: usize = 4 << 20;
const FEWEST: usize = 4;
const PATIENCE: Duration = Duration::from_secs(10);

/// How many processes there are on each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Those that send.
    pub producers: u64,
    /// Those that receive.
    pub consumers: u64,
}

impl Shape {
    /// One of each.
    pub const PAIR: Self = Self::new(1, 1);
    /// Many producers, one consumer.
    pub(crate) const MERGE: Self = Self::new(u64::MAX, 1);
    pub(crate) const ANY: Self = Self::new(u64::MAX, u64::MAX);

    /// So many.
    #[must_use]
    pub const fn new(producers: u64, consumers: u64) -> Self {
        Self { producers, consumers }
    }

    /// Whether it is within the other one.
    #[must_use]
    pub const fn fits(self, most: Self) -> bool {
        self.producers <= most.producers && self.consumers <= most.consumers
    }
}

/// What all of them know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Meeting {
    /// A folder that exists and is theirs alone.
    pub folder: PathBuf,
    /// Which of several queues; each has a meeting of its own in the same folder.
    pub queue: String,
    /// Bytes of an item.
    pub size: usize,
    /// How many processes there are on each side.
    pub shape: Shape,
    /// Which of those on its side this one is.
    pub place: u64,
}

impl Meeting {
    /// A new one for processes of this shape, as the first of them sees it, with its folder.
    ///
    /// # Errors
    /// When there can be no folder.
    pub fn new(size: usize, shape: Shape) -> Result<(Folder, Self), String> {
        let folder = Folder::new().map_err(|error| format!("a folder for sockets: {error}"))?;
        let meeting = Self {
            folder: folder.0.clone(),
            queue: "q".into(),
            size,
            shape,
            place: 0,
        };
        Ok((folder, meeting))
    }

    /// A name on this host that nobody else has.
    pub(crate) fn name(&self) -> String {
        let folder = self.folder.file_name().unwrap_or_default().to_string_lossy();
        format!("{folder}/{}", self.queue)
    }

    /// A place in the folder.
    pub(crate) fn path(&self, what: &str) -> PathBuf {
        self.folder.join(format!("{}-{what}", self.queue))
    }

    /// Items that a queue holds.
    pub(crate) fn capacity(&self) -> usize {
        (BYTES / self.size.max(1)).clamp(FEWEST, ITEMS)
    }

    /// The same for another queue.
    pub(crate) fn of_queue(&self, queue: impl Into<String>) -> Self {
        Self {
            queue: queue.into(),
            ..self.clone()
        }
    }

    /// Tries until the others are there.
    ///
    /// # Errors
    /// The last error when they do not come.
    pub(crate) fn retry<R, E: std::fmt::Display>(
        &self,
        mut attempt: impl FnMut() -> Result<R, E>,
    ) -> Result<R, String> {
        let begun = Instant::now();
        loop {
            match attempt() {
                Ok(done) => return Ok(done),
                Err(error) if begun.elapsed() > PATIENCE => return Err(format!("{}: {error}", self.name())),
                Err(_) => std::thread::sleep(Duration::from_micros(200)),
            }
        }
    }
}

/// A new folder, removed when this is dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// One that nobody else has.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> std::io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("sage-bench-{}-{number}", std::process::id()));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
