//! Two jobs at once, whose workers are told which of the two they are in.

use std::io::Write;
use std::process::ExitCode;

use sage_comm::ops::{Collected, IterSource};
use sage_comm::{Builtin, Deployment, Error, ErrorKind, Flow, Job, Result, Told};

use crate::{say, share};

pub(crate) fn main(listens: bool) -> ExitCode {
    match both(listens) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// A program that does not listen starts its jobs in its workers, too, if it may.
fn both(listens: bool) -> Result<()> {
    if listens && let Some(told) = Told::take()? {
        let upto = told.task().parse();
        match upto {
            Ok(upto) => told.work(|| Ok(sum(upto)?.0)),
            Err(cause) => {
                let error = Error::new(ErrorKind::InvalidDescriptor, "read task").expected("a number");
                told.refuse(&error.caused_by(cause))
            }
        }
    }
    let (first, first_sums) = sum(1_000)?;
    let (second, second_sums) = sum(30_000)?;
    let (first, second) = (first.start_told("1000")?, second.start_told("30000")?);
    for (job, sums) in [(first, first_sums), (second, second_sums)] {
        job.wait().into_result()?;
        say(&sums.take().into_iter().sum::<u64>().to_string())?;
    }
    // Told something else, a worker builds another job, and told nonsense, none.
    for words in ["2000", "many"] {
        match sum(1_000)?.0.start_told(words) {
            Ok(_) => say("started")?,
            Err(error) => say(&error.to_string())?,
        }
    }
    Ok(())
}

fn sum(upto: u64) -> Result<(Job<Builtin>, Collected<u64>)> {
    let flow = Flow::new("told", Builtin);
    let sums = flow
        .source("numbers", 2, move |at| IterSource::new(share(at, upto)))
        .key_by("by_rest", |number| number % 7)
        .parallelism(2)
        .fold("sum", || 0, |sum, number: u64| *sum += number, |_, sum| Ok(sum))
        .parallelism(2)
        .collect("sums");
    Ok((flow.build(Deployment::Processes(2))?.made_with(upto.to_string()), sums))
}
