//! Jobs that end too early and go on from their last checkpoint, as if nothing had been.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use descriptor_core::{Error, ErrorKind};
use queue_testkit::{until, watchdog};
use router::Packet;
use runtime::ops::{AggregateFn, CommitSink, FnSource, IterSource, SeekSource, WindowSpec};
use runtime::{
    Checkpoints, Data, Deployment, ErrorPolicy, Flow, Instance, Job, JobReport, NodeKind, OpResult, Operator, Outcome,
    Restart, SourceStep, State, TaskContext,
};

use crate::rig::{InProcess, KINDS, Signal, assert_complete, assert_cut_off, flow, share, sorted};

const MINUTE: Duration = Duration::from_secs(60);

/// A folder of one test, which goes with it.
struct Temp(PathBuf);

impl Temp {
    fn new(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("sage-{name}-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn often(&self) -> Checkpoints {
        Checkpoints::in_folder(&self.0).every(Duration::ZERO)
    }

    /// The names in the folder, but for the lock.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        sorted(names.filter(|name| name != "lock"))
    }

    fn last(&self) -> PathBuf {
        self.0.join(self.names().last().unwrap())
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What sinks have committed, as a table outside of the job would have it: each instance's numbers once.
#[derive(Clone)]
struct Table<T>(Arc<Mutex<Shown<T>>>);

struct Shown<T> {
    last: BTreeMap<u32, u64>,
    rows: Vec<T>,
}

impl<T: Data> Table<T> {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Shown {
            last: BTreeMap::new(),
            rows: Vec::new(),
        })))
    }

    fn sink(&self) -> impl Fn(&Instance) -> CommitSink<T, Box<dyn FnMut(u64, Vec<T>) -> OpResult + Send>> + use<T> {
        let table = self.clone();
        move |at| {
            let (table, index) = (table.clone(), at.index);
            CommitSink::new(Box::new(move |number, rows| {
                let mut shown = table.0.lock().unwrap();
                let last = shown.last.entry(index).or_default();
                if number > *last {
                    *last = number;
                    shown.rows.extend(rows);
                }
                Ok(())
            }))
        }
    }

    fn rows(&self) -> Vec<T>
    where
        T: Ord,
    {
        sorted(self.0.lock().unwrap().rows.iter().cloned())
    }
}

/// Panics when it has been counted down.
#[derive(Clone)]
struct Fuse(Arc<AtomicI64>);

impl Fuse {
    fn new(packets: i64) -> Self {
        Self(Arc::new(AtomicI64::new(packets)))
    }

    fn burn(&self) {
        assert!(self.0.fetch_sub(1, Ordering::Relaxed) != 0, "a bad moment");
    }
}

/// Numbers that are put out again with how many of their key came before: by heart.
#[derive(Default)]
struct Counting {
    seen: runtime::KeyedState<u64>,
}

impl Operator<(u64, u64), (u64, u64)> for Counting {
    fn process(&mut self, packet: Packet<(u64, u64)>, ctx: &mut TaskContext<(u64, u64)>) -> OpResult {
        let seen = self.seen.get_or_insert_with(packet.key().ok_or("no key")?, || 0);
        *seen += 1;
        let seen = *seen;
        ctx.emit((packet.payload.0, seen))
    }

    fn state(&mut self) -> State<'_> {
        State::of(&mut self.seen)
    }
}

const EACH: u64 = 4000;

/// Two streams, one of them with event time, that meet behind sources, keys, own and built-in state, and windows.
fn job(
    name: &str,
    kind: &str,
    fuse: &Fuse,
    counts: &Table<(u64, u64)>,
    sums: &Table<(u64, u64, u64)>,
) -> Job<InProcess> {
    let flow = flow(name, kind);
    let (burn, late_burn) = (fuse.clone(), fuse.clone());
    let keyed = flow
        .source("numbers", 2, |at| {
            IterSource::new(share(at, EACH)).with_event_time(|n| *n, 0)
        })
        .map("slow_start", move |n| {
            burn.burn();
            (n % 13, n)
        })
        .parallelism(2)
        .key_by("by_rest", |(rest, _)| *rest)
        .parallelism(3);
    let _ = keyed
        .process("count", NodeKind::Custom("count".into()), |_| Counting::default())
        .parallelism(2)
        .sink("counts", counts.sink())
        .parallelism(2);
    let _ = keyed
        .window(
            "sum",
            WindowSpec::sliding(400, 200).unwrap(),
            |(_, n)| *n,
            AggregateFn::new(
                |sum: &mut u64, (_, n): (u64, u64)| *sum += n,
                |into, from| *into += from,
            ),
            |end, key, sum| Ok((end, key.decode::<u64>()?, sum)),
        )
        .parallelism(2)
        .inspect("shaky", move |_| late_burn.burn())
        .sink("sums", sums.sink());
    flow.build(Deployment::Threads).unwrap()
}

