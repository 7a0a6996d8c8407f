//! Connections over which nothing comes any more, and that nobody closes.

use std::thread::sleep;
use std::time::Duration;

use queue_testkit::{Direction, Proxy};

use crate::crew::Crew;
use crate::law::Law;
use crate::options::Options;
use crate::report::Report;
use crate::scene::{Scene, moment};
use crate::waging::Host;
use crate::wire::{GRACE, wait_for};
use crate::worker::PATIENCE;

/// Rounds with the same clients.
const ROUNDS: u64 = 3;

pub(crate) fn run(options: &Options, crew: &mut Crew, report: &mut Report) -> Result<(), String> {
    let host = Host::start(Some(GRACE))?;
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
    let by_tcp = crew.dice.below(2) == 0;
    let proxy = Proxy::start(&host.front(by_tcp), host.endpoint(by_tcp), crew.dice.roll())
        .map_err(|error| format!("proxy: {error}"))?;
    let law = Law {
        is_rough: true,
        ..Law::default()
    };
    let mut scene = Scene::new(
        crew,
        format!("half-open-{first}"),
        proxy.endpoint(),
        host.endpoint(by_tcp),
        law,
    );
    scene.populate(crew)?;
    let mut complaints = scene.all_move_on(moment(), report)?;
    for round in first..first + rounds {
        sleep(Duration::from_millis(crew.dice.below(300)));
        let which = crew.dice.below(3);
        let before = proxy.tally().accepted;
        if which != 1 {
            proxy.stall(Direction::ToServer);
        }
        if which != 0 {
            proxy.stall(Direction::ToClient);
        }
        // Each of them has a connection of its own, gives it up, and tries another one.
        let each = scene.hands.len() as u64;
        if wait_for(PATIENCE, || proxy.tally().accepted >= before + each).is_err() {
            let tried = proxy.tally().accepted - before;
            complaints.push(format!("{tried} of {each} clients gave their connection up"));
        }
        sleep(Duration::from_millis(crew.dice.below(3000)));
        proxy.resume();
        complaints.extend(scene.all_move_on(moment(), report)?);
        report.round(complaints.drain(..).map(|text| format!("round {round}: {text}")));
        if report.hangs > 0 {
            // Every further round would say the same, each after a long wait.
            break;
        }
    }
    report.add("connections", proxy.tally().accepted);
    scene.plant(crew, options.plant)?;
    scene.settle(crew, report, proxy.tally().accepted)
}
