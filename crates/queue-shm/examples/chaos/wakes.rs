//! Items go one by one from one process to another through a queue with room for one, with random pauses on both sides, so
//! that each of them sleeps again and again just before, while, or after the other one makes its change. Nobody looks on its own
//! here (`no-night-watch`): a wake-up that is lost is a standstill. First they try for a while before they sleep, as always;
//! on a busy machine that is long enough for most changes, so then they sleep at once (`no-linger`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use descriptor_core::{GetError, PutError, Queue, QueueCore, QueueExt, QueueId};
use queue_shm::{ShmQueue, ShmSpec};
use queue_testkit::{Dice, on_tokio, within_yields};

use crate::crew::{Crew, Orders, PATIENCE};
use crate::journal::{self, FACTS, Fact, Kind};
use crate::options::Options;
use crate::report::Report;
use crate::scene::HANG;
use crate::sys;
use crate::worker::Worker;

/// Name, and who waits on each side, with which pauses: with half of the longest one the other side goes to sleep.
const SCENES: [(&str, &[&str]); 6] = [
    ("wakes/threads", &["threads=1", "tasks=0", "pause=100000"]),
    ("wakes/tasks", &["threads=0", "tasks=1", "pause=100000"]),
    ("wakes/both", &["threads=1", "tasks=1", "pause=100000"]),
    ("wakes/threads/at-once", &["threads=1", "tasks=0", "pause=20000"]),
    ("wakes/tasks/at-once", &["threads=0", "tasks=1", "pause=20000"]),
    ("wakes/both/at-once", &["threads=1", "tasks=1", "pause=20000"]),
];
/// Threads and tasks of one side, at most.
const MOST: usize = 2;
/// The number of an item among those of its giver is below, the giver above.
const GIVER: u32 = 48;
/// How often a process says how far it is.
const WORD: Duration = Duration::from_millis(20);
/// Some calls give up so soon, and come again.
const MOMENT: Duration = Duration::from_micros(30);
/// Of those who sleep at once each side does so once in so many pairs, at least. Else the pauses prove nothing here.
const SLEEPS: u64 = 10;

pub(crate) fn run(options: &Options, crew: &mut Crew, report: &mut Report) -> Result<(), String> {
    crew.plant("no-night-watch");
    let scenes = SCENES.len() as u64;
    for (number, (queue, waiters)) in (0..).zip(SCENES) {
        if number == scenes / 2 {
            crew.plant("no-linger");
        }
        let pairs = options.rounds / scenes + u64::from(number < options.rounds % scenes);
        let complaints = one_scene(queue, waiters, pairs, crew, report)?;
        report.hangs += complaints.iter().filter(|text| text.contains(HANG)).count() as u64;
        if complaints.is_empty() && !crew.keeps {
            crew.forget(queue)?;
        }
        let is_stuck = !complaints.is_empty();
        report.rounds += pairs.saturating_sub(1);
        report.round(complaints.into_iter().map(|text| format!("{queue}: {text}")));
        if is_stuck {
            // The next one would say the same, after a long wait.
            break;
        }
    }
    Ok(())
}

fn one_scene(
    queue: &str,
    waiters: &[&str],
    pairs: u64,
    crew: &mut Crew,
    report: &mut Report,
) -> Result<Vec<String>, String> {
    let mut complaints = Vec::new();
    let (pairs_word, going) = (
        format!("pairs={pairs}"),
        format!("go={}", crew.go_file(queue, "company").display()),
    );
    let words = [waiters, &[pairs_word.as_str(), going.as_str()]].concat();
    let orders = Orders {
        queue,
        words: &words,
        ..Orders::default()
    };
    let mut hands = [crew.start("giver", &orders)?, crew.start("taker", &orders)?];
    for hand in &mut hands {
        if !hand.moves_on(0, 1, PATIENCE)? {
            complaints.push(format!("{HANG}: the queue does not open"));
        }
    }
    crew.go(queue, "company")?;
    let [giver, taker] = &mut hands;
    while complaints.is_empty() && taker.ended()?.is_none() {
        let before = taker.progress();
        if !taker.moves_on(before, 1, PATIENCE)? && taker.ended()?.is_none() {
            complaints.push(format!("{HANG}: nothing goes over any more, a wake-up was lost"));
        }
    }
    for hand in [giver, taker] {
        if !complaints.is_empty() && hand.ended()?.is_none() {
            crew.kill(hand)?;
            continue;
        }
        crew.farewell(hand, &mut complaints);
        let (role, actor) = (hand.role(), hand.actor);
        let (gone_over, sleeps) = told(crew, queue, actor)?;
        report.add(if role == "giver" { "giver_slept" } else { "taker_slept" }, sleeps);
        if role == "giver" {
            report.counts.confirmed += gone_over;
        } else {
            report.counts.delivered += gone_over;
        }
        if gone_over != pairs {
            complaints.push(format!("the {role} ended after {gone_over} of {pairs} items"));
        } else if queue.ends_with("at-once") && sleeps < pairs / SLEEPS {
            complaints.push(format!("the {role} slept {sleeps} times only, in {pairs} pairs"));
        }
    }
    // Somebody was killed, and told once is enough.
    if !complaints.is_empty() {
        let _ = std::fs::remove_file(crew.segment(queue));
    }
    Ok(complaints)
}

