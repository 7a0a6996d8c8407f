//! One checkpoint after the other: who has handed over what.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use descriptor_core::{Error, ErrorKind};

use crate::halt::Halt;
use crate::{Part, Report, Saved};

/// The number under which sinks commit what came behind the last barrier: all instances are at their end.
pub const LAST: u64 = u64::MAX;

/// What the instances of one process share with the thread that writes their checkpoints.
///
/// In the process that coordinates a job it also has what the workers hand over.
#[derive(Debug)]
pub struct Round {
    state_bytes: usize,
    /// The places of the instances of this process, ascending.
    places: Vec<usize>,
    /// The last barrier that sources were told to send.
    wanted: AtomicU64,
    /// The last complete checkpoint; 0 when there is none.
    complete: AtomicU64,
    /// The barrier behind which sources send nothing; 0 when there is none.
    pub(crate) halting: AtomicU64,
    hands: Mutex<Hands>,
    pub(crate) changed: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct Hands {
    pub(crate) halt: Halt,
    /// The last barrier that was begun.
    begun: u64,
    /// The barrier on its way.
    number: Option<u64>,
    declined: bool,
    /// Why a worker could not write its part.
    unwritten: Option<String>,
    /// By instance of this process: the state at that barrier.
    states: Vec<Option<Saved>>,
    /// By instance of this process: the state at the end.
    ended: Vec<Option<Saved>>,
    /// By worker: what it has written at that barrier.
    parts: Vec<Option<Part>>,
    /// By worker: all of its instances are at their end.
    over: Vec<bool>,
    /// Nothing more will be completed.
    cancelled: bool,
    /// The last one is complete, or why it is not.
    last: Option<Result<(), String>>,
    findings: BTreeSet<String>,
    /// Nodes whose state belongs to its instance.
    undivided: BTreeSet<String>,
    report: Report,
    /// What sources had sent at the last complete checkpoint of this run.
    sent: u64,
}

/// The states of a process, by place, and what workers have written.
type Gathered = (Vec<(usize, Saved)>, Vec<Part>);

/// How a round went.
#[derive(Debug)]
pub enum Taken {
    /// All states of this process, by place, and what the workers have written.
    All(Vec<(usize, Saved)>, Vec<Part>),
    /// All instances are at their end.
    Over,
    /// Somebody could not take part.
    Declined,
    /// A worker could not write its part.
    Unwritten(String),
    /// The job is cut off.
    Cancelled,
}

/// What a worker has to do for the checkpoints of its job.
#[derive(Debug)]
pub enum Duty {
    /// Write these states at this barrier.
    Write(u64, Vec<(usize, Saved)>),
    /// Say that the checkpoint of this number is given up.
    Decline(u64),
    /// Say that all of its instances are at their end.
    SayOver,
    /// Nothing any more.
    Gone,
}

impl Round {
    /// For the instances at these places, ascending, and so many workers beside them, after the checkpoint that was
    /// restored; `before` has what came of those of earlier attempts.
    #[must_use]
    pub fn new(state_bytes: usize, places: Vec<usize>, workers: usize, restored: Option<u64>, before: Report) -> Self {
        let number = restored.unwrap_or(0);
        let mut hands = Hands {
            begun: number,
            over: vec![false; workers],
            report: Report {
                restored,
                last: restored,
                ..before
            },
            ..Hands::default()
        };
        hands.states.resize_with(places.len(), || None);
        hands.ended.resize_with(places.len(), || None);
        hands.parts.resize_with(workers, || None);
        Self {
            state_bytes,
            places,
            wanted: AtomicU64::new(number),
            complete: AtomicU64::new(number),
            halting: AtomicU64::new(0),
            hands: Mutex::new(hands),
            changed: Condvar::new(),
        }
    }

    /// The most that the state of one instance may take.
    #[must_use]
    pub const fn state_bytes(&self) -> usize {
        self.state_bytes
    }

    /// The barrier that sources are to send, or have sent, last.
    #[inline]
    #[must_use]
    pub fn wanted(&self) -> u64 {
        self.wanted.load(Ordering::Relaxed)
    }

    /// The last complete checkpoint; 0 when there is none.
    #[must_use]
    pub fn complete(&self) -> u64 {
        self.complete.load(Ordering::Acquire)
    }

    /// Notes what keeps the job from having checkpoints; the same finding counts once.
    pub fn object(&self, finding: String) {
        self.lock().findings.insert(finding);
    }

