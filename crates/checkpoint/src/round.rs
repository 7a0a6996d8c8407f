//! One checkpoint after the other: who has handed over what.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use descriptor_core::{Error, ErrorKind};

use crate::{Report, Saved};

/// The number under which sinks commit what came behind the last barrier: all instances are at their end.
pub const LAST: u64 = u64::MAX;

/// What the instances of a job and the thread that writes their checkpoints share.
#[derive(Debug)]
pub struct Round {
    every: Duration,
    state_bytes: usize,
    /// The last barrier that sources were told to send.
    wanted: AtomicU64,
    /// The last complete checkpoint; 0 when there is none.
    complete: AtomicU64,
    hands: Mutex<Hands>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Hands {
    /// The barrier on its way.
    number: Option<u64>,
    declined: bool,
    /// By place: the state at that barrier.
    states: Vec<Option<Vec<u8>>>,
    /// By place: the state at the end.
    ended: Vec<Option<Vec<u8>>>,
    /// Nothing more will be completed.
    cancelled: bool,
    /// The last one is complete, or why it is not.
    last: Option<Result<(), String>>,
    findings: BTreeSet<String>,
    report: Report,
}

/// How a round went.
#[derive(Debug)]
pub enum Taken {
    /// All states are there.
    All(Vec<Saved>),
    /// All instances are at their end.
    Last(Vec<Saved>),
    /// Somebody could not take part.
    Declined,
    /// The job is cut off.
    Cancelled,
}

impl Round {
    /// For so many instances, after this checkpoint.
    #[must_use]
    pub fn new(every: Duration, state_bytes: usize, places: usize, restored: Option<u64>) -> Self {
        let mut hands = Hands::default();
        hands.states.resize_with(places, || None);
        hands.ended.resize_with(places, || None);
        hands.report.restored = restored;
        hands.report.last = restored;
        Self {
            every,
            state_bytes,
            wanted: AtomicU64::new(restored.unwrap_or(0)),
            complete: AtomicU64::new(restored.unwrap_or(0)),
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
    pub fn hand_over(&self, place: usize, number: u64, state: Vec<u8>) {
        let mut hands = self.lock();
        if hands.number == Some(number)
            && let Some(to) = hands.states.get_mut(place)
        {
            *to = Some(state);
            self.tell(&hands);
        }
    }

    /// Takes the state of an instance at its end.
    pub fn end(&self, place: usize, state: Vec<u8>) {
        let mut hands = self.lock();
        if let Some(to) = hands.ended.get_mut(place) {
            *to = Some(state);
            self.tell(&hands);
        }
    }

    /// Gives up the checkpoint of this number: an instance cannot take part.
    pub fn decline(&self, number: u64) {
        let mut hands = self.lock();
        if hands.number == Some(number) && !hands.declined {
            hands.declined = true;
            self.changed.notify_all();
        }
    }

    /// Wakes the one who writes when there is something to write. Most of what happens is one of many.
    fn tell(&self, hands: &Hands) {
        let mut both = hands.states.iter().zip(&hands.ended);
        if both.all(|(state, ended)| state.is_some() || ended.is_some()) {
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
    pub fn pause(&self) -> Option<Taken> {
        let until = Instant::now().checked_add(self.every);
        let mut hands = self.lock();
        loop {
            if let Some(taken) = hands.over() {
                return Some(taken);
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

    /// Begins a checkpoint: from here on states with this number are taken.
    pub fn begin(&self, number: u64) {
        let mut hands = self.lock();
        hands.number = Some(number);
        hands.declined = false;
        hands.states.iter_mut().for_each(|state| *state = None);
        self.wanted.store(number, Ordering::Relaxed);
    }

    /// Waits for all states of the checkpoint that was begun.
    #[must_use]
    pub fn gather(&self) -> Taken {
        let mut hands = self.lock();
        loop {
            if let Some(taken) = hands.over() {
                return taken;
            }
            if hands.declined {
                hands.number = None;
                hands.report.declined += 1;
                return Taken::Declined;
            }
            if let Some(all) = hands.all() {
                hands.number = None;
                return Taken::All(all);
            }
            hands = self.changed.wait(hands).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// It is in the folder, whatever happens now.
    pub fn completed(&self, number: u64) {
        let mut hands = self.lock();
        hands.report.completed += 1;
        hands.report.last = Some(number);
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

    fn lock(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hands {
    fn over(&self) -> Option<Taken> {
        if self.cancelled {
            return Some(Taken::Cancelled);
        }
        let ended = self.ended.iter().map(|state| state.as_deref().map(Saved::ended));
        ended.collect::<Option<Vec<_>>>().map(Taken::Last)
    }

    /// All states, when they are there. Who ended before the barrier came has seen everything that belongs to it; who
    /// ended behind it has handed over twice, and what counts is the state at the barrier.
    fn all(&mut self) -> Option<Vec<Saved>> {
        let mut both = self.states.iter().zip(&self.ended);
        if !both.all(|(state, ended)| state.is_some() || ended.is_some()) {
            return None;
        }
        let both = self.states.iter_mut().zip(&self.ended);
        both.map(|(state, ended)| match state.take() {
            Some(state) => Some(Saved { state, over: false }),
            None => ended.as_deref().map(Saved::ended),
        })
        .collect()
    }
}
