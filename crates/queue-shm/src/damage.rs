//! What a queue went through.

/// What deaths and damage did to one life of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Puts that were half done when their process died: not stored, never accepted.
    pub torn: u64,
    /// Items that were taken by a process that died before its call returned.
    pub lost_in_flight: u64,
    /// Items that could not be read any more because somebody wrote into the segment.
    pub given_up: u64,
}
