//! `ray_queue` keeps every clause of the contract: as a ring of its process, over the socket of a manager in another process, and
//! while it moves from the one to the other in the middle of everything.

mod common;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use common::{Folder, Peer};
use descriptor_core::{Caps, DynQueue, Error, QueueId, Spec, Wire};
use queue_actor::{QueueManager, RayQueueSpec};
use queue_testkit::{Lending, Loan, Subject, Twice};

const HELPER: &str = "a_manager_in_another_process_is_reached";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    Here,
    There,
    Moving,
}

struct Actor {
    name: &'static str,
    place: Where,
    manager: QueueManager,
    // Before the folder, which it has its socket in.
    peer: Option<Mutex<Peer>>,
    folder: Folder,
}

impl Actor {
    fn new(name: &'static str, place: Where) -> Self {
        let folder = Folder::new();
        let peer = (place == Where::There).then(|| {
            let mut peer = Peer::start(HELPER, "manager", &folder.0);
            assert_eq!(peer.hear(), "1");
            Mutex::new(peer)
        });
        Self {
            name,
            place,
            manager: folder.manager(),
            peer,
            folder,
        }
    }

    fn make<T: Wire>(&self, id: &QueueId, spec: &RayQueueSpec) -> Result<DynQueue<T>, Error> {
        let queue = self.manager.open(id, spec)?;
        if self.place == Where::Moving {
            let (socket, id) = (self.folder.inside().join("manager.sock"), id.clone());
            // At any moment of what the clause does.
            let pause = RandomState::new().build_hasher().finish() % 3_000;
            thread::spawn(move || {
                thread::sleep(Duration::from_micros(pause));
                common::call_out(&socket, &id)
            });
        }
        Ok(queue)
    }

    fn spec(capacity: Option<usize>) -> RayQueueSpec {
        // A manager has no queues without a bound: 0 is refused when it is opened.
        RayQueueSpec::bounded(capacity.unwrap_or(0))
    }

    fn lend<T: Wire>(&self, capacity: usize, loan: Loan) -> Result<Lending<T>, Error> {
        let mut terms = Self::spec(Some(capacity))
            .lease_time(loan.time)
            .max_deliveries(loan.max_deliveries);
        let mut dead_letters = None;
        if loan.dead_letters > 0 {
            let id = QueueId::generated("dead");
            dead_letters = Some(self.make(&id, &Self::spec(Some(loan.dead_letters)))?);
            terms = terms.dead_letter(id.as_str())?;
        }
        Ok(Lending {
            queue: self.make(&QueueId::generated("lend"), &terms)?,
            dead_letters,
        })
    }
}

impl Subject for Actor {
    fn name(&self) -> &str {
        self.name
    }

    fn caps(&self) -> Caps {
        let mut caps = RayQueueSpec::caps();
        caps.survives_process = self.peer.is_some();
        caps
    }

    fn open<T: Wire>(&self, capacity: Option<usize>) -> Result<DynQueue<T>, Error> {
        self.make(&QueueId::generated("q"), &Self::spec(capacity))
    }

    fn unbounded(&self) -> bool {
        false
    }

    fn effort(&self) -> f64 {
        // Over a socket an answer takes its time.
        if self.peer.is_some() { 0.03 } else { 0.1 }
    }

    fn lending<T: Wire>(&self, capacity: usize, loan: Loan) -> Option<Result<Lending<T>, Error>> {
        Some(self.lend(capacity, loan))
    }

    fn twice<A: Wire, B: Wire>(&self, first: Option<usize>, second: Option<usize>) -> Option<Twice<A, B>> {
        let id = QueueId::generated("q");
        let one = self.make(&id, &Self::spec(first));
        let two = self.make(&id, &Self::spec(second));
        Some((one, two))
    }
}

queue_testkit::conformance!(here, Actor::new("ray_queue in the manager's process", Where::Here));
queue_testkit::conformance!(there, Actor::new("ray_queue of another process", Where::There));
queue_testkit::conformance!(moving, Actor::new("ray_queue that is moved meanwhile", Where::Moving));

#[test]
fn a_manager_in_another_process_is_reached() {
    if let Some((_, folder)) = common::role() {
        return common::serve_and_stay(&folder);
    }
    let actor = Actor::new("there", Where::There);
    let queue = actor
        .make::<u64>(&QueueId::generated("q"), &Actor::spec(Some(3)))
        .expect("a queue");
    queue.put(7).expect("room");
    assert_eq!(queue.get().expect("what was put"), 7);
    assert_eq!(actor.manager.epoch().expect("an epoch"), 1);
    let peer = actor.peer.as_ref().expect("a peer");
    peer.lock().unwrap_or_else(PoisonError::into_inner).kill();
    assert!(queue.get().is_err(), "nobody has it any more");
}
