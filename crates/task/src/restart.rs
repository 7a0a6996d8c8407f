//! What becomes of an instance that failed.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use serde::{Deserialize, Serialize};

/// When an instance that has ended is started again, in its place and with its input queue.
///
/// A new operator is made as the first one was, without the state that the old one had. It goes on with the packet that
/// the old one failed on, so that every packet is worked through at least once; the ledger counts those as
/// `redelivered`. What the old operator had emitted stays sent.
///
/// An error that a node's [`ErrorPolicy`](graph::ErrorPolicy) skips or puts aside is no end of the instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Restart {
    /// A failure is final.
    #[default]
    Never,
    /// After an error or a panic.
    OnFailure(Attempts),
    /// After an error or a panic, and a source also when it has come to its end; then with a new source that begins where
    /// the first one did. Operators end when their input does.
    Always(Attempts),
}

impl Restart {
    /// After an error or a panic, so often within this time.
    #[must_use]
    pub fn on_failure(most: u32, within: Duration) -> Self {
        Self::OnFailure(Attempts::within(most, within))
    }

    /// As [`on_failure`](Self::on_failure), and sources begin again at their end.
    #[must_use]
    pub fn always(most: u32, within: Duration) -> Self {
        Self::Always(Attempts::within(most, within))
    }

    /// With other pauses before the new start.
    #[must_use]
    pub const fn pauses(self, first: Duration, longest: Duration) -> Self {
        match self {
            Self::Never => Self::Never,
            Self::OnFailure(attempts) => Self::OnFailure(attempts.pauses(first, longest)),
            Self::Always(attempts) => Self::Always(attempts.pauses(first, longest)),
        }
    }

    const fn attempts(self) -> Option<Attempts> {
        match self {
            Self::Never => None,
            Self::OnFailure(attempts) | Self::Always(attempts) => Some(attempts),
        }
    }
}

/// How often an instance, or a job with checkpoints, is started again, and after which pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attempts {
    /// The most new starts within [`within`](Self::within); the end behind them is final.
    pub most: u32,
    /// The time that is looked back.
    pub within: Duration,
    /// The pause before the first new start. Each one after it is twice as long and up to that much longer by chance,
    /// until there has been none for the time of `within`.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Attempts {
    /// So many within this time, after the usual pauses.
    #[must_use]
    pub fn within(most: u32, within: Duration) -> Self {
        Self {
            most,
            within,
            ..Self::default()
        }
    }

    /// With other pauses before the new start.
    #[must_use]
    pub const fn pauses(self, first: Duration, longest: Duration) -> Self {
        Self {
            first_pause: first,
            longest_pause: longest,
            ..self
        }
    }
}

impl Default for Attempts {
    /// Five within a minute, after pauses of 100 ms up to 10 s.
    fn default() -> Self {
        Self {
            most: 5,
            within: Duration::from_secs(60),
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(10),
        }
    }
}

/// What an instance that failed for good does to its job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnNodeFailure {
    /// The job is cut off and has failed.
    #[default]
    Cancel,
    /// The job goes on without the instance. Those behind it see its stream end; what is sent to it is dropped and counted
    /// as `failed`; the others of its node work on. The outcome of such a job is
    /// `Outcome::Degraded`.
    Isolate,
}

/// Both rules of a node. Displays as half a sentence that says what becomes of a failure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// When an instance is started again.
    pub restart: Restart,
    /// What one that failed for good does to the job.
    pub on_failure: OnNodeFailure,
}

impl Rules {
    /// Whether instances need a thread to themselves: a chain would go down as one.
    #[must_use]
    pub fn stand_alone(self) -> bool {
        self.restart != Restart::Never || self.on_failure == OnNodeFailure::Isolate
    }

    /// Whether a packet is kept until it has been worked through, to be had again.
    pub(crate) fn keep_packets(self) -> bool {
        self.restart != Restart::Never
    }

    pub(crate) const fn repeats(self) -> bool {
        matches!(self.restart, Restart::Always(_))
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match self.on_failure {
            OnNodeFailure::Cancel => "ends the job",
            OnNodeFailure::Isolate => "leaves the instance out",
        };
        match self.restart {
            Restart::Never => write!(f, "a failure {end}"),
            Restart::OnFailure(attempts) => write!(f, "started again {}; one more {end}", shown(attempts)),
            Restart::Always(attempts) => write!(f, "started again {}, and at its end; one more {end}", shown(attempts)),
        }
    }
}

fn shown(attempts: Attempts) -> String {
    let Attempts {
        most,
        within,
        first_pause,
        longest_pause,
    } = attempts;
    format!("up to {most} times in {within:?}, after {first_pause:?} to {longest_pause:?}")
}

/// The new starts of one instance or job so far.
#[derive(Debug)]
pub struct History {
    attempts: Option<Attempts>,
    past: VecDeque<Instant>,
    pauses: Option<ExponentialBackoff>,
}

impl History {
    /// None so far, of an instance.
    #[must_use]
    pub const fn new(restart: Restart) -> Self {
        Self {
            attempts: restart.attempts(),
            past: VecDeque::new(),
            pauses: None,
        }
    }

    /// None so far, of a job.
    #[must_use]
    pub const fn of(attempts: Attempts) -> Self {
        Self {
            attempts: Some(attempts),
            past: VecDeque::new(),
            pauses: None,
        }
    }

    /// How long to pause before the next start; `None` when there must be none.
    pub fn again(&mut self, now: Instant) -> Option<Duration> {
        let attempts = self.attempts?;
        while let Some(first) = self.past.front()
            && now.duration_since(*first) >= attempts.within
        {
            self.past.pop_front();
        }
        if self.past.len() >= attempts.most as usize {
            return None;
        }
        if self.past.is_empty() {
            self.pauses = None;
        }
        self.past.push_back(now);
        let pauses = self.pauses.get_or_insert_with(|| pauses(attempts));
        let pause = pauses.next().unwrap_or(attempts.longest_pause);
        Some(pause.min(attempts.longest_pause))
    }
}

fn pauses(attempts: Attempts) -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(attempts.first_pause)
        .with_max_delay(attempts.longest_pause)
        .without_max_times()
        .with_jitter()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn nothing_is_started_again_unless_asked_for() {
        assert_eq!(History::new(Restart::Never).again(Instant::now()), None);
        assert_eq!(History::new(Restart::on_failure(0, SECOND)).again(Instant::now()), None);
    }

    #[test]
    fn the_limit_is_one_of_a_sliding_window() {
        let mut history = History::new(Restart::on_failure(2, 10 * SECOND));
        let start = Instant::now();
        assert!(history.again(start).is_some());
        assert!(history.again(start + 5 * SECOND).is_some());
        assert_eq!(history.again(start + 9 * SECOND), None);
        assert!(history.again(start + 10 * SECOND).is_some(), "the first one is past");
        assert_eq!(history.again(start + 11 * SECOND), None);
    }

    #[test]
    fn pauses_grow_up_to_the_longest_and_begin_anew() {
        let mut history = History::new(Restart::on_failure(100, 100 * SECOND).pauses(SECOND, 5 * SECOND));
        let start = Instant::now();
        let mut pauses: Vec<_> = (0..6).filter_map(|_| history.again(start)).collect();
        assert!((SECOND..=2 * SECOND).contains(&pauses[0]), "{pauses:?}");
        assert!((2 * SECOND..=4 * SECOND).contains(&pauses[1]), "{pauses:?}");
        assert_eq!(pauses.pop(), Some(5 * SECOND));
        let later = history.again(start + 200 * SECOND).unwrap();
        assert!(later <= 2 * SECOND, "{later:?}");
    }
}
