//! The manager of a namespace, in the process that has it.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use descriptor_core::{
    Caps, DescriptorRecord, DynQueue, Error, ErrorKind, QueueId, Result, TypeTag, Value, Wire, excerpt,
};
use queue_rpc::{Luggage, RpcQueue, RpcSpec, ServerLife};
use rpc_server::{RunningServer, Server, Settings};

use crate::far::{About, Far};
use crate::guests::{Resident, Table};
use crate::ledger::{self, LostQueue};
use crate::place::replace;
use crate::reach::{Patience, SOCKET, mode_of};
use crate::ring::{Ring, Terms};
use crate::seat::Seat;
use crate::spec::RayQueueSpec;
use crate::{ManagerSettings, place};

/// The server says this life of the manager in its upper half, so that numbers of queues fit below it.
const EPOCH_SHIFT: u32 = 32;
/// How often the numbers of the queues are written down: soon while they change, and later while they do not.
const SOON: Duration = Duration::from_millis(50);
const LATER: Duration = Duration::from_secs(1);

/// What the server of that life of a manager says of itself.
pub(crate) const fn server_epoch(epoch: u64) -> u64 {
    epoch << EPOCH_SHIFT
}

/// See [the module](self).
pub(crate) struct Host {
    epoch: u64,
    table: Arc<Table>,
    socket: String,
    life: ServerLife,
    is_over: Arc<AtomicBool>,
    caps: Caps,
    clerk: OnceLock<Thread>,
    // What was written down last; whoever writes holds it, from the count to the file.
    books: Mutex<Vec<LostQueue>>,
    idle_ttl: Option<Duration>,
    // Before the seat: who is told of its end finds the name free a moment later, not the other way round.
    server: RunningServer,
    seat: Seat,
}

impl Host {
    /// Begins an epoch on that seat.
    ///
    /// # Errors
    /// What the system says, and what keeps the server from listening.
    pub(crate) fn start(seat: Seat, settings: &ManagerSettings, detached: bool) -> Result<Arc<Self>> {
        let folder = seat.folder();
        let socket = folder.join(SOCKET);
        let name = socket.to_str().map(str::to_owned).ok_or_else(|| {
            place::refused(ErrorKind::InvalidDescriptor)
                .expected("a folder whose name is text")
                .found(excerpt(&socket.to_string_lossy()))
                .remedy("set SAGE_MANAGER_DIR to another one")
        })?;
        ledger::bury(folder, crate::seat::last_epoch(folder)?)?;
        let epoch = seat.begin()?;
        ledger::write(folder, &[])?;
        replace(&folder.join(crate::reach::MODE), mode_of(detached), false)?;
        let table = Arc::new(Table::default());
        let mut of_server = Settings {
            bind: Vec::new(),
            unix: Some(socket),
            epoch: Some(server_epoch(epoch)),
            ..Settings::default()
        };
        let broker = &mut of_server.broker;
        broker.guests = Some(Arc::clone(&table) as _);
        broker.max_queues = settings.max_queues;
        broker.max_items = settings.max_items;
        broker.max_bytes = settings.max_bytes;
        broker.max_connections = settings.max_connections;
        // As much as all of them may have.
        broker.queue_bytes = 0;
        let server = Server::start(of_server)?;
        let is_over = Arc::new(AtomicBool::new(false));
        let known = Arc::clone(&is_over);
        let life = ServerLife::new(server_epoch(epoch), move || {
            let ended = known.load(Ordering::Acquire);
            ended.then(|| format!("epoch {epoch}, which this process ended"))
        });
        let mut caps = RayQueueSpec::can();
        caps.survives_process = detached;
        let host = Arc::new(Self {
            epoch,
            table,
            socket: name,
            life,
            is_over,
            caps,
            clerk: OnceLock::new(),
            books: Mutex::default(),
            idle_ttl: settings.idle_ttl,
            server,
            seat,
        });
        host.start_clerk()?;
        Ok(host)
    }

