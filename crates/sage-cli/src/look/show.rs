//! `sage show`: everything about one queue.

use std::io::{self, Write};
use std::process::ExitCode;

use sage_comm::{Metadata, RpcStats, ShmEntry, Value as Scalar};
use serde_json::{Value, json};

use super::args::ShowArgs;
use super::numbers::Numbers;
use super::place::{Found, Host, Place};
use super::segments;
use crate::failure::{Failure, one_line};
use crate::number::{bytes, grouped};
use crate::output::Output;

pub(crate) fn show(args: &ShowArgs) -> Result<ExitCode, Failure> {
    let place = Place::of(&args.descriptor)?;
    let found = place.look()?;
    Output::stdout().print(|out| {
        if args.json {
            return writeln!(out, "{}", to_json(&place, &found));
        }
        match &found {
            Found::Segment(entry) => segment(entry, out),
            Found::Served(stats) => served(&place, stats, out),
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn line(out: &mut dyn Write, name: &str, value: &str) -> io::Result<()> {
    writeln!(out, "  {name:<15}{value}")
}

fn numbers(out: &mut dyn Write, of: &Numbers) -> io::Result<()> {
    let capacity = of.capacity.map_or_else(|| "any number".to_owned(), grouped);
    line(
        out,
        "inside",
        &format!(
            "{} of {capacity} items, {}, {} away",
            grouped(of.inside),
            bytes(of.bytes as f64),
            grouped(of.away)
        ),
    )?;
    line(
        out,
        "ever",
        &format!("{} put, {} got", grouped(of.put), grouped(of.got)),
    )?;
    line(
        out,
        "leases",
        &format!(
            "{} delivered again, {} dead letters, {} dropped",
            grouped(of.redelivered),
            grouped(of.dead_lettered),
            grouped(of.dropped)
        ),
    )
}

fn segment(entry: &ShmEntry, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", segments::name(entry))?;
    line(out, "type", "shm")?;
    line(out, "state", segments::state(entry.state))?;
    if let Some(segment) = &entry.segment {
        line(out, "life", &segment.epoch.to_string())?;
        line(out, "items", &segments::short_type(&segment.item))?;
        numbers(out, &Numbers::from(segment))?;
        let kept = match (segment.closed, segment.keep) {
            (true, _) => "closed",
            (false, true) => "when nobody has it open, it stays",
            (false, false) => "when nobody has it open, it goes",
        };
        line(out, "end", kept)?;
        let processes = segments::processes(segment);
        line(out, "processes", if processes.is_empty() { "none" } else { &processes })?;
        let damage = &segment.damage;
        line(
            out,
            "damage",
            &format!(
                "{} torn, {} lost with who took them, {} given up",
                grouped(damage.torn),
                grouped(damage.lost_in_flight),
                grouped(damage.given_up)
            ),
        )?;
    }
    line(out, "memory", &bytes(entry.bytes as f64))?;
    match &entry.fault {
        Some(fault) => line(out, "fault", &one_line(&fault.to_string())),
        None => Ok(()),
    }
}

fn served(place: &Place, stats: &RpcStats, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", place.id)?;
    if let Host::Other(keeper) = &place.host {
        line(out, "type", keeper.kind())?;
        line(out, keeper.role(), &one_line(&keeper.address()))?;
    }
    line(out, "life", &stats.epoch.to_string())?;
    numbers(out, &Numbers::from(stats))?;
    line(out, "connections", &grouped(stats.handles))?;
    line(
        out,
        "waiting",
        &format!(
            "{} puts, {} gets",
            grouped(stats.waiting_puts),
            grouped(stats.waiting_gets)
        ),
    )?;
    line(out, "made with", &parameters(&stats.record.metadata))
}

/// As in a URI, without its escapes.
fn parameters(metadata: &Metadata) -> String {
    let all: Vec<_> = metadata
        .iter()
        .map(|(key, value)| match value {
            Scalar::Text(text) => format!("{key}={text}"),
            Scalar::Int(number) => format!("{key}={number}"),
            Scalar::Float(number) => format!("{key}={number}"),
            Scalar::Bool(yes) => format!("{key}={yes}"),
            other => format!("{key}={other:?}"),
        })
        .collect();
    one_line(&all.join(" "))
}

fn to_json(place: &Place, found: &Found) -> Value {
    match found {
        Found::Segment(entry) => segments::entry(entry),
        Found::Served(stats) => {
            let mut value = Numbers::from(stats).to_json();
            let record: Value = serde_json::from_str(&stats.record.to_json()).unwrap_or_default();
            let more = json!({
                "queue_id": place.id.as_str(),
                "descriptor": record,
                "connections": stats.handles,
                "waiting_puts": stats.waiting_puts,
                "waiting_gets": stats.waiting_gets,
            });
            if let (Some(fields), Value::Object(more)) = (value.as_object_mut(), more) {
                fields.extend(more);
            }
            value
        }
    }
}
