//! The parameters of `local`.

use descriptor_core::{Error, KeySpec, Kind, Metadata, Params, Reach, Spec, Value};

const KIND: Kind = descriptor_core::kinds::LOCAL;

/// Parameters of a [`LocalQueue`](crate::LocalQueue).
#[doc(alias = "PythonQueueDescriptor")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LocalSpec {
    /// The capacity in items, up to 2^24; `None` or 0 for a queue without a bound.
    #[doc(alias = "maxsize")]
    pub capacity: Option<usize>,
}

impl LocalSpec {
    /// Room for `capacity` items.
    #[must_use]
    pub const fn bounded(capacity: usize) -> Self {
        Self {
            capacity: Some(capacity),
        }
    }

    /// Room for as many items as memory holds.
    #[must_use]
    pub const fn unbounded() -> Self {
        Self { capacity: None }
    }
}

impl Spec for LocalSpec {
    const KIND: &'static str = KIND.name;
    const ALIASES: &'static [&'static str] = KIND.aliases;
    const REACH: Reach = KIND.reach;

    fn keys() -> &'static [KeySpec] {
        KIND.keys
    }

    fn to_metadata(&self) -> Metadata {
        let items = self
            .capacity
            .map_or(0, |items| i64::try_from(items).unwrap_or(i64::MAX));
        Metadata::from([("maxsize".into(), Value::Int(items))])
    }

    fn from_params(params: &Params) -> Result<Self, Error> {
        Ok(Self {
            capacity: params.capacity("maxsize"),
        })
    }
}
