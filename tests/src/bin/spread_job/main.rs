//! Jobs that the tests of jobs over processes run, watch and kill: `spread-job WHAT WORKERS`, with 0 workers for threads;
//! `spread-job WHAT WORKERS ADDRESS SECONDS` with workers that join at that server in that time.
//! The last line of its output is the report, in JSON; what an operator prints comes before it.
#![forbid(unsafe_code)]

mod alone;
mod kept;
mod told;

use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sage_comm::ops::{FnSource, IterSource, Map};
use sage_comm::{
    Builtin, Codec, Deployment, Error, ErrorKind, ErrorPolicy, Flow, Instance, Job, JobController, Meeting, NodeKind,
    NodeState, Outcome, QueueExt, Restart, Result, ServiceContext, SourceStep, TaskContext, Wait, WorkerOutput,
    WorkerState,
};

use alone::{Stay, alone, storm};
use serde::{Deserialize, Serialize};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|what| what == "told" || what == "deaf") {
        return told::main(args.first().is_some_and(|what| what == "told"));
    }
    let what = args.first().map_or("", String::as_str);
    let workers = args.get(1).and_then(|workers| workers.parse().ok()).unwrap_or_default();
    let deployment = match deployment(workers, args.get(2), args.get(3)) {
        Ok(deployment) => deployment,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            return ExitCode::FAILURE;
        }
    };
    match spread(what, deployment) {
        Ok(Outcome::Finished) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn deployment(workers: u32, at: Option<&String>, seconds: Option<&String>) -> Result<Deployment> {
    let Some(at) = at else {
        return Ok(match workers {
            0 => Deployment::Threads,
            workers => Deployment::Processes(workers),
        });
    };
    let limit = seconds.and_then(|seconds| seconds.parse().ok()).unwrap_or(60);
    let meeting = Meeting::new(workers, at.parse()?).join_within(Duration::from_secs(limit));
    // Half of the usual time: long enough for a busy machine.
    Ok(Deployment::Workers(meeting.silence(Duration::from_secs(5))))
}

fn spread(what: &str, deployment: Deployment) -> Result<Outcome> {
    let mut collected = None;
    let running = sage_comm::launch(|| {
        let (job, results) = match what {
            "sums" => sums(deployment)?,
            "large" => large(deployment)?,
            "written" => written(deployment)?,
            "letters" => letters(deployment)?,
            "shaky" => shaky(deployment)?,
            "asks" => asks(deployment, 500)?,
            "asks_on" => asks(deployment, u64::MAX)?,
            "panics" => panics(deployment)?,
            "endless" => endless(deployment)?,
            "differs" => differs(deployment)?,
            "kept" => kept::kept(deployment)?,
            "unkept" => kept::unkept(deployment)?,
            "leaves" => leaves(deployment)?,
            "talks" => talks(deployment)?,
            "aborts" => aborts(deployment)?,
            "stumbles" => stumbles(deployment)?,
            "builds_slowly" => alone(deployment, Stay::Building)?,
            "builds_slowly_kept" => alone(deployment, Stay::BuildingKept)?,
            "opens_slowly" => alone(deployment, Stay::Opening)?,
            "never_returns" => alone(deployment, Stay::Working)?,
            _ => {
                return Err(Error::new(ErrorKind::InvalidGraph, "choose job")
                    .expected("the name of a job")
                    .found(what));
            }
        };
        collected = results;
        let inherits = std::env::var_os("SPREAD_JOB_INHERITS").is_some();
        Ok(job.worker_output(if inherits {
            WorkerOutput::Inherited
        } else {
            WorkerOutput::Collected
        }))
    })?;
    if what == "shaky" {
        pause(&running.controller());
    }
    if what == "kept" {
        kept::trouble(&running.controller())?;
    }
    if std::env::var_os("SPREAD_JOB_STORMS").is_some() {
        storm(&running.controller())?;
    }
    let letters = running.dead_letters().cloned();
    let watched = running.controller();
    let watch = std::env::var_os("SPREAD_JOB_WATCHES").map(|_| std::thread::spawn(move || watch(&watched)));
    let report = running.wait();
    if let Some(watch) = watch {
        let _ = watch.join();
    }
    if let Some(results) = collected {
        let mut results = results.take();
        results.sort_unstable();
        say(&format!("{results:?}"))?;
    }
    if let Some(letters) = letters {
        let mut items: Vec<String> = letters.drain().map(|letter| letter.item).collect();
        items.sort();
        say(&format!("{items:?}"))?;
    }
    let mut json = Vec::new();
    Codec::Json.encode(&report, 1 << 20, &mut json)?;
    say(&String::from_utf8_lossy(&json))?;
    Ok(report.outcome)
}

/// Says when a worker falls silent and when it works again, until the job has ended.
fn watch(job: &JobController) {
    let mut silent = BTreeSet::new();
    while !job.wait_until(Instant::now() + Duration::from_millis(20)) {
        for worker in job.workers() {
            let state = worker.state;
            let changed = match state {
                WorkerState::Silent => silent.insert(worker.pid),
                WorkerState::Working => silent.remove(&worker.pid),
                _ => false,
            };
            if changed {
                let _ = say(&format!("{state} {}", worker.pid));
            }
        }
    }
}

/// Lets the job stand still for as long as it takes until it does, if it has not ended before.
fn pause(job: &JobController) {
    let stands_still = || {
        let nodes = job.progress();
        nodes
            .iter()
            .all(|node| node.state == NodeState::Paused || node.state.is_end())
    };
    if job.pause() {
        while !stands_still() && !job.is_done() {
            std::thread::yield_now();
        }
        job.resume();
    }
}

type Results = Option<sage_comm::ops::Collected<(u64, u64)>>;
type Made = Result<(Job<Builtin>, Results)>;

/// A line on standard output, in one piece whoever else writes there.
fn say(line: &str) -> Result<()> {
    let done = std::io::stdout().write_all(format!("{line}\n").as_bytes());
    done.map_err(|cause| Error::new(ErrorKind::Io, "print").caused_by(cause))
}

/// Every `parallelism`-th number below `end`, beginning with the instance's own.
fn share(at: &Instance, end: u64) -> impl Iterator<Item = u64> + Send + use<> {
    (u64::from(at.index)..end).step_by(at.parallelism as usize)
}

/// Sums by key, and a copy of some numbers for every instance of a node: every kind of edge.
fn sums(deployment: Deployment) -> Made {
    let flow = Flow::new("sums", Builtin);
    let numbers = flow.source("numbers", 2, |at| IterSource::new(share(at, 100_000)));
    let copies = numbers
        .filter("every_thousandth", |number| number % 1_000 == 0)
        .parallelism(2)
        .broadcast()
        .map("copy", |number| (number, 1_000_000))
        .parallelism(3);
    let sums = numbers
        .forward()
        .key_by("by_rest", |number| number % 97)
        .parallelism(2)
        .fold(
            "sum",
            || 0,
            |sum, number: u64| *sum += number,
            |key, sum| Ok((key.decode::<u64>()?, sum)),
        )
        .parallelism(3);
    let both = sums
        .co_map(&copies, "both", (), |(), sum| sum, |(), copy| copy)
        .collect("results");
    Ok((flow.build(deployment)?, Some(both)))
}

/// Packets of which few fit into one item of a queue between processes, and some that are larger than usual items.
fn large(deployment: Deployment) -> Made {
    let flow = Flow::new("large", Builtin);
    let sizes = flow
        .source("texts", 2, |at| {
            IterSource::new(share(at, 2_000).map(|number| {
                let len = if number % 100 == 0 { 150_000 } else { 20_000 };
                (number, "x".repeat(len))
            }))
        })
        .map("size", |(number, text)| (number, text.len() as u64))
        .item_bytes(150_100)
        .parallelism(3)
        .collect("results");
    Ok((flow.build(deployment)?, Some(sizes)))
}

/// A packet that knows whether it was written down on its way.
#[derive(Clone, Serialize, Deserialize)]
struct Sent {
    process: u32,
    #[serde(skip)]
    never_written: bool,
}

/// What each packet went through: 0 when it was written in the process that reads it, 1 when it stayed there, 2 when another
/// process wrote it.
fn written(deployment: Deployment) -> Made {
    let flow = Flow::new("written", Builtin);
    let counts = flow
        .source("numbers", 2, |at| {
            let sent = Sent {
                process: std::process::id(),
                never_written: true,
            };
            IterSource::new(share(at, 40_000).map(move |_| sent.clone()))
        })
        .map("look", |sent: Sent| {
            let far = sent.process != std::process::id();
            (2 * u64::from(far) + u64::from(sent.never_written), 1_u64)
        })
        .parallelism(2)
        .collect("results");
    Ok((flow.build(deployment)?, Some(counts)))
}

/// Some packets that cannot be worked on.
fn letters(deployment: Deployment) -> Made {
    let flow = Flow::new("letters", Builtin);
    let good = flow
        .source("numbers", 2, |at| IterSource::new(share(at, 1_000)))
        .try_map("check", |number| {
            if number % 100 == 7 {
                Err("seven")
            } else {
                Ok((number, 1))
            }
        })
        .parallelism(3)
        .on_error(ErrorPolicy::DeadLetter)
        .collect("results");
    Ok((flow.build(deployment)?, Some(good)))
}

/// An operator that fails on some packets when it sees them first, and is started again; the job is paused once.
fn shaky(deployment: Deployment) -> Made {
    let flow = Flow::new("shaky", Builtin);
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let results = flow
        .source("numbers", 2, |at| IterSource::new(share(at, 50_000)))
        .try_map("shaky", move |number| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if number % 10_000 == 7 && seen.insert(number) {
                Err("a bad moment")
            } else {
                Ok((number, 1))
            }
        })
        .parallelism(3)
        .restart(Restart::on_failure(100, Duration::from_secs(60)).pauses(Duration::ZERO, Duration::ZERO))
        .collect("results");
    Ok((flow.build(deployment)?, Some(results)))
}

