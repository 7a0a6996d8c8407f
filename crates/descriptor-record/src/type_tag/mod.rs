//! A name and a shape for the type of items, so that two programs notice when they mean different things by a queue.

mod probe;
mod walk;

use std::any::{TypeId, type_name};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use queue_core::{Error, ErrorKind, Wire};
use serde::{Deserialize, Serialize};

/// What a queue's items are: a name, and a hash over what their `Deserialize` asks for.
///
/// The shape covers struct, field and variant names in their order and the primitive types, as deep as they can be
/// reached. A type whose `Deserialize` wants particular values (a checked number, an untagged enum) is covered as far
/// as it went. Two types of equal shape and name are taken for the same.
///
/// ```
/// use descriptor_record::TypeTag;
/// use serde::{Deserialize, Serialize};
/// #[derive(Serialize, Deserialize)]
/// struct Bid { auction: u64, price: u64 }
///
/// let tag = TypeTag::of::<Bid>().named("Bid");
/// assert_eq!(tag, TypeTag::of::<Bid>().named("Bid"));
/// assert_ne!(tag.shape(), TypeTag::of::<(u64, u64)>().shape());
/// assert!(tag.to_string().starts_with("Bid#"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TypeTag {
    name: Cow<'static, str>,
    shape: u64,
}

impl TypeTag {
    /// The tag of a type, named as the compiler names it. Probed once per process and type.
    #[must_use]
    pub fn of<T: Wire>() -> Self {
        static KNOWN: Mutex<Option<HashMap<TypeId, u64>>> = Mutex::new(None);
        let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known().get_or_insert_default().get(&TypeId::of::<T>()).copied();
        // Probing runs code of the type, so not under the lock.
        let shape = found.unwrap_or_else(|| {
            let shape = walk::shape::<T>();
            known().get_or_insert_default().insert(TypeId::of::<T>(), shape);
            shape
        });
        Self {
            name: Cow::Borrowed(type_name::<T>()),
            shape,
        }
    }

    /// The same shape under a name of your own, for programs that keep one type at different paths.
    #[must_use]
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = name.into();
        self
    }

    /// The type's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The hash of its shape.
    #[must_use]
    pub const fn shape(&self) -> u64 {
        self.shape
    }

    /// Succeeds when `found` is the same type.
    ///
    /// # Errors
    /// `TypeMismatch` naming both sides.
    pub fn agree(&self, found: &Self) -> Result<(), Error> {
        if self == found {
            return Ok(());
        }
        Err(Error::new(ErrorKind::TypeMismatch, "compare item types")
            .expected(format!("`{self}`"))
            .found(format!("`{found}`"))
            .remedy("use the same item type, built from the same source, on both sides"))
    }
}

impl fmt::Display for TypeTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{:016x}", self.name, self.shape)
    }
}
