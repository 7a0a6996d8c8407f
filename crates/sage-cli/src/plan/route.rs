//! `sage route diff`: where keys go when a node gets another parallelism.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use sage_comm::{ErrorKind, Key, RouteDiff};
use serde_json::{Value, json};

use super::args::LayoutArgs;
use super::planned;
use crate::args::Bounded;
use crate::failure::{Failure, one_line};
use crate::output::Output;
use crate::table::{Align, Table};

/// Show what a change of the parallelism moves
#[derive(Clone, Debug, Args)]
#[command(max_term_width = 100)]
pub(crate) struct RouteArgs {
    #[command(subcommand)]
    verb: RouteVerb,
}

#[derive(Clone, Debug, Subcommand)]
enum RouteVerb {
    /// Which key groups of a node go from which instance to which with another parallelism; nothing runs
    Diff {
        #[command(flatten)]
        layout: LayoutArgs,

        /// The node, such as hot_items or count
        #[arg(long, value_name = "NAME")]
        node: String,

        /// Its parallelism then
        #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = Bounded::<1, 1024>::parse)]
        to: Bounded<1, 1024>,

        /// Say where this key goes as well: a whole number, true, false, "text" in quotes, or anything else as text
        #[arg(long, value_name = "K", allow_negative_numbers = true)]
        key: Option<String>,
    },
}

pub(crate) fn route(args: &RouteArgs) -> Result<ExitCode, Failure> {
    let RouteVerb::Diff { layout, node, to, key } = &args.verb;
    // At most 1024 by its type.
    let to = to.0 as u32;
    let diff = planned(layout)?.plan().graph().route_diff(node, to);
    let diff = diff.map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::InvalidGraph => Failure::usage(error),
        _ => error.into(),
    })?;
    let key = key.as_deref().map(read_key).transpose()?;
    Output::stdout().print(|out| {
        if layout.json {
            return writeln!(out, "{}", to_json(&diff, key.as_ref()));
        }
        write(&diff, key.as_ref(), out)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Numbers and texts are keys of their own: 7 is not "7".
fn read_key(text: &str) -> Result<Key, Failure> {
    match serde_json::from_str::<Value>(text) {
        Ok(value) => Key::of(&value).map_err(Failure::usage),
        Err(_) => Ok(Key::from(text)),
    }
}

fn to_json(diff: &RouteDiff, key: Option<&Key>) -> Value {
    let moves = diff.moves.iter().map(|it| {
        json!({
            "from": it.from,
            "to": it.to,
            "first_group": it.groups.start,
            "groups": it.groups.end - it.groups.start,
        })
    });
    json!({
        "node": diff.node,
        "key_groups": diff.key_groups.count(),
        "before": diff.before,
        "after": diff.after,
        "moved": diff.moved(),
        "stay": diff.stay(),
        "share_moved": diff.share_moved(),
        "moves": moves.collect::<Vec<_>>(),
        "key": key.map(|key| {
            let (from, to) = diff.way_of(key);
            json!({"key": key.to_string(), "group": diff.key_groups.group_of(key), "from": from, "to": to})
        }),
    })
}

fn write(diff: &RouteDiff, key: Option<&Key>, out: &mut dyn Write) -> io::Result<()> {
    use Align::{Left, Right};
    let (node, groups) = (&diff.node, diff.key_groups.count());
    writeln!(
        out,
        "{node} from {} to {} instances: {} of {groups} key groups move ({:.1} %), {} stay",
        diff.before,
        diff.after,
        diff.moved(),
        diff.share_moved() * 100.0,
        diff.stay()
    )?;
    if !diff.moves.is_empty() {
        let mut table = Table::new(&[("from", Left), ("to", Left), ("groups", Right), ("which", Left)]);
        for it in &diff.moves {
            let (first, end) = (it.groups.start, it.groups.end);
            table.row([
                format!("{node}_{}", it.from),
                format!("{node}_{}", it.to),
                (end - first).to_string(),
                format!("{first} to {}", end - 1),
            ]);
        }
        write!(out, "\n{table}")?;
    }
    if let Some(key) = key {
        let (from, to) = diff.way_of(key);
        let (key, group) = (one_line(&key.to_string()), diff.key_groups.group_of(key));
        if from == to {
            writeln!(out, "\nkey {key} in group {group} stays at {node}_{to}")?;
        } else {
            writeln!(
                out,
                "\nkey {key} in group {group} goes from {node}_{from} to {node}_{to}"
            )?;
        }
    }
    Ok(())
}
