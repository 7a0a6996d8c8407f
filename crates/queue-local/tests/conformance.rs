//! `local` keeps every clause of the contract, bounded and unbounded.

use std::sync::Arc;

use descriptor_core::{Caps, Descriptor, DynQueue, Error, Item, QueueId, Wire};
use queue_local::{LocalQueue, LocalSpec};
use queue_testkit::{InProcess, Subject, Twice};

struct Local;

fn spec(capacity: Option<usize>) -> LocalSpec {
    LocalSpec { capacity }
}

impl Subject for Local {
    fn name(&self) -> &str {
        "local"
    }

    fn caps(&self) -> Caps {
        Caps::IN_PROCESS
    }

    fn open<T: Wire>(&self, capacity: Option<usize>) -> Result<DynQueue<T>, Error> {
        self.open_any(capacity)
    }

    fn unbounded(&self) -> bool {
        true
    }

    fn twice<A: Wire, B: Wire>(&self, first: Option<usize>, second: Option<usize>) -> Option<Twice<A, B>> {
        let id = QueueId::generated("local");
        let one = Descriptor::new(id.clone(), spec(first)).and_then(|it| it.queue::<A>());
        let two = Descriptor::new(id, spec(second)).and_then(|it| it.queue::<B>());
        Some((one, two))
    }
}

impl InProcess for Local {
    fn open_any<T: Item>(&self, capacity: Option<usize>) -> Result<DynQueue<T>, Error> {
        // Not through a descriptor: its name would keep what a clause leaves behind.

        Ok(Arc::new(LocalQueue::new(capacity)?))
    }
}

queue_testkit::conformance!(in_process local, Local);
