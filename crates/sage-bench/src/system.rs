//! What was measured, where and when.

use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) use ipc_peers::{cpu_time, pin, settle};

/// Processor model, processors, system.
pub(crate) fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name").and_then(|rest| rest.split_once(':')))
        .map_or("unknown processor", |(_, name)| name.trim());
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let (arch, system) = (std::env::consts::ARCH, std::env::consts::OS);
    format!("{model}, {processors} processors, {arch} {system}")
}

/// The commit of the sources in the current folder, `unknown` where git cannot tell.
pub(crate) fn commit() -> String {
    let asked = std::process::Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"])
        .output();
    match asked {
        Ok(answer) if answer.status.success() => String::from_utf8_lossy(&answer.stdout).trim().to_owned(),
        _ => "unknown".to_owned(),
    }
}

/// What the processors of this machine did since it was started, in ticks of the system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Processors {
    all: u64,
    stolen: u64,
}

impl Processors {
    /// As of now; `None` where the system does not say.
    pub(crate) fn now() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    /// The first line: user, nice, system, idle, iowait, irq, softirq, steal; what follows is part of the first two.
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.lines().next()?.split_ascii_whitespace();
        words.next().filter(|word| *word == "cpu")?;
        let ticks: Vec<u64> = words.map_while(|word| word.parse().ok()).take(8).collect();
        Some(Self {
            all: ticks.iter().sum(),
            stolen: *ticks.get(7)?,
        })
    }

    /// The part of the time since then that the host of a virtual machine gave to others, from 0 to 1.
    pub(crate) fn stolen_since(&self, before: &Self) -> f64 {
        let all = self.all.saturating_sub(before.all).max(1);
        self.stolen.saturating_sub(before.stolen) as f64 / all as f64
    }
}

/// Now, in UTC, such as `2026-01-31T12:00:00Z`.
pub(crate) fn date() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format_date(since.as_secs())
}

/// Days to a date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn format_date(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_took_is_the_eighth_number() {
        let before = Processors::parse("cpu  100 0 50 800 5 0 5 40 7 0\ncpu0 1 2").expect("a line of processors");
        let after = Processors::parse("cpu  150 0 50 830 5 0 5 60 9 0\n").expect("a line of processors");
        assert_eq!(after.stolen_since(&before), 0.2);
        assert_eq!(before.stolen_since(&before), 0.0);
        for other in ["", "intr 5", "cpu 1 2 3", "cpu0 1 2 3 4 5 6 7 8"] {
            assert!(Processors::parse(other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn known_dates() {
        assert_eq!(format_date(0), "1970-01-01T00:00:00Z");
        assert_eq!(format_date(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(format_date(1_735_689_599), "2024-12-31T23:59:59Z");
    }
}
