//! The code of one outgoing edge.

use std::sync::Arc;

use descriptor_core::{DynQueue, Error};
use router::{Envelope, Key, Packet};

use crate::assembly::OpenQueue;

/// Gives the producer's view of a consumer's input queue: the consumer may take a wider type.
pub(crate) type Connector<T> = Arc<dyn Fn(&OpenQueue) -> Result<DynQueue<Envelope<T>>, Error> + Send + Sync>;

/// Chooses the target of a packet: key, packet and number of targets to an index below that number.
pub(crate) type Partitioner<T> = Arc<dyn Fn(Option<&Key>, &Packet<T>, usize) -> usize + Send + Sync>;

/// The code of one outgoing edge.
pub(crate) struct Output<T> {
    pub(crate) connector: Connector<T>,
    /// Under the name that the edge's partition asks for.
    pub(crate) partitioner: Option<(Arc<str>, Partitioner<T>)>,
}
