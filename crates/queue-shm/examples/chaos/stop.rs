//! A process is stopped at a labelled step for a while. It keeps what it has; the others wait no longer than they
//! asked for; and when it goes on nothing is missing.

use std::thread::sleep;
use std::time::Duration;

use queue_shm::STEPS;

use crate::crew::{Crew, Hand, Orders, PATIENCE};
use crate::journal::{self, End, Kind};
use crate::ledger::LONGEST_BLOCK_NS;
use crate::options::Options;
use crate::points;
use crate::report::Report;
use crate::scene::{HANG, Scene};
use crate::sys;

pub(crate) fn run(options: &Options, crew: &mut Crew, report: &mut Report) -> Result<(), String> {
    let first = crew.dice.below(STEPS.len() as u64) as usize;
    let steps = STEPS.iter().cycle().skip(first);
    for (round, step) in (0..options.rounds).zip(steps) {
        one_stop(step, round, options.hold, crew, report)?;
    }
    let longest = report.counts.max_block_ns;
    if longest > LONGEST_BLOCK_NS {
        report.complain(format!("a call took {longest} ns longer than its limit"));
    }
    Ok(())
}

fn one_stop(step: &str, round: u64, hold: Duration, crew: &mut Crew, report: &mut Report) -> Result<(), String> {
    let mut scene = Scene::new(format!("stopped at {step}"), format!("stop/{round}"));
    let is_solitary = points::is_solitary(step);
    if !is_solitary {
        scene.keep(crew)?;
    }
    let roles: &[&str] = match step {
        "close.marked" => &["getter", "putter"],
        _ if is_solitary => &[],
        _ => &["producer", "consumer"],
    };
    let mut company = Vec::new();
    let going = format!("go={}", crew.go_file(&scene.queue, "company").display());
    for role in roles {
        let words = [going.as_str()];
        let orders = Orders {
            words: &words,
            ..scene.orders()
        };
        let mut hand = crew.start(role, &orders)?;
        // Who is stopped may be so while others wait for coming in: they are in already.
        if !hand.moves_on(0, 1, PATIENCE)? {
            scene.complain(format!("{HANG}: the queue does not open"));
        }
        company.push(hand);
    }
    let laps: &[&str] = if step == "close.marked" {
        &["laps=1", "close=1"]
    } else {
        &["laps=0"]
    };
    let going = format!("go={}", crew.go_file(&scene.queue, "second").display());
    let words = [laps, &[going.as_str()]].concat();
    let orders = Orders {
        words: &words,
        point: Some(format!("{step}:1:{}", libc::SIGSTOP)),
        ..scene.orders()
    };
    let mut stopped = crew.start("tourist", &orders)?;
    crew.was_stopped(&stopped);
    let died_before = points::repair_of(step);
    if let Some(died_at) = died_before {
        if !stopped.moves_on(0, 1, PATIENCE)? {
            scene.complain(format!("{HANG}: the queue does not open"));
        }
        let orders = Orders {
            words: &["laps=0"],
            point: Some(format!("{died_at}:1:{}", libc::SIGKILL)),
            ..scene.orders()
        };
        let mut dead = crew.start("tourist", &orders)?;
        scene.expect_death(crew, &mut dead, died_at);
    } else {
        // Otherwise the company is at work when it happens.
        crew.go(&scene.queue, "company")?;
    }
    crew.go(&scene.queue, "second")?;
    if !stopped.is_stopped(PATIENCE)? {
        let ended = stopped.ended()?;
        scene.complain(format!("{HANG}: nobody stops there, ended: {ended:?}"));
    }
    let from = sys::now();
    crew.go(&scene.queue, "company")?;
    // Somebody wants to come in meanwhile.
    let orders = Orders {
        words: &["laps=1"],
        ..scene.orders()
    };
    let mut visitor = crew.start("tourist", &orders)?;
    sleep(hold);
    expect_calls(&mut company, step, &mut scene)?;
    let until = sys::now();
    sys::signal(stopped.pid(), libc::SIGCONT).map_err(|error| format!("SIGCONT: {error}"))?;
    crew.farewell(&mut visitor, &mut scene.complaints);
    let before = stopped.progress();
    if step != "close.marked" && !stopped.moves_on(before, 3, PATIENCE)? {
        scene.complain(format!("{HANG}: who was stopped does not go on"));
    }
    crew.dismiss(&scene.queue)?;
    for hand in company.iter_mut().chain([&mut stopped]) {
        crew.farewell(hand, &mut scene.complaints);
    }
    let thefts = thefts(step, (from, until), stopped.actor, crew, &scene.queue)?;
    if thefts > 0 {
        scene.complain(format!(
            "{thefts} calls ended well on the side that a stopped process held"
        ));
    }
    report.round([]);
    scene.settle(crew, report)
}

/// Calls with a limit end although somebody is stopped, and so does waiting for the end of a queue.
fn expect_calls(company: &mut [Hand], step: &str, scene: &mut Scene) -> Result<(), String> {
    for hand in company {
        let before = hand.progress();
        let goes_on = if step == "close.marked" {
            hand.ends_within(PATIENCE)?
        } else {
            hand.moves_on(before, 3, PATIENCE)?
        };
        if !goes_on {
            scene.complain(format!("{HANG}: {} waits for who is stopped", hand.role()));
        }
    }
    Ok(())
}

/// Calls of others that succeeded on a side while its holder was stopped.
fn thefts(step: &str, (from, until): (u64, u64), holder: u32, crew: &Crew, queue: &str) -> Result<usize, String> {
    let kind = match step {
        "put.reserved" | "put.half" | "put.written" | "put.published" | "repair.put" => Kind::Put,
        "get.read" | "get.marked" | "get.published" | "get.counted" | "repair.get" => Kind::Get,
        _ => return Ok(0),
    };
    let mut thefts = 0;
    for path in crew.journals(queue)? {
        let entries = journal::read(&path)?;
        let stolen = entries.iter().filter(|entry| {
            entry.kind == kind
                && entry.end == End::Ok
                && entry.actor != holder
                && entry.invoked > from
                && entry.returned < until
        });
        thefts += stolen.count();
    }
    Ok(thefts)
}
