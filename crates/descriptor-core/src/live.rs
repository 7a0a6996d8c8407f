//! One live queue, and the slot in which it is opened exactly once.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::ThreadId;

use crate::{DescriptorRecord, DynQueue, Error, ErrorKind, Item, Metadata, QueueCore, Value};

/// An open queue that has forgotten the type of its items, and can be asked for it.
pub(crate) struct Live {
    item: TypeId,
    item_name: &'static str,
    core: Arc<dyn QueueCore>,
    typed: Box<dyn Any + Send + Sync>,
    // What it was opened with: canonical parameters, and where it is bound to.
    pub(crate) record: DescriptorRecord,
}

/// How often a [`Live`] itself holds its queue: as a core and with its type.
const OWN_HOLDS: usize = 2;

impl Live {
    pub(crate) fn new<T: Item>(queue: DynQueue<T>, record: DescriptorRecord) -> Self {
        Self {
            item: TypeId::of::<T>(),
            item_name: type_name::<T>(),
            core: Arc::<dyn crate::Queue<T>>::clone(&queue),
            typed: Box::new(queue),
            record,
        }
    }

    pub(crate) fn core(&self) -> &Arc<dyn QueueCore> {
        &self.core
    }

    pub(crate) const fn item_name(&self) -> &'static str {
        self.item_name
    }

    pub(crate) fn queue<T: Item>(&self) -> Result<DynQueue<T>, Error> {
        match self.typed.downcast_ref::<DynQueue<T>>() {
            Some(queue) if self.item == TypeId::of::<T>() => Ok(Arc::clone(queue)),
            _ => Err(self
                .refuse(ErrorKind::TypeMismatch)
                .expected(format!("items of type `{}`", self.item_name))
                .found(format!("`{}`", type_name::<T>()))
                .remedy("use one item type per queue id")),
        }
    }

    /// True when somebody who asks with these parameters means this queue.
    pub(crate) fn agree(&self, asked: &Metadata) -> Result<(), Error> {
        let mine = &self.record.metadata;
        let Some(key) = mine
            .keys()
            .chain(asked.keys())
            .find(|key| mine.get(*key) != asked.get(*key))
        else {
            return Ok(());
        };
        let side = |parameters: &Metadata| format!("`{key}`={}", parameters.get(key).unwrap_or(&Value::Null));
        Err(self
            .refuse(ErrorKind::Incompatible)
            .expected(format!("{} as the live queue has it", side(mine)))
            .found(side(asked))
            .remedy("open it with the same parameters, or choose another queue id"))
    }

    fn refuse(&self, kind: ErrorKind) -> Error {
        Error::new(kind, "open")
            .queue(self.record.queue_id.as_str())
            .backend(self.record.queue_type.clone())
    }

    /// Holders of the queue beside this one.
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.core).saturating_sub(OWN_HOLDS)
    }

    /// True when nothing would be missed: nobody holds the queue and nothing is inside.
    fn is_idle(&self) -> bool {
        self.holders() == 0 && self.core.depth() == Some(0)
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("id", &self.record.queue_id)
            .field("item", &self.item_name)
            .finish_non_exhaustive()
    }
}

enum Held {
    /// By name: the queue stays while it holds items, whoever comes and goes.
    Firm(Arc<Live>),
    /// Among clones: the queue stays while one of them holds it.
    Loose(Weak<Live>),
}

impl Held {
    fn get(&self) -> Option<Arc<Live>> {
        match self {
            Self::Firm(live) => Some(Arc::clone(live)),
            Self::Loose(live) => live.upgrade(),
        }
    }
}

enum State {
    Vacant,
    Opening(ThreadId),
    Open(Held),
    /// Taken out of the table of names: look there again.
    Retired,
}

/// Where a queue is opened: once, by the first who asks, without a lock, while the others wait for the outcome.
pub(crate) struct Slot {
    state: Mutex<State>,
    changed: Condvar,
    firm: bool,
}

/// How asking a slot ended.
pub(crate) enum Opened {
    /// Here it is; `true` when it was there already, so that the parameters are still to be compared.
    Live(Arc<Live>, bool),
    /// The slot is no longer in the table.
    Retired,
}

impl Slot {
    /// A slot of the table of names (`firm`), or one shared by the clones of a descriptor.
    pub(crate) const fn new(firm: bool) -> Self {
        Self {
            state: Mutex::new(State::Vacant),
            changed: Condvar::new(),
            firm,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Only whole states are written under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The live queue, or the one that `open` makes. When `open` fails or panics the next in line tries for itself.
    pub(crate) fn open(&self, open: impl FnOnce() -> Result<Live, Error>) -> Result<Opened, Error> {
        let me = std::thread::current().id();
        let mut state = self.lock();
        loop {
            match &*state {
                State::Open(held) => {
                    if let Some(live) = held.get() {
                        return Ok(Opened::Live(live, true));
                    }
                    break;
                }
                State::Vacant => break,
                State::Retired => return Ok(Opened::Retired),
                State::Opening(thread) if *thread == me => return Err(opens_itself()),
                State::Opening(_) => {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
        *state = State::Opening(me);
        drop(state);
        let attempt = Attempt { slot: self };
        let live = Arc::new(open()?);
        attempt.succeed(&live);
        Ok(Opened::Live(live, false))
    }

    /// The live queue, if there is one right now.
    pub(crate) fn get(&self) -> Option<Arc<Live>> {
        match &*self.lock() {
            State::Open(held) => held.get(),
            _ => None,
        }
    }

    /// Takes the slot out of use when nobody would miss it: vacant, or idle and held by the slot alone.
    /// What it held comes back, to be dropped where no lock is held.
    pub(crate) fn retire_if_idle(&self) -> Option<Option<Arc<Live>>> {
        let mut state = self.lock();
        match &*state {
            State::Vacant | State::Retired => {
                *state = State::Retired;
                Some(None)
            }
            // Nobody else can get hold of it meanwhile: they would have to come through this lock.
            State::Open(Held::Firm(live)) if Arc::strong_count(live) == 1 && live.is_idle() => {
                Some(Self::take(&mut state))
            }
            State::Open(_) | State::Opening(_) => None,
        }
    }

    /// Takes the slot out of use at once. `None` while it is being opened.
    pub(crate) fn retire(&self) -> Option<Option<Arc<Live>>> {
        let mut state = self.lock();
        match &*state {
            State::Opening(_) => None,
            _ => Some(Self::take(&mut state)),
        }
    }

    fn take(state: &mut State) -> Option<Arc<Live>> {
        match std::mem::replace(state, State::Retired) {
            State::Open(held) => held.get(),
            _ => None,
        }
    }
}

/// Gives the slot back when opening did not succeed, whatever the reason.
struct Attempt<'a> {
    slot: &'a Slot,
}

impl Attempt<'_> {
    fn succeed(self, live: &Arc<Live>) {
        let held = if self.slot.firm {
            Held::Firm(Arc::clone(live))
        } else {
            Held::Loose(Arc::downgrade(live))
        };
        *self.slot.lock() = State::Open(held);
        // `Drop` wakes those who wait.
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut state = self.slot.lock();
        if matches!(*state, State::Opening(_)) {
            *state = State::Vacant;
        }
        drop(state);
        self.slot.changed.notify_all();
    }
}

fn opens_itself() -> Error {
    Error::new(ErrorKind::InvalidDescriptor, "open")
        .expected("a queue type whose `open` does not ask for the queue it is opening")
        .found("the same queue, from inside its own `open`")
        .remedy("make the queue in `Open::open` instead of looking it up")
}
