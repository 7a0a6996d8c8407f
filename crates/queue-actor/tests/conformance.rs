//! `ray_queue` keeps every clause of the contract: as a ring of its process, over the socket of a manager in another process, and
//! while it moves from the one to the other in the middle of everything.

mod common;

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use common::{Folder, Peer, WATCH};
use descriptor_core::{Caps, DynQueue, Error, QueueId, Spec, Wire};
use queue_actor::{QueueManager, RayQueueSpec};
use queue_rpc::{RpcAdmin, RpcSpec};
use queue_testkit::{Lending, Loan, Subject, Twice};

const HELPER: &str = "a_manager_in_another_process_is_reached";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    Here,
    There,
    Moving,
    /// To be moved, and nobody does it: the planted fault of the form above.
    Stuck,
}

struct Actor {
    name: &'static str,
    place: Where,
    manager: QueueManager,
    /// Who has each queue moved, and whether it is at the server by then or on its way.
    movers: Mutex<Vec<(QueueId, JoinHandle<bool>)>>,
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
            movers: Mutex::default(),
            peer,
            folder,
        }
    }

    fn make<T: Wire>(&self, id: &QueueId, spec: &RayQueueSpec) -> Result<DynQueue<T>, Error> {
        let queue = self.manager.open(id, spec)?;
        let calls = self.place == Where::Moving;
        if calls || self.place == Where::Stuck {
            let (socket, called) = (self.folder.inside().join("manager.sock"), id.clone());
            // At any moment of what the clause does.
            let pause = RandomState::new().build_hasher().finish() % 3_000;
            let mover = thread::spawn(move || {
                thread::sleep(Duration::from_micros(pause));
                calls && common::send_off(&socket, &called)
            });
            let mut movers = self.movers.lock().unwrap_or_else(PoisonError::into_inner);
            movers.push((id.clone(), mover));
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

    /// Sees to it that every queue that was to move has moved, and is at the server.
    fn assert_moved(&self) {
        let movers = std::mem::take(&mut *self.movers.lock().unwrap_or_else(PoisonError::into_inner));
        let mut moved: BTreeMap<QueueId, bool> = BTreeMap::new();
        for (id, mover) in movers {
            *moved.entry(id).or_default() |= mover.join().expect("a mover");
        }
        if moved.is_empty() {
            return;
        }
        let socket = self.folder.inside().join("manager.sock");
        let admin = RpcAdmin::connect(&RpcSpec::on_socket(socket.to_string_lossy())).expect("the manager");
        for (id, has_left) in moved {
            // To look for it is to ask for it: what nobody asked for before is not moved by this.
            assert!(has_left, "{id} was not moved");
            let begin = Instant::now();
            while let Err(error) = admin.peek(&id, 0, 1) {
                assert!(begin.elapsed() < WATCH, "{id} did not arrive: {error}");
                thread::yield_now();
            }
        }
    }
}

/// A clause is over. One that failed has said what was wrong.
impl Drop for Actor {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.assert_moved();
        }
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
/// Otherwise the form `moving` would be the form `here`.
#[test]
fn queues_that_do_not_move_are_noticed() {
    for (place, moves) in [(Where::Moving, true), (Where::Stuck, false)] {
        let actor = Actor::new("ray_queue that is to move", place);
        for _ in 0..3 {
            let id = QueueId::generated("q");
            let queue = actor.make::<u64>(&id, &Actor::spec(Some(3))).expect("a queue");
            queue.put(7).expect("room");
            assert_eq!(queue.get().expect("what was put"), 7);
        }
        let looked = catch_unwind(AssertUnwindSafe(|| drop(actor)));
        let words = looked.map_err(|panic| {
            panic
                .downcast::<String>()
                .map_or_else(|_| String::new(), |words| *words)
        });
        match words {
            Ok(()) => assert!(moves, "nothing was noticed"),
            Err(words) => assert!(!moves && words.ends_with("was not moved"), "{words}"),
        }
    }
}

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
