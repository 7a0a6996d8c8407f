//! A process dies at one labelled step; at each of them, in company and alone, and then the one who cleans up after it
//! dies at another.

use queue_shm::STEPS;

use crate::crew::{Crew, Ending, Hand, Orders, PATIENCE};
use crate::ledger::LONGEST_BLOCK_NS;
use crate::options::Options;
use crate::report::Report;
use crate::scene::{HANG, Scene};

const KILL: i32 = libc::SIGKILL;
/// Steps that are only passed when somebody died before, and at which step that one dies.
const REPAIRS: &[(&str, &str)] = &[
    ("lock.robbed", "get.published"),
    ("repair.put", "put.written"),
    ("repair.get", "get.published"),
];
/// In the place of the second one to die.
const NOBODY: &str = "nobody";
/// Visits of a step before the one that counts.
const VISITS: u64 = 4;

pub(crate) fn run(options: &Options, crew: &mut Crew, report: &mut Report) -> Result<(), String> {
    for step in STEPS {
        one_step(step, options.rounds, crew, report)?;
    }
    crowd(crew, report)?;
    let pairs = all_pairs();
    let all = pairs.len() as u64 * (options.rounds / 10).max(1);
    let drawn = options.pairs.unwrap_or(all);
    for number in 0..drawn {
        // Each of them in turn, or some by lot.
        let place = if options.pairs.is_some() {
            crew.dice.below(pairs.len() as u64) as usize
        } else {
            (number % pairs.len() as u64) as usize
        };
        if let Some((first, second, within)) = pairs.get(place) {
            let die = if *within { pair_within } else { pair };
            die(first, second, crew, report)?;
        }
    }
    let longest = report.counts.max_block_ns;
    if longest > LONGEST_BLOCK_NS {
        report.complain(format!("a call took {longest} ns longer than its limit"));
    }
    for (name, _) in REPAIRS {
        if !report.has(name) {
            report.complain(format!("nobody died at {name}"));
        }
    }
    Ok(())
}

/// Who dies where, and then the next one, who comes when it has happened or is there already.
fn all_pairs() -> Vec<(&'static str, &'static str, bool)> {
    let mut pairs = Vec::new();
    for first in STEPS.iter().filter(|step| repair_of(step).is_none()) {
        // A step of joining is only passed where there is a queue already.
        let joins = *first == "attach.mapped";
        for second in STEPS.iter().filter(|step| !joins || !is_solitary(step)) {
            pairs.push((*first, *second, false));
            if !is_solitary(first) && !is_solitary(second) {
                pairs.push((*first, *second, true));
            }
        }
    }
    pairs
}

/// Where somebody must have died before that step is passed.
pub(crate) fn repair_of(step: &str) -> Option<&'static str> {
    REPAIRS
        .iter()
        .find(|(repair, _)| *repair == step)
        .map(|(_, first)| *first)
}

/// Whether that step needs a queue that nobody else has.
pub(crate) fn is_solitary(step: &str) -> bool {
    step.starts_with("create.") || step == "detach.unlinked"
}

/// Whether a call that dies there has not yet said that its items are about to be returned.
fn is_inside(step: &str) -> bool {
    step != "sleep.ended"
}

fn one_step(step: &'static str, rounds: u64, crew: &mut Crew, report: &mut Report) -> Result<(), String> {
    if !is_solitary(step) && step != "close.marked" && repair_of(step).is_none() {
        return in_company(step, rounds, crew, report);
    }
    for _ in 0..rounds {
        match repair_of(step) {
            Some(first) => pair(first, step, crew, report)?,
            None if is_solitary(step) => pair(step, NOBODY, crew, report)?,
            None => closing(crew, report)?,
        }
    }
    Ok(())
}

fn point(step: &str, visit: u64) -> Option<String> {
    Some(format!("{step}:{visit}:{KILL}"))
}

/// A tourist dies at the step while a producer and a consumer are at work, who go on.
fn in_company(step: &str, rounds: u64, crew: &mut Crew, report: &mut Report) -> Result<(), String> {
    let mut scene = Scene::new(step, format!("points/{step}"));
    scene.is_exact = is_inside(step);
    scene.keep(crew)?;
    let mut company = Vec::new();
    for role in ["producer", "consumer"] {
        company.push(crew.start(role, &scene.orders())?);
    }
    for round in 0..rounds {
        let before = scene.complaints.len();
        let orders = Orders {
            point: point(step, 1 + crew.dice.below(VISITS)),
            ..scene.orders()
        };
        let mut victim = crew.start("tourist", &orders)?;
        scene.expect_death(crew, &mut victim, step);
        let entries: Vec<u64> = company.iter().map(Hand::progress).collect();
        for (hand, entries) in company.iter_mut().zip(entries) {
            if !hand.moves_on(entries, 3, PATIENCE)? {
                let (role, ended) = (hand.role(), hand.ended()?);
                scene.complain(format!("HANG: round {round}: {role} makes no calls, ended: {ended:?}"));
            }
        }
        let new = scene.complaints.split_off(before);
        let stuck = !new.is_empty();
        report.hangs += new.iter().filter(|text| text.contains(HANG)).count() as u64;
        report.round(new);
        if stuck {
            break;
        }
    }
    crew.dismiss(&scene.queue)?;
    for hand in &mut company {
        crew.farewell(hand, &mut scene.complaints);
    }
    scene.settle(crew, report)
}

