//! The parameters of `sage_queue`.

use descriptor_core::{Error, KeySpec, Kind, Metadata, Params, Reach, Spec, Value};

const KIND: Kind = descriptor_core::kinds::SAGE_QUEUE;
const DEFAULT_CAPACITY: usize = 1000;

/// Parameters of a [`SageQueue`](crate::SageQueue).
#[doc(alias = "SageQueueDescriptor")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SageSpec {
    /// The capacity in items, from 1 to 2^24. (`maxsize` counted bytes in the Python original.)
    #[doc(alias = "maxsize")]
    pub capacity: usize,
}

impl SageSpec {
    /// Room for `capacity` items.
    #[must_use]
    pub const fn bounded(capacity: usize) -> Self {
        Self { capacity }
    }
}

impl Default for SageSpec {
    /// Room for 1000 items.
    fn default() -> Self {
        Self::bounded(DEFAULT_CAPACITY)
    }
}

impl Spec for SageSpec {
    const KIND: &'static str = KIND.name;
    const ALIASES: &'static [&'static str] = KIND.aliases;
    const REACH: Reach = KIND.reach;

    fn keys() -> &'static [KeySpec] {
        KIND.keys
    }

    fn to_metadata(&self) -> Metadata {
        let items = i64::try_from(self.capacity).unwrap_or(i64::MAX);
        Metadata::from([("maxsize".into(), Value::Int(items))])
    }

    fn from_params(params: &Params) -> Result<Self, Error> {
        Ok(Self::bounded(params.capacity("maxsize").unwrap_or(DEFAULT_CAPACITY)))
    }
}
