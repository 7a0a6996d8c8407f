//! The typed descriptor.

mod identity;
mod naming;
mod object;

pub use naming::{LiveQueue, adopt, describe, evict, live_queues};
pub use object::QueueDescriptor;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::live::{Live, Opened, Slot};
use crate::process::{admit, now_seconds, process_token};
use crate::{
    DescriptorRecord, DynQueue, Error, ErrorKind, GetError, Item, Kind, Metadata, Open, PutError, QueueCore, QueueId,
    Scope, Spec, names,
};

/// Names one queue and everything needed to reach it; opens it when it is first used.
///
/// Clones name the same queue and share it, before and after first use; [`clone_as`](Self::clone_as) names another one.
/// A queue inside the process lives as long as it holds items or somebody holds it, whatever happens to descriptors.
pub struct Descriptor<S: Spec> {
    id: QueueId,
    spec: S,
    created: f64,
    scope: Scope,
    epoch: Option<u64>,
    // The process an unscoped descriptor was first opened in.
    bound: Arc<OnceLock<u128>>,
    // Where clones of a descriptor that is not process-bound find each other's queue.
    clones: Arc<Slot>,
    handle: Mutex<Option<Arc<Live>>>,
}

/// What was inside a queue that was taken away from its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evicted {
    /// Items inside; `None` where nobody can know.
    pub items: Option<usize>,
    /// How many still held the queue. They find it closed, and can drain it.
    pub holders: usize,
}

impl<S: Spec> Descriptor<S> {
    /// Names the queue `id` with these parameters. Nothing is opened yet.
    ///
    /// # Errors
    /// `InvalidDescriptor` when the id or a parameter is not valid.
    #[doc(alias = "create_local_queue")]
    #[doc(alias = "create_shm_queue")]
    pub fn new(id: impl AsRef<str>, spec: S) -> Result<Self, Error> {
        let id = QueueId::new(id)?;
        Self::fresh(id, spec)
    }

    /// Names a queue with a fresh id, `{queue_type}_{8 hex digits}`.
    ///
    /// # Errors
    /// `InvalidDescriptor` when a parameter is not valid.
    pub fn generated(spec: S) -> Result<Self, Error> {
        Self::fresh(QueueId::generated(S::KIND), spec)
    }

    fn fresh(id: QueueId, spec: S) -> Result<Self, Error> {
        // The fields of a spec may be public; whatever a record may not say, a program may not either.
        S::from_metadata(&spec.to_metadata()).map_err(|error| error.queue(id.as_str()))?;
        let scope = if S::is_process_bound() {
            Scope::Process(process_token())
        } else {
            Scope::Unscoped
        };
        let descriptor = Self::assemble(id, spec, now_seconds(), scope, None);
        descriptor.to_record().check()?;
        Ok(descriptor)
    }

    fn assemble(id: QueueId, spec: S, created: f64, scope: Scope, epoch: Option<u64>) -> Self {
        Self {
            id,
            spec,
            created,
            scope,
            epoch,
            bound: Arc::new(OnceLock::new()),
            clones: Arc::new(Slot::new(false)),
            handle: Mutex::new(None),
        }
    }

    /// The descriptor a record stands for. Nothing is opened yet.
    ///
    /// # Errors
    /// `InvalidDescriptor` when the record is of another type or its parameters are not valid.
    #[doc(alias = "from_dict")]
    pub fn from_record(record: &DescriptorRecord) -> Result<Self, Error> {
        record.check()?;
        let about = |error: Error| error.queue(record.queue_id.as_str());
        let kind = Kind::of::<S>();
        if !kind.goes_by(&record.queue_type) {
            return Err(Error::new(ErrorKind::InvalidDescriptor, "read record")
                .queue(record.queue_id.as_str())
                .expected(format!("a record of type `{}`", kind.name))
                .found(crate::excerpt(&record.queue_type))
                .remedy("read it as that type, or open it through a `Registry`, which knows several"));
        }
        let spec = S::from_metadata(&record.metadata).map_err(about)?;
        let (scope, epoch) = (record.scope.clone(), record.epoch);
        Ok(Self::assemble(
            record.queue_id.clone(),
            spec,
            record.created_timestamp,
            scope,
            epoch,
        ))
    }

    /// The live queue: opened on first use, once, however many threads ask at the same time.
    ///
    /// # Errors
    /// What opening says; `TypeMismatch` when the queue holds items of another type, `Incompatible` when it has other
    /// parameters, `OutOfScope` when it lives in another process.
    #[doc(alias = "get_queue")]
    #[doc(alias = "queue_instance")]
    #[doc(alias = "resolve_descriptor")]
    pub fn queue<T: Item>(&self) -> Result<DynQueue<T>, Error>
    where
        S: Open<T>,
    {
        if S::is_process_bound() {
            admit(S::KIND, &self.id, &self.scope(), None)?;
        }
        if let Some(live) = &*self.handle() {
            return live.queue();
        }
        let live = self.open::<T>()?;
        let queue = live.queue()?;
        if S::is_process_bound() {
            self.bound.get_or_init(process_token);
        }
        self.keep(live);
        Ok(queue)
    }

