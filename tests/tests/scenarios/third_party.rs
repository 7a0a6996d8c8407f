//! A queue type from outside the library: its own parameters and storage, the facade's names for everything else.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use sage_comm::wait::{Fence, WaitList};
use sage_comm::{
    Backends, Builtin, Caps, Choice, DefaultStrategy, Deployment, Descriptor, DescriptorRecord, DynQueue, EdgeRequest,
    Error, ErrorKind, Flow, GetError, Item, KeySpec, KindInfo, Metadata, Open, Params, PutError, QueueCore, QueueExt,
    QueueId, Reach, Registry, Result, Spec, Strategy, Takes, Totals, TryQueue, Value, Wire, ops, waiting_queue,
};

use crate::support::{is_live, names, within_a_minute};

/// How many items went into shelves, by queue id.
static STORED: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn stored(id: &str) -> u64 {
    lock(&STORED).get(id).copied().unwrap_or_default()
}

struct Inside<T> {
    items: VecDeque<T>,
    totals: Totals,
    closed: bool,
}

/// A bounded queue under one lock.
struct Shelf<T> {
    id: String,
    inside: Mutex<Inside<T>>,
    capacity: usize,
    getters: WaitList,
    putters: WaitList,
}

impl<T: Item> QueueCore for Shelf<T> {
    fn depth(&self) -> Option<usize> {
        Some(lock(&self.inside).items.len())
    }
    fn capacity(&self) -> Option<usize> {
        Some(self.capacity)
    }
    fn caps(&self) -> Caps {
        Caps::IN_PROCESS
    }
    fn close(&self) {
        lock(&self.inside).closed = true;
        self.getters.notify_all();
        self.putters.notify_all();
    }
    fn is_closed(&self) -> bool {
        lock(&self.inside).closed
    }
    fn totals(&self) -> Option<Totals> {
        Some(lock(&self.inside).totals)
    }
}

impl<T: Item> TryQueue<T> for Shelf<T> {
    type Barrier = Fence;

