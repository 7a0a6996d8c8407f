//! The name of a queue.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use queue_core::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

use crate::excerpt;

/// A valid queue id: ASCII letters, digits and `. _ - /`, starting with a letter or digit, without empty segments
/// and without `..`, at most 200 bytes. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QueueId(Arc<str>);

impl QueueId {
    /// The longest id, in bytes.
    pub const MAX_LEN: usize = 200;

    /// Checks and keeps the name.
    ///
    /// # Errors
    /// `InvalidDescriptor`, naming the rule that is broken.
    pub fn new(id: impl AsRef<str>) -> Result<Self, Error> {
        let id = id.as_ref();
        match broken_rule(id) {
            None => Ok(Self(id.into())),
            Some(rule) => Err(Error::new(ErrorKind::InvalidDescriptor, "read queue id")
                .expected(rule)
                .found(excerpt(id))
                .remedy("use letters, digits and . _ - / such as `jobs/input_0`")),
        }
    }

    /// A fresh id `{queue_type}_{8 hex digits}`, not used before by this process and unlikely to be by another.
    #[must_use]
    pub fn generated(queue_type: &str) -> Self {
        let tag = format!("{queue_type}_{:08x}", fresh_bits());
        // A queue type is itself a valid start of an id; anything else falls back to a neutral one.
        Self::new(&tag).unwrap_or_else(|_| Self(format!("queue_{:08x}", fresh_bits()).into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn broken_rule(id: &str) -> Option<&'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/');
    if id.is_empty() {
        Some("an id that is not empty")
    } else if id.len() > QueueId::MAX_LEN {
        Some("an id of at most 200 bytes")
    } else if !id.bytes().all(allowed) {
        Some("only ASCII letters, digits and . _ - /")
    } else if !id.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric) {
        Some("an id that starts with a letter or digit")
    } else if id.split('/').any(str::is_empty) {
        Some("no empty segment between slashes")
    } else if id.contains("..") {
        Some("no `..`")
    } else {
        None
    }
}

fn fresh_bits() -> u32 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let count = NEXT.fetch_add(1, Ordering::Relaxed);
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_nanos() as u64);
    let mut seed = [0_u8; 24];
    seed[..8].copy_from_slice(&count.to_le_bytes());
    seed[8..16].copy_from_slice(&nanos.to_le_bytes());
    seed[16..].copy_from_slice(&u64::from(std::process::id()).to_le_bytes());
    xxhash_rust::xxh3::xxh3_64(&seed) as u32
}

impl AsRef<str> for QueueId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl FromStr for QueueId {
    type Err = Error;
    fn from_str(id: &str) -> Result<Self, Error> {
        Self::new(id)
    }
}

impl TryFrom<String> for QueueId {
    type Error = Error;
    fn try_from(id: String) -> Result<Self, Error> {
        Self::new(id)
    }
}

impl From<QueueId> for String {
    fn from(id: QueueId) -> Self {
        id.as_str().into()
    }
}
