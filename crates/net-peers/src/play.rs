//! The parts as they are played: be the server, or open what is needed, say `ready`, then do one lap for each number that comes in.

use std::any::Any;

use ipc_peers::{laps, watch};
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::hired::{Hired, Home};
use crate::part::{Act, Part, WORD};
use crate::site::Site;
use crate::subject::{Subject, subject};

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
        act(subject, &part).map_err(|error| format!("{}: {error}", subject.name))
    })
}

fn act(subject: &Subject, part: &Part) -> Result<()> {
    raise();
    // A server ends when nobody is left who would want it; the others are the ones who could wait for somebody that is gone.
    if part.act != Act::Serve {
        watch();
    }
    let (peer, site, amount) = (subject.peer, &part.site, part.amount);
    let nothing = |_| Ok((0, Vec::new()));
    match part.act {
        Act::Serve => serve(subject, site),
        Act::Send => send(peer.tx(site)?),
        Act::Receive => receive(peer.rx(site)?),
        Act::Put => ask(peer.put(site)?),
        Act::Trip => ask(peer.trip(site)?),
        Act::Alone => receive(peer.alone(site)?),
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

/// Serves until nobody is left at the other end of the line, whatever became of them: the server of somebody else, too, ends with this.
fn serve(subject: &Subject, site: &Site) -> Result<()> {
    let (served, id): (Box<dyn Any>, _) = match subject.home {
        Home::Own => (subject.peer.serve(site)?, std::process::id()),
        home => {
            let hired = Hired::start(home, site)?;
            let id = hired.id();
            (Box::new(hired), id)
        }
    };
    site.tell_server(id)?;
    laps(|_| Ok((0, Vec::new())))?;
    drop(served);
    Ok(())
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
