//! Threads that hand items through the ring, for `cargo xtask tsan` to watch.
//!
//! The checker sees only code that was compiled for it, and the standard library was not. So nothing here hides an order
//! between threads inside it: threads are made and joined by `pthread` calls, which the checker knows; they share atomics
//! and the queue and neither `Arc` nor `Mutex`; and no call waits, because waiting takes a lock. Prints how many cases it
//! went through. Items that went in and came out are counted and summed, with the checker or without.

use std::collections::VecDeque;
use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::yield_now;

use descriptor_core::{GetError, PutError, Queue, QueueCore, Wait};
use libc::{c_int, c_void};
use queue_sage::SageQueue;

/// Of each putting thread, in each case.
const ITEMS: u64 = 4_000;
const CAPACITIES: [usize; 4] = [1, 2, 3, 64];
const LONGEST_RUN: u64 = 7;
const LIMIT_SECONDS: u32 = 300;

fn main() -> ExitCode {
    // A watchdog that is no thread: a queue that stands still ends the process.
    // SAFETY: alarm(2) takes a number.
    unsafe { libc::alarm(LIMIT_SECONDS) };
    let mut cases = 0;
    let mut right = true;
    for capacity in CAPACITIES {
        for (putters, getters) in [(1, 1), (2, 2), (2, 1), (1, 2)] {
            for way in [Way::Singles, Way::Batches, Way::Both] {
                let case = Case {
                    capacity,
                    putters,
                    getters,
                    way,
                    close_early: putters == 2 && getters == 2,
                };
                right &= case.run::<u64>() && case.run::<Line>() && case.run::<Box<u64>>() && case.run::<Box<Line>>();
                cases += 4;
            }
        }
        right &= take_turns::<u64>(capacity) && take_turns::<Box<Line>>(capacity);
        cases += 2;
        for way in [Way::Singles, Way::Batches, Way::Both] {
            for close_early in [false, true] {
                right &= handles::<u64>(capacity, way, close_early) && handles::<Box<Line>>(capacity, way, close_early);
                cases += 2;
            }
        }
    }
    say(format_args!("{cases} cases"));
    if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// 64 bytes.
type Line = [u64; 8];

/// What goes through the ring, made by one thread and read by another.
trait Load: Send + Sized + 'static {
    fn of(number: u64) -> Self;
    fn number(self) -> u64;
}

impl Load for u64 {
    fn of(number: u64) -> Self {
        number
    }
    fn number(self) -> u64 {
        self
    }
}

impl Load for Line {
    fn of(number: u64) -> Self {
        [number; 8]
    }
    fn number(self) -> u64 {
        let [first, rest @ ..] = self;
        assert!(
            rest.iter().all(|word| *word == first),
            "half of one item, half of another"
        );
        first
    }
}

impl<T: Load> Load for Box<T> {
    fn of(number: u64) -> Self {
        Self::new(T::of(number))
    }
    fn number(self) -> u64 {
        (*self).number()
    }
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Singles,
    Batches,
    Both,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    capacity: usize,
    putters: u64,
    getters: u64,
    way: Way,
    close_early: bool,
}

/// What the threads of a case share.
struct Shared<T: Load> {
    queue: SageQueue<T>,
    putting: AtomicUsize,
    stored: Sum,
    taken: Sum,
}

/// Relaxed: read when the threads are joined.
#[derive(Default)]
struct Sum {
    count: AtomicU64,
    sum: AtomicU64,
}

impl Sum {
    fn add(&self, number: u64) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(number, Ordering::Relaxed);
    }

    fn get(&self) -> (u64, u64) {
        (self.count.load(Ordering::Relaxed), self.sum.load(Ordering::Relaxed))
    }
}

impl<T: Load> Shared<T> {
    fn new(capacity: usize, putters: u64) -> Self {
        let queue = SageQueue::new(capacity).expect("a small queue");
        // One item by this thread alone: what is made once, on first use, is made before there are others.
        assert!(queue.try_put(T::of(0)).is_ok() && queue.try_get().is_ok());
        Self {
            queue,
            putting: AtomicUsize::new(putters as usize),
            stored: Sum::default(),
            taken: Sum::default(),
        }
    }

