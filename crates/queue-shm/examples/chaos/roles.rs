//! What the processes of a campaign do.

use std::process::ExitCode;
use std::time::Duration;

use queue_testkit::campaign;

use crate::audit;
use crate::fork;
use crate::journal::{End, Kind};
use crate::storm::NAMES;
use crate::sys;
use crate::wakes;
use crate::worker::{BATCH, Limit, Worker};

type Role = fn(&mut Worker) -> Result<(), String>;

const ROLES: &[(&str, Role)] = &[
    ("producer", produce),
    ("consumer", consume),
    ("lessee", lease),
    ("tourist", tour),
    ("keeper", keep),
    ("getter", get_until_closed),
    ("putter", put_until_closed),
    ("auditor", audit::audit),
    ("opener", open_and_leave),
    ("forker", fork::play),
    ("heir", fork::inherit),
    ("giver", wakes::give),
    ("taker", wakes::take),
];

/// The process of that role; exit code 0 when it has nothing to complain of.
pub(crate) fn play(role: &str, words: &mut dyn Iterator<Item = String>) -> ExitCode {
    let known = ROLES.iter().find(|(name, _)| *name == role);
    let done = known
        .ok_or_else(|| format!("no role `{role}`"))
        .and_then(|(_, play)| play(&mut Worker::new(words)?));
    campaign::played(role, done)
}

fn produce(worker: &mut Worker) -> Result<(), String> {
    let queue = worker.open()?;
    worker.wait_for_go();
    let limit = Limit::Within(worker.limit);
    while !worker.ends() {
        if worker.dice.below(4) == 0 {
            worker.put_batch(&queue, limit)?;
        } else {
            worker.put(&queue, limit, 0)?;
        }
        worker.pause();
    }
    worker.leave(queue)
}

fn consume(worker: &mut Worker) -> Result<(), String> {
    let queue = worker.open()?;
    worker.wait_for_go();
    let limit = Limit::Within(worker.limit);
    loop {
        let max = if worker.dice.below(4) == 0 { BATCH } else { 1 };
        let ended = worker.get(&queue, limit, max)?;
        if ended != End::Ok && worker.ends() {
            break;
        }
        worker.pause();
    }
    worker.leave(queue)
}

/// Takes items on loan and ends that in every way there is.
fn lease(worker: &mut Worker) -> Result<(), String> {
    let queue = worker.open()?;
    worker.wait_for_go();
    let (limit, mut kept) = (Limit::Within(worker.limit), Vec::new());
    loop {
        let max = 1 + worker.dice.below(BATCH as u64) as usize;
        let ended = worker.lease(&queue, limit, max, &mut kept)?;
        // A lease that ran out, or whose entry is damaged, is refused: that is said and no more.
        while kept.len() > BATCH || (!kept.is_empty() && worker.dice.below(3) > 0) {
            let lease = kept.swap_remove(worker.dice.below(kept.len() as u64) as usize);
            match worker.dice.below(6) {
                0 => drop(lease),
                1 => drop(lease.nack(Duration::from_millis(worker.dice.below(8)))),
                2 => {
                    let _ = lease.extend(Duration::from_millis(worker.dice.below(8)));
                    kept.push(lease);
                }
                _ => drop(lease.ack()),
            }
        }
        if ended != End::Ok && worker.ends() {
            break;
        }
        worker.pause();
    }
    drop(kept);
    worker.leave(queue)
}

/// In and out again, with every kind of call in between: a way past every step.
fn tour(worker: &mut Worker) -> Result<(), String> {
    let laps = worker.number("laps");
    let mut lap = 0;
    while (laps == 0 || lap < laps) && !worker.ends() {
        lap += 1;
        let queue = worker.open()?;
        worker.wait_for_go();
        // Each handle is a participant of its own.
        let mut crowd = Vec::new();
        for _ in 0..worker.number("handles") {
            crowd.push(worker.open()?);
        }
        let limit = Limit::Within(worker.limit);
        for _ in 0..2 {
            worker.put(&queue, limit, 0)?;
        }
        worker.put_batch(&queue, limit)?;
        worker.get(&queue, limit, 1)?;
        worker.get(&queue, limit, BATCH)?;
        // Until nothing is left, and then in vain: that is how one comes to sleep.
        let short = Limit::Within(Duration::from_millis(5));
        let mut tries = 0;
        while tries < 32 && worker.get(&queue, short, BATCH)? == End::Ok {
            tries += 1;
        }
        if worker.number("close") != 0 && lap == laps {
            worker.note(Kind::Close, queue.epoch(), sys::now())?;
            descriptor_core::QueueCore::close(&queue);
        }
        drop(crowd);
        worker.leave(queue)?;
    }
    Ok(())
}

/// Holds the queue, so that it outlives everybody else.
fn keep(worker: &mut Worker) -> Result<(), String> {
    let queue = worker.open()?;
    while !worker.ends() {
        std::thread::sleep(Duration::from_millis(1));
    }
    worker.leave(queue)
}

fn get_until_closed(worker: &mut Worker) -> Result<(), String> {
    let queue = worker.open()?;
    while worker.get(&queue, Limit::Forever, 1)? != End::Closed {}
    worker.leave(queue)
}

fn put_until_closed(worker: &mut Worker) -> Result<(), String> {
    let queue = worker.open()?;
    while worker.put(&queue, Limit::Forever, 0)? != End::Closed {}
    worker.leave(queue)
}

/// In and out of some queues, so often or until told to end; each is used while it is open.
fn open_and_leave(worker: &mut Worker) -> Result<(), String> {
    let (often, mut opens) = (worker.number("opens"), 0);
    while !worker.ends() && (often == 0 || opens < often) {
        let number = worker.dice.below(NAMES.len() as u64);
        let name = NAMES.get(number as usize).copied().unwrap_or_default();
        worker.note(Kind::Name, number, sys::now())?;
        let queue = match worker.try_open_named(name)? {
            Ok(queue) => queue,
            Err(error) => {
                campaign::complain(format_args!("actor {}: open: {error}", worker.actor));
                if !error.is_retryable() {
                    worker.note(Kind::Refused, number, sys::now())?;
                }
                continue;
            }
        };
        opens += 1;
        for _ in 0..worker.dice.below(3) {
            worker.put(&queue, Limit::Never, 0)?;
            worker.get(&queue, Limit::Never, 1)?;
        }
        worker.leave(queue)?;
    }
    Ok(())
}
