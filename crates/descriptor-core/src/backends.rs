//! What a program that runs jobs knows about queues: how to open them, and nothing about any one type.

use crate::{Registry, Wire};

/// The queue types built into a program.
///
/// Runtimes are generic over this, so they name no queue type. A program adds its own types like so:
///
/// ```
/// use descriptor_core::{Backends, Registry, Wire};
/// # mod queue_mine { pub(crate) fn add<T: descriptor_core::Wire>(r: descriptor_core::Registry<T>) -> descriptor_core::Registry<T> { r } }
///
/// #[derive(Clone)]
/// struct Mine;
///
/// impl Backends for Mine {
///     fn registry<T: Wire>(&self) -> Registry<T> {
///         // `.with::<MySpec>()` for each type
///         queue_mine::add(Registry::new())
///     }
/// }
/// assert_eq!(Mine.registry::<u64>().types().count(), 0);
/// ```
pub trait Backends: Clone + Send + Sync + 'static {
    /// The table that opens queues of `T`.
    fn registry<T: Wire>(&self) -> Registry<T>;
}