    /// False when the queue is closed.
    fn put(&self, number: u64) -> bool {
        let mut item = T::of(number);
        loop {
            match self.queue.try_put(item) {
                Ok(()) => {
                    self.stored.add(number);
                    return true;
                }
                Err(PutError::Full(back)) => {
                    item = back;
                    yield_now();
                }
                Err(_) => return false,
            }
        }
    }

    /// False when the queue is closed.
    fn put_batch(&self, numbers: impl Iterator<Item = u64> + Clone) -> bool {
        let mut items: VecDeque<T> = numbers.clone().map(T::of).collect();
        let mut numbers = numbers;
        loop {
            match self.queue.put_batch(&mut items, Wait::Never) {
                Ok(stored) => numbers.by_ref().take(stored).for_each(|number| self.stored.add(number)),
                Err(PutError::Full(())) => yield_now(),
                Err(_) => return false,
            }
            if items.is_empty() {
                return true;
            }
        }
    }

    fn putter(&self, case: Case, place: u64) {
        let mut dice = Dice(place + 1);
        let mut next = 0;
        while next < ITEMS {
            let run = LONGEST_RUN.min(ITEMS - next);
            let size = if dice.says(case.way) { 1 + dice.roll() % run } else { 1 };
            let numbers = (next..next + size).map(|number| number * case.putters + place);
            let open = match size {
                1 => self.put(next * case.putters + place),
                _ => self.put_batch(numbers),
            };
            next += size;
            if case.close_early && place == 0 && next > ITEMS / 2 {
                self.queue.close();
            }
            if !open {
                break;
            }
        }
        // The last one closes.
        if self.putting.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.queue.close();
        }
    }

    fn getter(&self, case: Case, place: u64) {
        let mut dice = Dice(place + 100);
        let mut out = Vec::new();
        loop {
            let end = if dice.says(case.way) {
                let most = 1 + dice.roll() % LONGEST_RUN;
                self.queue.get_batch(&mut out, most as usize, Wait::Never).map(drop)
            } else {
                self.queue.try_get().map(|item| out.push(item))
            };
            out.drain(..).for_each(|item| self.taken.add(item.number()));
            match end {
                Ok(()) => {}
                Err(GetError::Empty) => yield_now(),
                Err(_) => return,
            }
        }
    }

    /// Somebody who looks and touches nothing.
    fn watcher(&self) {
        while !self.queue.is_closed() {
            let inside = self.queue.depth();
            assert!(inside.is_some_and(|depth| depth <= self.queue.capacity().unwrap_or(0)));
            assert!(self.queue.totals().is_some());
            yield_now();
        }
    }
}

impl Case {
    fn run<T: Load>(self) -> bool {
        let shared = Shared::<T>::new(self.capacity, self.putters);
        let it = &shared;
        let mut tasks: Vec<Task<'_>> = vec![Some(Box::new(move || it.watcher()))];
        tasks.extend((0..self.putters).map(|place| task(move || it.putter(self, place))));
        tasks.extend((0..self.getters).map(|place| task(move || it.getter(self, place))));
        on_threads(tasks);
        let (stored, taken) = (shared.stored.get(), shared.taken.get());
        let right = stored == taken && (self.close_early || stored.0 == ITEMS * self.putters);
        if !right {
            say(format_args!(
                "{self:?}: (items, sum) {stored:?} went in, {taken:?} came out"
            ));
        }
        right
    }
}

/// Two threads that put and get in turns, so that each side of the ring changes hands; what remains is dropped with it.
fn take_turns<T: Load>(capacity: usize) -> bool {
    let shared = Shared::<T>::new(capacity, 2);
    let (it, over) = (&shared, AtomicBool::new(false));
    let over = &over;
    let turns = |place: u64| {
        move || {
            let mut dice = Dice(place + 7);
            for number in 0..ITEMS {
                if it.queue.try_put(T::of(number)).is_ok() {
                    it.stored.add(number);
                }
                for _ in 0..dice.roll() % 3 {
                    if let Ok(item) = it.queue.try_get() {
                        it.taken.add(item.number());
                    }
                }
            }
            over.store(true, Ordering::Relaxed);
        }
    };
    on_threads(vec![task(turns(0)), task(turns(1))]);
    let inside = it.queue.depth().unwrap_or(0) as u64;
    let right = over.load(Ordering::Relaxed) && it.stored.get().0 == it.taken.get().0 + inside;
    if !right {
        say(format_args!(
            "in turns, capacity {capacity}: {inside} inside, which is wrong"
        ));
    }
    right
}

