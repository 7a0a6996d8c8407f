//! A queue type whose own type is forgotten, so that the clauses are compiled once and not for every queue type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use descriptor_core::{Caps, DynQueue, Error, Item, Wire};

use crate::clauses::moved::{Job, Nested};
use crate::{InProcess, ItemTypes, Lending, Loan, Subject, Tracked, Twice, item_types};

/// A [`Subject`] without its type parameters: with those that the clauses use.
pub(crate) trait Kind: Send + Sync {
    fn name(&self) -> &str;
    fn caps(&self) -> Caps;
    fn unbounded(&self) -> bool;
    fn max_capacity(&self) -> usize;
    fn twice(&self, first: Option<usize>, second: Option<usize>) -> Option<Twice<u64, u64>>;
    fn twice_as_another(&self, first: Option<usize>, second: Option<usize>) -> Option<Twice<u64, String>>;
    fn lending(&self, capacity: usize, loan: Loan) -> Option<Result<Lending<u64>, Error>>;
    fn corrupted(&self, before: &[u64], after: &[u64]) -> Option<DynQueue<u64>>;
}

impl<S: Subject> Kind for S {
    fn name(&self) -> &str {
        Subject::name(self)
    }

    fn caps(&self) -> Caps {
        Subject::caps(self)
    }

    fn unbounded(&self) -> bool {
        Subject::unbounded(self)
    }

    fn max_capacity(&self) -> usize {
        Subject::max_capacity(self)
    }

    fn twice(&self, first: Option<usize>, second: Option<usize>) -> Option<Twice<u64, u64>> {
        Subject::twice(self, first, second)
    }

    fn twice_as_another(&self, first: Option<usize>, second: Option<usize>) -> Option<Twice<u64, String>> {
        Subject::twice(self, first, second)
    }

    fn lending(&self, capacity: usize, loan: Loan) -> Option<Result<Lending<u64>, Error>> {
        Subject::lending(self, capacity, loan)
    }

    fn corrupted(&self, before: &[u64], after: &[u64]) -> Option<DynQueue<u64>> {
        Subject::corrupted(self, before, after)
    }
}

type Door<T> = Box<dyn Fn(Option<usize>) -> Result<DynQueue<T>, Error> + Send + Sync>;

/// How queues are opened, for each item type that a clause uses.
pub(crate) struct Doors(HashMap<TypeId, Box<dyn Any + Send + Sync>>);

impl Doors {
    /// For items that may leave the process.
    pub(crate) fn wire<S: Subject>(subject: &Arc<S>) -> Self {
        struct Hanging<'a, S>(Doors, &'a Arc<S>);

        impl<S: Subject> ItemTypes for Hanging<'_, S> {
            fn item<T: Wire>(&mut self) {
                let subject = Arc::clone(self.1);
                self.0.add::<T>(Box::new(move |capacity| subject.open(capacity)));
            }
        }

        let mut doors = Hanging(Self(HashMap::new()), subject);
        item_types(&mut doors);
        doors.0
    }

    /// For these, and for items that cannot.
    pub(crate) fn in_process<S: InProcess>(subject: &Arc<S>) -> Self {
        let mut doors = Self::wire(subject);
        doors.add_any::<_, Tracked>(subject);
        doors.add_any::<_, Job>(subject);
        doors.add_any::<_, Nested>(subject);
        doors
    }

    fn add_any<S: InProcess, T: Item>(&mut self, subject: &Arc<S>) {
        let subject = Arc::clone(subject);
        self.add::<T>(Box::new(move |capacity| subject.open_any(capacity)));
    }

    fn add<T: Item>(&mut self, door: Door<T>) {
        self.0.insert(TypeId::of::<T>(), Box::new(door));
    }

    /// A new queue of such items; `None` when the list above lacks them.
    pub(crate) fn open<T: Item>(&self, capacity: Option<usize>) -> Option<Result<DynQueue<T>, Error>> {
        let door = self.0.get(&TypeId::of::<T>())?.downcast_ref::<Door<T>>()?;
        Some(door(capacity))
    }
}
