//! From records to queues: the table of queue types a program can open.

use std::fmt;

use crate::process::admit;
use crate::{Caps, DescriptorRecord, DynQueue, Error, Item, KINDS, Kind, KindInfo, Metadata, Open, Reach, names};

/// Opens records of the queue types that were registered, for items of type `T`.
///
/// A record and a [`Descriptor`](crate::Descriptor) with the same id reach the same queue.
#[doc(alias = "QUEUE_STUB_MAPPING")]
pub struct Registry<T: Item> {
    entries: Vec<Entry<T>>,
    worker: Option<u32>,
}

struct Entry<T: Item> {
    kind: Kind,
    caps: Caps,
    check: fn(&Metadata) -> Result<Metadata, Error>,
    open: fn(&DescriptorRecord) -> Result<DynQueue<T>, Error>,
    remove: fn(&DescriptorRecord) -> Result<(), Error>,
}

impl<T: Item> Registry<T> {
    /// A registry that knows no type yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
            worker: None,
        }
    }

    /// Adds a queue type. One registered before under the same name is replaced.
    #[must_use]
    #[doc(alias = "register_rpc_queue_factory")]
    pub fn with<S: Open<T>>(mut self) -> Self {
        let entry = Entry {
            kind: Kind::of::<S>(),
            caps: S::caps(),
            check: |metadata| S::from_metadata(metadata).map(|spec| spec.to_metadata()),
            open: open_record::<T, S>,
            remove: |record| S::from_metadata(&record.metadata)?.remove(&record.queue_id),
        };
        self.entries.retain(|known| known.kind.name != entry.kind.name);
        self.entries.push(entry);
        self
    }

    /// The registry of worker `number`, which opens the records that are bound to it, and none of another worker.
    #[must_use]
    pub const fn for_worker(mut self, number: u32) -> Self {
        self.worker = Some(number);
        self
    }

    /// What the registered types offer, for a [`Strategy`](crate::Strategy) to choose from.
    #[must_use]
    pub fn kinds(&self) -> Vec<KindInfo> {
        self.entries
            .iter()
            .map(|entry| {
                let info = KindInfo::new(entry.kind.name, entry.kind.reach, entry.caps);
                if entry.kind.can_be_unbounded() {
                    info.with_unbounded()
                } else {
                    info
                }
            })
            .collect()
    }

    /// The registered types with their names and parameters.
    pub fn types(&self) -> impl Iterator<Item = &Kind> {
        self.entries.iter().map(|entry| &entry.kind)
    }

    /// True when the type with this name or alias can be opened.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.types().any(|kind| kind.goes_by(name))
    }

    /// Validates a record without opening anything, and gives its canonical form: the type's own name, every parameter.
    ///
    /// # Errors
    /// `InvalidDescriptor` for an unknown type or parameter, `Unsupported` for a type of this library that is not built
    /// in, `OutOfScope` for a process-bound record of another process or worker.
    pub fn check(&self, record: &DescriptorRecord) -> Result<DescriptorRecord, Error> {
        self.resolve(record).map(|(_, canonical)| canonical)
    }

    /// The queue that the record names.
    ///
    /// # Errors
    /// As [`check`](Self::check), and what opening says; `TypeMismatch` and `Incompatible` as
    /// [`Descriptor::queue`](crate::Descriptor::queue).
    #[doc(alias = "resolve_descriptor")]
    pub fn open(&self, record: &DescriptorRecord) -> Result<DynQueue<T>, Error> {
        let (entry, canonical) = self.resolve(record)?;
        (entry.open)(&canonical)
    }

    /// Takes the queue that the record names away, as [`Open::remove`].
    ///
    /// # Errors
    /// As [`check`](Self::check), and whatever keeps the queue there.
    pub fn remove(&self, record: &DescriptorRecord) -> Result<(), Error> {
        let (entry, canonical) = self.resolve(record)?;
        (entry.remove)(&canonical)
    }

    fn resolve(&self, record: &DescriptorRecord) -> Result<(&Entry<T>, DescriptorRecord), Error> {
        record.check()?;
        let about = |error: Error| error.queue(record.queue_id.as_str());
        let entry = self.entry(&record.queue_type).map_err(about)?;
        let metadata = (entry.check)(&record.metadata).map_err(about)?;
        if entry.kind.reach == Reach::Process {
            admit(entry.kind.name, &record.queue_id, &record.scope, self.worker)?;
        }
        let canonical = DescriptorRecord {
            queue_type: entry.kind.name.into(),
            metadata,
            ..record.clone()
        };
        Ok((entry, canonical))
    }

    fn entry(&self, name: &str) -> Result<&Entry<T>, Error> {
        if let Some(entry) = self.entries.iter().find(|entry| entry.kind.goes_by(name)) {
            return Ok(entry);
        }
        if let Some(kind) = KINDS.iter().find(|kind| kind.goes_by(name)) {
            return Err(kind.not_built_in(self.types()));
        }
        let known: Vec<Kind> = self
            .types()
            .chain(KINDS.iter().filter(|kind| !self.knows(kind.name)))
            .copied()
            .collect();
        Err(match Kind::find_in(&known, name) {
            Err(error) => error,
            Ok(kind) => kind.not_built_in(self.types()),
        })
    }
}

fn open_record<T: Item, S: Open<T>>(record: &DescriptorRecord) -> Result<DynQueue<T>, Error> {
    let spec = S::from_metadata(&record.metadata)?;
    if S::is_process_bound() {
        names::open_as::<T, S>(&record.queue_id, &spec, || record.clone())?.queue()
    } else {
        spec.open(&record.queue_id)
    }
}

impl<T: Item> Default for Registry<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Item> Clone for Registry<T> {
    fn clone(&self) -> Self {
        Self {
            entries: self.entries.clone(),
            worker: self.worker,
        }
    }
}

impl<T: Item> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<T: Item> fmt::Debug for Registry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("kinds", &self.types().map(|kind| kind.name).collect::<Vec<_>>())
            .field("worker", &self.worker)
            .finish()
    }
}
