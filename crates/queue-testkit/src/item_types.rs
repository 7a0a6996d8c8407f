//! The types of items, in one place for those who open queues by the clauses' orders.

use descriptor_core::Wire;

use crate::Stamp;
use crate::clauses::items::{Aligned, Heap, Kilobyte, Mine};

/// Is shown types of items, one after the other.
pub trait ItemTypes {
    /// One of them.
    fn item<T: Wire>(&mut self);
}

/// Shows every type that the clauses put into queues whose items may leave the process. A program that holds one end of
/// such a queue, in another process than the clause, finds the type that it is to open there by its
/// [`TypeTag`](descriptor_core::TypeTag).
///
/// ```
/// use descriptor_core::{TypeTag, Wire};
///
/// struct Names(Vec<String>);
///
/// impl queue_testkit::ItemTypes for Names {
///     fn item<T: Wire>(&mut self) {
///         self.0.push(TypeTag::of::<T>().name().to_owned());
///     }
/// }
///
/// let mut names = Names(Vec::new());
/// queue_testkit::item_types(&mut names);
/// assert!(names.0.iter().any(|name| name == "u64"));
/// ```
pub fn item_types(types: &mut impl ItemTypes) {
    types.item::<u64>();
    types.item::<u8>();
    types.item::<()>();
    types.item::<String>();
    types.item::<Stamp>();
    types.item::<Kilobyte>();
    types.item::<Box<u64>>();
    types.item::<Box<[u32]>>();
    types.item::<Heap>();
    types.item::<Aligned>();
    types.item::<Mine>();
}
