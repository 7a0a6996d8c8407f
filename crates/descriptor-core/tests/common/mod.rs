//! Queue types that are known nowhere else, over the plain queue of the contract's own tests.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test binary uses a part of it"
)]

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use descriptor_core::{
    DynQueue, Error, ErrorKind, Item, KeySpec, Metadata, Open, Params, QueueId, Reach, Spec, Takes, Value, Wire,
};

#[path = "../../../queue-core/tests/common/mod.rs"]
mod plain;

pub use plain::{PlainQueue, within_a_minute};

/// How often queues were opened, by id.
static OPENED: LazyLock<Mutex<HashMap<String, usize>>> = LazyLock::new(Mutex::default);

pub fn opened(id: &str) -> usize {
    OPENED.lock().unwrap().get(id).copied().unwrap_or(0)
}

fn count_open(id: &QueueId) -> usize {
    let mut opened = OPENED.lock().unwrap();
    let count = opened.entry(id.as_str().to_owned()).or_default();
    *count += 1;
    *count
}

/// A process-bound type from outside the library. Ids that start with `fails/` or `panics/` do so on the first open.
#[derive(Clone, Debug, PartialEq)]
pub struct BoxSpec {
    pub maxsize: usize,
    pub label: Option<String>,
}

impl BoxSpec {
    pub fn of(maxsize: usize) -> Self {
        Self { maxsize, label: None }
    }
}

const BOX_KEYS: &[KeySpec] = &[
    KeySpec::unbounded(),
    KeySpec::new("label", Takes::Text),
    KeySpec::ignored("colour", "boxes have none"),
];

impl Spec for BoxSpec {
    const KIND: &'static str = "test_box";
    const ALIASES: &'static [&'static str] = &["carton"];
    const REACH: Reach = Reach::Process;

    fn keys() -> &'static [KeySpec] {
        BOX_KEYS
    }
    fn to_metadata(&self) -> Metadata {
        let mut metadata = Metadata::from([("maxsize".to_owned(), Value::Int(self.maxsize as i64))]);
        if let Some(label) = &self.label {
            metadata.insert("label".into(), label.as_str().into());
        }
        metadata
    }
    fn from_params(params: &Params) -> Result<Self, Error> {
        Ok(Self {
            maxsize: params.capacity("maxsize").unwrap_or(0),
            label: params.text("label").map(str::to_owned),
        })
    }
}

impl<T: Item> Open<T> for BoxSpec {
    fn open(&self, id: &QueueId) -> Result<DynQueue<T>, Error> {
        let attempt = count_open(id);
        if attempt == 1 && id.as_str().starts_with("fails/") {
            return Err(Error::new(ErrorKind::ResourceExhausted, "open").queue(id.as_str()));
        }
        assert!(
            attempt > 1 || !id.as_str().starts_with("panics/"),
            "the first open panics"
        );
        Ok(Arc::new(PlainQueue::<T>::new(
            (self.maxsize > 0).then_some(self.maxsize),
        )))
    }
}

/// A type whose queues live outside the descriptors, as those of another process or host do.
#[derive(Clone, Debug, PartialEq)]
pub struct HallSpec {
    pub maxsize: usize,
}

static HALL: LazyLock<Mutex<HashMap<String, Box<dyn Any + Send>>>> = LazyLock::new(Mutex::default);

impl Spec for HallSpec {
    const KIND: &'static str = "test_hall";
    const REACH: Reach = Reach::Host;

    fn keys() -> &'static [KeySpec] {
        const { &[KeySpec::bounded(1000)] }
    }
    fn to_metadata(&self) -> Metadata {
        Metadata::from([("maxsize".to_owned(), Value::Int(self.maxsize as i64))])
    }
    fn from_params(params: &Params) -> Result<Self, Error> {
        Ok(Self {
            maxsize: params.capacity("maxsize").unwrap_or(1000),
        })
    }
}

impl<T: Wire> Open<T> for HallSpec {
    fn open(&self, id: &QueueId) -> Result<DynQueue<T>, Error> {
        count_open(id);
        let mut hall = HALL.lock().unwrap();
        let queue = hall
            .entry(id.as_str().to_owned())
            .or_insert_with(|| Box::new(Arc::new(PlainQueue::<T>::new(Some(self.maxsize)))));
        match queue.downcast_ref::<Arc<PlainQueue<T>>>() {
            Some(queue) => Ok(Arc::<PlainQueue<T>>::clone(queue)),
            None => Err(Error::new(ErrorKind::TypeMismatch, "open").queue(id.as_str())),
        }
    }
}