/// One dies at `first`; the next one comes, finds what it left, and dies at `second` if it gets there.
fn pair(first: &str, second: &'static str, crew: &mut Crew, report: &mut Report) -> Result<(), String> {
    let mut scene = Scene::new(format!("{first} then {second}"), format!("pairs/{first}/{second}"));
    scene.is_exact = is_inside(first) && is_inside(second);
    if !is_solitary(first) && !is_solitary(second) {
        scene.keep(crew)?;
    }
    for (step, is_first) in [(first, true), (second, false)] {
        if step == NOBODY {
            continue;
        }
        let words: &[&str] = match step {
            "close.marked" => &["laps=1", "close=1"],
            // Around until it dies: on a busy machine one lap may not need to sleep.
            _ if is_first => &["laps=0"],
            _ => &["laps=1"],
        };
        let orders = Orders {
            point: point(step, 1),
            words,
            ..scene.orders()
        };
        let mut victim = crew.start("tourist", &orders)?;
        if is_first {
            scene.expect_death(crew, &mut victim, step);
            continue;
        }
        judge_second(&mut scene, &mut victim, second, crew, report);
    }
    report.round([]);
    scene.settle(crew, report)
}

fn judge_second(scene: &mut Scene, victim: &mut Hand, step: &'static str, crew: &mut Crew, report: &mut Report) {
    match crew.wait(victim) {
        Ok(Ending::Killed) if repair_of(step).is_some() => report.add(step, 1),
        Ok(Ending::Killed) => report.add("second_deaths", 1),
        Ok(Ending::Good) => report.add("second_survived", 1),
        Ok(ending) => scene.complain(format!("the second process ended by {ending:?}")),
        Err(hang) => scene.complain(hang),
    }
}

/// The same when the second one has the queue open before the first one dies: it meets what is left in its calls, and
/// not when it joins.
fn pair_within(first: &str, second: &'static str, crew: &mut Crew, report: &mut Report) -> Result<(), String> {
    let mut scene = Scene::new(
        format!("{first} then {second} within"),
        format!("pairs/{first}/{second}/within"),
    );
    scene.is_exact = is_inside(first) && is_inside(second);
    scene.keep(crew)?;
    let going = format!("go={}", crew.go_file(&scene.queue, "second").display());
    let words = ["laps=1", "close=1", going.as_str()];
    let words = words
        .iter()
        .copied()
        .filter(|word| *word != "close=1" || second == "close.marked");
    let words: Vec<&str> = words.collect();
    let orders = Orders {
        point: point(second, 1),
        words: &words,
        ..scene.orders()
    };
    let mut after = crew.start("tourist", &orders)?;
    // It waits with the queue open, or has died while it came in.
    if !after.moves_on(0, 1, PATIENCE)? && after.ended()?.is_none() {
        scene.complain(format!("{HANG}: the queue does not open"));
    }
    let orders = Orders {
        point: point(first, 1),
        words: if first == "close.marked" {
            &["laps=1", "close=1"]
        } else {
            &["laps=0"]
        },
        ..scene.orders()
    };
    let mut before = crew.start("tourist", &orders)?;
    scene.expect_death(crew, &mut before, first);
    crew.go(&scene.queue, "second")?;
    judge_second(&mut scene, &mut after, second, crew, report);
    report.round([]);
    scene.settle(crew, report)
}

/// As many participants as there can be, and all but the keeper die: the next one takes the place of a dead one, whose
/// items it must count.
fn crowd(crew: &mut Crew, report: &mut Report) -> Result<(), String> {
    let mut scene = Scene::new("crowd", "points/crowd".into());
    scene.is_exact = true;
    scene.keep(crew)?;
    let orders = Orders {
        words: &["laps=1", "handles=254"],
        point: point("get.published", 1),
        ..scene.orders()
    };
    let mut victim = crew.start("tourist", &orders)?;
    scene.expect_death(crew, &mut victim, "get.published");
    report.round([]);
    scene.settle(crew, report)
}

/// Who closes a queue dies before it has woken anybody; those who wait without a limit learn of it all the same.
fn closing(crew: &mut Crew, report: &mut Report) -> Result<(), String> {
    let mut scene = Scene::new("close.marked", "points/close".into());
    scene.keep(crew)?;
    let mut waiting = Vec::new();
    for role in ["getter", "getter", "putter"] {
        waiting.push(crew.start(role, &scene.orders())?);
    }
    let orders = Orders {
        words: &["laps=1", "close=1"],
        point: point("close.marked", 1),
        ..scene.orders()
    };
    let mut victim = crew.start("tourist", &orders)?;
    scene.expect_death(crew, &mut victim, "close.marked");
    for hand in &mut waiting {
        crew.farewell(hand, &mut scene.complaints);
    }
    report.round([]);
    scene.settle(crew, report)
}
