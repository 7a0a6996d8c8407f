//! Many processes want the same queues at once.

use std::path::Path;

use queue_actor::{ManagerSettings, QueueManager};

use crate::crew::Peer;
use crate::options::{Options, Plant};
use crate::part::NAMES;
use crate::report::Report;

pub(crate) fn run(options: &Options, folder: &Path, report: &mut Report) -> Result<(), String> {
    for round in 0..options.rounds {
        let namespace = format!("storm{round}");
        let elsewhere = folder.join("elsewhere");
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        private(folder)?;
        let mut peers = Vec::new();
        for number in 0..options.processes {
            let is_lost = options.plant == Some(Plant::Split) && number == 1;
            peers.push(Peer::start(if is_lost { &elsewhere } else { folder }, &namespace)?);
        }
        for peer in &mut peers {
            peer.tell(&format!("storm {}", options.opens))?;
        }
        let (mut put, mut managers, mut complaints) = (0, 0, Vec::new());
        for peer in &peers {
            let said = peer.hear()?;
            let number = |at: usize| {
                said.get(at)
                    .and_then(|word| word.parse::<u64>().ok())
                    .unwrap_or(u64::MAX)
            };
            put += number(1);
            managers += number(4);
            if number(2) != 0 {
                complaints.push(format!("{} of its opens failed", number(2)));
            }
            if number(3) != 1 {
                complaints.push(format!("a process is in epoch {}", number(3)));
            }
        }
        if managers != 1 {
            complaints.push(format!("{managers} managers"));
        }
        let settings = ManagerSettings {
            folder: Some(folder.to_owned()),
            ..ManagerSettings::default()
        };
        let manager = QueueManager::with(&namespace, settings).map_err(|error| error.to_string())?;
        let mut inside = 0;
        for name in NAMES {
            inside += manager.size(name).map_err(|error| error.to_string())?;
        }
        if inside != put {
            complaints.push(format!("{put} items were put, and {inside} are there"));
        }
        report.add("opens", options.opens * options.processes);
        report.add("put", put);
        report.numbered_round(complaints);
    }
    Ok(())
}

/// Of the mode that folders of managers have.
fn private(folder: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(folder, mode).map_err(|error| error.to_string())
}