    fn open<T: Item>(&self) -> Result<Arc<Live>, Error>
    where
        S: Open<T>,
    {
        if S::is_process_bound() {
            return names::open_as::<T, S>(&self.id, &self.spec, || self.to_record());
        }
        let open = || Ok(Live::new(self.spec.open(&self.id)?, self.to_record()));
        match self.clones.open(open)? {
            Opened::Live(live, _) => Ok(live),
            // Only slots of the table of names are ever retired.
            Opened::Retired => Ok(Arc::new(open()?)),
        }
    }

    /// Puts one item, waiting for room as long as it takes. Hot code takes [`queue`](Self::queue) once instead.
    ///
    /// # Errors
    /// As [`Queue::put`](crate::Queue::put), and `Failed` when the queue cannot be opened. The item comes back.
    pub fn put<T: Item>(&self, item: T) -> Result<(), PutError<T>>
    where
        S: Open<T>,
    {
        match self.queue() {
            Ok(queue) => queue.put(item),
            Err(error) => Err(PutError::Failed(item, error)),
        }
    }

    /// Puts one item if there is room now.
    ///
    /// # Errors
    /// As [`Queue::try_put`](crate::Queue::try_put), and `Failed` when the queue cannot be opened. The item comes back.
    #[doc(alias = "put_nowait")]
    pub fn try_put<T: Item>(&self, item: T) -> Result<(), PutError<T>>
    where
        S: Open<T>,
    {
        match self.queue() {
            Ok(queue) => queue.try_put(item),
            Err(error) => Err(PutError::Failed(item, error)),
        }
    }

    /// Takes one item, waiting for it as long as it takes.
    ///
    /// # Errors
    /// As [`Queue::get`](crate::Queue::get), and `Failed` when the queue cannot be opened.
    pub fn get<T: Item>(&self) -> Result<T, GetError>
    where
        S: Open<T>,
    {
        self.queue().map_err(GetError::Failed)?.get()
    }

    /// Takes one item if there is one now.
    ///
    /// # Errors
    /// As [`Queue::try_get`](crate::Queue::try_get), and `Failed` when the queue cannot be opened.
    #[doc(alias = "get_nowait")]
    pub fn try_get<T: Item>(&self) -> Result<T, GetError>
    where
        S: Open<T>,
    {
        self.queue().map_err(GetError::Failed)?.try_get()
    }

    /// Items inside the live queue; `None` when nothing is live or nobody can know. Opens nothing.
    #[doc(alias = "qsize")]
    pub fn depth(&self) -> Option<usize> {
        self.core().and_then(|core| core.depth())
    }

    /// The live queue without the type of its items, if there is one. Opens nothing.
    pub fn core(&self) -> Option<Arc<dyn QueueCore>> {
        let mine = self.handle().as_ref().map(|live| Arc::clone(live.core()));
        mine.or_else(|| {
            let live = if S::is_process_bound() {
                admit(S::KIND, &self.id, &self.scope(), None).ok()?;
                names::get(S::KIND, &self.id)
            } else {
                self.clones.get()
            };
            live.map(|live| Arc::clone(live.core()))
        })
    }

    /// Lets go of the queue; the next use reaches the same one while it lives. A queue of this process lives on while
    /// it holds items or somebody else holds it.
    ///
    /// The Python original made a new empty queue beside the old one here.
    #[doc(alias = "trim")]
    pub fn clear_cache(&self) {
        let held = self.handle().take();
        if held.is_some() {
            // The queue may run code of its own when it goes: not under our lock.
            drop(held);
            if S::is_process_bound() {
                names::release(S::KIND, &self.id);
            }
        }
    }

    /// The same as [`clear_cache`](Self::clear_cache).
    pub fn trim(&self) {
        self.clear_cache();
    }

    /// Takes the queue of this process away from its name at once, and says what was inside. The queue is closed: who
    /// still holds it, other descriptors included, can drain it and will put nothing into the void until
    /// [`clear_cache`](Self::clear_cache); the name is free for a new queue.
    ///
    /// `None` when no queue of this process has the name, and for types that live elsewhere.
    pub fn evict(&self) -> Option<Evicted> {
        let held = self.handle().take();
        drop(held);
        if !S::is_process_bound() || admit(S::KIND, &self.id, &self.scope(), None).is_err() {
            return None;
        }
        let live = names::remove(S::KIND, &self.id)?;
        live.core().close();
        Some(Evicted {
            items: live.core().depth(),
            holders: live.holders(),
        })
    }

    fn keep(&self, live: Arc<Live>) {
        let mut handle = self.handle();
        let spare = if handle.is_none() {
            handle.replace(live)
        } else {
            Some(live)
        };
        // In this order: a queue that goes may run code of its own.
        drop(handle);
        drop(spare);
    }

    fn handle(&self) -> MutexGuard<'_, Option<Arc<Live>>> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn scope(&self) -> Scope {
        match (&self.scope, self.bound.get()) {
            (Scope::Unscoped, Some(token)) => Scope::Process(*token),
            (scope, _) => scope.clone(),
        }
    }

    /// The parameters as they travel.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        self.spec.to_metadata()
    }
}

impl<S: Spec> Drop for Descriptor<S> {
    fn drop(&mut self) {
        self.clear_cache();
    }
}
