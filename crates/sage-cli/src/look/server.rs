//! `sage ls SERVER`: the queues of a server, or of a manager.

use std::process::ExitCode;

use sage_comm::{DescriptorRecord, ErrorKind, QueueId, RayActorSpec, ServerAddress, Spec};
use serde_json::json;

use super::args::LsArgs;
use super::keeper::Keeper;
use super::numbers::Numbers;
use crate::failure::{Failure, one_line};
use crate::number::{bytes, grouped};
use crate::output::Output;
use crate::queue::{reachable, read, wrong};
use crate::table::{Align, Table};

/// Stands where a descriptor has the name of a queue, when any will do.
const ANY: &str = "any";

pub(super) fn ls(args: &LsArgs, place: &str) -> Result<ExitCode, Failure> {
    let record = record(place)?;
    let Some(keeper) = Keeper::of(&record)? else {
        return Err(no_keeper(&record, "leave it out to see the queues in shared memory"));
    };
    let queues = numbers(&keeper, &args.prefix)?;
    let peer = keeper.address();
    Output::stdout().print(|out| {
        if args.json {
            let queues: Vec<_> = queues
                .iter()
                .map(|(id, numbers)| {
                    let mut value = numbers.to_json();
                    if let Some(fields) = value.as_object_mut() {
                        fields.insert("queue_id".into(), id.as_str().into());
                    }
                    value
                })
                .collect();
            return writeln!(out, "{}", json!({ keeper.role(): peer, "queues": queues }));
        }
        if queues.is_empty() {
            return writeln!(out, "no queues at {}", one_line(&peer));
        }
        let mut table = Table::new(&[
            ("queue", Align::Left),
            ("inside", Align::Right),
            ("away", Align::Right),
            ("room for", Align::Right),
            ("bytes", Align::Right),
            ("put", Align::Right),
            ("got", Align::Right),
        ]);
        for (id, numbers) in &queues {
            table.row([
                id.clone(),
                grouped(numbers.inside),
                grouped(numbers.away),
                numbers.capacity.map_or_else(|| "any".to_owned(), grouped),
                bytes(numbers.bytes as f64),
                grouped(numbers.put),
                grouped(numbers.got),
            ]);
        }
        write!(out, "{table}")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A descriptor, one without the name of a queue, or the address that a server says when it starts.
pub(crate) fn record(place: &str) -> Result<DescriptorRecord, Failure> {
    let place = place.trim();
    if ["tcp://", "tls://", "unix:"].iter().any(|way| place.starts_with(way)) {
        let address: ServerAddress = place.parse().map_err(wrong)?;
        return reachable(&address.record(QueueId::new(ANY)?));
    }
    let nameless = place
        .split_once("://")
        .filter(|(_, rest)| rest.is_empty() || rest.starts_with('?'));
    let Some((kind, rest)) = nameless else {
        return reachable(&read(place)?);
    };
    let record = reachable(&read(&format!("{kind}://{ANY}{rest}"))?)?;
    // Its actor would be called as the queue.
    if record.queue_type == RayActorSpec::KIND && !record.metadata.contains_key("actor_name") {
        return Err(no_keeper(&record, "name its queue, or say `actor_name`"));
    }
    Ok(record)
}

fn no_keeper(record: &DescriptorRecord, remedy: &'static str) -> Failure {
    wrong(
        sage_comm::Error::new(ErrorKind::InvalidDescriptor, "ls")
            .backend(record.queue_type.clone())
            .expected("a server or a manager: type `rpc`, `ray_queue`, or `ray_actor` with a name")
            .found("another descriptor")
            .remedy(remedy),
    )
}

/// The queues and their numbers. One that goes between two questions is left out.
fn numbers(keeper: &Keeper, prefix: &str) -> Result<Vec<(String, Numbers)>, Failure> {
    let mut all = Vec::new();
    for id in keeper.list(prefix)? {
        if let Some(stats) = keeper.stats(&id)? {
            all.push((id.to_string(), Numbers::from(&stats)));
        }
    }
    Ok(all)
}
