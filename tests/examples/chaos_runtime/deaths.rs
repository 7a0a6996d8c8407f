//! Processes of a job that are killed, end too early, or stand still for a while.

use std::thread;
use std::time::{Duration, Instant};

use queue_testkit::Dice;
use sage_comm::Outcome;

use crate::evidence::Evidence;
use crate::options::{Fault, Options, Plant};
use crate::part::{EARLY, SOURCES, WORKERS};
use crate::peer::{Peer, Place, signal};
use crate::report::Report;

/// So soon workers end after their coordinator.
const SOON: Duration = Duration::from_secs(5);

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<(), String> {
    let place = Place::new();
    for round in 0..options.rounds {
        let mut dice = Dice::new(options.seed.wrapping_add(round));
        place.end(false)?;
        let mut complaints = Vec::new();
        match options.fault {
            Fault::Coordinator => coordinator(options, &place, round, &mut dice, report, &mut complaints)?,
            fault => worker(fault, options, &place, &mut dice, report, &mut complaints)?,
        }
        if options.plants(Plant::Leak) {
            std::fs::write(place.folder().join("left"), "").map_err(|error| error.to_string())?;
        }
        let left = place.left();
        if !left.is_empty() {
            report.leaks += left.len() as u64;
            complaints.push(format!("{left:?} is left"));
        }
        report.numbered_round(complaints);
    }
    Ok(())
}

/// Something happens to a worker.
fn worker(
    fault: Fault,
    options: &Options,
    place: &Place,
    dice: &mut Dice,
    report: &mut Report,
    complaints: &mut Vec<String>,
) -> Result<(), String> {
    let kind = if fault == Fault::Exit { "exit" } else { "plain" };
    let peer = Peer::start(place, kind, 1 + dice.below(5_000))?;
    let mut victim = 0;
    if fault != Fault::Exit {
        let workers = peer.workers(WORKERS)?;
        victim = workers
            .get(dice.below(u64::from(WORKERS)) as usize)
            .copied()
            .unwrap_or(0);
        thread::sleep(Duration::from_micros(dice.below(50_000)));
    }
    match fault {
        Fault::Kill => signal("KILL", victim),
        Fault::Stop => {
            signal("STOP", victim);
            thread::sleep(Duration::from_millis(1 + dice.below(options.hold)));
            // Or it never goes on.
            if !options.plants(Plant::Linger) {
                signal("CONT", victim);
            }
            place.end(true)?;
        }
        _ => {}
    }
    let begun = Instant::now();
    let evidence = if options.plants(Plant::Linger) {
        None
    } else {
        peer.evidence()?
    };
    report.counts.blocked(begun.elapsed());
    let Some(mut evidence) = evidence else {
        report.hangs += 1;
        complaints.push("the job does not end".to_owned());
        // The process is killed with `peer`, and its workers with the place.
        drop(peer);
        let _ = place.wait_empty(SOON);
        return place.clean();
    };
    spoil(options, &mut evidence);
    evidence.judge(report, complaints);
    let expected = match fault {
        Fault::Stop => {
            evidence.ended(&[Outcome::Finished], complaints);
            if evidence.sums.missing > 0 || evidence.sums.ended != u64::from(SOURCES) {
                complaints.push(format!("not all came: {:?}", evidence.sums));
            }
            None
        }
        Fault::Exit => Some(format!("ended with exit code {EARLY}")),
        _ => Some("was killed by signal 9 (SIGKILL)".to_owned()),
    };
    match (expected, evidence.lost.first()) {
        (None, None) => {}
        (Some(fate), Some(first)) if first.fate == fate && (victim == 0 || first.pid == victim) => {
            evidence.ended(&[Outcome::Failed], complaints);
            // Several may end early at once; one of them is the first.
            let mut lost = evidence.lost.iter().map(|lost| format!("process {} ", lost.pid));
            let blamed = evidence.failures.first();
            if !lost.any(|lost| blamed.is_some_and(|it| it.message.contains(&lost))) {
                complaints.push(format!(
                    "{} died, and the failures are {:?}",
                    first.pid, evidence.failures
                ));
            }
        }
        (expected, found) => complaints.push(format!("of {victim} expected {expected:?}, the report says {found:?}")),
    }
    let (_, there) = place.wait_empty(SOON);
    if !there.is_empty() {
        report.hangs += 1;
        complaints.push(format!("{there:?} live on after the job"));
    }
    Ok(())
}

/// The coordinator is killed, before its workers work or behind that, or while one of them does not return.
fn coordinator(
    options: &Options,
    place: &Place,
    round: u64,
    dice: &mut Dice,
    report: &mut Report,
    complaints: &mut Vec<String>,
) -> Result<(), String> {
    let kind = if round % 4 == 1 { "busy" } else { "plain" };
    let mut peer = Peer::start(place, kind, 1 + dice.below(1_000))?;
    if round % 4 == 3 {
        thread::sleep(Duration::from_micros(dice.below(60_000)));
    } else {
        peer.workers(WORKERS)?;
        thread::sleep(Duration::from_micros(dice.below(50_000)));
    }
    // Another one of its processes, which does not listen to it.
    let (_stays, soon) = if options.plants(Plant::Linger) {
        (Some(place.stay()?), Duration::from_millis(200))
    } else {
        (None, SOON)
    };
    peer.process().kill()?;
    let (took, there) = place.wait_empty(soon);
    report.counts.blocked(took);
    if !there.is_empty() {
        report.hangs += there.len() as u64;
        complaints.push(format!("{there:?} live on {took:?} after their coordinator"));
    }
    // The last of its workers has taken them away, also where it had to be ended by force.
    let left = place.left();
    report.add("left_at_death", left.len() as u64);
    if !left.is_empty() {
        complaints.push(format!("{left:?} is left by those who ended"));
    }
    if round.is_multiple_of(2) {
        return Ok(());
    }
    place.end(true)?;
    let next = Peer::start(place, "plain", 1)?;
    match next.evidence()? {
        Some(evidence) => evidence.ended(&[Outcome::Finished], complaints),
        None => complaints.push("the next job does not end".to_owned()),
    }
    let _ = place.wait_empty(SOON);
    Ok(())
}

fn spoil(options: &Options, evidence: &mut Evidence) {
    match options.plant {
        Some(Plant::Lose) => evidence.sums.missing += 1_000_000_000,
        Some(Plant::Twice) => evidence.sums.twice += 1,
        Some(Plant::Blame) => {
            if let Some(lost) = evidence.lost.first_mut() {
                lost.pid = 1;
                lost.fate = "was not seen".into();
            }
        }
        _ => {}
    }
}
