//! Who comes last: takes what is left, and looks whether the queue is as good as new.

use bytes::Bytes;
use descriptor_core::QueueCore;
use queue_shm::ShmQueue;

use crate::journal::{End, Fact};
use crate::payload;
use crate::worker::{CAPACITY, Limit, Worker};

pub(crate) fn audit(worker: &mut Worker) -> Result<(), String> {
    let queue = worker.open()?;
    drain(worker, &queue)?;
    if !queue.is_closed() {
        let mut room = 0;
        while room <= CAPACITY as u64 && worker.put(&queue, Limit::Never, payload::SMALL)? == End::Ok {
            room += 1;
        }
        worker.fact(Fact::Room, room)?;
        drain(worker, &queue)?;
    }
    let damage = queue.damage();
    worker.fact(Fact::LostInFlight, damage.lost_in_flight)?;
    worker.fact(Fact::Torn, damage.torn)?;
    worker.fact(Fact::GivenUp, damage.given_up)?;
    let totals = queue.totals().unwrap_or_default();
    worker.fact(Fact::Imbalance, totals.put.abs_diff(totals.get))?;
    worker.leave(queue)
}

fn drain(worker: &mut Worker, queue: &ShmQueue<Bytes>) -> Result<(), String> {
    // Nobody else is at work, so a look without waiting is the truth.
    while !matches!(worker.get(queue, Limit::Never, 1)?, End::Empty | End::Closed) {}
    Ok(())
}
