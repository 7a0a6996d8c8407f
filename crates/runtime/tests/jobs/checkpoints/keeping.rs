//! What is kept, what cannot be, and the files it is kept in.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use descriptor_core::{Error, ErrorKind};
use queue_testkit::{until, watchdog};
use router::Packet;
use runtime::ops::{AggregateFn, FnSource, IterSource, WindowSpec};
use runtime::{
    AsyncOrder, Checkpoints, Deployment, ErrorPolicy, JobReport, NodeKind, OpResult, Operator, Outcome, Restart,
    Source, SourceStep, State, TaskContext,
};

use super::{MINUTE, Table, Temp, complete_beyond, gated};
use crate::rig::{KINDS, Signal, assert_complete, assert_cut_off, flow};

#[test]
fn collected_results_and_states_are_in_the_checkpoint_and_idle_sources_send_barriers() {
    watchdog(4 * MINUTE, "checkpoints-collect", || {
        for kind in KINDS {
            let (temp, open) = (Temp::new("collect"), Signal::default());
            let run = |again: bool| {
                let flow = flow(&format!("collect-{kind}"), kind);
                let left = gated(&flow, "left", 50, 100, &open);
                let right = flow.source("right", 1, |_| IterSource::new(1000..1010_u64));
                let all = left
                    .co_map(
                        &right,
                        "running",
                        0_u64,
                        |n, _| {
                            *n += 1;
                            *n
                        },
                        |n, _| {
                            *n += 1;
                            *n
                        },
                    )
                    .collect("all");
                let job = flow.build(Deployment::Threads).unwrap();
                let running = job.checkpoints(temp.often()).unwrap().start().unwrap();
                let controller = running.controller();
                if !again {
                    // The right source is at its end, the left one waits for us: a barrier behind all that came.
                    until(|| {
                        controller
                            .progress()
                            .iter()
                            .any(|node| node.node == "all" && node.packets_in == 60)
                    });
                    let known = temp
                        .names()
                        .iter()
                        .filter_map(|it| it.strip_prefix("checkpoint-")?.parse().ok())
                        .max();
                    let known = known.unwrap_or(0);
                    until(|| complete_beyond(&temp, known + 1));
                    controller.abort();
                }
                (running.wait(), all.take())
            };
            let (report, _) = run(false);
            assert_cut_off(&report, Outcome::Aborted);
            open.raise();
            let (report, all) = run(true);
            assert_complete(&report, Outcome::Finished);
            assert_eq!(report.node("left").map(|node| node.packets_out), Some(50));
            assert_eq!(
                all,
                (1..=110).collect::<Vec<u64>>(),
                "none twice, none missing, over {kind}"
            );
        }
    });
}

#[test]
fn a_sink_shows_nothing_before_its_checkpoint_is_complete() {
    watchdog(MINUTE, "checkpoints-shown", || {
        let (temp, open, table) = (Temp::new("shown"), Signal::default(), Table::new());
        let run = |checkpoints: Checkpoints| {
            let flow = flow("shown", "local");
            let _ = gated(&flow, "numbers", 10, 20, &open).sink("shown", table.sink());
            let job = flow
                .build(Deployment::Threads)
                .unwrap()
                .checkpoints(checkpoints)
                .unwrap();
            job.start().unwrap()
        };
        let running = run(Checkpoints::in_folder(&temp.0).every(10 * MINUTE));
        until(|| {
            running
                .progress()
                .iter()
                .any(|node| node.node == "shown" && node.packets_in == 10)
        });
        assert_eq!(table.rows(), [0_u64; 0]);
        running.abort();
        assert_cut_off_or_clean(&running.wait());
        assert_eq!(table.rows(), [0_u64; 0]);

        let running = run(temp.often());
        until(|| table.rows().len() == 10);
        open.raise();
        assert_complete(&running.wait(), Outcome::Finished);
        assert_eq!(table.rows(), (0..20).collect::<Vec<u64>>());
    });
}

fn assert_cut_off_or_clean(report: &JobReport) {
    assert_eq!(report.outcome, Outcome::Aborted, "{report:?}");
    report.ledger.check().unwrap();
}