/// Operators of every process ask services, one of which asks the other. Each instance prints its process when it has had
/// some answers.
fn asks(deployment: Deployment, end: u64) -> Made {
    let flow = Flow::new("asks", Builtin);
    let square = flow.service("square", 2, |_: &mut ServiceContext<'_, u64>, n: u64| match n % 100 {
        7 => Err("seven".into()),
        _ => Ok(n.wrapping_mul(n)),
    });
    let inner = square.clone();
    let cube = flow.service("cube", 3, move |ctx: &mut ServiceContext<'_, u64>, n: u64| {
        Ok(n.wrapping_mul(ctx.call_service(&inner, n, Wait::Forever)?))
    });
    let cubes = flow
        .source("numbers", 2, move |at| IterSource::new(share(at, end)))
        .map_with("ask", move |ctx, n| {
            let cube = ctx.call_service(&cube, n, Wait::Forever)?;
            if end == u64::MAX && n / 6 == 10 {
                say(&format!("process {}", std::process::id()))?;
            }
            Ok((n, cube))
        })
        .parallelism(3)
        .on_error(ErrorPolicy::Skip)
        .map_with("ask_again", move |ctx, (n, cube)| {
            Ok((cube, ctx.call_service(&square, n, Wait::Forever)?))
        })
        .parallelism(3);
    if end == u64::MAX {
        let _ = cubes.for_each("results", |_| {}).at_coordinator();
        return Ok((flow.build(deployment)?, None));
    }
    let results = cubes.collect("results");
    Ok((flow.build(deployment)?, Some(results)))
}

