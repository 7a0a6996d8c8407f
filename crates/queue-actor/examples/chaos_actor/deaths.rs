//! The process of the manager is killed, again and again; each time another one takes over.

use std::path::Path;
use std::time::{Duration, Instant};

use queue_actor::{ManagerSettings, QueueManager};

use crate::crew::Peer;
use crate::options::{Options, Plant};
use crate::part::ITEMS;
use crate::report::Report;

const NAMESPACE: &str = "deaths";
/// Whoever waits is to be told so soon.
const SOON: Duration = Duration::from_secs(1);
/// The manager writes its numbers down within a second.
const WRITTEN: Duration = Duration::from_secs(30);

pub(crate) fn run(options: &Options, folder: &Path, report: &mut Report) -> Result<(), String> {
    let settings = ManagerSettings {
        folder: Some(folder.to_owned()),
        ..ManagerSettings::default()
    };
    let manager = QueueManager::with(NAMESPACE, settings).map_err(|error| error.to_string())?;
    let files = folder.join(format!("manager+{NAMESPACE}"));
    let start = || Peer::start(folder, NAMESPACE);
    let mut peers = (0..options.processes).map(|_| start()).collect::<Result<Vec<_>, _>>()?;
    let mut dice = options.seed | 1;
    let (mut last, mut before) = (0, 0);
    for _ in 0..options.rounds {
        let mut complaints = Vec::new();
        // Everybody at once.
        for peer in &mut peers {
            peer.tell("open")?;
        }
        let (mut epochs, mut hosts) = (Vec::new(), Vec::new());
        for (at, peer) in peers.iter().enumerate() {
            let said = peer.hear()?;
            epochs.push(said.get(1).and_then(|word| word.parse::<u64>().ok()).unwrap_or(0));
            if said.get(2).is_some_and(|word| word == "here") {
                hosts.push(at);
            }
            if said.get(3).is_none_or(|word| word != "0") {
                complaints.push(format!("a new queue has {:?} items", said.get(3)));
            }
        }
        let epoch = epochs.iter().copied().max().unwrap_or(0);
        if epochs.iter().any(|seen| *seen != epoch) {
            complaints.push(format!("epochs {epochs:?} at once"));
        }
        if epoch <= last {
            complaints.push(format!("epoch {epoch} after epoch {last}"));
        }
        let &[host] = hosts.as_slice() else {
            report.numbered_round(vec![format!("{} managers in epoch {epoch}", hosts.len())]);
            return Ok(());
        };
        if last > 0 {
            let losses = manager.losses().map_err(|error| error.to_string())?;
            let found: Vec<u64> = losses
                .iter()
                .filter(|lost| lost.epoch == last && lost.id.as_str() == ITEMS)
                .map(|lost| lost.items)
                .collect();
            if found != [before] {
                complaints.push(format!("{before} items were lost, and reported are {found:?}"));
            }
        }
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        before = dice % 16;
        let filler = (dice >> 8) as usize % peers.len();
        if let Some(peer) = peers.get_mut(filler) {
            peer.tell(&format!("fill {before}"))?;
            peer.hear()?;
        }
        written(&files, &format!("{epoch} 16 {before} {before} {ITEMS}"))?;
        for (at, peer) in peers.iter_mut().enumerate() {
            if at != host {
                peer.tell("wait")?;
                peer.hear()?;
            }
        }
        // Some are asleep by now, some are on their way.
        std::thread::sleep(Duration::from_micros((dice >> 16) % 5_000));
        let killed = Instant::now();
        if let Some(peer) = peers.get_mut(host) {
            peer.kill();
        }
        for (at, peer) in peers.iter().enumerate() {
            if at == host {
                continue;
            }
            for wanted in ["PeerDied", "PeerDied", "StaleHandle"] {
                let said = peer.hear()?;
                if said.get(2).is_none_or(|word| word != wanted) {
                    complaints.push(format!("expected {wanted}, heard {said:?}"));
                }
            }
        }
        let took = killed.elapsed();
        if took > SOON {
            complaints.push(format!("told after {took:?}"));
        }
        report.most("max_told_ms", u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        report.add("told", 2 * (options.processes - 1));
        report.add("items_lost", before);
        tamper(options.plant, &files, epoch)?;
        last = epoch;
        if let Some(peer) = peers.get_mut(host) {
            *peer = start()?;
        }
        report.numbered_round(complaints);
    }
    Ok(())
}

/// Waits until the manager has written that down.
fn written(files: &Path, line: &str) -> Result<(), String> {
    let begun = Instant::now();
    while begun.elapsed() < WRITTEN {
        if std::fs::read_to_string(files.join("queues")).is_ok_and(|text| text.lines().any(|it| it == line)) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Err(format!("the manager has not written `{line}` within {WRITTEN:?}"))
}

fn tamper(plant: Option<Plant>, files: &Path, epoch: u64) -> Result<(), String> {
    let done = match plant {
        Some(Plant::Rewind) => std::fs::write(files.join("epoch"), format!("{}\n", epoch - 1)),
        Some(Plant::Forget) => std::fs::write(files.join("queues"), ""),
        _ => Ok(()),
    };
    done.map_err(|error| error.to_string())
}
