//! Clients that are killed, wherever they are, and what they had goes back.

use std::collections::HashSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use bytes::Bytes;
use descriptor_core::{Queue, QueueId, Wait};
use queue_rpc::RpcQueue;
use queue_testkit::Endpoint;

use crate::crew::Crew;
use crate::journal::{self, End, Kind};
use crate::law::Law;
use crate::options::Options;
use crate::payload;
use crate::report::Report;
use crate::scene::{Scene, moment, spec, told};
use crate::waging::Host;

/// Rounds with the same queue.
const ROUNDS: u64 = 20;
/// Items of a dead client are there again so soon.
const SOON: Duration = Duration::from_secs(1);
/// Items that a client which takes no more can have before it.
const HOARD: u64 = 300;

pub(crate) fn run(options: &Options, crew: &mut Crew, report: &mut Report) -> Result<(), String> {
    let host = Host::start(None)?;
    let mut fought = 0;
    while fought < options.rounds && report.hangs == 0 {
        let rounds = ROUNDS.min(options.rounds - fought);
        scene(options, crew, report, &host, (fought, rounds))?;
        fought += rounds;
    }
    host.end(report);
    Ok(())
}

fn scene(
    options: &Options,
    crew: &mut Crew,
    report: &mut Report,
    host: &Host,
    (first, rounds): (u64, u64),
) -> Result<(), String> {
    let front = host.endpoint(crew.dice.below(2) == 0);
    let name = format!("kill-client-{first}");
    let mut scene = Scene::new(crew, name, &front, front.clone(), Law::default());
    scene.populate(crew)?;
    let mut complaints = scene.all_move_on(moment(), report)?;
    for round in first..first + rounds {
        sleep(Duration::from_micros(crew.dice.below(20_000)));
        let chosen = crew.dice.below(scene.hands.len() as u64) as usize;
        scene.replace(crew, chosen)?;
        if round.is_multiple_of(5) {
            complaints.extend(inherit(crew, report, &front, round)?);
        }
        complaints.extend(scene.all_move_on(moment(), report)?);
        report.round(complaints.drain(..).map(|text| format!("round {round}: {text}")));
        if report.hangs > 0 {
            // Every further round would say the same, each after a long wait.
            break;
        }
    }
    scene.plant(crew, options.plant)?;
    scene.settle(crew, report, 0)
}

/// One that has items before it and takes no more of them dies: all are there again in time.
fn inherit(crew: &mut Crew, report: &mut Report, front: &Endpoint, round: u64) -> Result<Vec<String>, String> {
    let name = format!("hoard-{round}");
    let id = QueueId::new(name.as_str()).map_err(|error| error.to_string())?;
    let mut spec = spec(front, false);
    spec.capacity = HOARD as usize;
    let words = [
        told(front),
        "confirm=each".into(),
        "prefetch=256".into(),
        format!("maxsize={HOARD}"),
    ];
    let queue = RpcQueue::<Bytes>::open(&id, &spec).map_err(|error| format!("open: {error}"))?;
    for number in 0..HOARD {
        queue
            .put(payload::make(number))
            .map_err(|error| format!("put: {error}"))?;
    }
    let mut hoarder = crew.start("hoarder", &name, &words)?;
    if !hoarder.writes(|entry| entry.kind == Kind::Flush)? {
        return Ok(vec!["the hoarder did not take its items".into()]);
    }
    hoarder.kill()?;
    let died = Instant::now();
    let took: Vec<u64> = journal::read(&hoarder.journal)?
        .iter()
        .filter(|entry| entry.kind == Kind::Get && entry.end == End::Ok)
        .map(|entry| entry.item)
        .collect();
    let taken: HashSet<u64> = took.iter().copied().collect();
    let mut missing: HashSet<u64> = (0..HOARD).filter(|item| !taken.contains(item)).collect();
    let mut again = 0;
    let until = died + 5 * SOON;
    let mut last = Duration::ZERO;
    while !missing.is_empty() {
        let Ok(item) = queue.get_within(Wait::Until(until)) else {
            break;
        };
        if missing.remove(&payload::claimed(&item)) {
            last = died.elapsed();
        } else {
            again += 1;
        }
    }
    while queue.get_within(Wait::Never).is_ok() {
        again += 1;
    }
    report.most("visible_again_ms", last.as_millis() as u64);
    report.add("hoards", 1);
    report.add("hoard_redelivered", again);
    let mut complaints = Vec::new();
    if last > SOON {
        complaints.push(format!("items of a dead client were there again after {last:?}"));
    }
    if !missing.is_empty() {
        complaints.push(format!("{} items of a dead client did not come again", missing.len()));
    }
    if again > took.len() as u64 {
        complaints.push(format!("{again} items came again, and {} were taken", took.len()));
    }
    Ok(complaints)
}
