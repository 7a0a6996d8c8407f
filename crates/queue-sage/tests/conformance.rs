//! `sage_queue` keeps every clause of the contract.

use std::sync::Arc;

use descriptor_core::{Caps, Descriptor, DynQueue, Error, Item, QueueId, Wire};
use queue_sage::{SageQueue, SageSpec};
use queue_testkit::{InProcess, Subject, Twice};

struct Sage;

fn spec(capacity: Option<usize>) -> SageSpec {
    // The ring has no queues without a bound: 0 is refused when it is opened.
    SageSpec::bounded(capacity.unwrap_or(0))
}

impl Subject for Sage {
    fn name(&self) -> &str {
        "sage_queue"
    }

    fn caps(&self) -> Caps {
        Caps::IN_PROCESS
    }

    fn open<T: Wire>(&self, capacity: Option<usize>) -> Result<DynQueue<T>, Error> {
        self.open_any(capacity)
    }

    fn unbounded(&self) -> bool {
        false
    }

    fn twice<A: Wire, B: Wire>(&self, first: Option<usize>, second: Option<usize>) -> Option<Twice<A, B>> {
        let id = QueueId::generated("sage_queue");
        let one = Descriptor::new(id.clone(), spec(first)).and_then(|it| it.queue::<A>());
        let two = Descriptor::new(id, spec(second)).and_then(|it| it.queue::<B>());
        Some((one, two))
    }
}

impl InProcess for Sage {
    fn open_any<T: Item>(&self, capacity: Option<usize>) -> Result<DynQueue<T>, Error> {
        // Not through a descriptor: its name would keep what a clause leaves behind.
        // No capacity means 0 here, which the ring refuses: it has no queues without a bound.
        Ok(Arc::new(SageQueue::new(capacity.unwrap_or(0))?))
    }
}

queue_testkit::conformance!(in_process sage_queue, Sage);