    pub(crate) const fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(crate) const fn server(&self) -> &RunningServer {
        &self.server
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    pub(crate) fn socket(&self) -> &str {
        &self.socket
    }

    pub(crate) const fn life(&self) -> &ServerLife {
        &self.life
    }

    fn about(&self, id: &QueueId, kind: &'static str) -> About {
        About::new(id, kind, self.seat.folder().to_owned(), self.epoch, self.caps)
    }

    /// Opens a queue, or makes it: a ring of this process, unless it is at the server already.
    ///
    /// # Errors
    /// `TypeMismatch` and `Incompatible` when it is there and is another one; `ResourceExhausted` naming the limit.
    pub(crate) fn open<T: Wire>(
        self: &Arc<Self>,
        id: &QueueId,
        spec: &RayQueueSpec,
        kind: &'static str,
    ) -> Result<DynQueue<T>> {
        let about = self.about(id, kind);
        if self.is_over.load(Ordering::Acquire) {
            return Err(about
                .error(ErrorKind::PeerDied, "open")
                .expected("a manager that goes on")
                .found("one that this process ended")
                .remedy("open it again"));
        }
        let asked = spec.at(&self.socket);
        // Dead letters are the server's affair, from the first item on.
        if spec.dead_letter.is_none() {
            // Checks the parameters, and says them as a client of the server would.
            let luggage = Luggage::pack::<T>(id, &asked, []);
            let found = self.server.with(|broker| {
                if broker.has(id) {
                    return Ok(None);
                }
                if let Some(ring) = self.table.get(id) {
                    return Ok(Some(ring));
                }
                broker.check_room_for(id)?;
                let terms = Terms {
                    spec: asked.clone(),
                    record: luggage.record.clone(),
                    life: broker.next_life(),
                };
                let ring: Arc<dyn Resident> = Ring::<T>::new(about.clone(), terms, self)?;
                self.table.insert(id, Arc::clone(&ring));
                Ok(Some(ring))
            });
            if let Some(ring) = found.map_err(|error: Error| error.backend(kind))? {
                self.wake_clerk();
                return agree::<T>(&about, ring, &luggage.record);
            }
        }
        Ok(Arc::new(self.far::<T>(&about, &asked)?))
    }

    /// A client of the server, for a queue that is there or is to be made there.
    ///
    /// # Errors
    /// As [`RpcQueue::open`].
    pub(crate) fn far<T: Wire>(&self, about: &About, spec: &RpcSpec) -> Result<Far<T>> {
        let mut patience = Patience::new(spec.connection_timeout);
        loop {
            match RpcQueue::open_in(&about.id, spec, &self.life) {
                Ok(queue) => return Ok(Far::new(queue, about.clone())),
                Err(error) if patience.suffers(&error) => {}
                Err(error) => return Err(error.backend(about.kind)),
            }
        }
    }

    /// Ends the manager: its clients have so long to end what is under way.
    ///
    /// # Errors
    /// What ended the server before.
    pub(crate) fn stop(&self, grace: Duration) -> Result<()> {
        self.is_over.store(true, Ordering::Release);
        // Without the last numbers there are those before.
        let _ = self.write_down();
        self.server.stop(grace)
    }

    fn start_clerk(self: &Arc<Self>) -> Result<()> {
        let host = Arc::downgrade(self);
        let started = thread::Builder::new()
            .name("sage-manager".into())
            .spawn(move || keep_books(&host));
        let started = started.map_err(|error| {
            place::refused(ErrorKind::ResourceExhausted)
                .expected("a thread for the manager")
                .remedy("raise the limit of threads")
                .caused_by(error)
        })?;
        let _ = self.clerk.set(started.thread().clone());
        Ok(())
    }

    fn wake_clerk(&self) {
        if let Some(clerk) = self.clerk.get() {
            clerk.unpark();
        }
    }

    /// The numbers of all queues now, and which of them nobody would miss.
    fn numbers(&self) -> (Vec<LostQueue>, Vec<QueueId>) {
        let (mut all, mut idle) = (Vec::new(), Vec::new());
        let epoch = self.epoch;
        let mut see = |id: &QueueId, facts: &rpc_server::GuestFacts, is_unused: bool| {
            let items = facts.put.saturating_sub(facts.got);
            all.push(LostQueue {
                id: id.clone(),
                epoch,
                capacity: facts.capacity,
                items,
                put: facts.put,
            });
            if is_unused && items == 0 {
                idle.push(id.clone());
            }
        };
        self.server.with(|broker| {
            broker.for_each_queue(&mut see);
            self.table.for_each(&mut see);
        });
        (all, idle)
    }

    /// Writes the numbers down when they are others than before. Whether they were.
    ///
    /// # Errors
    /// What the system says; then they are written next time.
    fn write_down(&self) -> Result<bool> {
        let mut before = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, _) = self.numbers();
        if now == *before {
            return Ok(false);
        }
        ledger::write(self.seat.folder(), &now)?;
        *before = now;
        Ok(true)
    }

