//! The name of a service, with the types of what goes in and out.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// A service of a flow, for the operators and services that call it. Cheap to clone; it is only a name with types.
pub struct ServiceHandle<Req, Resp> {
    name: Arc<str>,
    types: PhantomData<fn(Req) -> Resp>,
}

impl<Req, Resp> ServiceHandle<Req, Resp> {
    /// The service of this name. It need not exist yet: a service can be called by one that was written down before it.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.into(),
            types: PhantomData,
        }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl<Req, Resp> Clone for ServiceHandle<Req, Resp> {
    fn clone(&self) -> Self {
        Self {
            name: Arc::clone(&self.name),
            types: PhantomData,
        }
    }
}

impl<Req, Resp> fmt::Debug for ServiceHandle<Req, Resp> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServiceHandle").field(&self.name).finish()
    }
}
