//! A server that is killed, or loses its power, and another one that takes its place.

use std::net::SocketAddr;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use bytes::Bytes;
use descriptor_core::{Queue, QueueId};
use queue_rpc::RpcQueue;
use queue_testkit::Endpoint;

use crate::crew::{Crew, Hand};
use crate::journal::{self, End, Kind};
use crate::law::Law;
use crate::options::{Fault, Options, Plant};
use crate::payload;
use crate::report::Report;
use crate::scene::{Scene, moment, spec};
use crate::worker::PATIENCE;

/// Rounds with the same clients.
const ROUNDS: u64 = 10;

pub(crate) fn run(options: &Options, crew: &mut Crew, report: &mut Report) -> Result<(), String> {
    let mut fought = 0;
    while fought < options.rounds && report.hangs == 0 {
        let rounds = ROUNDS.min(options.rounds - fought);
        scene(options, crew, report, (fought, rounds))?;
        fought += rounds;
    }
    Ok(())
}

/// Changes of its disk that a life of a server sees at most: some hundred commits.
const CHANGES: u64 = 2000;

/// Starts a server and waits until it can be reached: where.
fn serve(crew: &mut Crew, name: &str, at: &Endpoint, further: &[String]) -> Result<(Hand, Endpoint), String> {
    let ready = crew.folder.join(format!("{name}-ready"));
    let _ = std::fs::remove_file(&ready);
    let place = match at {
        Endpoint::Tcp(address) => format!("bind={address}"),
        Endpoint::Unix(path) => format!("unix={}", path.display()),
    };
    let mut words = vec![place, format!("ready={}", ready.display())];
    words.extend_from_slice(further);
    let hand = crew.start("server", name, &words)?;
    let begun = Instant::now();
    loop {
        match std::fs::read_to_string(&ready) {
            Ok(text) => {
                let port = text.parse::<SocketAddr>();
                return Ok((hand, port.map_or_else(|_| at.clone(), Endpoint::Tcp)));
            }
            Err(_) if begun.elapsed() < PATIENCE => sleep(Duration::from_millis(1)),
            Err(error) => return Err(format!("the server did not come up: {error}")),
        }
    }
}

fn scene(options: &Options, crew: &mut Crew, report: &mut Report, (first, rounds): (u64, u64)) -> Result<(), String> {
    let name = format!("kill-server-{first}");
    let at = if crew.dice.below(2) == 0 {
        Endpoint::local()
    } else {
        Endpoint::Unix(std::env::temp_dir().join(format!("sage-chaos-{}", std::process::id())))
    };
    let has_power_cuts = options.fault == Fault::Power;
    let data = crew.folder.join(format!("{name}-data"));
    let arm = crew.folder.join(format!("{name}-arm"));
    let words = |crew: &mut Crew, is_last: bool| match (has_power_cuts, options.on_disk) {
        (true, _) => {
            let mut words = vec![format!("image={}", data.display())];
            words.extend((!is_last).then(|| format!("power={}", crew.dice.below(CHANGES))));
            words.push(format!("arm={}", arm.display()));
            words.extend((options.plant == Some(Plant::NoSync)).then(|| "lies=1".to_owned()));
            words
        }
        (false, true) => vec![format!("data={}", data.display())],
        (false, false) => Vec::new(),
    };
    let first_words = words(crew, false);
    let (mut server, at) = serve(crew, &name, &at, &first_words)?;
    let law = Law {
        is_rough: true,
        is_mortal: !options.on_disk,
        on_disk: options.on_disk,
        ..Law::default()
    };
    let mut scene = Scene::new(crew, name.clone(), &at, at.clone(), law);
    scene.populate(crew)?;
    let waiter = scene.start(crew, "waiter")?;
    scene.hands.push(waiter);
    let mut complaints = scene.all_move_on(moment(), report)?;
    for round in first..first + rounds {
        if has_power_cuts {
            // From now on, at a write by lot.
            std::fs::write(&arm, b"").map_err(|error| format!("{}: {error}", arm.display()))?;
            server
                .status(PATIENCE)?
                .ok_or("the power did not fail: nothing was written")?;
        } else {
            sleep(Duration::from_millis(crew.dice.below(200)));
            server.kill()?;
        }
        let dead = moment();
        // Sometimes so long that clients give up, and take it up again.
        let most = if crew.dice.below(3) == 0 { 3500 } else { 300 };
        sleep(Duration::from_millis(crew.dice.below(most)));
        scene.law.downs.push((dead, moment()));
        if options.on_disk && !has_power_cuts {
            rewind(&data, options.plant == Some(Plant::Rewind) && round > first)?;
        }
        let _ = std::fs::remove_file(&arm);
        let next_words = words(crew, round + 1 == first + rounds);
        (server, _) = serve(crew, &name, &at, &next_words)?;
        if options.plant == Some(Plant::Replay) {
            replay(&scene, &at)?;
        }
        complaints.extend(scene.all_move_on(moment(), report)?);
        report.round(complaints.drain(..).map(|text| format!("round {round}: {text}")));
        if report.hangs > 0 {
            // Every further round would say the same, each after a long wait.
            break;
        }
    }
    scene.plant(crew, options.plant)?;
    scene.settle(crew, report, 0)?;
    crew.dismiss(&name, "server")?;
    let mut complaints = Vec::new();
    server.farewell(&mut complaints)?;
    for complaint in complaints {
        report.complain(complaint);
    }
    if let Endpoint::Unix(path) = &at {
        let _ = std::fs::remove_file(path as &Path);
    }
    Ok(())
}

/// Keeps a copy of what the server has on its disk, or puts the one before in its place: as if all since were not written down.
fn rewind(data: &Path, back: bool) -> Result<(), String> {
    let (file, copy) = (data.join("queues.redb"), data.join("copy"));
    let copied = match back {
        true => std::fs::copy(&copy, &file),
        false => std::fs::copy(&file, &copy),
    };
    copied.map(drop).map_err(|error| format!("{}: {error}", data.display()))
}

/// Puts an item that has come out already.
fn replay(scene: &Scene, at: &Endpoint) -> Result<(), String> {
    for hand in &scene.hands {
        let entries = journal::read(&hand.journal)?;
        let taken = |kind| matches!(kind, Kind::Get | Kind::Lent);
        let got = entries.iter().find(|entry| taken(entry.kind) && entry.end == End::Ok);
        if let Some(got) = got {
            let id = QueueId::new(scene.name.as_str()).map_err(|error| error.to_string())?;
            let queue =
                RpcQueue::<Bytes>::open(&id, &spec(at, scene.law.on_disk)).map_err(|error| error.to_string())?;
            let put = queue.put_timeout(payload::make(got.item), PATIENCE);
            return put.map_err(|error| error.to_string());
        }
    }
    Ok(())
}
