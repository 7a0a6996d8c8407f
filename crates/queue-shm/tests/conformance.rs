//! `shm` keeps every clause of the contract, among the threads and tasks of one process.

use std::sync::Arc;

use descriptor_core::{Caps, Descriptor, DescriptorRecord, DynQueue, Error, QueueId, Spec, Wire};
use queue_shm::{ShmQueue, ShmSpec};
use queue_testkit::{Lending, Loan, Subject, Twice};

struct Shm;

fn spec(capacity: Option<usize>) -> ShmSpec {
    // A segment has no queues without a bound: 0 is refused when it is opened.
    let spec = ShmSpec::bounded(capacity.unwrap_or(0));
    match capacity {
        // The usual ring of the largest capacity is 4 GiB, which is more than some machines have.
        Some(1_000_000..) => spec.max_bytes(1 << 20),
        _ => spec,
    }
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

    fn lending<T: Wire>(&self, capacity: usize, loan: Loan) -> Option<Result<Lending<T>, Error>> {
        Some(lend(capacity, loan))
    }

    fn twice<A: Wire, B: Wire>(&self, first: Option<usize>, second: Option<usize>) -> Option<Twice<A, B>> {
        let id = QueueId::generated("shm");
        let one = Descriptor::new(id.clone(), spec(first)).and_then(|it| it.queue::<A>());
        let two = Descriptor::new(id, spec(second)).and_then(|it| it.queue::<B>());
        Some((one, two))
    }
}

fn lend<T: Wire>(capacity: usize, loan: Loan) -> Result<Lending<T>, Error> {
    let terms = ShmSpec::bounded(capacity)
        .lease_time(loan.time)
        .max_deliveries(loan.max_deliveries);
    if loan.dead_letters == 0 {
        let queue = Arc::new(ShmQueue::open(&QueueId::generated("shm"), &terms)?);
        return Ok(Lending {
            queue,
            dead_letters: None,
        });
    }
    let uri = format!("shm://{}?maxsize={}", QueueId::generated("dead"), loan.dead_letters);
    let dead_letters = Descriptor::<ShmSpec>::from_record(&DescriptorRecord::from_uri(&uri)?)?.queue::<T>()?;
    let spec = terms.dead_letter(uri);
    let queue = Arc::new(ShmQueue::open(&QueueId::generated("shm"), &spec)?);
    Ok(Lending {
        queue,
        dead_letters: Some(dead_letters),
    })
}

queue_testkit::conformance!(shm, Shm);
