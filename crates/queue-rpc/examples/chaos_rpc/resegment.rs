//! The same words in other pieces: what a client sees must be the same.

use std::path::PathBuf;

use bytes::Bytes;
use descriptor_core::{Queue, QueueId, Wait};
use queue_rpc::RpcQueue;
use queue_testkit::{Dice, Direction, Endpoint, Pieces, Proxy, Weather};

use crate::crew::Crew;
use crate::options::{Options, Plant};
use crate::payload;
use crate::report::Report;
use crate::scene::{spec, told};
use crate::waging::Host;

const STEPS: u64 = 150;

pub(crate) fn run(options: &Options, crew: &mut Crew, report: &mut Report) -> Result<(), String> {
    let host = Host::start(None)?;
    for round in 0..options.rounds {
        let by_tcp = crew.dice.below(2) == 0;
        let proxy = Proxy::start(&host.front(by_tcp), host.endpoint(by_tcp), crew.dice.roll())
            .map_err(|error| format!("proxy: {error}"))?;
        for direction in [Direction::ToServer, Direction::ToClient] {
            let pieces = pieces(&mut crew.dice, round);
            proxy.set(
                direction,
                Weather {
                    pieces,
                    ..Weather::default()
                },
            );
        }
        let (seed, is_window, prefetch) = (crew.dice.roll(), crew.dice.below(2) == 0, crew.dice.below(3) * 20);
        let words = |transcript: &PathBuf| {
            let confirm = if is_window { "window" } else { "each" };
            vec![
                format!("confirm={confirm}"),
                format!("prefetch={prefetch}"),
                format!("seed={seed}"),
                format!("steps={STEPS}"),
                format!("transcript={}", transcript.display()),
            ]
        };
        let mut texts = Vec::new();
        let mut complaints = Vec::new();
        for (way, front) in [("direct", host.endpoint(by_tcp)), ("pieces", proxy.endpoint().clone())] {
            let name = format!("resegment-{round}-{way}");
            if way == "pieces" && options.plant == Some(Plant::Stranger) {
                interfere(&name, &host.endpoint(by_tcp))?;
            }
            let transcript = crew.folder.join(format!("{name}.txt"));
            let mut words = words(&transcript);
            words.push(told(&front));
            let mut hand = crew.start("script", &name, &words)?;
            hand.farewell(&mut complaints)?;
            texts.push(std::fs::read_to_string(&transcript).unwrap_or_default());
        }
        let (direct, split) = (texts.first(), texts.get(1));
        if let (Some(direct), Some(split)) = (direct, split) {
            let lines = direct.lines().zip(split.lines());
            report.add("lines", lines.clone().count() as u64);
            if let Some((at, (one, other))) = lines.enumerate().find(|(_, (one, other))| one != other) {
                complaints.push(format!("line {at} is `{one}` directly, and `{other}` in pieces"));
            } else if direct != split || direct.is_empty() {
                complaints.push("one of the two transcripts is shorter".into());
            }
        }
        report.hangs += complaints.iter().filter(|text| text.starts_with("HANG")).count() as u64;
        report.add("bytes", proxy.tally().to_server + proxy.tally().to_client);
        report.round(complaints.into_iter().map(|text| format!("round {round}: {text}")));
        if report.hangs > 0 {
            break;
        }
    }
    host.end(report);
    Ok(())
}

/// Single bytes in every second round, else by lot.
fn pieces(dice: &mut Dice, round: u64) -> Pieces {
    match dice.below(3) {
        _ if round.is_multiple_of(2) => Pieces::Of(1),
        0 => Pieces::Of(1 + dice.below(64) as usize),
        1 => Pieces::UpTo(1 + dice.below(64) as usize),
        _ => Pieces::UpTo(1 + dice.below(4000) as usize),
    }
}

/// Somebody else puts an item.
fn interfere(name: &str, at: &Endpoint) -> Result<(), String> {
    let id = QueueId::new(name).map_err(|error| error.to_string())?;
    let queue = RpcQueue::<Bytes>::open(&id, &spec(at, false)).map_err(|error| error.to_string())?;
    let put = queue.put_within(payload::make(u64::MAX), Wait::Never);
    put.map_err(|error| error.to_string())
}
