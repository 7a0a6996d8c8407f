//! `sage ls SERVER`: the queues of a server.

use std::process::ExitCode;

use sage_comm::{DescriptorRecord, ErrorKind, RpcAdmin};
use serde_json::json;

use super::args::LsArgs;
use super::numbers::Numbers;
use super::place::server;
use crate::failure::{Failure, one_line};
use crate::number::{bytes, grouped};
use crate::output::Output;
use crate::queue::{reachable, read, wrong};
use crate::table::{Align, Table};

/// Stands where a descriptor has the name of a queue, when any will do.
const ANY: &str = "any";

pub(super) fn ls(args: &LsArgs, place: &str) -> Result<ExitCode, Failure> {
    let record = record(place)?;
    let admin = server(&record)?;
    let queues = numbers(&admin, &args.prefix)?;
    let peer = admin.status().peer;
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
            return writeln!(out, "{}", json!({ "server": peer, "queues": queues }));
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

/// A descriptor, or one without the name of a queue.
fn record(place: &str) -> Result<DescriptorRecord, Failure> {
    let place = place.trim();
    let whole = match place.split_once("://") {
        Some((kind, rest)) if rest.is_empty() || rest.starts_with('?') => format!("{kind}://{ANY}{rest}"),
        _ => place.to_owned(),
    };
    let record = reachable(&read(&whole)?)?;
    if record.queue_type == "rpc" {
        return Ok(record);
    }
    Err(wrong(
        sage_comm::Error::new(ErrorKind::InvalidDescriptor, "ls")
            .backend(record.queue_type)
            .expected("a server: type `rpc`")
            .found("another type")
            .remedy("leave it out to see the queues in shared memory"),
    ))
}

/// The queues and their numbers. One that goes between two questions is left out.
fn numbers(admin: &RpcAdmin, prefix: &str) -> Result<Vec<(String, Numbers)>, Failure> {
    let mut all = Vec::new();
    for listing in admin.list(prefix)? {
        match admin.stats(&listing.id) {
            Ok(stats) => all.push((listing.id.to_string(), Numbers::from(&stats))),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(all)
}
