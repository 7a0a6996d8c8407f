//! Descriptors of any type, for code that keeps them together.

use std::fmt;
use std::sync::Arc;

use super::{Descriptor, Evicted};
use crate::{DescriptorRecord, Error, Metadata, QueueCore, QueueId, Reach, Spec};

/// A [`Descriptor`] that has forgotten its type.
#[doc(alias = "BaseQueueDescriptor")]
pub trait QueueDescriptor: fmt::Debug + fmt::Display + Send + Sync {
    /// See [`Descriptor::queue_id`].
    fn queue_id(&self) -> &QueueId;
    /// See [`Descriptor::queue_type`].
    fn queue_type(&self) -> &'static str;
    /// How far queues of this type can be reached.
    fn reach(&self) -> Reach;
    /// See [`Descriptor::metadata`].
    fn metadata(&self) -> Metadata;
    /// See [`Descriptor::created_timestamp`].
    fn created_timestamp(&self) -> f64;
    /// See [`Descriptor::can_serialize`].
    fn can_serialize(&self) -> bool;
    /// See [`Descriptor::is_initialized`].
    fn is_initialized(&self) -> bool;
    /// See [`Descriptor::core`].
    fn core(&self) -> Option<Arc<dyn QueueCore>>;
    /// See [`Descriptor::to_record`].
    #[doc(alias = "to_dict")]
    fn to_record(&self) -> DescriptorRecord;
    /// See [`Descriptor::to_json`].
    ///
    /// # Errors
    /// As [`Descriptor::to_json`].
    fn to_json(&self) -> Result<String, Error>;
    /// See [`Descriptor::to_bytes`].
    ///
    /// # Errors
    /// As [`Descriptor::to_bytes`].
    fn to_bytes(&self) -> Result<Vec<u8>, Error>;
    /// See [`Descriptor::to_uri`].
    ///
    /// # Errors
    /// As [`Descriptor::to_uri`].
    fn to_uri(&self) -> Result<String, Error>;
    /// See [`Descriptor::to_serializable`].
    #[doc(alias = "to_serializable_descriptor")]
    fn to_serializable(&self) -> Box<dyn QueueDescriptor>;
    /// See [`Descriptor::clone`].
    fn clone_shared(&self) -> Box<dyn QueueDescriptor>;
    /// See [`Descriptor::clone_as`].
    ///
    /// # Errors
    /// As [`Descriptor::clone_as`].
    fn clone_as(&self, id: Option<QueueId>) -> Result<Box<dyn QueueDescriptor>, Error>;
    /// See [`Descriptor::clear_cache`].
    fn clear_cache(&self);
    /// See [`Descriptor::trim`].
    fn trim(&self);
    /// See [`Descriptor::evict`].
    fn evict(&self) -> Option<Evicted>;
}

impl<S: Spec> QueueDescriptor for Descriptor<S> {
    fn queue_id(&self) -> &QueueId {
        self.queue_id()
    }
    fn queue_type(&self) -> &'static str {
        self.queue_type()
    }
    fn reach(&self) -> Reach {
        S::REACH
    }
    fn metadata(&self) -> Metadata {
        self.metadata()
    }
    fn created_timestamp(&self) -> f64 {
        self.created_timestamp()
    }
    fn can_serialize(&self) -> bool {
        self.can_serialize()
    }
    fn is_initialized(&self) -> bool {
        self.is_initialized()
    }
    fn core(&self) -> Option<Arc<dyn QueueCore>> {
        self.core()
    }
    fn to_record(&self) -> DescriptorRecord {
        self.to_record()
    }
    fn to_json(&self) -> Result<String, Error> {
        self.to_json()
    }
    fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        self.to_bytes()
    }
    fn to_uri(&self) -> Result<String, Error> {
        self.to_uri()
    }
    fn to_serializable(&self) -> Box<dyn QueueDescriptor> {
        Box::new(self.to_serializable())
    }
    fn clone_shared(&self) -> Box<dyn QueueDescriptor> {
        Box::new(self.clone())
    }
    fn clone_as(&self, id: Option<QueueId>) -> Result<Box<dyn QueueDescriptor>, Error> {
        Ok(Box::new(self.clone_as(id)?))
    }
    fn clear_cache(&self) {
        self.clear_cache();
    }
    fn trim(&self) {
        self.trim();
    }
    fn evict(&self) -> Option<Evicted> {
        self.evict()
    }
}