    /// Deletes queues that nobody has used for long enough.
    fn collect(&self, ttl: Duration, since: &mut HashMap<QueueId, Instant>) {
        let (_, idle) = self.numbers();
        since.retain(|id, _| idle.contains(id));
        let now = Instant::now();
        for id in idle {
            if now.duration_since(*since.entry(id.clone()).or_insert(now)) < ttl {
                continue;
            }
            let is_gone = self
                .server
                .with(|broker| self.table.end_if_idle(&id) || broker.remove_if_idle(&id));
            if is_gone {
                since.remove(&id);
                tracing::debug!(queue = id.as_str(), "an idle queue was deleted");
            }
        }
    }
}

/// What the thread beside a manager does, until that ends.
fn keep_books(host: &Weak<Host>) {
    let mut since = HashMap::new();
    let mut pause = SOON;
    let mut is_told = false;
    loop {
        thread::park_timeout(pause);
        let Some(host) = host.upgrade().filter(|host| !host.is_over.load(Ordering::Acquire)) else {
            return;
        };
        pause = match host.write_down() {
            Ok(true) => SOON,
            Ok(false) => (pause * 2).min(LATER),
            Err(error) => {
                if !std::mem::replace(&mut is_told, true) {
                    tracing::warn!(%error, "the manager cannot write down its queues");
                }
                LATER
            }
        };
        if let Some(ttl) = host.idle_ttl {
            host.collect(ttl, &mut since);
            pause = pause.min((ttl / 4).max(SOON));
        }
    }
}

/// The ring that is there, when it is what was asked for.
fn agree<T: Wire>(about: &About, ring: Arc<dyn Resident>, asked: &DescriptorRecord) -> Result<DynQueue<T>> {
    let found = ring.facts().record;
    let tag = ring.tag();
    let Ok(ring) = ring.as_any().downcast::<Ring<T>>() else {
        return Err(about
            .error(ErrorKind::TypeMismatch, "open")
            .expected(format!("items of type {}", TypeTag::of::<T>()))
            .found(tag.to_string())
            .remedy("use one item type per queue id"));
    };
    let mut names = found.metadata.keys().chain(asked.metadata.keys());
    if let Some(name) = names.find(|name| found.metadata.get(*name) != asked.metadata.get(*name)) {
        let side = |of: &DescriptorRecord| format!("`{name}`={}", of.metadata.get(name).unwrap_or(&Value::Null));
        return Err(about
            .error(ErrorKind::Incompatible, "open")
            .expected(format!("{} as the live queue has it", side(&found)))
            .found(side(asked))
            .remedy("open it with the same parameters, or choose another queue id"));
    }
    Ok(ring)
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("epoch", &self.epoch)
            .field("server", &self.server)
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}
