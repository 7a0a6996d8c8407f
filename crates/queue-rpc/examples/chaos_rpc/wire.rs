//! Connections that are cut, and bytes that arrive with a bit flipped, somewhere.

use std::thread::sleep;
use std::time::{Duration, Instant};

use queue_testkit::{Dice, Direction, Place, Proxy, Tally, Tape, Weather};

use crate::crew::Crew;
use crate::law::Law;
use crate::options::{Fault, Options, Plant};
use crate::report::Report;
use crate::scene::{Scene, moment};
use crate::tape;
use crate::waging::Host;
use crate::worker::PATIENCE;

/// Rounds with the same clients.
const ROUNDS: u64 = 25;
/// Tapes that are kept of live connections.
const TAPES: usize = 256;
/// A session comes back sooner, however busy the machine is: nothing that was sent to it goes to others.
pub(crate) const GRACE: Duration = Duration::from_secs(120);
/// About as much as the first words of both sides.
const GREETING: u64 = 300;

pub(crate) fn run(options: &Options, crew: &mut Crew, report: &mut Report) -> Result<(), String> {
    let host = Host::start(Some(GRACE))?;
    let (mut fought, mut tapes) = (0, Vec::new());
    let live = if options.fault == Fault::Bitflip {
        options.rounds.min(options.live.max(1))
    } else {
        options.rounds
    };
    while fought < live && report.hangs == 0 {
        let rounds = ROUNDS.min(live - fought);
        tapes.extend(scene(options, crew, report, &host, (fought, rounds))?);
        tapes.truncate(TAPES);
        fought += rounds;
    }
    host.end(report);
    let rest = options.rounds - live;
    if rest > 0 && report.hangs == 0 {
        tape::run(options, &tapes, rest, &mut crew.dice, report)?;
    }
    Ok(())
}

fn scene(
    options: &Options,
    crew: &mut Crew,
    report: &mut Report,
    host: &Host,
    (first, rounds): (u64, u64),
) -> Result<Vec<Tape>, String> {
    let by_tcp = crew.dice.below(2) == 0;
    let proxy = Proxy::start(&host.front(by_tcp), host.endpoint(by_tcp), crew.dice.roll())
        .map_err(|error| format!("proxy: {error}"))?;
    proxy.record(tape::LENGTH);
    let law = Law {
        is_rough: true,
        ..Law::default()
    };
    let name = format!("{}-{first}", options.name);
    let mut scene = Scene::new(crew, name, proxy.endpoint(), host.endpoint(by_tcp), law);
    if crew.dice.below(3) == 0 {
        let weather = Weather {
            delay: Duration::from_micros(crew.dice.below(500)),
            jitter: Duration::from_micros(crew.dice.below(2000)),
            ..Weather::default()
        };
        proxy.set(Direction::ToServer, weather);
        proxy.set(Direction::ToClient, weather);
    }
    scene.populate(crew)?;
    let mut complaints = scene.all_move_on(moment(), report)?;
    for round in first..first + rounds {
        let before = proxy.tally();
        if options.plant != Some(Plant::NoFlip) {
            arm(options.fault, &proxy, &mut crew.dice);
        }
        complaints.extend(strikes(options, &proxy, before).err());
        complaints.extend(scene.all_move_on(moment(), report)?);
        report.round(complaints.drain(..).map(|text| format!("round {round}: {text}")));
        if report.hangs > 0 {
            // Every further round would say the same, each after a long wait.
            break;
        }
    }
    proxy.disarm();
    scene.plant(crew, options.plant)?;
    report.add("connections", proxy.tally().accepted);
    report.add("cuts", proxy.tally().cuts);
    report.add("flips", proxy.tally().flips);
    scene.settle(crew, report, proxy.tally().accepted)?;
    Ok(proxy.tapes())
}

fn arm(fault: Fault, proxy: &Proxy, dice: &mut Dice) {
    let direction = if dice.below(2) == 0 {
        Direction::ToServer
    } else {
        Direction::ToClient
    };
    // Now and then while the two sides say who they are.
    let is_early = dice.below(4) == 0;
    let place = Place::Within(if is_early { GREETING } else { 40_000 });
    if fault == Fault::Bitflip {
        proxy.flip(direction, place);
    } else {
        proxy.cut_at(direction, place);
    }
    if is_early {
        proxy.cut();
    }
}

/// Waits until it has happened, and for a flipped bit, until the connection that had it has ended.
fn strikes(options: &Options, proxy: &Proxy, before: Tally) -> Result<(), String> {
    // Where nothing will come, there is nothing to be patient for.
    let patience = if options.plant == Some(Plant::NoFlip) {
        Duration::from_secs(1)
    } else {
        PATIENCE
    };
    let count = |tally: Tally| {
        if options.fault == Fault::Bitflip {
            tally.flips
        } else {
            tally.cuts
        }
    };
    wait_for(patience, || count(proxy.tally()) > count(before)).map_err(|()| "no byte came to be hit".to_owned())?;
    wait_for(patience, || proxy.tally().flipped_open == 0)
        .map_err(|()| "a bit was flipped and the connection goes on".to_owned())
}

/// Asks until it is so, but not for ever.
pub(crate) fn wait_for(patience: Duration, is_so: impl Fn() -> bool) -> Result<(), ()> {
    let begun = Instant::now();
    while !is_so() {
        if begun.elapsed() > patience {
            return Err(());
        }
        sleep(Duration::from_micros(500));
    }
    Ok(())
}