#[test]
fn what_cannot_be_kept_is_refused_with_all_findings() {
    let temp = Temp::new("refused");
    let flow = flow("refused", "local");
    let numbers = flow.source("numbers", 2, |_| {
        FnSource::new(|_: &mut TaskContext<u64>| Ok(SourceStep::Done))
    });
    let _ = numbers
        .process("own", NodeKind::Custom("own".into()), |_| Forgetful)
        .on_error(ErrorPolicy::Skip)
        .restart(Restart::on_failure(1, MINUTE))
        .map_async("ahead", 2, AsyncOrder::Kept, |number| async move { number })
        .collect("all");
    let job = flow
        .build(Deployment::Threads)
        .unwrap()
        .checkpoints(temp.often())
        .unwrap();
    let error = job.start().map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidGraph);
    let text = error.to_string();
    for part in [
        "not-kept] node `numbers`: expected a position",
        "not-kept] node `own`: expected a state",
        "not-kept] node `ahead`: expected a state",
        "kept-and-restarted] node `own`",
    ] {
        assert_eq!(text.matches(part).count(), 1, "{part}: {text}");
    }
    assert_eq!(temp.names(), [""; 0]);
}

struct Forgetful;

impl Operator<u64, u64> for Forgetful {
    fn process(&mut self, packet: Packet<u64>, ctx: &mut TaskContext<u64>) -> OpResult {
        ctx.emit(packet.payload)
    }
}

fn small(name: &str, temp: &Temp, windows: u64) -> Result<JobReport, Error> {
    let flow = flow(name, "local");
    let _ = flow
        .source("numbers", 1, |_| IterSource::new(0..10_u64))
        .key_by("key", |n| *n)
        .window(
            "window",
            WindowSpec::tumbling(windows).unwrap(),
            |n| *n,
            AggregateFn::new(|sum: &mut u64, n| *sum += n, |into, from| *into += from),
            |_, _, sum| Ok(sum),
        )
        .collect("all");
    flow.build(Deployment::Threads)?.checkpoints(temp.often())?.run()
}

#[test]
fn files_are_for_their_owner_alone_and_a_damaged_or_foreign_one_is_refused() {
    let temp = Temp::new("files");
    assert_complete(&small("files", &temp, 10).unwrap(), Outcome::Finished);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let last = temp.last();
    assert_eq!((mode(&temp.0), mode(&last)), (0o700, 0o700));
    for file in ["manifest.json", "states"] {
        assert_eq!(mode(&last.join(file)), 0o600);
    }
    let report = small("files", &temp, 5).unwrap();
    assert_eq!(report.outcome, Outcome::Failed, "other windows");
    assert!(report.failures[0].message.contains("restore windows"), "{report:?}");

    for file in ["states", "manifest.json"] {
        let path = last.join(file);
        let sound = fs::read(&path).unwrap();
        for damage in [&sound[..sound.len() - 1], &[], &sound[1..]] {
            fs::write(&path, damage).unwrap();
            let error = small("files", &temp, 10).map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{file}: {error}");
        }
        let mut turned = sound.clone();
        turned[sound.len() / 2] ^= 1;
        fs::write(&path, turned).unwrap();
        assert_eq!(
            small("files", &temp, 10).map(drop).unwrap_err().kind(),
            ErrorKind::Corrupt
        );
        fs::write(&path, sound).unwrap();
    }
    // Half a checkpoint that somebody left behind is none.
    fs::create_dir(temp.0.join("unfinished")).unwrap();
    assert_complete(&small("files", &temp, 10).unwrap(), Outcome::Finished);

    let foreign = flow("foreign", "local");
    let _ = foreign.source("other", 1, |_| IterSource::new(0..1_u64)).collect("all");
    let job = foreign
        .build(Deployment::Threads)
        .unwrap()
        .checkpoints(temp.often())
        .unwrap();
    assert_eq!(job.start().map(drop).unwrap_err().kind(), ErrorKind::Incompatible);

    fs::set_permissions(&temp.0, fs::Permissions::from_mode(0o755)).unwrap();
    let error = small("files", &temp, 10).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
}

