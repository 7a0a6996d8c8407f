//! Which queue type an edge gets, and why not another one.

mod address;
mod default;
mod request;

use std::fmt;

pub use address::ServerAddress;
pub use default::DefaultStrategy;
pub use request::{EdgeRequest, KindInfo};

use crate::{DescriptorRecord, Result};

/// Chooses the queue type of an edge.
///
/// Closures with the arguments of [`choose`](Self::choose) are strategies too.
#[doc(alias = "QueueCreationStrategy")]
pub trait Strategy: Send + Sync {
    /// Picks one of `kinds` for the edge and proves it with `try_open`, which opens (or reserves, or only checks) the
    /// queue of a record. A candidate that `try_open` refuses is passed over, and the reason is kept.
    ///
    /// A strategy must not choose a kind whose reach is narrower than the edge needs.
    ///
    /// # Errors
    /// When no kind fits: one error with the reason for each.
    fn choose(
        &self,
        request: &EdgeRequest,
        kinds: &[KindInfo],
        try_open: &dyn Fn(&DescriptorRecord) -> Result<()>,
    ) -> Result<Choice>;
}

impl<F> Strategy for F
where
    F: Fn(&EdgeRequest, &[KindInfo], &dyn Fn(&DescriptorRecord) -> Result<()>) -> Result<Choice> + Send + Sync,
{
    fn choose(
        &self,
        request: &EdgeRequest,
        kinds: &[KindInfo],
        try_open: &dyn Fn(&DescriptorRecord) -> Result<()>,
    ) -> Result<Choice> {
        self(request, kinds, try_open)
    }
}

/// What was chosen, and what was not.
///
/// `Display` is one line for a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The queue of the edge.
    pub record: DescriptorRecord,
    /// Why this kind.
    pub reason: String,
    /// The candidates that came first and were passed over, in their order.
    pub refused: Vec<Refusal>,
}

/// A candidate that was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The queue type.
    pub kind: String,
    /// Why not, in one line.
    pub reason: String,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}, {}",
            self.record.queue_id, self.record.queue_type, self.reason
        )?;
        for refusal in &self.refused {
            write!(f, "; not {refusal}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.reason)
    }
}
