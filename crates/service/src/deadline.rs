//! When a call is over, for the process it was made in and for others.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use descriptor_core::Wait;
use serde::{Deserialize, Serialize};

/// The end of a call's time.
///
/// In the process of the caller it is a moment of the monotonic clock. Others get it as wall-clock time, so hosts
/// whose clocks differ disagree about it by that difference.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Deadline {
    #[serde(skip)]
    here: Option<Instant>,
    /// Nanoseconds since 1970-01-01 UTC; 0 for one that stays in its process.
    elsewhere: u64,
}

impl Deadline {
    /// `travels` when another process may read it.
    pub(crate) fn new(until: Instant, travels: bool) -> Self {
        let left = || until.saturating_duration_since(Instant::now());
        let at = || wall().saturating_add(u64::try_from(left().as_nanos()).unwrap_or(u64::MAX));
        Self {
            here: Some(until),
            elsewhere: if travels { at().max(1) } else { 0 },
        }
    }

    /// As a moment of this process's clock. One that nobody wrote down has passed.
    pub(crate) fn moment(&self) -> Instant {
        self.here.unwrap_or_else(|| {
            let left = Duration::from_nanos(self.elsewhere.saturating_sub(wall()));
            let now = Instant::now();
            now.checked_add(left).unwrap_or(now)
        })
    }

    /// True for one that came from another process.
    pub(crate) const fn travelled(&self) -> bool {
        self.here.is_none()
    }

    pub(crate) fn has_passed(&self) -> bool {
        match self.here {
            Some(here) => !is_far(here) && Instant::now() >= here,
            None => wall() >= self.elsewhere,
        }
    }
}

/// More than the rough clock is ever behind: it moves with the ticks of the system, ten milliseconds apart at most.
const BEHIND: Duration = Duration::from_millis(100);

/// True for moments that have certainly not come. It asks the rough clock, which costs a fifth of the exact one, and
/// every call is looked at twice. Without a rough clock no moment is far.
fn is_far(moment: Instant) -> bool {
    static START: OnceLock<Option<(Duration, Instant)>> = OnceLock::new();
    // The rough clock first: then the time since is never less by it than by the exact one, but for what it is behind.
    let start = START.get_or_init(|| Some((rough_now()?, Instant::now())));
    match (start, rough_now()) {
        (Some((rough, exact)), Some(now)) => {
            moment.saturating_duration_since(*exact) > now.saturating_sub(*rough).saturating_add(BEHIND)
        }
        _ => false,
    }
}

/// The monotonic clock as of the last tick of the system.
#[cfg(target_os = "linux")]
fn rough_now() -> Option<Duration> {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC_COARSE);
    now.ok().map(Duration::from)
}

#[cfg(not(target_os = "linux"))]
const fn rough_now() -> Option<Duration> {
    None
}

/// The wall clock in nanoseconds since 1970-01-01 UTC.
fn wall() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The moment a wait ends, `limit` from now for one that has no end; `None` for one that must not wait.
pub(crate) fn until(wait: Wait, limit: Duration) -> Option<Instant> {
    match wait {
        Wait::Never => None,
        Wait::Until(moment) => Some(moment),
        Wait::Forever => {
            let now = Instant::now();
            Some(now.checked_add(limit).unwrap_or(now))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_travelled_is_about_the_same() {
        let until = Instant::now() + Duration::from_secs(3600);
        let sent = Deadline::new(until, true);
        let there: Deadline = serde_json::from_str(&serde_json::to_string(&sent).unwrap()).unwrap();
        assert!(there.here.is_none() && !there.has_passed());
        let apart = there.moment().max(until) - there.moment().min(until);
        assert!(apart < Duration::from_secs(600), "{apart:?}");
    }

    #[test]
    fn one_that_nobody_wrote_down_has_passed() {
        let kept = Deadline::new(Instant::now() + Duration::from_secs(3600), false);
        assert!(!kept.has_passed());
        let there: Deadline = serde_json::from_str(&serde_json::to_string(&kept).unwrap()).unwrap();
        assert!(there.has_passed() && there.moment() <= Instant::now());
    }

    #[test]
    fn the_rough_clock_only_spares_a_look_at_the_exact_one() {
        let now = Instant::now();
        assert_eq!(is_far(now + Duration::from_secs(3600)), cfg!(target_os = "linux"));
        assert!(!is_far(now));
        // Too near for the rough clock to tell.
        let near = now + BEHIND / 2;
        assert!(!is_far(near));
        while Instant::now() < near {
            std::hint::spin_loop();
        }
        assert!(Deadline::new(near, false).has_passed());
    }
}
