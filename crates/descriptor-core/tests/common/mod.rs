//! A plain working queue, queue types over it that are known nowhere else, and a guard against hangs.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "each test binary uses a part of it"
)]

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use descriptor_core::wait::{Fence, WaitList};
use descriptor_core::{
    Caps, DynQueue, Error, ErrorKind, GetError, Item, KeySpec, Metadata, Open, Params, PutError, QueueCore, QueueId,
    Reach, Spec, Takes, Totals, TryQueue, Value, Wire,
};

#[derive(Default)]
struct Inside<T> {
    items: VecDeque<T>,
    totals: Totals,
    closed: bool,
}

/// A bounded or unbounded queue under one lock.
pub struct PlainQueue<T: Item> {
    inside: Mutex<Inside<T>>,
    capacity: Option<usize>,
    getters: WaitList,
    putters: WaitList,
}

impl<T: Item> PlainQueue<T> {
    pub fn new(capacity: Option<usize>) -> Self {
        let inside = Inside {
            items: VecDeque::new(),
            totals: Totals::default(),
            closed: false,
        };
        Self {
            inside: Mutex::new(inside),
            capacity,
            getters: WaitList::new(),
            putters: WaitList::new(),
        }
    }

    pub fn waiting_getters(&self) -> usize {
        self.getters.waiting()
    }

    pub fn waiting_putters(&self) -> usize {
        self.putters.waiting()
    }
}

impl<T: Item> QueueCore for PlainQueue<T> {
    fn depth(&self) -> Option<usize> {
        Some(self.inside.lock().unwrap().items.len())
    }
    fn capacity(&self) -> Option<usize> {
        self.capacity
    }
    fn caps(&self) -> Caps {
        Caps::IN_PROCESS.with_bounded(self.capacity.is_some())
    }
    fn close(&self) {
        self.inside.lock().unwrap().closed = true;
        self.getters.notify_all();
        self.putters.notify_all();
    }
    fn is_closed(&self) -> bool {
        self.inside.lock().unwrap().closed
    }
    fn totals(&self) -> Option<Totals> {
        Some(self.inside.lock().unwrap().totals)
    }
}

impl<T: Item> TryQueue<T> for PlainQueue<T> {
    type Barrier = Fence;

    fn getters(&self) -> &WaitList {
        &self.getters
    }
    fn putters(&self) -> &WaitList {
        &self.putters
    }

    fn put_now(&self, item: T) -> Result<(), PutError<T>> {
        let mut inside = self.inside.lock().unwrap();
        if inside.closed {
            return Err(PutError::Closed(item));
        }
        if self.capacity.is_some_and(|capacity| inside.items.len() >= capacity) {
            return Err(PutError::Full(item));
        }
        inside.items.push_back(item);
        inside.totals.put += 1;
        drop(inside);
        self.getters.notify(1);
        Ok(())
    }

    fn get_now(&self) -> Result<T, GetError> {
        let mut inside = self.inside.lock().unwrap();
        match inside.items.pop_front() {
            Some(item) => {
                inside.totals.get += 1;
                drop(inside);
                self.putters.notify(1);
                Ok(item)
            }
            None if inside.closed => Err(GetError::Closed),
            None => Err(GetError::Empty),
        }
    }

    fn put_run(&self, items: &mut VecDeque<T>) -> Result<usize, PutError<()>> {
        let mut count = 0;
        while let Some(item) = items.pop_front() {
            if let Err(refused) = self.put_now(item) {
                let mut back = None;
                let refused = refused.map(|item| back = Some(item));
                items.extend(back);
                items.rotate_right(1);
                return if count > 0 { Ok(count) } else { Err(refused) };
            }
            count += 1;
        }
        Ok(count)
    }

    fn get_run(&self, out: &mut Vec<T>, max: usize) -> Result<usize, GetError> {
        let mut count = 0;
        while count < max {
            match self.get_now() {
                Ok(item) => out.push(item),
                Err(_) if count > 0 => break,
                Err(error) => return Err(error),
            }
            count += 1;
        }
        Ok(count)
    }
}

descriptor_core::waiting_queue!(PlainQueue);

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

/// Runs `test` and fails when it takes longer than a minute, which no test here does unless it hangs.
pub fn within_a_minute(test: impl FnOnce() + Send + 'static) {
    let (done, end) = channel();
    let worker = std::thread::spawn(move || {
        test();
        let _ = done.send(());
    });
    match end.recv_timeout(Duration::from_secs(60)) {
        Ok(()) => worker.join().unwrap(),
        Err(RecvTimeoutError::Disconnected) => std::panic::resume_unwind(worker.join().unwrap_err()),
        Err(RecvTimeoutError::Timeout) => panic!("the test hangs"),
    }
}

/// A waker that remembers being woken.
#[derive(Default)]
pub struct Flag(AtomicBool);

impl Flag {
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

impl std::task::Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}
