//! Jobs that are told to end: with full queues, and by many at once.

use std::thread;
use std::time::Duration;

use queue_testkit::Dice;
use sage_comm::{JobController, Outcome};

use crate::options::Options;
use crate::report::Report;
use crate::scene::Scene;

/// An hour is without an end here.
const LONG: Duration = Duration::from_secs(3600);

/// A slow sink, and in the middle of it a drain with or without enough time, or an abort.
pub(crate) fn slow(options: &Options, report: &mut Report) -> Result<(), String> {
    for round in 0..options.rounds {
        let mut scene = Scene::new(options, round, 3);
        let (width, buffer) = (1 + scene.dice.below(3) as u32, 1 + scene.dice.below(8) as usize);
        let (pause, moment) = (scene.dice.below(150), scene.dice.below(30_000));
        let (order, limit) = (scene.dice.below(3), Duration::from_micros(scene.dice.below(20_000)));
        let work = scene
            .numbers(3, u64::MAX)
            .map("work", |item| item)
            .parallelism(width)
            .buffer_size(buffer);
        let pause = Duration::from_micros(pause);
        let running = scene.sink(&work, move || thread::sleep(pause))?.start()?;
        thread::sleep(Duration::from_micros(moment));
        let (expected, limit): (&[_], _) = match order {
            0 => {
                running.handle.abort();
                (&[Outcome::Aborted], Duration::ZERO)
            }
            1 => {
                running.handle.drain(limit);
                (&[Outcome::Drained, Outcome::Aborted], limit)
            }
            _ => {
                running.handle.drain(LONG);
                (&[Outcome::Drained], Duration::ZERO)
            }
        };
        let mut complaints = Vec::new();
        if let Some((evidence, _)) = running.wait().end(options, limit, 1, report, &mut complaints) {
            evidence.ended(expected, &mut complaints);
            if evidence.outcome == Outcome::Drained.to_string() && evidence.sums.missing > 0 {
                complaints.push(format!("drained, and {} packets did not come", evidence.sums.missing));
            }
        }
        report.numbered_round(complaints);
    }
    Ok(())
}

/// Many threads pause, resume, drain and abort one job.
pub(crate) fn storm(options: &Options, report: &mut Report) -> Result<(), String> {
    for round in 0..options.rounds {
        let mut scene = Scene::new(options, round, 2);
        let width = 1 + scene.dice.below(3) as u32;
        let seed = scene.dice.roll();
        let work = scene
            .numbers(2, u64::MAX)
            .map("work", |item| item)
            .parallelism(width)
            .buffer_size(16);
        let running = scene.sink(&work, || {})?.start()?;
        let threads: Vec<_> = (0..6)
            .map(|number| {
                let job = running.handle.controller();
                thread::spawn(move || shout(&job, Dice::new(seed.wrapping_add(number))))
            })
            .collect();
        let broken = threads.into_iter().filter_map(|thread| thread.join().err()).count();
        running.handle.drain(LONG);
        let mut complaints = Vec::new();
        if broken > 0 {
            complaints.push(format!("{broken} of those who told it panicked"));
        }
        if let Some((evidence, _)) = running.wait().end(options, Duration::ZERO, 1, report, &mut complaints) {
            evidence.ended(&[Outcome::Drained, Outcome::Aborted], &mut complaints);
        }
        report.numbered_round(complaints);
    }
    Ok(())
}

fn shout(job: &JobController, mut dice: Dice) {
    for _ in 0..100 {
        match dice.below(1_000) {
            0 => job.abort(),
            1..=3 => job.drain(Duration::from_micros(dice.below(5_000))),
            4..=6 => job.drain(LONG),
            7..500 => drop(job.pause()),
            500..900 => drop(job.resume()),
            _ => drop((job.progress(), job.is_done())),
        }
        dice.dawdle(300);
    }
}