/// An operator that panics in a worker.
fn panics(deployment: Deployment) -> Made {
    let flow = Flow::new("panics", Builtin);
    let _ = flow
        .source("numbers", 2, |at| IterSource::new(share(at, 1_000_000)))
        .map("seven", |number| {
            assert!(number != 77_777, "not this one");
            (number, 1_u64)
        })
        .parallelism(3)
        .for_each("results", |_| {});
    Ok((flow.build(deployment)?, None))
}

/// A job that runs until somebody ends it, or until the file that `SPREAD_JOB_END` names is there. Each instance of `work` prints its process with the first packet that another
/// process sent: of such packets others can tell when the process is dead.
fn endless(deployment: Deployment) -> Made {
    let flow = Flow::new("endless", Builtin);
    let end = std::env::var_os("SPREAD_JOB_END").map(std::path::PathBuf::from);
    let _ = flow
        .source("numbers", 2, move |_| {
            let end = end.clone();
            FnSource::new(move |ctx: &mut TaskContext<u32>| {
                if end.as_ref().is_some_and(|end| end.exists()) {
                    return Ok(SourceStep::Done);
                }
                for _ in 0..100 {
                    ctx.emit(std::process::id())?;
                }
                Ok(SourceStep::More)
            })
        })
        .process("work", NodeKind::Map, |_| {
            let mut told = false;
            let own = std::process::id();
            Map::new(move |sender: u32| {
                if !told && sender != own {
                    told = true;
                    let _ = say(&format!("process {own}"));
                }
                sender
            })
        })
        .parallelism(3)
        .for_each("results", |_| {})
        .at_coordinator();
    Ok((flow.build(deployment)?, None))
}