/// The two handles of a pair, each on its thread, and a third that closes, early or when everything is through.
fn handles<T: Load>(capacity: usize, way: Way, close_early: bool) -> bool {
    let (mut producer, mut consumer) = SageQueue::<T>::pair(capacity).expect("a small queue");
    let monitor = producer.monitor();
    let (mut stored, mut got) = (0, Vec::new());
    let last = if close_early { ITEMS / 2 } else { ITEMS };
    on_threads(vec![
        task(|| {
            let mut dice = Dice(1);
            let mut items = VecDeque::new();
            while stored < ITEMS {
                items.clear();
                items.extend((stored..ITEMS).take(LONGEST_RUN as usize).map(T::of));
                let end = if dice.says(way) {
                    producer.put_batch(&mut items, Wait::Never).map(|count| count as u64)
                } else {
                    let item = items.pop_front().expect("at least one");
                    producer.try_put(item).map(|()| 1).map_err(|error| error.map(drop))
                };
                match end {
                    Ok(count) => stored += count,
                    Err(PutError::Full(())) => yield_now(),
                    Err(_) => return,
                }
            }
        }),
        task(|| {
            let mut dice = Dice(2);
            loop {
                let end = if dice.says(way) {
                    consumer
                        .get_batch(&mut got, LONGEST_RUN as usize, Wait::Never)
                        .map(drop)
                } else {
                    consumer.try_get().map(|item| got.push(item))
                };
                match end {
                    Ok(()) => {}
                    Err(GetError::Empty) => yield_now(),
                    Err(_) => return,
                }
            }
        }),
        task(|| {
            while monitor.totals().is_some_and(|totals| totals.get < last) {
                yield_now();
            }
            monitor.close();
        }),
    ]);
    let right = got.into_iter().map(T::number).eq(0..stored) && (close_early || stored == ITEMS);
    if !right {
        say(format_args!(
            "handles, capacity {capacity}, {way:?}: {stored} items went in, others came out"
        ));
    }
    right
}

/// Repeats with its seed.
struct Dice(u64);

impl Dice {
    /// Marsaglia's xorshift64 (Journal of Statistical Software 8(14), 2003).
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Whether the next call is a batch.
    fn says(&mut self, way: Way) -> bool {
        match way {
            Way::Singles => false,
            Way::Batches => true,
            Way::Both => self.roll().is_multiple_of(2),
        }
    }
}

/// Taken out by its thread.
type Task<'a> = Option<Box<dyn FnOnce() + Send + 'a>>;

fn task<'a>(work: impl FnOnce() + Send + 'a) -> Task<'a> {
    Some(Box::new(work))
}

/// Each on a thread of its own; returns when all are done.
fn on_threads(mut tasks: Vec<Task<'_>>) {
    let mut threads = Vec::new();
    for task in &mut tasks {
        let mut thread: libc::pthread_t = 0;
        // SAFETY: `enter` is given a task that stays in its place, and that nobody else touches, until the threads are
        // joined below. Nothing between here and there can unwind: both checks end the process.
        let code = unsafe { libc::pthread_create(&raw mut thread, ptr::null(), enter, ptr::from_mut(task).cast()) };
        check(code, "pthread_create");
        threads.push(thread);
    }
    for thread in threads {
        // SAFETY: made above, joined once.
        check(unsafe { libc::pthread_join(thread, ptr::null_mut()) }, "pthread_join");
    }
}

extern "C" fn enter(task: *mut c_void) -> *mut c_void {
    // SAFETY: `on_threads` passes a task that is ours alone until it has joined this thread.
    let task = unsafe { &mut *task.cast::<Task<'_>>() };
    // A panic ends the process, as this function may not unwind.
    if let Some(work) = task.take() {
        work();
    }
    ptr::null_mut()
}

fn check(code: c_int, call: &str) {
    if code != 0 {
        say(format_args!("{call} ended with {code}"));
        std::process::abort();
    }
}