/// The answer, without any of it.
fn expected() -> (Vec<(u64, u64)>, Vec<(u64, u64, u64)>) {
    let counts = (0..EACH).map(|n| (n % 13, n / 13 + 1));
    let mut sums = BTreeMap::new();
    for n in 0..EACH {
        for end in WindowSpec::sliding(400, 200).unwrap().windows(n) {
            *sums.entry((end, n % 13)).or_insert(0) += n;
        }
    }
    (
        sorted(counts),
        sums.into_iter().map(|((end, key), sum)| (end, key, sum)).collect(),
    )
}

fn number_of(report: &JobReport) -> (Option<u64>, Option<u64>) {
    let checkpoints = report.checkpoints.as_ref().unwrap();
    (checkpoints.restored, checkpoints.last)
}

/// Small numbers by chance that are the same with the same seed.
fn chance(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

#[test]
fn a_job_that_fails_and_is_cut_off_again_and_again_gives_the_answer_of_one_that_is_not() {
    watchdog(4 * MINUTE, "checkpoints-rollback", || {
        let answer = expected();
        let mut restored = 0;
        for seed in 1..=20_u64 {
            let kind = KINDS[seed as usize % KINDS.len()];
            let (temp, counts, sums) = (Temp::new("rollback"), Table::new(), Table::new());
            let mut chances = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            for round in 0_u64.. {
                assert!(round < 200, "seed {seed}: it never comes to its end");
                // Each try may work for longer: one of them comes to the end, whatever chance says.
                let fuse = Fuse::new((chance(&mut chances) % (2000 + 1000 * round)) as i64);
                let job = job(&format!("rollback-{seed}"), kind, &fuse, &counts, &sums);
                let running = job.checkpoints(temp.often()).unwrap().start().unwrap();
                if chance(&mut chances).is_multiple_of(3) {
                    let most = chance(&mut chances) % EACH;
                    let controller = running.controller();
                    until(|| {
                        controller.is_stopping() || controller.is_done() || controller.progress()[0].packets_out > most
                    });
                    controller.abort();
                }
                let report = running.wait();
                restored += u32::from(number_of(&report).0.is_some());
                if report.outcome == Outcome::Finished {
                    assert_complete(&report, Outcome::Finished);
                    break;
                }
                report.ledger.check().unwrap();
            }
            assert_eq!((counts.rows(), sums.rows()), answer, "seed {seed} over {kind}");
        }
        assert!(restored >= 20, "only {restored} went on from a checkpoint");
    });
}

#[test]
fn a_job_that_has_come_to_its_end_ends_at_once_and_repeats_nothing() {
    watchdog(MINUTE, "checkpoints-over", || {
        for kind in KINDS {
            let (temp, counts, sums, never) = (Temp::new("over"), Table::new(), Table::new(), Fuse::new(-1));
            let run = || {
                let job = job(&format!("over-{kind}"), kind, &never, &counts, &sums);
                job.checkpoints(temp.often()).unwrap().run().unwrap()
            };
            let (first, second) = (run(), run());
            assert_complete(&first, Outcome::Finished);
            assert_complete(&second, Outcome::Finished);
            assert_eq!(number_of(&second).0, number_of(&first).1);
            assert_eq!(second.node("count").map(|node| node.packets_in), Some(0));
            assert_eq!((counts.rows(), sums.rows()), expected());
            assert!(temp.names().len() <= 2, "{:?}", temp.names());
        }
    });
}

/// A source of `end` numbers that waits at `gate` until the signal has been raised, and ends behind that.
fn gated(flow: &Flow<InProcess>, name: &str, gate: u64, end: u64, signal: &Signal) -> runtime::Stream<u64, InProcess> {
    let signal = signal.clone();
    flow.source(name, 1, move |_| {
        let signal = signal.clone();
        SeekSource::new(0_u64, move |next: &mut u64, ctx: &mut TaskContext<u64>| {
            if *next == end {
                return Ok(SourceStep::Done);
            }
            if *next == gate && signal.times() == 0 {
                return Ok(SourceStep::Idle(MINUTE));
            }
            ctx.emit(*next)?;
            *next += 1;
            Ok(SourceStep::More)
        })
    })
}

fn complete_beyond(temp: &Temp, number: u64) -> bool {
    let names = fs::read_dir(&temp.0).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter_map(|name| name.strip_prefix("checkpoint-")?.parse::<u64>().ok())
        .any(|found| found > number)
}

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
