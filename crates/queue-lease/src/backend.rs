//! Opening a queue with leases.

use descriptor_core::{Descriptor, DynQueue, Error, ErrorKind, Open, QueueId, Spec, Wire};

use crate::{LeaseQueue, LeaseSpec, Lends, Terms};

impl<T: Wire, S: Lends + Open<T>> Open<T> for LeaseSpec<S> {
    fn open(&self, id: &QueueId) -> Result<DynQueue<T>, Error> {
        let mut terms = Terms::new()
            .expiring_wire(self.time)
            .max_deliveries(self.max_deliveries)
            .named(id.as_str(), Self::KIND);
        if let Some(dead) = &self.dead_letter {
            if dead == id {
                return Err(Error::new(ErrorKind::InvalidDescriptor, "open")
                    .queue(id.as_str())
                    .backend(Self::KIND)
                    .expected("`dead_letter` to be the id of another queue")
                    .found("its own")
                    .remedy("choose another id, such as the queue's with `/dead` behind it"));
            }
            terms = terms.dead_letters(Descriptor::new(dead.clone(), self.inner.clone())?.queue::<T>()?);
        }
        let inner = self.inner.build().map_err(|error| error.queue(id.as_str()))?;
        Ok(LeaseQueue::new(inner, terms))
    }
}