/// A graph that is another one in every worker.
fn differs(deployment: Deployment) -> Made {
    let in_worker = sage_comm::is_worker();
    let flow = Flow::new("differs", Builtin);
    let _ = flow
        .source("numbers", 2, |at| IterSource::new(share(at, 10)))
        .map("next", |number| number + 1)
        .parallelism(if in_worker { 3 } else { 2 })
        .for_each("results", |_| {});
    Ok((flow.build(deployment)?, None))
}

/// A worker that ends before it is ready.
fn leaves(deployment: Deployment) -> Made {
    if std::env::var_os("SAGE_WORKER").is_some_and(|worker| worker.to_string_lossy().starts_with('1')) {
        std::process::exit(3);
    }
    sums(deployment)
}

/// Instances of all workers write to both outputs, many at once and in pieces.
fn talks(deployment: Deployment) -> Made {
    let flow = Flow::new("talks", Builtin);
    let _ = flow
        .source("numbers", 2, |at| IterSource::new(share(at, 600)))
        .map_with("talk", |ctx, number: u64| {
            let line = format!(
                "{} {number} {}\n",
                ctx.instance().name,
                "x".repeat(number as usize % 60)
            );
            let (mut out, mut err) = (std::io::stdout().lock(), std::io::stderr().lock());
            for piece in line.as_bytes().chunks(10) {
                out.write_all(piece)?;
                err.write_all(piece)?;
            }
            out.flush()?;
            Ok(number)
        })
        .parallelism(4)
        .for_each("results", |_| {});
    Ok((flow.build(deployment)?, None))
}

/// An operator that says something and takes its process with it.
fn aborts(deployment: Deployment) -> Made {
    let flow = Flow::new("aborts", Builtin);
    let _ = flow
        .source("numbers", 2, |at| IterSource::new(share(at, 1_000)))
        .map("last", |number| {
            if number == 77 {
                let _ = std::io::stderr().write_all(b"a panic\nand half a li");
                std::process::abort();
            }
            number
        })
        .parallelism(3)
        .for_each("results", |_| {});
    Ok((flow.build(deployment)?, None))
}

/// A worker that panics before it is ready.
fn stumbles(deployment: Deployment) -> Made {
    let is_second = std::env::var("SAGE_WORKER").is_ok_and(|worker| worker.starts_with('1'));
    assert!(!is_second, "no graph today");
    sums(deployment)
}