    /// Notes that the state of a node belongs to its instance: no other number of instances can have it.
    pub fn undivided(&self, node: &str) {
        let undivided = &mut self.lock().undivided;
        if !undivided.contains(node) {
            undivided.insert(node.to_owned());
        }
    }

    /// Whether another number of instances can have the state of this node, as far as is known here.
    #[must_use]
    pub fn is_divisible(&self, node: &str) -> bool {
        !self.lock().undivided.contains(node)
    }

    /// Refuses a job of which not everything can be kept, with all findings at once.
    ///
    /// # Errors
    /// `InvalidGraph` when there are some.
    pub fn settle_findings(&self, job: &str) -> Result<(), Error> {
        let findings = std::mem::take(&mut self.lock().findings);
        if findings.is_empty() {
            return Ok(());
        }
        let all: Vec<String> = findings.into_iter().collect();
        Err(Error::new(ErrorKind::InvalidGraph, "start job")
            .with("job", job)
            .expected("nodes that can go on from a checkpoint")
            .found(format!("\n{}\n", all.join("\n")))
            .remedy("mend these nodes, or run the job without checkpoints"))
    }

    /// Takes the state of an instance at this barrier.
    pub fn hand_over(&self, place: usize, number: u64, saved: Saved) {
        let mut hands = self.lock();
        // A barrier may come with the packets of another process before the word that it has begun.
        self.begin_in(&mut hands, number);
        if hands.number == Some(number)
            && let Ok(at) = self.places.binary_search(&place)
            && let Some(to) = hands.states.get_mut(at)
        {
            *to = Some(saved);
            self.tell(&hands);
        }
    }

    /// Takes the state of an instance at its end.
    pub fn end(&self, place: usize, saved: Saved) {
        let mut hands = self.lock();
        if let Ok(at) = self.places.binary_search(&place)
            && let Some(to) = hands.ended.get_mut(at)
        {
            *to = Some(Saved { over: true, ..saved });
            self.tell(&hands);
        }
    }

    /// Takes what a worker has written at this barrier.
    pub fn take_part(&self, worker: u32, number: u64, part: Part) {
        let mut hands = self.lock();
        if hands.number == Some(number)
            && let Some(to) = hands.parts.get_mut(worker as usize)
        {
            *to = Some(part);
            self.tell(&hands);
        }
    }

    /// All instances of a worker are at their end.
    pub fn worker_over(&self, worker: u32) {
        let mut hands = self.lock();
        if let Some(over) = hands.over.get_mut(worker as usize) {
            *over = true;
            self.tell(&hands);
        }
    }

    /// Gives up the checkpoint of this number: an instance cannot take part.
    pub fn decline(&self, number: u64) {
        let mut hands = self.lock();
        self.begin_in(&mut hands, number);
        if hands.number == Some(number) && !hands.declined {
            hands.declined = true;
            self.changed.notify_all();
        }
    }

    /// Gives up the checkpoint of this number: a worker could not write its part.
    pub fn part_unwritten(&self, number: u64, why: String) {
        let mut hands = self.lock();
        if hands.number == Some(number) {
            hands.unwritten = Some(why);
            self.changed.notify_all();
        }
    }

    /// Wakes the one who writes when there is something to write. Most of what happens is one of many.
    fn tell(&self, hands: &Hands) {
        if hands.is_all() || hands.is_over() {
            self.changed.notify_all();
        }
    }

    /// The job is cut off: nobody need wait for a checkpoint.
    pub fn cancel(&self) {
        self.lock().cancelled = true;
        self.changed.notify_all();
    }

