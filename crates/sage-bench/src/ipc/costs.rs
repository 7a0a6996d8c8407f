//! What a queue costs that nobody uses: opening it, its memory, and those who wait in it.

use ipc_peers::{Act, Lap, Meeting, Part, Shape, Subject, WORD};

use super::{Item, cases};
use crate::company::Company;
use crate::measure::{Better, Group, Metric, Size};
use crate::scenario::percentiles;

const OPENS: u64 = 50;
const HELD: u64 = 100;
const PROCESSES: u64 = 4;
const THREADS: u64 = 25;

/// All of them, for those that can be joined by name.
pub(super) fn groups(subjects: &[&'static Subject], item: Item) -> Vec<Group> {
    let group = |size, scenario, unit, run: fn(&'static Subject, Item, u64) -> Result<Vec<f64>, String>| Group {
        size,
        item: item.name,
        metrics: vec![Metric {
            scenario,
            unit,
            better: Better::Lower,
        }],
        cases: cases(subjects, move |subject, amount| run(subject, item, amount)),
    };
    vec![
        group(Size::Own, "create", "us", create),
        group(Size::Own, "attach", "us", attach),
        group(Size::Own, "memory of an idle queue", "KiB", memory),
        group(Size::Millis, "idle", "% of a processor", idle),
    ]
}

fn part(subject: &'static Subject, meeting: &Meeting, act: Act, amount: u64) -> Part {
    Part {
        subject: subject.name.into(),
        act,
        amount,
        processor: None,
        meeting: meeting.clone(),
    }
}

/// The first one makes it, and the last one removes it.
fn create(subject: &'static Subject, item: Item, _: u64) -> Result<Vec<f64>, String> {
    let (_folder, meeting) = Meeting::new(item.size, Shape::PAIR)?;
    let mut company = Company::of_parts(WORD, &[part(subject, &meeting, Act::Attach, 1)])?;
    let laps = company.lap(&[OPENS])?;
    company.end()?;
    Ok(micros(laps.first()))
}

/// Another process has it open.
fn attach(subject: &'static Subject, item: Item, _: u64) -> Result<Vec<f64>, String> {
    let (_folder, meeting) = Meeting::new(item.size, Shape::PAIR)?;
    let mut company = Company::of_parts(
        WORD,
        &[
            part(subject, &meeting, Act::Receive, 1),
            part(subject, &meeting, Act::Attach, 1),
        ],
    )?;
    let laps = company.lap(&[0, OPENS])?;
    company.end()?;
    Ok(micros(laps.last()))
}

/// The median, from nanoseconds.
fn micros(lap: Option<&Lap>) -> Vec<f64> {
    let nanos = lap.map(|lap| lap.values.clone()).unwrap_or_default();
    percentiles(nanos).first().map(|p50| p50 / 1e3).into_iter().collect()
}

fn memory(subject: &'static Subject, item: Item, _: u64) -> Result<Vec<f64>, String> {
    let (_folder, meeting) = Meeting::new(item.size, Shape::PAIR)?;
    let mut company = Company::of_parts(WORD, &[part(subject, &meeting, Act::Hold, HELD)])?;
    let laps = company.lap(&[0])?;
    company.end()?;
    Ok(laps.first().map(|lap| lap.values.clone()).unwrap_or_default())
}

/// A hundred consumers, in several processes; in the end each gets an item.
fn idle(subject: &'static Subject, item: Item, millis: u64) -> Result<Vec<f64>, String> {
    let (_folder, meeting) = Meeting::new(item.size, Shape::PAIR)?;
    let mut parts = vec![part(subject, &meeting, Act::Wait, THREADS); PROCESSES as usize];
    parts.push(part(subject, &meeting, Act::Send, 1));
    let mut company = Company::of_parts(WORD, &parts)?;
    let amounts = |waiters: u64, sender: u64| [vec![waiters; PROCESSES as usize], vec![sender]].concat();
    let laps = company.lap(&amounts(millis, 0))?;
    let percent = laps.iter().filter_map(|lap| lap.values.first()).sum();
    let items = PROCESSES * THREADS;
    let laps = company.lap(&amounts(0, items))?;
    company.end()?;
    let sum: u64 = laps.iter().map(|lap| lap.sum).sum();
    if sum != items * (items - 1) / 2 {
        return Err("a consumer that waited got no item, or another one".into());
    }
    Ok(vec![percent])
}