#[test]
fn a_folder_belongs_to_one_running_job() {
    watchdog(MINUTE, "checkpoints-one", || {
        let (temp, open) = (Temp::new("one"), Signal::default());
        let start = |name: &str| {
            let flow = flow(name, "local");
            let _ = gated(&flow, "numbers", 1, 2, &open).collect("all");
            flow.build(Deployment::Threads)
                .unwrap()
                .checkpoints(temp.often())
                .unwrap()
                .start()
        };
        let first = start("one").unwrap();
        let error = start("another").map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overloaded);
        open.raise();
        assert_complete(&first.wait(), Outcome::Finished);
        assert_complete(&start("one").unwrap().wait(), Outcome::Finished);
    });
}

/// Emits nothing before a barrier that the other source has not sent: everything comes behind it.
struct Marked {
    asked: u64,
    next: u64,
    end: u64,
    other: Arc<AtomicU64>,
    inside: Signal,
}

impl Source<u64> for Marked {
    fn step(&mut self, ctx: &mut TaskContext<u64>) -> OpResult<SourceStep> {
        let is_behind = self.inside.times() > 0 && self.asked > self.other.load(Ordering::Relaxed);
        if self.next == 0 && !is_behind {
            return Ok(SourceStep::Idle(Duration::from_millis(5)));
        }
        for _ in 0..256 {
            if self.next == self.end {
                return Ok(SourceStep::Done);
            }
            ctx.emit(self.next)?;
            self.next += 1;
        }
        Ok(SourceStep::More)
    }

    /// Asked for once before the start, and then at every barrier.
    fn position(&mut self) -> State<'_> {
        self.asked += 1;
        State::of(&mut self.next)
    }
}

/// Waits in its step until it is let on: from there on it sends no barrier.
struct Held {
    asked: Arc<AtomicU64>,
    inside: Signal,
    open: Signal,
    done: bool,
}

impl Source<u64> for Held {
    fn step(&mut self, ctx: &mut TaskContext<u64>) -> OpResult<SourceStep> {
        self.inside.raise();
        self.open.wait_for(1);
        if std::mem::replace(&mut self.done, true) {
            return Ok(SourceStep::Done);
        }
        ctx.emit(MANY)?;
        Ok(SourceStep::More)
    }

    /// Asked for as often as the one of the other source.
    fn position(&mut self) -> State<'_> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        State::of(&mut self.done)
    }
}

const MANY: u64 = 200_000;

#[test]
fn a_checkpoint_that_would_hold_back_too_much_is_given_up_and_the_data_flows_on() {
    watchdog(2 * MINUTE, "checkpoints-declined", || {
        let (temp, open, inside) = (Temp::new("declined"), Signal::default(), Signal::default());
        let asked = Arc::new(AtomicU64::new(0));
        let flow = flow("declined", "sage_queue");
        let (other, there) = (Arc::clone(&asked), inside.clone());
        let many = flow.source("many", 1, move |_| Marked {
            asked: 0,
            next: 0,
            end: MANY,
            other: Arc::clone(&other),
            inside: there.clone(),
        });
        let hold = open.clone();
        let held = flow.source("held", 1, move |_| Held {
            asked: Arc::clone(&asked),
            inside: inside.clone(),
            open: hold.clone(),
            done: false,
        });
        let sum = many
            .co_map(
                &held,
                "sum",
                0_u64,
                |sum, n| {
                    *sum += n;
                    *sum
                },
                |sum, n| {
                    *sum += n;
                    *sum
                },
            )
            .collect("sums");
        let job = flow
            .build(Deployment::Threads)
            .unwrap()
            .checkpoints(temp.often())
            .unwrap();
        let running = job.start().unwrap();
        // What was held back for it is worked on, although the other source is still silent.
        until(|| {
            running
                .progress()
                .iter()
                .any(|node| node.node == "sum" && node.packets_in > 65_536)
        });
        open.raise();
        let report = running.wait();
        assert_complete(&report, Outcome::Finished);
        let checkpoints = report.checkpoints.unwrap();
        assert!(checkpoints.declined >= 1, "{checkpoints:?}");
        assert_eq!(checkpoints.unwritten, 0);
        assert_eq!(sum.take().last(), Some(&(MANY * (MANY + 1) / 2)));
    });
}
