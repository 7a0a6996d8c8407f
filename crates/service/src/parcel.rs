//! An answer that has forgotten its type: moved inside a process, bytes between processes.

use std::any::Any;
use std::fmt;

use bytes::Bytes;
use descriptor_core::{Codec, Error, ErrorKind, Wire};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What one answer carries.
///
/// The answers of all services that a caller asks arrive in one queue, so that queue cannot know their types. In the
/// process where it was made a parcel holds the value itself; it becomes bytes when it leaves.
pub(crate) enum Parcel {
    Here(Box<dyn Carried>),
    /// Boxed, so that an answer that stays is small.
    Far(Box<(Bytes, Codec)>),
}

/// A value that can be written down when it has to be.
pub(crate) trait Carried: Any + Send {
    fn written(&self, codec: Codec) -> Result<Vec<u8>, Error>;
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send>;
}

impl<T: Wire> Carried for T {
    fn written(&self, codec: Codec) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        codec.encode(self, Codec::DEFAULT_LIMIT, &mut bytes)?;
        Ok(bytes)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

impl Parcel {
    pub(crate) fn new<T: Wire>(value: T) -> Self {
        Self::Here(Box::new(value))
    }

    /// What is inside.
    pub(crate) fn open<T: Wire>(self) -> Result<T, Error> {
        match self {
            Self::Here(value) => value.into_any().downcast().map(|value| *value).map_err(|_| {
                Error::new(ErrorKind::TypeMismatch, "call service")
                    .expected(format!("an answer of type `{}`", std::any::type_name::<T>()))
                    .found("another type")
                    .remedy("give client and service one type of answers")
            }),
            Self::Far(far) => far.1.decode(&far.0, Codec::DEFAULT_LIMIT),
        }
    }
}

/// Formats for people are nested in their own kind, so that types which need names keep them.
fn codec(for_people: bool) -> Codec {
    if for_people { Codec::Json } else { Codec::default() }
}

impl Serialize for Parcel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Here(value) => {
                let written = value.written(codec(serializer.is_human_readable()));
                serializer.serialize_bytes(&written.map_err(serde::ser::Error::custom)?)
            }
            Self::Far(far) => serializer.serialize_bytes(&far.0),
        }
    }
}

impl<'de> Deserialize<'de> for Parcel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let codec = codec(deserializer.is_human_readable());
        Bytes::deserialize(deserializer).map(|bytes| Self::Far(Box::new((bytes, codec))))
    }
}

impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here(_) => f.write_str("Here(..)"),
            Self::Far(far) => write!(f, "Far({} bytes, {:?})", far.0.len(), far.1),
        }
    }
}
