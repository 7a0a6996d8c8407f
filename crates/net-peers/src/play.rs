//! The parts as they are played: be the server, or open what is needed, say `ready`, then do one lap for each number that comes in.

use ipc_peers::{laps, watch};
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::part::{Act, Part, WORD};
use crate::peer::Peer;
use crate::subject::subject;

type Result<T> = std::result::Result<T, String>;

/// Plays the part that the words of a command line name; `None` when they name none.
///
/// # Errors
/// What the system or the subject says, or a line that is no number.
#[must_use]
pub fn play(words: &[String]) -> Option<Result<()>> {
    let (first, rest) = words.split_first()?;
    (first == WORD).then(|| {
        let text = rest.first().map_or("", String::as_str);
        let part: Part = serde_json::from_str(text).map_err(|error| format!("no part: {error}"))?;
        let subject = subject(&part.subject).ok_or_else(|| format!("no subject {}", part.subject))?;
        act(subject.peer, &part).map_err(|error| format!("{}: {error}", subject.name))
    })
}

fn act(peer: &dyn Peer, part: &Part) -> Result<()> {
    watch();
    raise();
    let (site, amount) = (&part.site, part.amount);
    let nothing = |_| Ok((0, Vec::new()));
    match part.act {
        Act::Serve => {
            let served = peer.serve(site)?;
            laps(nothing)?;
            drop(served);
            Ok(())
        }
        Act::Send => send(peer.tx(site)?),
        Act::Receive => receive(peer.rx(site)?),
        Act::Put => ask(peer.put(site)?),
        Act::Trip => ask(peer.trip(site)?),
        Act::Crowd => send(peer.crowd(site, amount)?),
        Act::SendMany => send(peer.tx_many(site, amount)?),
        Act::ReceiveMany => receive(peer.rx_many(site, amount)?),
        Act::HoldConnections | Act::HoldQueues => {
            let held = peer.hold(site, amount, part.act == Act::HoldQueues)?;
            laps(nothing)?;
            drop(held);
            Ok(())
        }
    }
}

/// As many open files as the system lets this process have: a thousand clients are more than the usual limit.
fn raise() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Who may not has the usual limit, and an error of its own where that is too low.
    let _ = setrlimit(Resource::Nofile, limit);
}

fn send(mut tx: Box<dyn crate::peer::Tx>) -> Result<()> {
    laps(|items| tx.send(items).map(|()| (0, Vec::new())))
}

fn receive(mut rx: Box<dyn crate::peer::Rx>) -> Result<()> {
    laps(|items| rx.receive(items).map(|sum| (sum, Vec::new())))
}

fn ask(mut ask: Box<dyn crate::peer::Ask>) -> Result<()> {
    laps(|trips| ask.ask(trips).map(|nanos| (0, nanos)))
}
