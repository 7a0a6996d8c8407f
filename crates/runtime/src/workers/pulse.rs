//! When workers were last heard of.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crew::{Member, Standing};
use serde::{Deserialize, Serialize};

/// A worker that works says something at least so often.
pub(super) const BEAT: Duration = Duration::from_millis(500);
/// Who says nothing for so long is silent: four words are missing.
const SILENCE: Duration = Duration::from_secs(2);

/// How a worker process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WorkerState {
    /// It has been started and is getting ready.
    Starting,
    /// It is ready, and says so every now and then.
    Working,
    /// Nothing has been heard of it for two seconds: it was stopped, swapped out, or is kept from running. The job waits
    /// for it.
    Silent,
    /// It knows that the job is given up.
    Stopping,
    /// It has ended.
    Ended,
}

impl WorkerState {
    /// The word for it, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Working => "working",
            Self::Silent => "silent",
            Self::Stopping => "stopping",
            Self::Ended => "ended",
        }
    }
}

impl fmt::Display for WorkerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One worker process of a job, as its coordinator knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerProgress {
    /// Its number.
    pub worker: u32,
    /// Its process id.
    pub pid: u32,
    /// How it is doing.
    pub state: WorkerState,
    /// How long ago it said something last, in seconds; of one that has ended, how long before its end that was.
    pub last_word_seconds: f64,
    /// The longest time between two of its words, in seconds, up to now.
    pub longest_silence_seconds: f64,
}

/// The words of one worker.
#[derive(Debug)]
pub(super) struct Pulse(Mutex<Words>);

#[derive(Debug)]
struct Words {
    last: Instant,
    longest: Duration,
    ended: Option<Instant>,
    // It has said something: how long it took to get ready is no silence.
    heard: bool,
    // Its silence has been noticed.
    silent: bool,
}

impl Words {
    fn longest(&self) -> Duration {
        if self.heard {
            self.longest.max(self.age())
        } else {
            Duration::ZERO
        }
    }

    fn age(&self) -> Duration {
        self.ended
            .unwrap_or_else(Instant::now)
            .saturating_duration_since(self.last)
    }
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Words {
            last: Instant::now(),
            longest: Duration::ZERO,
            ended: None,
            heard: false,
            silent: false,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Words> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It said something. After how long, when it had been silent.
    fn beat(&self) -> Option<Duration> {
        let mut words = self.lock();
        let age = words.age();
        words.longest = words.longest();
        words.heard = true;
        words.last = Instant::now();
        std::mem::take(&mut words.silent).then_some(age)
    }

    /// It says nothing. For how long, when it has become silent by that.
    fn miss(&self) -> Option<Duration> {
        let mut words = self.lock();
        let age = words.age();
        (age >= SILENCE && !std::mem::replace(&mut words.silent, true)).then_some(age)
    }

    fn end(&self) {
        let mut words = self.lock();
        if words.ended.is_none() {
            words.ended = Some(Instant::now());
        }
    }

    /// `standing` is how far it has come.
    pub(super) fn see(&self, member: &Member, standing: Standing) -> WorkerProgress {
        let words = self.lock();
        let age = words.age();
        WorkerProgress {
            worker: member.worker(),
            pid: member.pid(),
            state: match standing {
                Standing::Called => WorkerState::Starting,
                Standing::Gone => WorkerState::Ended,
                _ if age >= SILENCE => WorkerState::Silent,
                Standing::Ready => WorkerState::Working,
                Standing::Stopping => WorkerState::Stopping,
            },
            last_word_seconds: age.as_secs_f64(),
            longest_silence_seconds: words.longest().as_secs_f64(),
        }
    }
}

/// Says in the log when a worker falls silent, and when it is heard of again.
pub(super) struct Watch<'a> {
    pub(super) job: &'a str,
    pub(super) member: &'a Member,
    pub(super) pulse: &'a Pulse,
}

impl Watch<'_> {
    pub(super) fn heard(&self) {
        if let Some(silence) = self.pulse.beat() {
            let (worker, pid, seconds) = (self.member.worker(), self.member.pid(), silence.as_secs());
            tracing::warn!(job = self.job, worker, pid, seconds, "the worker is heard of again");
        }
    }

    /// `is_awaited` unless it has never said anything: getting ready may take long.
    pub(super) fn missed(&self, is_awaited: bool) {
        if is_awaited && self.pulse.miss().is_some() {
            let (worker, pid, seconds) = (self.member.worker(), self.member.pid(), SILENCE.as_secs());
            tracing::warn!(
                job = self.job,
                worker,
                pid,
                seconds,
                "nothing is heard of the worker; the job waits for it"
            );
        }
    }

    pub(super) fn ended(&self) {
        self.pulse.end();
    }
}
