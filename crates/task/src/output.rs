//! The code of one outgoing edge.

use std::fmt;
use std::sync::Arc;

use descriptor_core::{DynQueue, Error};
use router::{Envelope, Key, Packet};

use crate::open_queue::OpenQueue;

/// Gives the producer's view of a consumer's input queue: the consumer may take a wider type.
pub type Connector<T> = Arc<dyn Fn(&OpenQueue) -> Result<DynQueue<Envelope<T>>, Error> + Send + Sync>;

/// Chooses the target of a packet: key, packet and number of targets to an index below that number.
pub type Partitioner<T> = Arc<dyn Fn(Option<&Key>, &Packet<T>, usize) -> usize + Send + Sync>;

/// The code of one outgoing edge.
pub struct Output<T> {
    /// Where it leads.
    pub connector: Connector<T>,
    /// Under the name that the edge's partition asks for.
    pub partitioner: Option<(Arc<str>, Partitioner<T>)>,
}

impl<T> fmt::Debug for Output<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partitioner = self.partitioner.as_ref().map(|(name, _)| name);
        f.debug_struct("Output")
            .field("partitioner", &partitioner)
            .finish_non_exhaustive()
    }
}
