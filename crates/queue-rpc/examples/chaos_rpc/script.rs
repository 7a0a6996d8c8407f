//! A client that does everything a queue can do, alone, and writes down what it saw.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use descriptor_core::{Lease, PutError, Queue, QueueCore, Wait};

use crate::payload;
use crate::worker::{PATIENCE, Worker};

/// What a call that has nothing to wait for takes at most.
const LONG: Wait = Wait::Forever;

/// The transcript goes where the word `transcript` says. The same seed does the same.
pub(crate) fn run(worker: &mut Worker) -> Result<(), String> {
    let queue = worker.open()?;
    let mut text = String::new();
    let mut leases: VecDeque<Lease<Bytes>> = VecDeque::new();
    let mut number = 0;
    let mut fresh = || {
        number += 1;
        payload::make(number)
    };
    for _ in 0..worker.number("steps") {
        let (step, count) = (worker.dice.below(16), 1 + worker.dice.below(20) as usize);
        let line = match step {
            0..4 => {
                let put = queue.put_within(fresh(), Wait::Never);
                format!("put {:?}", put.as_ref().map_err(refusal))
            }
            4..6 => {
                let mut batch: VecDeque<Bytes> = (0..count).map(|_| fresh()).collect();
                let put = queue.put_batch(&mut batch, Wait::Never);
                format!("put_batch {:?}, left {}", put.as_ref().map_err(refusal), batch.len())
            }
            6..9 => format!("get {:?}", queue.get_within(Wait::Never).as_ref().map(seen)),
            9..11 => {
                let mut out = Vec::new();
                let got = queue.get_batch(&mut out, count, Wait::Never);
                format!("get_batch {got:?} {:?}", out.iter().map(seen).collect::<Vec<_>>())
            }
            11 => {
                let lent = queue.lease(Wait::Never);
                let line = format!("lease {:?}", lent.as_ref().map(|lease| lease.item().map(seen)));
                leases.extend(lent);
                line
            }
            12 => format!(
                "ack {:?}",
                leases
                    .pop_front()
                    .map(|lease| lease.ack().as_ref().map(seen).map_err(ToString::to_string))
            ),
            13 => format!("nack {:?}", leases.pop_back().map(|lease| lease.nack(Duration::ZERO))),
            14 => {
                // A window is no part of what others see of a queue.
                let flushed = queue.flush(Wait::from(PATIENCE));
                format!(
                    "flush {flushed:?}, depth {:?}, totals {:?}",
                    queue.depth(),
                    queue.totals()
                )
            }
            // For as long as it takes when there is something, so that no clock decides; else for nothing.
            _ => {
                let is_there = queue.depth().is_some_and(|depth| depth > leases.len());
                let limit = if is_there { PATIENCE } else { Duration::from_millis(2) };
                format!("wait {:?}", queue.get_within(Wait::from(limit)).as_ref().map(seen))
            }
        };
        let _ = writeln!(text, "{line}");
    }
    while let Some(lease) = leases.pop_front() {
        let _ = writeln!(text, "ack {:?}", lease.ack().as_ref().map(seen));
    }
    let put = queue.put_within(fresh(), LONG);
    let _ = writeln!(
        text,
        "put {:?}, flush {:?}",
        put.as_ref().map_err(refusal),
        queue.flush(LONG)
    );
    queue.close();
    let put = queue.put_within(fresh(), LONG);
    let _ = writeln!(
        text,
        "closed {}: put {:?}",
        queue.is_closed(),
        put.as_ref().map_err(refusal)
    );
    loop {
        let got = queue.get_within(LONG);
        let _ = writeln!(text, "get {:?}", got.as_ref().map(seen));
        if got.is_err() {
            break;
        }
    }
    let path = worker.setting("transcript").unwrap_or_default();
    std::fs::write(path, text).map_err(|error| format!("transcript: {error}"))
}

/// The number, and whether it is whole.
fn seen(item: &Bytes) -> (u64, bool) {
    (payload::claimed(item), payload::is_whole(item))
}

fn refusal<I>(refused: &PutError<I>) -> String {
    refused.to_string()
}