/// Items and sleeps that a process wrote down last.
fn told(crew: &Crew, queue: &str, actor: u32) -> Result<(u64, u64), String> {
    let (mut pairs, mut sleeps) = (0, 0);
    for path in crew.journals(queue)? {
        let entries = journal::read(&path)?;
        for entry in entries
            .iter()
            .filter(|entry| entry.actor == actor && entry.kind == Kind::Fact)
        {
            match FACTS.get(entry.invoked as usize) {
                Some(Fact::Pairs) => pairs = entry.item,
                Some(Fact::Sleeps) => sleeps = entry.item,
                _ => {}
            }
        }
    }
    Ok((pairs, sleeps))
}

/// What came out, to one thread or task or to all, by giver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    count: [u64; MOST],
    sum: [u64; MOST],
    last: [u64; MOST],
}

impl Seen {
    fn note(&mut self, item: u64) -> Result<(), String> {
        let (giver, number) = ((item >> GIVER) as usize, item & ((1 << GIVER) - 1));
        let (Some(count), Some(sum), Some(last)) = (
            self.count.get_mut(giver),
            self.sum.get_mut(giver),
            self.last.get_mut(giver),
        ) else {
            return Err(format!("item {item:#x} was never put"));
        };
        if number <= *last {
            return Err(format!("item {number} of giver {giver} came after its item {last}"));
        }
        (*count, *sum, *last) = (*count + 1, *sum + number, number);
        Ok(())
    }
}

/// How many items that giver has.
fn share(pairs: u64, givers: u64, giver: u64) -> u64 {
    pairs / givers + u64::from(giver < pairs % givers)
}

/// A thread or task of a side.
struct Waiter<'a> {
    queue: &'a ShmQueue<u64>,
    number: u64,
    is_task: bool,
    /// Nanoseconds of the longest one.
    pause: u64,
    dice: Dice,
    gone_over: &'a AtomicU64,
}

pub(crate) fn give(worker: &mut Worker) -> Result<(), String> {
    let (pairs, givers) = (
        worker.number("pairs"),
        worker.number("threads") + worker.number("tasks"),
    );
    let queue = open(worker)?;
    side(worker, &queue, async |mut waiter: Waiter<'_>| {
        for number in 1..=share(pairs, givers, waiter.number) {
            waiter.give(waiter.number << GIVER | number).await?;
        }
        Ok(())
    })?;
    queue.close();
    Ok(())
}

pub(crate) fn take(worker: &mut Worker) -> Result<(), String> {
    let (pairs, givers) = (
        worker.number("pairs"),
        worker.number("threads") + worker.number("tasks"),
    );
    let queue = open(worker)?;
    let seen = side(worker, &queue, async |mut waiter: Waiter<'_>| {
        let mut seen = Seen::default();
        while let Some(item) = waiter.take().await? {
            seen.note(item)?;
        }
        Ok(seen)
    })?;
    for giver in 0..givers {
        let sum = |of: fn(&Seen) -> [u64; MOST]| -> u64 {
            let values = seen.iter().filter_map(|seen| of(seen).get(giver as usize).copied());
            values.sum()
        };
        let count = share(pairs, givers, giver);
        let found = (sum(|seen| seen.count), sum(|seen| seen.sum));
        let wanted = (count, count * (count + 1) / 2);
        if found != wanted {
            return Err(format!(
                "giver {giver}: expected (items, their sum) {wanted:?}, found {found:?}"
            ));
        }
    }
    Ok(())
}

