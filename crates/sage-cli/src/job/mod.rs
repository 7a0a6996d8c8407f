//! `sage job`: jobs that run in the process of a server.

mod args;
mod place;
mod show;
pub(crate) mod spread;

use std::process::ExitCode;
use std::time::Duration;

use sage_comm::jobs::{JobClient, JobRegistry, JobState, JobStatus};
use sage_comm::{Error, ErrorKind};
use serde_json::json;

use args::JobVerb;
pub(crate) use args::JobVerbArgs;
pub(crate) use place::{place, settled};

use crate::failure::Failure;
use crate::interrupt::{Asked, Interrupts};
use crate::output::Output;
use crate::{demo, word_count};

/// The jobs that a server runs for others.
pub(crate) fn registry() -> JobRegistry {
    word_count::register(demo::register(JobRegistry::new()))
}

pub(crate) fn run(args: &JobVerbArgs) -> Result<ExitCode, Failure> {
    let client = place::connect(args)?;
    let done = |id: &str| -> Result<ExitCode, Failure> {
        let status = client.status(id).map_err(refused)?;
        Output::stdout().print(|out| {
            if args.json {
                return writeln!(out, "{}", json!(status.summary));
            }
            writeln!(out, "{id} is {}", status.summary.state)
        })?;
        Ok(ExitCode::SUCCESS)
    };
    match &args.verb {
        JobVerb::Submit {
            name,
            params,
            spread,
            kept,
            wait,
        } => {
            let params = args::scalars(params, spread);
            let submitted = match kept.keep() {
                Some(keep) => client.submit_keeping(name, &params, &keep),
                None => client.submit(name, &params),
            };
            let id = submitted.map_err(|error| match error.kind() {
                ErrorKind::NotFound | ErrorKind::InvalidDescriptor => Failure::usage(words(&error)),
                _ => refused(error),
            })?;
            if *wait {
                return see_out(&client, &id, None, args.json);
            }
            Output::stdout().print(|out| {
                if args.json {
                    return writeln!(out, "{}", json!({ "id": id }));
                }
                writeln!(out, "{id}")
            })?;
            Ok(ExitCode::SUCCESS)
        }
        JobVerb::Ls => {
            let jobs = client.list().map_err(refused)?;
            Output::stdout().print(|out| {
                if args.json {
                    return writeln!(out, "{}", json!({ "jobs": jobs }));
                }
                show::list(&jobs, out)
            })?;
            Ok(ExitCode::SUCCESS)
        }
        JobVerb::Status { id } => {
            let status = client.status(id).map_err(refused)?;
            print(&status, args.json)?;
            Ok(ExitCode::SUCCESS)
        }
        JobVerb::Pause { id } => {
            client.pause(id).map_err(refused)?;
            done(id)
        }
        JobVerb::Resume { id } => {
            client.resume(id).map_err(refused)?;
            done(id)
        }
        JobVerb::Rescale { id, node, instances } => {
            // At most 256 by its type.
            let done = client.rescale(id, node, instances.0 as u32).map_err(refused)?;
            Output::stdout().print(|out| {
                if args.json {
                    return writeln!(out, "{}", json!(done));
                }
                show::rescaled(&done, out)
            })?;
            Ok(ExitCode::SUCCESS)
        }
        JobVerb::Cancel { id, drain } => {
            client.cancel(id, *drain).map_err(refused)?;
            done(id)
        }
        JobVerb::Wait { id, timeout } => see_out(&client, id, *timeout, args.json),
    }
}

/// Waits for the end of a job; the exit code says how it ended.
fn see_out(client: &JobClient, id: &str, timeout: Option<Duration>, json: bool) -> Result<ExitCode, Failure> {
    let interrupts = Interrupts::catch()?;
    let asked = || interrupts.asked() > Asked::Nothing;
    let status = client.wait(id, timeout, asked).map_err(refused)?;
    let state = status.summary.state;
    if !state.is_end() {
        return Err(match asked() {
            true => Failure::interrupted(format_args!("interrupted; {id} goes on and is {state}")),
            false => Failure::new(format_args!("{id} is {state} still; wait longer, or cancel it")),
        });
    }
    print(&status, json)?;
    match state {
        JobState::Finished | JobState::Drained => Ok(ExitCode::SUCCESS),
        _ => Err(Failure::new(match &status.error {
            Some(error) => format!("{id} is {state}: {error}"),
            None => format!("{id} is {state}"),
        })),
    }
}

fn print(status: &JobStatus, json: bool) -> Result<(), Failure> {
    Output::stdout().print(|out| {
        if json {
            return writeln!(out, "{}", json!(status));
        }
        show::status(status, out)
    })
}

fn refused(error: Error) -> Failure {
    Failure::new(words(&error))
}

/// What the server said, without the way it took to here.
fn words(error: &Error) -> String {
    let text = error.to_string();
    let said = text.split_once(": call service: found ").map(|(_, said)| said);
    match said.and_then(|said| said.split_once(", service=sage_jobs")) {
        Some((said, _)) => said.to_owned(),
        None => text,
    }
}
