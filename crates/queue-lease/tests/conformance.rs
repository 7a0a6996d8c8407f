//! `lease+local` and `lease+sage_queue` keep every clause of the contract, before the first lease and after it.

use descriptor_core::{Caps, Descriptor, DynQueue, Error, Item, Queue, QueueId, Spec, Wait, Wire};
use queue_lease::{LeaseQueue, LeaseSpec, Lends, Terms};
use queue_local::LocalSpec;
use queue_sage::SageSpec;
use queue_testkit::{InProcess, Lending, Loan, Subject, Twice};

/// Whether somebody asked for a lease before a clause begins.
#[derive(Clone, Copy, PartialEq)]
enum Asked {
    Never,
    Before,
}

macro_rules! subject {
    ($name:ident, $title:literal, $spec:expr, $unbounded:literal) => {
        struct $name(Asked);

        impl $name {
            fn make<T: Item>(&self, capacity: Option<usize>, terms: Terms<T>) -> Result<DynQueue<T>, Error> {
                let queue = LeaseQueue::new($spec(capacity).build()?, terms);
                if self.0 == Asked::Before {
                    assert!(queue.lease(Wait::Never).is_err_and(|end| end.is_empty()));
                }
                Ok(queue)
            }
        }

        impl Subject for $name {
            fn name(&self) -> &str {
                $title
            }

            fn caps(&self) -> Caps {
                LeaseSpec::new($spec(Some(1))).caps_of()
            }

            fn open<T: Wire>(&self, capacity: Option<usize>) -> Result<DynQueue<T>, Error> {
                self.open_any(capacity)
            }

            fn unbounded(&self) -> bool {
                $unbounded
            }

            fn twice<A: Wire, B: Wire>(&self, first: Option<usize>, second: Option<usize>) -> Option<Twice<A, B>> {
                let id = QueueId::generated("lease");
                let spec = |capacity| LeaseSpec::new($spec(capacity));
                let one = Descriptor::new(id.clone(), spec(first)).and_then(|it| it.queue::<A>());
                let two = Descriptor::new(id, spec(second)).and_then(|it| it.queue::<B>());
                Some((one, two))
            }

            fn lending<T: Wire>(&self, capacity: usize, loan: Loan) -> Option<Result<Lending<T>, Error>> {
                let mut terms = Terms::new()
                    .expiring_wire(loan.time)
                    .max_deliveries(loan.max_deliveries);
                let dead_letters = match loan.dead_letters {
                    0 => None,
                    // With leases of their own, so that nothing but the contract is relied on.
                    room => self.make(Some(room), Terms::new()).ok(),
                };
                if let Some(queue) = &dead_letters {
                    terms = terms.dead_letters(queue.clone());
                }
                Some(
                    self.make(Some(capacity), terms)
                        .map(|queue| Lending { queue, dead_letters }),
                )
            }
        }

        impl InProcess for $name {
            fn open_any<T: Item>(&self, capacity: Option<usize>) -> Result<DynQueue<T>, Error> {
                self.make(capacity, Terms::new())
            }
        }
    };
}

trait CapsOf {
    fn caps_of(&self) -> Caps;
}

impl<S: Lends> CapsOf for LeaseSpec<S> {
    fn caps_of(&self) -> Caps {
        Self::caps()
    }
}

subject!(Local, "lease+local", |capacity| LocalSpec { capacity }, true);
subject!(
    Sage,
    "lease+sage_queue",
    |capacity: Option<usize>| SageSpec::bounded(capacity.unwrap_or(0)),
    false
);

queue_testkit::conformance!(in_process local, Local(Asked::Never));
queue_testkit::conformance!(in_process local_after_a_lease, Local(Asked::Before));
queue_testkit::conformance!(in_process sage_queue, Sage(Asked::Never));
queue_testkit::conformance!(in_process sage_queue_after_a_lease, Sage(Asked::Before));
