//! How full a queue is, and where that is going.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use descriptor_core::QueueCore;

/// Samples that the trend looks back on: one second at one every 100 ms.
const HISTORY: usize = 10;
/// Fewer samples than this make no trend.
const ENOUGH: usize = 3;
/// A change of the load per second beyond which it counts as a change.
const NOTABLE: f64 = 0.05;

/// The load of one queue, watched by a monitor; clones share their samples.
///
/// The item path never touches this: [`load`](Self::load) reads the queue's own indices, and the trend comes from
/// what a monitor pushes with [`sample`](Self::sample), every 100 ms.
#[derive(Clone)]
pub struct LoadMeter {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Arc<dyn QueueCore>,
    samples: Mutex<VecDeque<(Instant, f64)>>,
    /// The bits of an `f64`.
    trend: AtomicU64,
}

impl LoadMeter {
    /// Watches `queue`.
    #[must_use]
    pub fn new(queue: Arc<dyn QueueCore>) -> Self {
        let shared = Shared {
            queue,
            samples: Mutex::new(VecDeque::new()),
            trend: AtomicU64::new(0.0_f64.to_bits()),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Depth over capacity, 0 empty to 1 full; `None` where the queue has no bound or cannot know its depth.
    #[doc(alias = "get_buffer_load")]
    #[must_use]
    pub fn load(&self) -> Option<f64> {
        let depth = self.shared.queue.depth()?;
        match self.shared.queue.capacity() {
            None | Some(0) => None,
            Some(capacity) => Some(depth as f64 / capacity as f64),
        }
    }

    /// Keeps the load of this moment and renews the trend. Samples that are not later than the last one are ignored.
    pub fn sample(&self, now: Instant) {
        let Some(load) = self.load() else { return };
        let mut samples = self.shared.samples.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.back().is_some_and(|(last, _)| *last >= now) {
            return;
        }
        if samples.len() == HISTORY {
            samples.pop_front();
        }
        samples.push_back((now, load));
        self.shared.trend.store(slope(&samples).to_bits(), Ordering::Relaxed);
    }

    /// Change of the load per second: the least-squares slope over the last 10 samples, 0 with fewer than 3.
    #[doc(alias = "get_load_trend")]
    #[must_use]
    pub fn load_trend(&self) -> f64 {
        f64::from_bits(self.shared.trend.load(Ordering::Relaxed))
    }

    /// True when the load rises by more than 0.05 per second.
    #[must_use]
    pub fn is_load_increasing(&self) -> bool {
        self.load_trend() > NOTABLE
    }

    /// True when the load falls by more than 0.05 per second.
    #[must_use]
    pub fn is_load_decreasing(&self) -> bool {
        self.load_trend() < -NOTABLE
    }
}

fn slope(samples: &VecDeque<(Instant, f64)>) -> f64 {
    let Some((start, _)) = samples.front() else { return 0.0 };
    if samples.len() < ENOUGH {
        return 0.0;
    }
    let n = samples.len() as f64;
    let points = || {
        samples
            .iter()
            .map(|(at, load)| (at.duration_since(*start).as_secs_f64(), *load))
    };
    let (sum_t, sum_load) = points().fold((0.0, 0.0), |(a, b), (t, load)| (a + t, b + load));
    let (mean_t, mean_load) = (sum_t / n, sum_load / n);
    let (above, below) = points().fold((0.0, 0.0), |(above, below), (t, load)| {
        (above + (t - mean_t) * (load - mean_load), below + (t - mean_t).powi(2))
    });
    if below > 0.0 { above / below } else { 0.0 }
}

impl fmt::Debug for LoadMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadMeter")
            .field("load", &self.load())
            .field("trend", &self.load_trend())
            .finish()
    }
}
