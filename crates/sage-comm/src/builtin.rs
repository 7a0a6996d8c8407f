//! The queue types that the enabled features build in.

use descriptor_core::{Backends, Registry, Wire};

/// Every queue type that is built in, for [`Registry`] and for jobs.
///
/// ```
/// use sage_comm::{Backends, Builtin, DescriptorRecord};
/// let record = DescriptorRecord::from_uri("local://letters?maxsize=4")?;
/// let queue = Builtin.registry::<char>().open(&record)?;
/// queue.put('a')?;
/// assert_eq!(queue.get()?, 'a');
/// # Ok::<(), sage_comm::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Builtin;

impl Backends for Builtin {
    fn registry<T: Wire>(&self) -> Registry<T> {
        let registry = Registry::new();
        #[cfg(feature = "local")]
        let registry = registry.with::<queue_local::LocalSpec>();
        #[cfg(feature = "sage")]
        let registry = registry.with::<queue_sage::SageSpec>();
        #[cfg(feature = "shm")]
        let registry = registry.with::<queue_shm::ShmSpec>();
        #[cfg(feature = "actor")]
        let registry = registry
            .with::<queue_actor::RayQueueSpec>()
            .with::<queue_actor::RayActorSpec>();
        #[cfg(feature = "rpc")]
        let registry = registry.with::<queue_rpc::RpcSpec>();
        #[cfg(feature = "lease")]
        let registry = registry
            .with::<queue_lease::LeaseSpec<queue_sage::SageSpec>>()
            .with::<queue_lease::LeaseSpec<queue_local::LocalSpec>>();
        registry
    }
}
