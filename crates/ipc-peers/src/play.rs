//! The parts as they are played: open what is needed, say `ready`, then do one lap for each number that comes in.

use std::io::{BufRead, Write};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::meeting::Meeting;
use crate::part::{Act, Lap, Part, WORD};
use crate::peer::{Many, Rx, Transport, Tx};
use crate::processor::{cpu_time, now, pin, settle};
use crate::subject::SUBJECTS;

/// No part takes this long.
const WATCHDOG: Duration = Duration::from_secs(60);
/// Other queues of a call and its echo.
const THERE: &str = "there";
const BACK: &str = "back";

type Result<T> = std::result::Result<T, String>;

/// Plays the part that the words of a command line name; `None` when they name none.
///
/// # Errors
/// What the system says, or a line that is no number.
#[must_use]
pub fn play(words: &[String]) -> Option<Result<()>> {
    let (first, rest) = words.split_first()?;
    (first == WORD).then(|| {
        let text = rest.first().map_or("", String::as_str);
        let part: Part = serde_json::from_str(text).map_err(|error| format!("no part: {error}"))?;
        let subject = SUBJECTS.iter().find(|subject| subject.name == part.subject);
        let subject = subject.ok_or_else(|| format!("no subject {}", part.subject))?;
        (subject.play)(&part).map_err(|error| format!("{}: {error}", subject.name))
    })
}

/// Plays a part with `T`.
pub(crate) fn act<T: Transport>(part: &Part) -> Result<()> {
    if let Some(place) = part.processor {
        pin(place);
    }
    watch();
    let meeting = &part.meeting;
    match part.act {
        Act::Send if part.amount == 1 => send(T::tx(meeting)?),
        Act::Send => send(Many::new(each(part, T::tx)?)),
        Act::Receive if part.amount == 1 => receive(T::rx(meeting)?),
        Act::Receive => receive(Many::new(each(part, T::rx)?)),
        Act::Call => {
            let tx = T::tx(&meeting.of_queue(THERE))?;
            call(tx, T::rx(&meeting.of_queue(BACK))?, Duration::from_micros(part.amount))
        }
        Act::Echo => {
            let rx = T::rx(&meeting.of_queue(THERE))?;
            echo(T::tx(&meeting.of_queue(BACK))?, rx)
        }
        Act::Attach => laps(|times| attach::<T>(meeting, times)),
        Act::Hold => laps(|_| hold::<T>(part)),
        Act::Wait => wait::<T>(part),
    }
}

/// Ends this process when its part takes a minute: who does has lost somebody.
pub fn watch() {
    std::thread::spawn(|| {
        std::thread::sleep(WATCHDOG);
        let _ = writeln!(std::io::stderr(), "sage-bench: a part that did not end was ended");
        std::process::exit(70);
    });
}

/// One half of each of the queues of a part.
fn each<H>(part: &Part, open: impl Fn(&Meeting) -> Result<H>) -> Result<Vec<H>> {
    (0..part.amount)
        .map(|number| open(&part.meeting.of_queue(format!("q{number}"))))
        .collect()
}

fn send(mut tx: impl Tx) -> Result<()> {
    laps(|items| {
        for number in 0..items {
            tx.send(number)?;
        }
        tx.flush()?;
        Ok((0, Vec::new()))
    })
}

fn receive(mut rx: impl Rx) -> Result<()> {
    laps(|items| {
        let mut sum = 0_u64;
        for _ in 0..items {
            sum = sum.wrapping_add(rx.recv()?);
        }
        Ok((sum, Vec::new()))
    })
}

fn call(mut tx: impl Tx, mut rx: impl Rx, pause: Duration) -> Result<()> {
    laps(|trips| {
        let mut nanos = Vec::with_capacity(trips as usize);
        for number in 0..trips {
            if !pause.is_zero() {
                std::thread::sleep(pause);
            }
            let sent = Instant::now();
            tx.send(number)?;
            tx.flush()?;
            let answer = rx.recv()?;
            nanos.push(sent.elapsed().as_nanos() as f64);
            if answer != number {
                return Err(format!("expected {number} back, found {answer}"));
            }
        }
        Ok((0, nanos))
    })
}

fn echo(mut tx: impl Tx, mut rx: impl Rx) -> Result<()> {
    laps(|trips| {
        for _ in 0..trips {
            tx.send(rx.recv()?)?;
            tx.flush()?;
        }
        Ok((0, Vec::new()))
    })
}

fn attach<T: Transport>(meeting: &Meeting, times: u64) -> Result<(u64, Vec<f64>)> {
    let mut nanos = Vec::new();
    for _ in 0..times {
        let begun = Instant::now();
        let half = T::rx(meeting)?;
        nanos.push(begun.elapsed().as_nanos() as f64);
        drop(half);
    }
    Ok((0, nanos))
}

fn hold<T: Transport>(part: &Part) -> Result<(u64, Vec<f64>)> {
    let before = memory()?;
    let held = each(part, T::rx)?;
    let more = memory()? - before;
    drop(held);
    Ok((0, vec![more / part.amount.max(1) as f64]))
}

/// KiB that this process alone has in memory, its share of what it shares included.
fn memory() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").map_err(|error| format!("smaps_rollup: {error}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| "no Pss in smaps_rollup".into())
}

fn wait<T: Transport>(part: &Part) -> Result<()> {
    let mut threads: Vec<JoinHandle<Result<u64>>> = Vec::new();
    let (opened, all_opened) = mpsc::channel::<()>();
    for _ in 0..part.amount {
        let (meeting, opened) = (part.meeting.clone(), opened.clone());
        // Opened where it is used: not everything may go from thread to thread.
        threads.push(std::thread::spawn(move || {
            let mut rx = T::rx(&meeting)?;
            drop(opened);
            rx.recv()
        }));
    }
    drop(opened);
    while all_opened.recv().is_ok() {}
    laps(|millis| {
        if millis > 0 {
            settle();
            let (cpu, begun) = (cpu_time(), Instant::now());
            std::thread::sleep(Duration::from_millis(millis));
            let cpu = (cpu_time() - cpu).as_secs_f64();
            return Ok((0, vec![100.0 * cpu / begun.elapsed().as_secs_f64()]));
        }
        let mut sum = 0_u64;
        for thread in threads.drain(..) {
            sum += thread.join().map_err(|_| "a waiting thread panicked")??;
        }
        Ok((sum, Vec::new()))
    })
}

/// Says `ready`, and does one lap for each number that comes in, each with a [`Lap`] as the answer. A lap returns the sum of the
/// numbers that it received, and what else it measured.
///
/// # Errors
/// A line that is no number, or what a lap says.
pub fn laps(mut lap: impl FnMut(u64) -> Result<(u64, Vec<f64>)>) -> Result<()> {
    say("ready")?;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| format!("stdin: {error}"))?;
        let amount: u64 = line.trim().parse().map_err(|error| format!("{line}: {error}"))?;
        let (cpu, begun) = (cpu_time(), now());
        let (sum, values) = lap(amount)?;
        let (ended, cpu) = (now(), (cpu_time() - cpu).as_secs_f64());
        let done = Lap {
            begun,
            ended,
            cpu,
            sum,
            values,
        };
        say(&serde_json::to_string(&done).map_err(|error| format!("a lap: {error}"))?)?;
    }
    Ok(())
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| format!("stdout: {error}"))
}
