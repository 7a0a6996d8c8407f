//! What the program is when it is started again: the coordinator of a job over processes, or one of its workers.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use queue_testkit::campaign::{played, say};
use sage_comm::ops::FnSource;
use sage_comm::{Builtin, Codec, Deployment, Error, ErrorKind, Flow, Job, ShmFolder, SourceStep, TaskContext};

use crate::evidence::{Evidence, Item, NUMBERS, SINK, Seen};

/// A job, and what that is told: its kind, and at which packet of each worker something happens.
pub(crate) const JOB: &str = "job";
/// Removes what the dead have left.
pub(crate) const CLEAN: &str = "clean";
/// The variable with the file that ends the job once it is there.
pub(crate) const END: &str = "CHAOS_RUNTIME_END";
/// Sources of a job, and workers.
pub(crate) const SOURCES: u32 = 2;
pub(crate) const WORKERS: u32 = 3;
/// The exit code of a worker that ends too early.
pub(crate) const EARLY: i32 = 7;

pub(crate) fn play(role: &str, words: &mut dyn Iterator<Item = String>) -> ExitCode {
    let done = match role {
        JOB => {
            let kind = words.next().unwrap_or_default();
            let at = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
            job(&kind, at)
        }
        CLEAN => ShmFolder::of_this_user().clean(false).map(drop),
        _ => Err(Error::new(ErrorKind::InvalidDescriptor, "play").found(role)),
    };
    played(role, done.map_err(|error| error.to_string()))
}

fn job(kind: &str, at: i64) -> Result<(), Error> {
    let seen = Seen::default();
    let running = sage_comm::launch(|| build(kind, at, &seen))?;
    let report = running.wait();
    let evidence = Evidence::new(&report, seen.sums(None, 1));
    let mut json = Vec::new();
    Codec::Json.encode(&evidence, 1 << 20, &mut json)?;
    say(format_args!("evidence {}", String::from_utf8_lossy(&json)));
    Ok(())
}

fn build(kind: &str, at: i64, seen: &Seen) -> Result<Job<Builtin>, Error> {
    let end = std::env::var_os(END).map(PathBuf::from);
    let flow = Flow::new("chaos", Builtin);
    let (kind, fuse, seen) = (kind.to_owned(), Arc::new(AtomicI64::new(at)), seen.clone());
    let _ = flow
        .source(NUMBERS, SOURCES, move |at| {
            let (source, end) = (at.index, end.clone());
            let mut number = 0;
            FnSource::new(move |ctx: &mut TaskContext<Item>| {
                let last = end.as_ref().is_none_or(|end| end.exists());
                for _ in 0..if last { 1 } else { 50 } {
                    ctx.emit(Item { source, number, last })?;
                    number += 1;
                }
                Ok(if last { SourceStep::Done } else { SourceStep::More })
            })
        })
        .map_with("work", move |_, item| {
            // One of the packets of each worker.
            match fuse.fetch_sub(1, Ordering::AcqRel) {
                0 if kind == "exit" => std::process::exit(EARLY),
                0 if kind == "busy" => loop {
                    std::hint::spin_loop();
                    std::thread::yield_now();
                },
                left if left == at => {
                    let _ = writeln!(std::io::stdout(), "process {}", std::process::id());
                }
                _ => {}
            }
            Ok(item)
        })
        .parallelism(WORKERS)
        .buffer_size(64)
        .for_each(SINK, move |item| seen.note(item))
        .at_coordinator();
    flow.build(Deployment::Processes(WORKERS))
}
