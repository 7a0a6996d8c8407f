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

/// A place that can be written down when it has to be.
pub(crate) trait Carried: Any + Send {
    fn written(&self, codec: Codec) -> Result<Vec<u8>, Error>;
    fn as_any(&mut self) -> &mut dyn Any;
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

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// The largest box that is kept for another answer, in bytes.
const LARGEST: usize = 4096;

/// An empty box for an answer, which its caller sends along: what one thread allocates and another one frees is slow.
#[derive(Default)]
pub(crate) struct Blank(Option<Box<dyn Carried>>);

impl Blank {
    /// This one if it fits an answer of type `T`, else a new one; none for what is large.
    pub(crate) fn or_new<T: Wire>(self) -> Self {
        if size_of::<Place<T>>() > LARGEST {
            return Self(None);
        }
        let fits = |place: &mut Box<dyn Carried>| (**place).as_any().is::<Place<T>>();
        let place = self.0.and_then(|mut place| fits(&mut place).then_some(place));
        Self(Some(place.unwrap_or_else(|| Box::new(Place::<T>(None)))))
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
        f.write_str(if self.0.is_some() { "Blank" } else { "None" })
    }
}

impl Parcel {
    pub(crate) fn new<T: Wire>(value: T) -> Self {
        Self::Here(Box::new(Place(Some(value))))
    }

    /// In the box that came with the request, if that is one for it.
    pub(crate) fn fill<T: Wire>(blank: Blank, value: T) -> Self {
        if let Some(mut place) = blank.0
            && let Some(Place(empty)) = place.as_any().downcast_mut()
        {
            *empty = Some(value);
            return Self::Here(place);
        }
        Self::new(value)
    }

    /// The value and the box for the next one, if it is here and of this type. Runs nothing of others.
    pub(crate) fn take_out<T: Wire>(self) -> Result<(T, Blank), Self> {
        let Self::Here(mut place) = self else {
            return Err(self);
        };
        match place
            .as_any()
            .downcast_mut::<Place<T>>()
            .and_then(|place| place.0.take())
        {
            Some(value) => Ok((value, Blank(Some(place)))),
            None => Err(Self::Here(place)),
        }
    }

    /// What is inside.
    pub(crate) fn open<T: Wire>(self) -> Result<T, Error> {
        match self.take_out() {
            Ok((value, _)) => Ok(value),
            Err(Self::Far(far)) => far.1.decode(&far.0, Codec::DEFAULT_LIMIT),
            Err(Self::Here(_)) => Err(Error::new(ErrorKind::TypeMismatch, "call service")
                .expected(format!("an answer of type `{}`", std::any::type_name::<T>()))
                .found("another type")
                .remedy("give client and service one type of answers")),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn address(blank: &Blank) -> *const () {
        std::ptr::from_ref(&**blank.0.as_ref().unwrap()).cast()
    }

    #[test]
    fn a_box_travels_there_and_back_and_fits_one_type() {
        let blank = Blank::default().or_new::<u64>();
        let first = address(&blank);
        let Ok((7, blank)) = Parcel::fill(blank, 7_u64).take_out::<u64>() else {
            panic!("another answer");
        };
        assert_eq!(address(&blank), first);
        let blank = blank.or_new::<u64>();
        assert_eq!(address(&blank), first);
        // The worker answers with another type than its caller expects: that is said, and nothing is lost.
        let parcel = Parcel::fill(blank, String::from("word"));
        let Err(parcel) = parcel.take_out::<u64>() else {
            panic!("a number");
        };
        assert_eq!(parcel.open::<String>().unwrap(), "word");
        let error = Parcel::new(1_u8).open::<u64>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TypeMismatch);
        assert!(Blank::default().or_new::<u64>().or_new::<String>().0.is_some());
    }
}
