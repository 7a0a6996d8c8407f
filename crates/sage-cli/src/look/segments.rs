//! `sage ls` and `sage clean`: the queues in shared memory.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::UNIX_EPOCH;

use sage_comm::{ShmEntry, ShmFolder, ShmState};
use serde_json::{Value, json};

use super::args::{CleanArgs, LsArgs};
use crate::failure::{Failure, one_line};
use crate::number::{bytes, grouped};
use crate::output::Output;
use crate::table::{Align, Table};

pub(super) fn ls(args: &LsArgs) -> Result<ExitCode, Failure> {
    let folder = ShmFolder::of_this_user();
    let mut entries = folder.entries()?;
    entries.retain(|entry| name(entry).starts_with(&args.prefix));
    Output::stdout().print(|out| {
        if args.json {
            let segments: Vec<_> = entries.iter().map(entry).collect();
            return writeln!(out, "{}", json!({ "folder": shown(&folder), "segments": segments }));
        }
        if entries.is_empty() {
            return writeln!(out, "no queues in {}", shown(&folder));
        }
        list(&entries, out)
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn clean(args: &CleanArgs) -> Result<ExitCode, Failure> {
    let folder = ShmFolder::of_this_user();
    let removed = folder.clean(args.dry_run)?;
    Output::stdout().print(|out| {
        if args.json {
            let total: u64 = removed.iter().map(|entry| entry.bytes).sum();
            let removed: Vec<_> = removed.iter().map(entry).collect();
            let summary = json!({
                "folder": shown(&folder), "dry_run": args.dry_run, "removed": removed, "bytes": total,
            });
            return writeln!(out, "{summary}");
        }
        if removed.is_empty() {
            return writeln!(out, "nothing to remove in {}", shown(&folder));
        }
        let verb = if args.dry_run { "would remove" } else { "removed" };
        for entry in &removed {
            let depth = entry.segment.as_ref().map_or(0, |segment| segment.depth);
            writeln!(
                out,
                "{verb} {}: {} items inside, {}",
                name(entry),
                grouped(depth),
                bytes(entry.bytes as f64)
            )?;
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

fn shown(folder: &ShmFolder) -> String {
    one_line(&folder.path().to_string_lossy())
}

/// The queue id where there is one. A name in the folder is anybody's text.
pub(super) fn name(entry: &ShmEntry) -> String {
    let name = entry.segment.as_ref().map_or(&entry.file, |segment| &segment.queue_id);
    one_line(name)
}

pub(super) const fn state(state: ShmState) -> &'static str {
    match state {
        ShmState::Used => "used",
        ShmState::Kept => "kept",
        ShmState::Stale => "stale",
        ShmState::Strange => "strange",
    }
}

fn list(entries: &[ShmEntry], out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(&[
        ("queue", Align::Left),
        ("state", Align::Left),
        ("inside", Align::Right),
        ("room for", Align::Right),
        ("memory", Align::Right),
        ("items", Align::Left),
        ("processes", Align::Left),
        ("damage", Align::Right),
    ]);
    for entry in entries {
        let segment = entry.segment.as_ref();
        let text = |of: &dyn Fn(&sage_comm::ShmSegment) -> String| segment.map(of).unwrap_or_default();
        table.row([
            name(entry),
            state(entry.state).to_owned(),
            text(&|it| grouped(it.depth)),
            text(&|it| grouped(it.capacity)),
            bytes(entry.bytes as f64),
            text(&|it| short_type(&it.item)),
            text(&processes),
            text(&|it| grouped(it.damage.torn + it.damage.lost_in_flight + it.damage.given_up)),
        ]);
    }
    write!(out, "{table}")?;
    for entry in entries {
        if let Some(fault) = &entry.fault {
            writeln!(out, "  {}: {}", name(entry), one_line(&fault.to_string()))?;
        }
    }
    Ok(())
}

/// `alloc::string::String` as `String`.
pub(super) fn short_type(name: &str) -> String {
    let start = name.find('<').unwrap_or(name.len());
    let (path, rest) = name.split_at(start);
    one_line(&format!("{}{rest}", path.rsplit("::").next().unwrap_or(path)))
}

pub(super) fn processes(segment: &sage_comm::ShmSegment) -> String {
    let mut pids: Vec<_> = segment
        .members
        .iter()
        .map(|member| (member.pid, member.alive))
        .collect();
    pids.sort_unstable();
    pids.dedup();
    let shown: Vec<_> = pids
        .iter()
        .take(4)
        .map(|(pid, alive)| if *alive { pid.to_string() } else { format!("{pid} dead") })
        .collect();
    let more = if pids.len() > shown.len() { ", ..." } else { "" };
    format!("{}{more}", shown.join(", "))
}

pub(super) fn entry(entry: &ShmEntry) -> Value {
    let mut value = json!({
        "file": entry.file,
        "state": state(entry.state),
        "bytes": entry.bytes,
        "fault": entry.fault.as_ref().map(ToString::to_string),
    });
    if let (Some(segment), Some(fields)) = (&entry.segment, value.as_object_mut()) {
        let created = segment.created.duration_since(UNIX_EPOCH).unwrap_or_default();
        let members: Vec<_> = segment
            .members
            .iter()
            .map(|member| json!({ "pid": member.pid, "alive": member.alive }))
            .collect();
        let more = json!({
            "queue_id": segment.queue_id,
            "epoch": segment.epoch,
            "item": segment.item,
            "capacity": segment.capacity,
            "max_bytes": segment.max_bytes,
            "max_item": segment.max_item,
            "depth": segment.depth,
            "away": segment.away,
            "put_total": segment.totals.put,
            "get_total": segment.totals.get,
            "redelivered_total": segment.redelivered,
            "expired_total": segment.expired,
            "dead_lettered_total": segment.dead_lettered,
            "dropped_total": segment.dropped,
            "depth_bytes": segment.depth_bytes,
            "created": created.as_secs_f64(),
            "keep": segment.keep,
            "closed": segment.closed,
            "members": members,
            "torn": segment.damage.torn,
            "lost_in_flight": segment.damage.lost_in_flight,
            "given_up": segment.damage.given_up,
        });
        if let Value::Object(more) = more {
            fields.extend(more);
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_lose_their_path_and_keep_their_parameters() {
        assert_eq!(short_type("alloc::string::String"), "String");
        assert_eq!(short_type("alloc::vec::Vec<a::B>"), "Vec<a::B>");
        assert_eq!(short_type("u64"), "u64");
    }
}
