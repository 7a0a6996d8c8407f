//! Many processes open and close a few queues as fast as they can, and some are killed on the way.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use crate::crew::{Crew, Ending, Hand, Orders, PATIENCE};
use crate::journal::{self, End, Entry, Kind};
use crate::ledger::Fate;
use crate::options::Options;
use crate::report::Report;
use crate::scene::HANG;

/// Queues in and out of which they go.
pub(crate) const NAMES: [&str; 4] = ["storm/a", "storm/b", "storm/c", "storm/d"];
/// The journals of all processes go by this name.
const CAMPAIGN: &str = "storm";
const PROCESSES: usize = 32;

/// Who goes in and out, so often.
fn opener(options: &Options, crew: &mut Crew) -> Result<Hand, String> {
    let opens = format!("opens={}", options.opens);
    crew.start(
        "opener",
        &Orders {
            queue: CAMPAIGN,
            words: &[&opens],
            ..Orders::default()
        },
    )
}

pub(crate) fn run(options: &Options, crew: &mut Crew, report: &mut Report) -> Result<(), String> {
    let mut hands = Vec::new();
    for _ in 0..PROCESSES {
        hands.push(opener(options, crew)?);
    }
    for round in 0..options.rounds {
        sleep(Duration::from_micros(crew.dice.below(5000)));
        let mut complaints = Vec::new();
        let chosen = crew.dice.below(PROCESSES as u64) as usize;
        if let Some(victim) = hands.get_mut(chosen) {
            match victim.ended()? {
                None | Some(Ending::Good) => {}
                Some(ending) => complaints.push(format!("round {round}: an opener ended by {ending:?}")),
            }
            crew.kill(victim)?;
            *victim = opener(options, crew)?;
        }
        // All of them get through, now and then.
        if round % 50 == 49 {
            complaints.extend(everybody_moves(&mut hands, round)?);
        }
        let stuck = !complaints.is_empty();
        report.round(complaints);
        if stuck {
            break;
        }
    }
    // Those who live go on until they have opened so often, unless they are to go on for ever.
    while report.failed == 0 {
        for complaint in everybody_moves(&mut hands, options.rounds)? {
            report.complain(complaint);
        }
        let mut at_work = false;
        for hand in &mut hands {
            at_work |= hand.ended()?.is_none();
        }
        if options.opens == 0 || !at_work {
            break;
        }
    }
    crew.dismiss(CAMPAIGN)?;
    let mut complaints = Vec::new();
    for hand in &mut hands {
        crew.farewell(hand, &mut complaints);
    }
    // Whatever the dead left is removed by the next one who comes.
    for name in NAMES {
        let orders = Orders {
            queue: name,
            ..Orders::default()
        };
        let mut last = crew.start("auditor", &orders)?;
        crew.farewell(&mut last, &mut complaints);
    }
    complaints.extend(judge(crew, report)?);
    report.hangs += complaints.iter().filter(|text| text.contains(HANG)).count() as u64;
    for complaint in complaints {
        report.complain(complaint);
    }
    Ok(())
}

fn everybody_moves(hands: &mut [Hand], round: u64) -> Result<Vec<String>, String> {
    let before: Vec<u64> = hands.iter().map(Hand::progress).collect();
    let mut complaints = Vec::new();
    for (hand, before) in hands.iter_mut().zip(before) {
        if !hand.moves_on(before, 2, PATIENCE)? {
            let ended = hand.ended()?;
            if ended == Some(Ending::Good) {
                continue;
            }
            complaints.push(format!(
                "{HANG}: round {round}: an opener does not get on, ended: {ended:?}"
            ));
        }
    }
    Ok(complaints)
}

/// From when to when a process certainly had a queue open.
struct Stay {
    epoch: u64,
    from: u64,
    until: u64,
}

/// At no time may two lives of one queue be open, and no item may come out of another life than it was put into.
fn judge(crew: &Crew, report: &mut Report) -> Result<Vec<String>, String> {
    let mut complaints = Vec::new();
    let mut stays: BTreeMap<u64, Vec<Stay>> = BTreeMap::new();
    let (mut put_into, mut came_out) = (BTreeMap::new(), Vec::new());
    for path in crew.journals(CAMPAIGN)? {
        let entries = journal::read(&path)?;
        let actor = entries.first().map_or(0, |entry| entry.actor);
        let death = match crew.fates().get(&actor) {
            Some(Fate::Killed { from, .. }) => *from,
            _ => u64::MAX,
        };
        let mut at: Option<(u64, Stay)> = None;
        for entry in &entries {
            match entry.kind {
                Kind::Name => {
                    at = Some((
                        entry.item,
                        Stay {
                            epoch: 0,
                            from: 0,
                            until: 0,
                        },
                    ))
                }
                Kind::Open => {
                    report.add("opens", 1);
                    if let Some((_, stay)) = &mut at {
                        *stay = Stay {
                            epoch: entry.item,
                            from: entry.returned,
                            until: death,
                        };
                    }
                }
                Kind::Leave => {
                    if let Some((name, mut stay)) = at.take() {
                        stay.until = entry.invoked.min(death);
                        stays.entry(name).or_default().push(stay);
                    }
                }
                Kind::Put if entry.end == End::Ok => {
                    report.counts.confirmed += 1;
                    put_into.insert(entry.item, epoch_of(at.as_ref()));
                }
                Kind::BeginPut => {
                    put_into.insert(entry.item, epoch_of(at.as_ref()));
                }
                Kind::Get => judge_get(entry, epoch_of(at.as_ref()), &mut came_out, report, &mut complaints),
                Kind::Refused => complaints.push(format!("actor {actor}: an error that is not worth a second try")),
                _ => {}
            }
        }
        if let Some((name, stay)) = at.filter(|(_, stay)| stay.epoch != 0) {
            stays.entry(name).or_default().push(stay);
        }
    }
    for (item, epoch) in came_out {
        if put_into.get(&item) != Some(&epoch) {
            complaints.push(format!("item {item:#x} came out of another life of its queue"));
        }
    }
    for (name, stays) in &mut stays {
        overlaps(*name, stays, report, &mut complaints);
    }
    Ok(complaints)
}

fn epoch_of(at: Option<&(u64, Stay)>) -> u64 {
    at.map_or(0, |(_, stay)| stay.epoch)
}

fn judge_get(
    entry: &Entry,
    epoch: u64,
    came_out: &mut Vec<(u64, u64)>,
    report: &mut Report,
    complaints: &mut Vec<String>,
) {
    match entry.end {
        End::Ok => {
            report.counts.delivered += 1;
            came_out.push((entry.item, epoch));
        }
        End::Corrupt | End::Wrong => {
            report.counts.corrupt += 1;
            complaints.push(format!("actor {} met {:?}", entry.actor, entry.end));
        }
        _ => {}
    }
}

/// Sorted by their begin, stays of another epoch must begin after all earlier ones have ended.
fn overlaps(name: u64, stays: &mut [Stay], report: &mut Report, complaints: &mut Vec<String>) {
    stays.sort_by_key(|stay| stay.from);
    let (mut epoch, mut until) = (0, 0);
    for stay in stays {
        if stay.epoch != epoch {
            report.add("epochs", 1);
            if stay.from < until {
                complaints.push(format!(
                    "queue {name}: epochs {epoch} and {} were open together for {} ns",
                    stay.epoch,
                    until - stay.from
                ));
            }
            if stay.epoch < epoch {
                complaints.push(format!("queue {name}: epoch {} came after {epoch}", stay.epoch));
            }
            epoch = stay.epoch;
            until = 0;
        }
        until = until.max(stay.until);
    }
}
