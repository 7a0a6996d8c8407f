//! A thread that passes the bytes of one direction of one connection on.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::gate::Gate;
use super::pair::Pair;
use super::tape::Tape;
use super::{Direction, Pieces};
use crate::Dice;

/// Bytes that are read at once, and so all that a direction holds back.
const CHUNK: usize = 16 << 10;

pub(super) fn run(gate: &Gate, pair: &Arc<Pair>, direction: Direction) {
    let mut tape = Tape::blank(direction);
    let is_whole = pump(gate, pair, &mut tape).is_ok();
    gate.file(tape);
    let (from, to) = pair.ends(direction);
    if is_whole {
        to.shutdown(Shutdown::Write);
    } else {
        from.shutdown(Shutdown::Read);
        to.shutdown(Shutdown::Write);
    }
    if pair.end() {
        gate.pairs().retain(|open| !Arc::ptr_eq(open, pair));
    }
}

/// Until the end of what comes.
fn pump(gate: &Gate, pair: &Pair, tape: &mut Tape) -> io::Result<()> {
    let direction = tape.direction;
    let (from, to) = pair.ends(direction);
    let mut buffer = vec![0; CHUNK];
    let mut dice = Dice::new(gate.rules().dice.roll());
    loop {
        let count = from.read(&mut buffer)?;
        let arrived = Instant::now();
        gate.wait_while_stalled(direction, pair);
        if gate.is_over() || pair.is_cut() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let Some(bytes) = buffer.get_mut(..count).filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        let (weather, (count, is_cut, is_flipped)) = {
            let mut rules = gate.rules();
            tape.keep(bytes, rules.recorded);
            let side = rules.side(direction);
            (side.weather, side.pass(bytes))
        };
        if is_cut {
            // Also when somebody else ends the connection before it comes to that.
            gate.cuts.fetch_add(1, Ordering::SeqCst);
        }
        if is_flipped {
            pair.flipped();
            gate.flips.fetch_add(1, Ordering::SeqCst);
        }
        let most = u64::try_from(weather.jitter.as_nanos()).unwrap_or(u64::MAX);
        let pause = weather.delay + Duration::from_nanos(dice.below(most));
        if !pause.is_zero() {
            gate.wait_until(arrived + pause, pair);
        }
        let mut rest = bytes.get(..count).unwrap_or_default();
        while !rest.is_empty() {
            let most = match weather.pieces {
                Pieces::Whole => rest.len(),
                Pieces::Of(bytes) => bytes.max(1),
                Pieces::UpTo(bytes) => 1 + dice.below(bytes as u64) as usize,
            };
            let (piece, later) = rest.split_at(most.min(rest.len()));
            to.write_all(piece)?;
            gate.passed(direction).fetch_add(piece.len() as u64, Ordering::SeqCst);
            rest = later;
        }
        if is_cut {
            pair.cut();
            gate.change(|_| {});
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    }
}