fn open(worker: &mut Worker) -> Result<ShmQueue<u64>, String> {
    let id = QueueId::new(worker.setting("queue").unwrap_or_default()).map_err(|error| error.to_string())?;
    // Room for one: whoever is not woken for the one thing that can happen is never woken.
    let queue = ShmQueue::open(&id, &ShmSpec::bounded(1)).map_err(|error| format!("open: {error}"))?;
    worker.note(Kind::Open, queue.epoch(), sys::now())?;
    worker.wait_for_go();
    Ok(queue)
}

/// All waiters of a side at work, and word of how far they are.
fn side<R: Send>(
    worker: &mut Worker,
    queue: &ShmQueue<u64>,
    play: impl AsyncFn(Waiter<'_>) -> Result<R, String> + Sync,
) -> Result<Vec<R>, String> {
    let (threads, tasks) = (worker.number("threads"), worker.number("tasks"));
    let (gone_over, pause) = (AtomicU64::new(0), worker.number("pause"));
    let slept_before = sys::sleeps_of_others();
    let seeds: Vec<_> = (0..threads + tasks).map(|_| worker.dice.roll()).collect();
    let results = std::thread::scope(|scope| {
        let waiters: Vec<_> = (0..)
            .zip(seeds)
            .map(|(number, seed)| {
                let waiter = Waiter {
                    queue,
                    number,
                    is_task: number >= threads,
                    pause,
                    dice: Dice::new(seed),
                    gone_over: &gone_over,
                };
                let play = &play;
                // The calls of a thread block inside of it, which nobody else is there to mind.
                scope.spawn(move || on_tokio(play(waiter)))
            })
            .collect();
        let mut before = 0;
        while !waiters.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            std::thread::sleep(WORD);
            let now = gone_over.load(Ordering::Relaxed);
            if now > before {
                worker.fact(Fact::Pairs, now)?;
                before = now;
            }
            if worker.ends() {
                // Nobody is left to hear of it, and the waiters may wait for ever.
                sys::leave(1);
            }
        }
        let joined = waiters
            .into_iter()
            .map(|waiter| waiter.join().map_err(|_| "a waiter panicked")?);
        joined.collect::<Result<Vec<R>, String>>()
    })?;
    worker.fact(Fact::Sleeps, sys::sleeps_of_others().saturating_sub(slept_before))?;
    worker.fact(Fact::Pairs, gone_over.load(Ordering::Relaxed))?;
    Ok(results)
}

impl Waiter<'_> {
    async fn give(&mut self, item: u64) -> Result<(), String> {
        self.pause();
        loop {
            let put = match (self.is_task, self.gives_up()) {
                (false, false) => self.queue.put(item),
                (false, true) => self.queue.put_timeout(item, MOMENT),
                (true, false) => self.queue.put_async(item).await,
                (true, true) => match within_yields(self.queue.put_async(item), self.dice.below(4)).await {
                    Some(put) => put,
                    None => continue,
                },
            };
            match put {
                Ok(()) => break,
                Err(PutError::Full(_)) => {}
                Err(error) => return Err(format!("put: {error}")),
            }
        }
        self.gone_over.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// The next item; `None` when there will be none.
    async fn take(&mut self) -> Result<Option<u64>, String> {
        self.pause();
        loop {
            let got = match (self.is_task, self.gives_up()) {
                (false, false) => self.queue.get(),
                (false, true) => self.queue.get_timeout(MOMENT),
                (true, false) => self.queue.get_async().await,
                (true, true) => match within_yields(self.queue.get_async(), self.dice.below(4)).await {
                    Some(got) => got,
                    None => continue,
                },
            };
            match got {
                Ok(item) => {
                    self.gone_over.fetch_add(1, Ordering::Relaxed);
                    return Ok(Some(item));
                }
                Err(GetError::Empty) => {}
                Err(GetError::Closed) => return Ok(None),
                Err(error) => return Err(format!("get: {error}")),
            }
        }
    }

    fn gives_up(&mut self) -> bool {
        self.dice.below(16) == 0
    }

    /// Often none, or a short one, or one in which the other side falls asleep.
    fn pause(&mut self) {
        let most = match self.dice.below(4) {
            0 => return,
            1 => self.pause / 8,
            _ => self.pause,
        };
        let until = sys::now() + self.dice.below(most);
        while sys::now() < until {
            std::hint::spin_loop();
        }
    }
}
