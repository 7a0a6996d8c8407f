//! `sage plan`, `sage explain` and `sage route`: a job as it would be laid out, without running it.

mod args;
mod layout;
mod route;

use std::process::ExitCode;

use sage_comm::{Builtin, Job};

pub(crate) use args::{ExplainArgs, PlanArgs};
use args::{LayoutArgs, Planned};
pub(crate) use route::{RouteArgs, route};

use crate::failure::Failure;
use crate::output::Output;
use crate::{demo, word_count};

pub(crate) fn plan(args: &PlanArgs) -> Result<ExitCode, Failure> {
    let job = planned(&args.layout)?;
    Output::stdout().print(|out| {
        if args.dot {
            return write!(out, "{}", job.plan().to_dot());
        }
        if args.mermaid {
            return write!(out, "{}", job.plan().to_mermaid());
        }
        if args.layout.json {
            return writeln!(out, "{}", layout::to_json(&job));
        }
        layout::write(&job, out)
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn explain(args: &ExplainArgs) -> Result<ExitCode, Failure> {
    let explanation = planned(&args.layout)?.explain();
    Output::stdout().print(|out| {
        if args.layout.json {
            serde_json::to_writer(&mut *out, &explanation)?;
            return writeln!(out);
        }
        write!(out, "{explanation}")
    })?;
    Ok(ExitCode::SUCCESS)
}

fn planned(args: &LayoutArgs) -> Result<Job<Builtin>, Failure> {
    let job = args.job_args();
    match args.job {
        Planned::Demo => demo::planned(&job),
        Planned::WordCount => word_count::planned(&job),
    }
}
