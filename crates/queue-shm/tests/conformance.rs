//! `shm` keeps every clause of the contract, among the threads and tasks of one process.

use std::sync::Arc;

use descriptor_core::{Caps, Descriptor, DynQueue, Error, QueueId, Spec, Wire};
use queue_shm::{ShmQueue, ShmSpec};
use queue_testkit::{Subject, Twice};

struct Shm;

fn spec(capacity: Option<usize>) -> ShmSpec {
    // A segment has no queues without a bound: 0 is refused when it is opened.
    ShmSpec::bounded(capacity.unwrap_or(0))
}

impl Subject for Shm {
    fn name(&self) -> &str {
        "shm"
    }

    fn caps(&self) -> Caps {
        ShmSpec::caps()
    }

    fn open<T: Wire>(&self, capacity: Option<usize>) -> Result<DynQueue<T>, Error> {
        Ok(Arc::new(ShmQueue::open(&QueueId::generated("shm"), &spec(capacity))?))
    }

    fn unbounded(&self) -> bool {
        false
    }

    fn twice<A: Wire, B: Wire>(&self, first: Option<usize>, second: Option<usize>) -> Option<Twice<A, B>> {
        let id = QueueId::generated("shm");
        let one = Descriptor::new(id.clone(), spec(first)).and_then(|it| it.queue::<A>());
        let two = Descriptor::new(id, spec(second)).and_then(|it| it.queue::<B>());
        Some((one, two))
    }
}

queue_testkit::conformance!(shm, Shm);
