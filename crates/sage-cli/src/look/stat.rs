//! `sage stat`: the numbers of a queue as they change.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::args::StatArgs;
use super::numbers::Numbers;
use super::place::Place;
use crate::failure::Failure;
use crate::interrupt::{Asked, Interrupts};
use crate::number::{grouped, per_second, short};
use crate::output::Output;

/// How often it looks whether somebody asked for its end.
const TICK: Duration = Duration::from_millis(50);
/// Lines under one line of titles.
const PAGE: u64 = 20;

pub(crate) fn stat(args: &StatArgs) -> Result<ExitCode, Failure> {
    let place = Place::of(&args.descriptor)?;
    let interrupts = Interrupts::catch()?;
    let mut output = Output::stdout();
    let lines = match (args.every, &args.count) {
        (None, _) => 1,
        (Some(_), count) => count.as_ref().map_or(u64::MAX, |count| count.0),
    };
    let mut before: Option<(Instant, Numbers)> = None;
    for line in 0..lines {
        if line > 0 && !pause(args.every.unwrap_or_default(), &interrupts) {
            break;
        }
        let now = Instant::now();
        let Some(numbers) = place.look()?.numbers() else {
            return Err(Failure::new(format_args!(
                "queue `{}` cannot be read; `sage show` says why",
                place.id
            )));
        };
        // A queue of another life begins with nothing.
        let last = before.filter(|(_, last)| last.epoch == numbers.epoch);
        let rates = last.map(|(at, last)| {
            let seconds = now.duration_since(at).as_secs_f64();
            (
                per_second(numbers.put.saturating_sub(last.put), seconds),
                per_second(numbers.got.saturating_sub(last.got), seconds),
            )
        });
        output.print(|out| {
            if args.json {
                let mut value = numbers.to_json();
                if let Some(fields) = value.as_object_mut() {
                    fields.insert("queue_id".into(), place.id.as_str().into());
                    fields.insert("put_per_second".into(), rates.map(|rates| rates.0).into());
                    fields.insert("get_per_second".into(), rates.map(|rates| rates.1).into());
                }
                return writeln!(out, "{value}");
            }
            if line % PAGE == 0 {
                writeln!(out, "{}", row(&TITLES.map(str::to_owned)))?;
            }
            writeln!(out, "{}", row(&cells(&numbers, rates)))
        })?;
        if output.is_closed() {
            break;
        }
        before = Some((now, numbers));
    }
    Ok(ExitCode::SUCCESS)
}

const TITLES: [&str; 8] = ["inside", "away", "put", "got", "put/s", "got/s", "again", "dead"];

fn cells(numbers: &Numbers, rates: Option<(f64, f64)>) -> [String; 8] {
    let rate = |of: fn((f64, f64)) -> f64| rates.map_or_else(|| "-".to_owned(), |rates| short(of(rates)));
    [
        grouped(numbers.inside),
        grouped(numbers.away),
        grouped(numbers.put),
        grouped(numbers.got),
        rate(|rates| rates.0),
        rate(|rates| rates.1),
        grouped(numbers.redelivered),
        grouped(numbers.dead_lettered),
    ]
}

/// Columns that do not depend on the lines to come.
fn row(cells: &[String; 8]) -> String {
    cells.iter().map(|cell| format!("{cell:>11}")).collect()
}

/// Whether it is time for another line; not when somebody asked for the end.
fn pause(time: Duration, interrupts: &Interrupts) -> bool {
    let end = Instant::now() + time;
    loop {
        if interrupts.asked() > Asked::Nothing {
            return false;
        }
        match end.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => std::thread::sleep(left.min(TICK)),
            _ => return true,
        }
    }
}
