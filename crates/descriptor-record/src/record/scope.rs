//! Where a process-bound queue lives.

use std::fmt;

/// Where a process-bound queue lives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Not said: binds to the process that first opens it.
    #[default]
    Unscoped,
    /// In this very process: a number drawn at random when the process first makes a descriptor.
    Process(u128),
    /// In the worker with this number; bound when that worker loads the job's queues.
    Worker(u32),
}

impl Scope {
    /// What the text form looks like, for messages.
    pub(super) const FORM: &'static str = "`process:` and 32 hex digits, or `worker:` and a number";

    /// Reads what `Display` writes, except for [`Scope::Unscoped`], which is written by leaving the scope out.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (kind, number) = text.split_once(':')?;
        let digits = |radix| !number.is_empty() && number.chars().all(|c| c.is_digit(radix));
        match kind {
            "process" if number.len() == 32 && digits(16) => u128::from_str_radix(number, 16).ok().map(Self::Process),
            "worker" if digits(10) => number.parse().ok().map(Self::Worker),
            _ => None,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unscoped => f.write_str("unscoped"),
            Self::Process(id) => write!(f, "process:{id:032x}"),
            Self::Worker(number) => write!(f, "worker:{number}"),
        }
    }
}