    fn getters(&self) -> &WaitList {
        &self.getters
    }
    fn putters(&self) -> &WaitList {
        &self.putters
    }
    fn put_now(&self, item: T) -> Result<(), PutError<T>> {
        let mut inside = lock(&self.inside);
        if inside.closed {
            return Err(PutError::Closed(item));
        }
        if inside.items.len() >= self.capacity {
            return Err(PutError::Full(item));
        }
        inside.items.push_back(item);
        inside.totals.put += 1;
        drop(inside);
        *lock(&STORED).entry(self.id.clone()).or_default() += 1;
        self.getters.notify(1);
        Ok(())
    }
    fn get_now(&self) -> Result<T, GetError> {
        let mut inside = lock(&self.inside);
        let nothing = if inside.closed {
            GetError::Closed
        } else {
            GetError::Empty
        };
        let item = inside.items.pop_front().ok_or(nothing)?;
        inside.totals.get += 1;
        drop(inside);
        self.putters.notify(1);
        Ok(item)
    }
    fn put_run(&self, items: &mut VecDeque<T>) -> Result<usize, PutError<()>> {
        let mut count = 0;
        while let Some(item) = items.pop_front() {
            match self
                .put_now(item)
                .map_err(|refused| refused.map(|item| items.push_front(item)))
            {
                Ok(()) => count += 1,
                Err(_) if count > 0 => break,
                Err(refused) => return Err(refused),
            }
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

waiting_queue!(Shelf);

/// The parameters of a shelf.
#[derive(Clone, Debug)]
struct ShelfSpec {
    maxsize: usize,
    wood: String,
}

impl Spec for ShelfSpec {
    const KIND: &'static str = "shelf";
    const ALIASES: &'static [&'static str] = &["rack"];
    const REACH: Reach = Reach::Process;

    fn keys() -> &'static [KeySpec] {
        const {
            &[
                KeySpec::bounded(16),
                KeySpec::new("wood", Takes::OneOf(&["oak", "ash"])),
            ]
        }
    }
    fn to_metadata(&self) -> Metadata {
        let items = i64::try_from(self.maxsize).unwrap_or(i64::MAX);
        Metadata::from([
            ("maxsize".to_owned(), Value::Int(items)),
            ("wood".to_owned(), Value::from(self.wood.as_str())),
        ])
    }
    fn from_params(params: &Params) -> Result<Self> {
        Ok(Self {
            maxsize: params.capacity("maxsize").unwrap_or(16),
            wood: params.text("wood").unwrap_or("oak").to_owned(),
        })
    }
}

impl<T: Item> Open<T> for ShelfSpec {
    fn open(&self, id: &QueueId) -> Result<DynQueue<T>> {
        let inside = Inside {
            items: VecDeque::new(),
            totals: Totals::default(),
            closed: false,
        };
        Ok(Arc::new(Shelf {
            id: id.to_string(),
            inside: Mutex::new(inside),
            capacity: self.maxsize,
            getters: WaitList::new(),
            putters: WaitList::new(),
        }))
    }
}

/// What is built in, and shelves.
#[derive(Clone, Copy)]
struct WithShelves;

impl Backends for WithShelves {
    fn registry<T: Wire>(&self) -> Registry<T> {
        Builtin.registry().with::<ShelfSpec>()
    }
}

#[test]
fn it_is_named_written_down_and_opened_like_any_other() {
    within_a_minute(|| {
        let spec = ShelfSpec {
            maxsize: 2,
            wood: "ash".to_owned(),
        };
        let made = Descriptor::new("third-party/books", spec).unwrap();
        let uri = made.to_uri().unwrap();
        assert!(uri.starts_with("shelf://third-party/books?maxsize=2&wood=ash"), "{uri}");
        made.put("one".to_owned()).unwrap();
        let queue = WithShelves.registry::<String>().open(&uri.parse().unwrap()).unwrap();
        queue.put("two".to_owned()).unwrap();
        assert!(queue.try_put("three".to_owned()).unwrap_err().is_full());
        // The waiting half comes with the macro.
        let waiting = thread::spawn({
            let queue = queue.clone();
            move || queue.put("three".to_owned())
        });
        assert_eq!(queue.iter().take(3).collect::<Vec<_>>(), ["one", "two", "three"]);
        waiting.join().unwrap().unwrap();
        assert_eq!(stored("third-party/books"), 3);
    });
}

#[test]
fn it_is_held_to_its_table_and_its_process() {
    let open = |uri: &str| {
        WithShelves
            .registry::<u8>()
            .open(&uri.parse::<DescriptorRecord>()?)
            .map(drop)
    };
    for (uri, words) in [
        ("shelf://third-party/bad?maxsize=0", ["maxsize", "from 1"]),
        ("shelf://third-party/bad?wood=steel", ["wood", "oak, ash"]),
        ("shelf://third-party/bad?would=oak", ["would", "did you mean `wood`?"]),
        ("shelve://third-party/bad", ["shelve", "did you mean `shelf`?"]),
    ] {
        names(&open(uri).unwrap_err(), ErrorKind::InvalidDescriptor, &words);
    }
    let foreign = format!("shelf://third-party/bad?@scope=process:{:032x}", 1);
    names(&open(&foreign).unwrap_err(), ErrorKind::OutOfScope, &["shelf", "`shm`"]);
    assert!(!is_live("third-party/bad"));
    open("rack://third-party/alias").unwrap();
    let error = Builtin
        .registry::<u8>()
        .open(&"shelf://third-party/bad".parse().unwrap());
    names(
        &error.map(drop).unwrap_err(),
        ErrorKind::InvalidDescriptor,
        &["shelf", "register"],
    );
}

/// How often each letter occurs, with the report's proof that nothing was lost.
fn count_letters(flow: Flow<WithShelves>, strategy: &dyn Strategy) -> Result<BTreeMap<String, u64>> {
    let counts = flow
        .source("words", 2, |_| {
            ops::IterSource::new((0..500).map(|n| format!("{}-{n}", ["ant", "bee", "cat"][n % 3])))
        })
        .key_by("letter", |word| word[..1].to_owned())
        .fold(
            "count",
            || 0_u64,
            |n, _| *n += 1,
            |letter, n| Ok((letter.decode::<String>()?, n)),
        )
        .parallelism(2)
        .collect("results");
    let job = flow.build_with(Deployment::Threads, strategy)?;
    for queue in job.plan().queues() {
        assert_eq!(queue.record.queue_type, "shelf", "{}", queue.reason);
    }
    let report = job.run()?;
    assert!(report.is_complete(), "{report:?}");
    Ok(counts.take().into_iter().collect())
}

fn expected() -> BTreeMap<String, u64> {
    [("a", 334), ("b", 334), ("c", 332)]
        .map(|(letter, n)| (letter.to_owned(), n))
        .into()
}

#[test]
fn a_job_runs_on_it_when_told_to() {
    within_a_minute(|| {
        let flow = Flow::new("third-party-told", WithShelves);
        flow.queue_kind("shelf");
        flow.chain(false);
        assert_eq!(count_letters(flow, &DefaultStrategy).unwrap(), expected());
        let through = lock(&STORED)
            .iter()
            .filter(|(id, _)| id.starts_with("third-party-told/"))
            .map(|(_, n)| n)
            .sum();
        // Every word passes two edges, at most 62 of them in one item.
        assert!(
            (2000 / 62..).contains::<u64>(&through),
            "{through} items went through shelves"
        );
    });
}

#[test]
fn a_job_runs_on_it_when_a_strategy_prefers_it() {
    within_a_minute(|| {
        let prefer = |edge: &EdgeRequest,
                      kinds: &[KindInfo],
                      open: &dyn Fn(&DescriptorRecord) -> Result<()>|
         -> Result<Choice, Error> {
            DefaultStrategy.choose(&edge.clone().forced("shelf"), kinds, open)
        };
        let flow = Flow::new("third-party-preferred", WithShelves);
        assert_eq!(count_letters(flow, &prefer).unwrap(), expected());
    });
}

#[test]
fn a_job_that_asks_for_what_nobody_registered_is_not_started() {
    let flow = Flow::new("third-party-unknown", Builtin);
    flow.queue_kind("shelf");
    let results = flow
        .source("numbers", 1, |_| ops::IterSource::new(0..3_u8))
        .collect("results");
    let error = flow.build(Deployment::Threads).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidGraph);
    assert!(error.to_string().contains("shelf"), "{error}");
    assert!(results.take().is_empty());
}
