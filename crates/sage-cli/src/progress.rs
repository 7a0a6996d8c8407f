//! The line that moves while a job runs.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far back the live rate looks.
const RECENT: Duration = Duration::from_secs(2);

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    pub(crate) done: u64,
    /// How much there is in all, where that is known.
    pub(crate) total: Option<u64>,
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit {
    /// A count, with its name.
    pub(crate) count: fn(u64) -> String,
    /// A rate per second, with its name.
    pub(crate) rate: fn(f64) -> String,
}

/// Draws on stderr, and only where that is a terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    unit: Unit,
    rate: Rate,
}

impl Progress {
    /// Nothing is drawn when not `wanted`.
    pub(crate) fn new(wanted: bool, unit: Unit) -> Self {
        let target = if wanted {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            bar: ProgressBar::with_draw_target(None, target),
            unit,
            rate: Rate::default(),
        }
    }

    pub(crate) fn show(&mut self, reached: Reached, now: Instant) {
        self.rate.record(now, reached.done);
        if self.bar.is_hidden() {
            return;
        }
        if self.bar.length() != reached.total || self.bar.position() == 0 {
            self.bar.set_style(style(reached.total.is_some()));
            match reached.total {
                Some(total) => self.bar.set_length(total),
                None => self.bar.unset_length(),
            }
        }
        self.bar
            .set_message(message(self.unit, reached, self.rate.per_second()));
        self.bar.set_position(reached.done);
        self.bar.tick();
    }

    /// Prints a line above the bar, also when there is no bar.
    pub(crate) fn say(&self, line: &str) {
        use std::io::Write;
        self.bar.suspend(|| {
            // Without stderr there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "{line}");
        });
    }

    /// Takes the line away.
    pub(crate) fn finish(self) {
        self.bar.finish_and_clear();
    }
}

const BOUNDED: &str = "  [{bar:32}] {percent:>3}%  {msg}";
const UNBOUNDED: &str = "  {spinner} {elapsed}  {msg}";

fn style(bounded: bool) -> ProgressStyle {
    // Both templates are valid; a bar in its usual look would be the worst that could come of a slip.
    ProgressStyle::with_template(if bounded { BOUNDED } else { UNBOUNDED })
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

fn message(unit: Unit, reached: Reached, rate: f64) -> String {
    let (count, per_second) = ((unit.count)(reached.done), (unit.rate)(rate));
    format!("{count}  {per_second}")
}

/// Speed over the last moments.
#[derive(Debug, Default)]
struct Rate {
    samples: VecDeque<(Instant, u64)>,
}

impl Rate {
    fn record(&mut self, now: Instant, count: u64) {
        // One sample older than the window stays, so that there is always one to compare with.
        let old = |sample: Option<&(Instant, u64)>| {
            sample.is_some_and(|(then, _)| now.saturating_duration_since(*then) >= RECENT)
        };
        while old(self.samples.get(1)) {
            self.samples.pop_front();
        }
        self.samples.push_back((now, count));
    }

    fn per_second(&self) -> f64 {
        let (Some((first, from)), Some((last, to))) = (self.samples.front(), self.samples.back()) else {
            return 0.0;
        };
        let seconds = last.saturating_duration_since(*first).as_secs_f64();
        crate::number::per_second(to.saturating_sub(*from), seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number;

    #[test]
    fn the_rate_is_that_of_the_last_moments() {
        let start = Instant::now();
        let mut rate = Rate::default();
        assert_eq!(rate.per_second(), 0.0);
        let mut count = 0;
        // Ten seconds at 100 per second, then five at 1,000.
        for tenth in 0..150 {
            rate.record(start + Duration::from_millis(tenth * 100), count);
            count += if tenth < 100 { 10 } else { 100 };
            if tenth == 99 {
                assert!((rate.per_second() - 100.0).abs() < 1e-6, "{}", rate.per_second());
            }
        }
        assert!((rate.per_second() - 1_000.0).abs() < 1e-6, "{}", rate.per_second());
        assert!(rate.samples.len() <= 22, "{}", rate.samples.len());
    }

    #[test]
    fn a_single_sample_is_no_rate() {
        let mut rate = Rate::default();
        rate.record(Instant::now(), 1_000);
        assert_eq!(rate.per_second(), 0.0);
    }

    #[test]
    fn both_styles_are_valid() {
        assert!(ProgressStyle::with_template(BOUNDED).is_ok());
        assert!(ProgressStyle::with_template(UNBOUNDED).is_ok());
    }

    #[test]
    fn counts_and_rates_are_named() {
        let unit = Unit {
            count: |count| format!("{} events", number::grouped(count)),
            rate: |rate| format!("{} events/s", number::short(rate)),
        };
        let reached = Reached {
            done: 1_234_567,
            total: None,
        };
        assert_eq!(message(unit, reached, 2_500_000.0), "1,234,567 events  2.50 M events/s");
    }
}
