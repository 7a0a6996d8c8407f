//! The clauses, a file for each subject matter.

pub(crate) mod batch;
pub(crate) mod cancel;
pub(crate) mod capacity;
pub(crate) mod close;
pub(crate) mod corrupt;
pub(crate) mod dead;
pub(crate) mod depth;
pub(crate) mod ends;
pub(crate) mod expiry;
pub(crate) mod handles;
pub(crate) mod identity;
pub(crate) mod items;
pub(crate) mod lease;
pub(crate) mod lending;
pub(crate) mod lossless;
pub(crate) mod mixed;
pub(crate) mod moved;
pub(crate) mod order;
pub(crate) mod refusal;
pub(crate) mod types;
pub(crate) mod wait;
pub(crate) mod wake;