    /// True when the last checkpoint is complete, false when the job was cut off first.
    ///
    /// # Errors
    /// Why it could not be written.
    pub fn wait_last(&self) -> Result<bool, String> {
        let mut hands = self.lock();
        loop {
            match &hands.last {
                Some(Ok(())) => return Ok(true),
                Some(Err(why)) => return Err(why.clone()),
                None if hands.cancelled => return Ok(false),
                None => hands = self.changed.wait(hands).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Waits for the time of the next checkpoint; what ended the wait when that has not come.
    #[must_use]
    pub fn pause(&self, pause: Duration) -> Option<Taken> {
        let until = Instant::now().checked_add(pause);
        let mut hands = self.lock();
        loop {
            if hands.cancelled {
                return Some(Taken::Cancelled);
            }
            if hands.is_over() {
                return Some(Taken::Over);
            }
            if hands.halt == Halt::Wanted {
                return None;
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            hands = match left {
                Some(left) if left.is_zero() => return None,
                Some(left) => {
                    let waited = self.changed.wait_timeout(hands, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(hands).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Begins a checkpoint: from here on states with this number are taken. One that was begun before stays as it is.
    pub fn begin(&self, number: u64) {
        self.begin_in(&mut self.lock(), number);
        // Where all are at their end, nobody hands over anything that would wake the one who writes.
        self.changed.notify_all();
    }

    fn begin_in(&self, hands: &mut Hands, number: u64) {
        if number <= hands.begun {
            return;
        }
        hands.begun = number;
        hands.number = Some(number);
        hands.declined = false;
        hands.unwritten = None;
        hands.states.iter_mut().for_each(|state| *state = None);
        hands.parts.iter_mut().for_each(|part| *part = None);
        if hands.halt == Halt::Wanted {
            hands.halt = Halt::Sent;
            // Who hands over its state behind this sees it: both happen under the lock.
            self.halting.store(number, Ordering::Relaxed);
        }
        self.wanted.store(number, Ordering::Relaxed);
    }

    /// Waits for all states of the checkpoint that was begun. The `last` one is of a job whose instances are all at their
    /// end; any other is given up when they are.
    #[must_use]
    pub fn gather(&self, last: bool) -> Taken {
        let mut hands = self.lock();
        let taken = loop {
            if hands.cancelled {
                break Taken::Cancelled;
            }
            if hands.declined {
                hands.report.declined += 1;
                break Taken::Declined;
            }
            if let Some(why) = hands.unwritten.take() {
                break Taken::Unwritten(why);
            }
            // Whoever is at its end may not have seen this barrier.
            if !last && hands.is_over() {
                break Taken::Over;
            }
            if let Some((states, parts)) = hands.all(&self.places) {
                break Taken::All(states, parts);
            }
            hands = self.changed.wait(hands).unwrap_or_else(PoisonError::into_inner);
        };
        hands.number = None;
        taken
    }

    /// In a worker: waits for what is to be done next. `said_over` tells whether it has said that it is at its end.
    #[must_use]
    pub fn duty(&self, said_over: bool) -> Duty {
        let mut hands = self.lock();
        loop {
            if hands.cancelled || hands.last.is_some() {
                return Duty::Gone;
            }
            if let Some(number) = hands.number {
                if hands.declined {
                    hands.number = None;
                    return Duty::Decline(number);
                }
                if let Some((states, _)) = hands.all(&self.places) {
                    hands.number = None;
                    return Duty::Write(number, states);
                }
            }
            if !said_over && hands.is_over() {
                return Duty::SayOver;
            }
            hands = self.changed.wait(hands).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// It is in the folder, whatever happens now; sources had sent so many packets.
    pub fn completed(&self, number: u64, sent: u64) {
        let mut hands = self.lock();
        hands.report.completed += 1;
        hands.report.last = Some(number);
        hands.sent = sent;
        self.complete.store(number, Ordering::Release);
    }

    /// It could not be written.
    pub fn unwritten(&self) {
        self.lock().report.unwritten += 1;
    }

    /// The last one is complete, or why it is not.
    pub fn end_last(&self, end: Result<(), String>) {
        self.lock().last = Some(end);
        self.changed.notify_all();
    }

    /// What has come of all this so far.
    #[must_use]
    pub fn report(&self) -> Report {
        self.lock().report.clone()
    }

    /// Packets that sources had sent, in this run, at its last complete checkpoint.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.lock().sent
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hands {
    fn is_over(&self) -> bool {
        self.ended.iter().all(Option::is_some) && self.over.iter().all(|over| *over)
    }

    fn is_all(&self) -> bool {
        let mut both = self.states.iter().zip(&self.ended);
        both.all(|(state, ended)| state.is_some() || ended.is_some()) && self.parts.iter().all(Option::is_some)
    }

    /// All states, when they are there. Who ended before the barrier came has seen everything that belongs to it; who
    /// ended behind it has handed over twice, and what counts is the state at the barrier.
    fn all(&mut self, places: &[usize]) -> Option<Gathered> {
        if !self.is_all() {
            return None;
        }
        let both = self.states.iter_mut().zip(&self.ended);
        let states = places.iter().zip(both).map(|(place, (state, ended))| {
            let saved = state.take().or_else(|| ended.clone());
            Some((*place, saved?))
        });
        let states = states.collect::<Option<Vec<_>>>()?;
        Some((states, self.parts.iter_mut().filter_map(Option::take).collect()))
    }
}
