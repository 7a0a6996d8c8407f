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

/// The place of an answer: empty on its way to the worker, full on its way back.
struct Place<T>(Option<T>);

impl<T: Wire> Carried for Place<T> {
    fn written(&self, codec: Codec) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        if let Some(value) = &self.0 {
            codec.encode(value, Codec::DEFAULT_LIMIT, &mut bytes)?;
        }
        Ok(bytes)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

/// An empty box for an answer, which its caller sends along: what one thread allocates and another one frees is slow.
#[derive(Default)]
pub(crate) struct Blank(Option<Box<dyn Any + Send>>);

impl Blank {
    /// This one if it fits an answer of type `T`, else a new one.
    pub(crate) fn or_new<T: Wire>(self) -> Self {
        match self.0 {
            Some(place) if place.is::<Place<T>>() => Self(Some(place)),
            _ => Self(Some(Box::new(Place::<T>(None)))),
        }
    }
}

// One box is for one answer.
impl Clone for Blank {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl fmt::Debug for Blank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blank")
    }
}

impl Parcel {
    pub(crate) fn new<T: Wire>(value: T) -> Self {
        Self::Here(Box::new(Place(Some(value))))
    }

    /// In the box that came with the request, if that is one for it.
    pub(crate) fn fill<T: Wire>(blank: Blank, value: T) -> Self {
        match blank.0.map(|place| place.downcast::<Place<T>>()) {
            Some(Ok(mut place)) => {
                place.0 = Some(value);
                Self::Here(place)
            }
            _ => Self::new(value),
        }
    }

    /// What is inside.
    pub(crate) fn open<T: Wire>(self) -> Result<T, Error> {
        self.empty_out().map(|(value, _)| value)
    }

    /// What is inside, and the box for the next one.
    pub(crate) fn empty_out<T: Wire>(self) -> Result<(T, Blank), Error> {
        let here = match self {
            Self::Here(place) => place.into_any().downcast::<Place<T>>().ok(),
            Self::Far(far) => {
                let value = far.1.decode(&far.0, Codec::DEFAULT_LIMIT)?;
                return Ok((value, Blank::default()));
            }
        };
        let found = here.and_then(|mut place| Some((place.0.take()?, Blank(Some(place)))));
        found.ok_or_else(|| {
            Error::new(ErrorKind::TypeMismatch, "call service")
                .expected(format!("an answer of type `{}`", std::any::type_name::<T>()))
                .found("another type")
                .remedy("give client and service one type of answers")
        })
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
