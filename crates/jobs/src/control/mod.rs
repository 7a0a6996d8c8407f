//! A manager and its clients, with queues between them.

mod call;
mod client;
mod server;

use descriptor_core::{DescriptorRecord, Error, QueueId};

pub use client::JobClient;
pub use server::{JobServer, REPLIES, REQUESTS};

/// The name of the service, in errors and threads.
const SERVICE: &str = "sage_jobs";
/// Calls that wait for the server; whoever comes then waits for room.
const ROOM: i64 = 64;

/// The queue of this name at the place that a record describes.
fn at(place: &DescriptorRecord, id: &str) -> Result<DescriptorRecord, Error> {
    let mut record = place.clone();
    record.queue_id = QueueId::new(id)?;
    Ok(record.with("maxsize", ROOM))
}
