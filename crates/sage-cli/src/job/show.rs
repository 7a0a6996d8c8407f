//! Jobs for people.

use std::io::{self, Write};

use sage_comm::jobs::{JobStatus, JobSummary, Rescaled};

use crate::failure::one_line;
use crate::number::{elapsed, grouped};
use crate::table::{Align, Table};

pub(super) fn list(jobs: &[JobSummary], out: &mut dyn Write) -> io::Result<()> {
    if jobs.is_empty() {
        return writeln!(out, "no jobs");
    }
    let mut table = Table::new(&[
        ("job", Align::Left),
        ("name", Align::Left),
        ("state", Align::Left),
        ("time", Align::Right),
    ]);
    for job in jobs {
        table.row([
            one_line(&job.id),
            one_line(&job.name),
            job.state.to_string(),
            elapsed(job.seconds),
        ]);
    }
    write!(out, "{table}")
}

pub(super) fn status(status: &JobStatus, out: &mut dyn Write) -> io::Result<()> {
    let summary = &status.summary;
    writeln!(
        out,
        "{} is {} ({})",
        one_line(&summary.id),
        summary.state,
        elapsed(summary.seconds)
    )?;
    for (name, value) in &status.params {
        writeln!(out, "  {} = {}", one_line(name), one_line(&value.to_string()))?;
    }
    if !status.nodes.is_empty() {
        let mut table = Table::new(&[
            ("node", Align::Left),
            ("state", Align::Left),
            ("in", Align::Right),
            ("out", Align::Right),
            ("restarts", Align::Right),
        ]);
        for node in &status.nodes {
            table.row([
                one_line(&node.node),
                node.state.to_string(),
                grouped(node.packets_in),
                grouped(node.packets_out),
                grouped(node.restarts),
            ]);
        }
        write!(out, "\n{table}")?;
    }
    if !status.workers.is_empty() {
        let mut table = Table::new(&[
            ("worker", Align::Right),
            ("process", Align::Right),
            ("state", Align::Left),
            ("last word", Align::Right),
        ]);
        for worker in &status.workers {
            table.row([
                worker.worker.to_string(),
                worker.pid.to_string(),
                worker.state.to_string(),
                elapsed(worker.last_word_seconds),
            ]);
        }
        write!(out, "\n{table}")?;
    }
    if let Some(checkpoints) = &status.checkpoints {
        let back = match status.restarts {
            0 => String::new(),
            1 => ", once back to one".to_owned(),
            restarts => format!(", {} times back to one", grouped(restarts)),
        };
        writeln!(out, "\n{} checkpoints{back}", grouped(checkpoints.completed))?;
        if let Some(from) = checkpoints.restored {
            writeln!(out, "went on from checkpoint {from}")?;
        }
    }
    if let Some(error) = &status.error {
        writeln!(out, "\n{}", one_line(error))?;
    }
    match &status.result {
        Some(result) => writeln!(out, "\n{result:#}"),
        None => Ok(()),
    }
}

pub(super) fn rescaled(done: &Rescaled, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{} has {} instances, before {}: {} of {} groups of keys moved",
        one_line(&done.node),
        done.after,
        done.before,
        done.moved,
        u64::from(done.moved) + u64::from(done.stayed),
    )
}
