//! How much a manager takes on.

/// Limits of a manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobLimits {
    /// Jobs that have not ended.
    pub at_once: usize,
    /// Jobs that have ended and can still be asked about; the oldest go first.
    pub remembered: usize,
}

impl Default for JobLimits {
    /// 16 at once, 100 remembered.
    fn default() -> Self {
        Self {
            at_once: 16,
            remembered: 100,
        }
    }
}
