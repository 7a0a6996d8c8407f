//! Processors: staying on one, and the time spent on them.

use std::thread;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Everybody sleeps when the process took less than a tenth of it; looked at so often at most, as one who polls
/// never sleeps.
const PAUSE: Duration = Duration::from_millis(20);
const LOOKS: usize = 25;

/// Processor time of this process so far, all threads.
#[must_use]
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), nanos)
}

/// Keeps the calling thread on the `place`-th processor this process may use, counted from 0 and around.
/// A system that refuses leaves it where it is; the rounds are then merely noisier.
#[cfg(target_os = "linux")]
pub fn pin(place: usize) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    let Ok(allowed) = sched_getaffinity(None) else {
        return;
    };
    let processors: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu)).collect();
    if let Some(&cpu) = processors.get(place % processors.len().max(1)) {
        let mut one = CpuSet::new();
        one.set(cpu);
        let _ = sched_setaffinity(None, &one);
    }
}

/// Threads stay where the system puts them.
#[cfg(not(target_os = "linux"))]
pub fn pin(_place: usize) {}

/// Waits until all threads of this process sleep.
pub fn settle() {
    for _ in 0..LOOKS {
        let before = cpu_time();
        thread::sleep(PAUSE);
        if cpu_time() - before < PAUSE / 10 {
            break;
        }
    }
}

/// Seconds of the clock that all processes share.
#[cfg(target_os = "linux")]
#[must_use]
pub fn now() -> f64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_passes() {
        let before = cpu_time();
        let mut sum = 0_u64;
        while cpu_time() == before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(cpu_time() > before);
    }
}
