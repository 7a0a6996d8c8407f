//! Operators that panic, and operators that do not return.

use std::panic;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use sage_comm::{OnNodeFailure, Outcome, Restart};

use crate::options::{Options, Plant};
use crate::report::Report;
use crate::scene::{PATIENCE, Scene};

const PLANNED: &str = "a planned panic";
/// Jobs whose operators do not return are waited for together.
const AT_ONCE: u64 = 8;

/// Goes off at one packet, and remembers where.
#[derive(Clone)]
struct Fuse(Arc<(AtomicI64, Mutex<Option<String>>)>);

impl Fuse {
    fn new(packets: u64) -> Self {
        Self(Arc::new((AtomicI64::new(packets as i64), Mutex::new(None))))
    }

    /// True for one packet.
    fn burns(&self, instance: &str) -> bool {
        let now = self.0.0.fetch_sub(1, Ordering::AcqRel) == 0;
        if now {
            *self.0.1.lock().unwrap_or_else(PoisonError::into_inner) = Some(instance.to_owned());
        }
        now
    }

    /// Where it went off, or who else is to be blamed.
    fn place(&self, options: &Options) -> Option<String> {
        let place = self.0.1.lock().unwrap_or_else(PoisonError::into_inner).clone();
        place.map(|place| {
            if options.plants(Plant::Blame) {
                "nobody_0".into()
            } else {
                place
            }
        })
    }
}

/// An operator panics at a packet, and the job fails, goes on without it, or with another one.
pub(crate) fn panics(options: &Options, report: &mut Report) -> Result<(), String> {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref::<&str>() != Some(&PLANNED) {
            usual(info);
        }
    }));
    for round in 0..options.rounds {
        let mut scene = Scene::new(options, round, 2);
        let each = 200 + scene.dice.below(2_000);
        let fuse = Fuse::new(scene.dice.below(2 * each));
        let (width, buffer) = (1 + scene.dice.below(3) as u32, 1 + scene.dice.below(100) as usize);
        let burning = fuse.clone();
        let work = scene
            .numbers(2, each)
            .map_with("work", move |ctx, item| {
                if burning.burns(&ctx.instance().name) {
                    panic::panic_any(PLANNED);
                }
                Ok(item)
            })
            .parallelism(width)
            .buffer_size(buffer);
        let work = match round % 3 {
            0 => work,
            1 => work.on_failure(OnNodeFailure::Isolate),
            _ => work.restart(Restart::on_failure(3, PATIENCE).pauses(Duration::ZERO, Duration::ZERO)),
        };
        let running = scene.sink(&work, || {})?.start()?;
        let mut complaints = Vec::new();
        if let Some((evidence, _)) = running.wait().end(options, Duration::ZERO, 1, report, &mut complaints) {
            let place = fuse.place(options);
            let named = evidence.failures.first().is_some_and(|failed| {
                Some(&failed.instance) == place.as_ref()
                    && failed.panicked
                    && failed.message == PLANNED
                    && failed.isolated == (round % 3 == 1)
            });
            let (expected, fits) = match round % 3 {
                0 => (Outcome::Failed, named),
                1 => (Outcome::Degraded, named),
                _ => (
                    Outcome::Finished,
                    evidence.failures.is_empty()
                        && evidence.restarts == 1
                        && evidence.sums.missing == 0
                        && !options.plants(Plant::Blame),
                ),
            };
            evidence.ended(&[expected], &mut complaints);
            if !fits {
                complaints.push(format!(
                    "`{place:?}` panicked, and the report says {:?}",
                    evidence.failures
                ));
            }
        }
        report.numbered_round(complaints);
    }
    Ok(())
}

/// An operator never returns from a packet; the job is drained all the same.
pub(crate) fn stuck(options: &Options, report: &mut Report) -> Result<(), String> {
    let mut round = 0;
    while round < options.rounds {
        let mut jobs = Vec::new();
        for round in round..options.rounds.min(round + AT_ONCE) {
            let mut scene = Scene::new(options, round, 2);
            let fuse = Fuse::new(scene.dice.below(500));
            let limit = Duration::from_millis(scene.dice.below(300));
            let width = 1 + scene.dice.below(3) as u32;
            let burning = fuse.clone();
            let work = scene
                .numbers(2, u64::MAX)
                .map_with("work", move |ctx, item| {
                    if burning.burns(&ctx.instance().name) {
                        loop {
                            thread::park();
                        }
                    }
                    Ok(item)
                })
                .parallelism(width)
                .buffer_size(8);
            let running = scene.sink(&work, || {})?.start()?;
            jobs.push((fuse, limit, running));
        }
        for (fuse, limit, running) in &jobs {
            let begun = Instant::now();
            while fuse.place(options).is_none() && begun.elapsed() < PATIENCE {
                thread::yield_now();
            }
            running.handle.drain(*limit);
        }
        let jobs: Vec<_> = jobs
            .into_iter()
            .map(|(fuse, limit, running)| (fuse, limit, running.wait()))
            .collect();
        for (fuse, limit, ending) in jobs {
            let mut complaints = Vec::new();
            if let Some((evidence, _)) = ending.end(options, limit, 1, report, &mut complaints) {
                evidence.ended(&[Outcome::Aborted], &mut complaints);
                if !fuse.place(options).is_some_and(|place| evidence.stuck.contains(&place)) {
                    let place = fuse.place(options);
                    complaints.push(format!(
                        "`{place:?}` is stuck, and the report says {:?}",
                        evidence.stuck
                    ));
                }
            }
            report.numbered_round(complaints);
            round += 1;
        }
    }
    Ok(())
}
