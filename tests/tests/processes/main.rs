//! Jobs over processes: the same answer as on threads, and a clear end whoever dies.
#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alone;
mod heard;
mod kept;
mod told;

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sage_comm::ops::IterSource;
use sage_comm::{Builtin, Deployment, ErrorKind, Flow};
use serde_json::Value;

/// Fails a test that hangs.
fn within_two_minutes(test: impl FnOnce() + Send + 'static) {
    let name = std::thread::current().name().unwrap_or("a job").to_owned();
    queue_testkit::watchdog(Duration::from_secs(120), &name, test);
}

/// A folder for the segments of one test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        // Tests of one process, too, have the same job at the same time.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = PathBuf::from(format!("/dev/shm/sage-test-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    /// The file that ends the job without end, once it is there.
    fn end(&self) -> PathBuf {
        self.0.with_extension("end")
    }

    /// Where a job keeps its checkpoints.
    fn kept(&self) -> PathBuf {
        self.0.with_extension("kept")
    }

    /// What is left of the queues.
    fn left(&self) -> Vec<String> {
        // None are made before there is a queue.
        let entries = std::fs::read_dir(&self.0).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        names.filter(|name| name != ".control").collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
        let _ = std::fs::remove_file(self.end());
        let _ = std::fs::remove_dir_all(self.kept());
    }
}

/// A job of the helper program.
struct Spread {
    child: Child,
    output: BufReader<ChildStdout>,
    folder: Folder,
}

/// How it ended.
struct Ended {
    code: Option<i32>,
    lines: Vec<String>,
    complaints: String,
    folder: Folder,
}

impl Spread {
    fn start(what: &str, workers: u32) -> Self {
        Self::launched(what, workers, "", false, None)
    }

    /// `how` is a variable of the helper program.
    fn told(what: &str, workers: u32, how: &str) -> Self {
        Self::launched(what, workers, "", false, Some(how))
    }

    /// With moments at which it loses a worker, and maybe one at which an operator panics.
    fn in_trouble(what: &str, workers: u32, kills: &str, panics: bool) -> Self {
        Self::launched(what, workers, kills, panics, None)
    }

    fn launched(what: &str, workers: u32, kills: &str, panics: bool, how: Option<&str>) -> Self {
        let folder = Folder::new();
        std::fs::create_dir_all(folder.kept().join("shown")).unwrap();
        if panics {
            std::fs::write(folder.kept().join("fuse"), "").unwrap();
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_spread-job"))
            .args([what, &workers.to_string()])
            .env("SAGE_SHM_DIR", &folder.0)
            .env("SPREAD_JOB_END", folder.end())
            .env("SPREAD_JOB_FOLDER", folder.kept())
            .env("SPREAD_JOB_KILLS", kills)
            .envs(how.map(|how| (how, "1")))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output, folder }
    }

    /// The processes that say that they work, which is when packets of other processes are there.
    fn processes(&mut self, count: usize) -> Vec<u32> {
        let mut processes = Vec::new();
        while processes.len() < count {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "ended: {processes:?}");
            let (_, said) = line.split_once(": ").unwrap_or(("", &line));
            let pid = said.trim().strip_prefix("process ").unwrap_or_else(|| panic!("{line}"));
            processes.push(pid.parse().unwrap());
        }
        processes
    }

    /// Waits for that line.
    fn hears(&mut self, expected: &str) {
        let mut line = String::new();
        while line.trim() != expected {
            line.clear();
            assert_ne!(
                self.output.read_line(&mut line).unwrap(),
                0,
                "ended before `{expected}`"
            );
        }
    }

    /// The end of the program, and of all its workers where they share its output.
    fn end(mut self) -> Ended {
        let mut text = String::new();
        self.output.read_to_string(&mut text).unwrap();
        let status = self.child.wait().unwrap();
        let mut complaints = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut complaints).unwrap();
        Ended {
            code: status.code(),
            lines: text.lines().map(String::from).collect(),
            complaints,
            folder: self.folder,
        }
    }
}

impl Ended {
    fn report(&self) -> Value {
        serde_json::from_str(self.lines.last().expect("a report")).unwrap()
    }

    /// The report of a job that failed, with nothing left behind and nothing miscounted.
    fn failed(&self) -> Value {
        let report = self.report();
        assert_eq!(
            (self.code, &report["outcome"], unbalanced(&report)),
            (Some(1), &"failed".into(), vec![]),
            "{report}"
        );
        assert_eq!(self.folder.left(), [""; 0]);
        report
    }
}

fn signal(name: &str, pid: u32) {
    let status = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(status.unwrap().success(), "kill -s {name} {pid}");
}

fn kill(pid: u32) {
    signal("KILL", pid);
}

/// Stops a process, and waits until it is.
fn stop(pid: u32) {
    signal("STOP", pid);
    let is_stopped = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        // After the name, which is in parentheses and may have any characters.
        stat.rsplit(") ").next().unwrap().starts_with('T')
    };
    while !is_stopped() {
        std::thread::yield_now();
    }
}

/// The workers that a report calls lost, in order of their process ids, and how each ended.
fn lost(report: &Value) -> Vec<(u32, &str)> {
    let lost = report["lost_workers"].as_array().unwrap().iter();
    let mut lost: Vec<_> = lost
        .map(|lost| {
            let pid = u32::try_from(lost["pid"].as_u64().unwrap()).unwrap();
            (pid, lost["fate"].as_str().unwrap())
        })
        .collect();
    lost.sort_unstable();
    lost
}

/// The edges of a report that do not balance.
fn unbalanced(report: &Value) -> Vec<String> {
    let edges = report["ledger"]["edges"].as_array().unwrap().iter();
    let accounted = |counts: &Value| {
        let dropped: u64 = counts["dropped"]
            .as_object()
            .unwrap()
            .values()
            .filter_map(Value::as_u64)
            .sum();
        let count = |name: &str| counts[name].as_u64().unwrap();
        count("delivered") + count("in_flight") + count("dead_lettered") + dropped
    };
    edges
        .filter(|edge| edge["counts"]["accepted"].as_u64() != Some(accounted(&edge["counts"])))
        .map(ToString::to_string)
        .collect()
}

#[test]
fn the_answer_is_that_of_threads() {
    within_two_minutes(|| {
        for what in ["sums", "large", "letters", "shaky", "asks"] {
            let threads = Spread::start(what, 0).end();
            assert_eq!(threads.code, Some(0), "{}", threads.complaints);
            for workers in [1, 2, 3, 5] {
                let spread = Spread::start(what, workers).end();
                assert_eq!(
                    (spread.code, spread.complaints.as_str()),
                    (Some(0), ""),
                    "{what} {workers}"
                );
                let (report, lines) = (spread.report(), spread.lines.len() - 1);
                assert_eq!(spread.lines[..lines], threads.lines[..lines], "{what} {workers}");
                assert_eq!(unbalanced(&report), [""; 0], "{what} {workers}");
                assert_eq!(report["ledger"], threads.report()["ledger"], "{what} {workers}");
                assert_eq!(report["nodes"], threads.report()["nodes"], "{what} {workers}");
                assert_eq!(report["services"], threads.report()["services"], "{what} {workers}");
                assert_eq!(spread.folder.left(), [""; 0], "{what} {workers}");
            }
        }
    });
}

#[test]
fn packets_between_neighbours_are_not_written() {
    within_two_minutes(|| {
        let ended = Spread::start("written", 2).end();
        assert_eq!((ended.code, ended.complaints.as_str()), (Some(0), ""));
        let ways: Vec<(u64, u64)> = serde_json::from_str(&ended.lines[0].replace('(', "[").replace(')', "]")).unwrap();
        let [written, stayed, came, strange] = [0, 1, 2, 3].map(|way| ways.iter().filter(|it| it.0 == way).count());
        assert_eq!((written + stayed + came, strange), (40_000, 0));
        // A packet that is alone in its pack goes like those of others.
        assert!(
            stayed > 15_000 && came > 15_000 && written < 1_000,
            "{written} written, {stayed} stayed, {came} came"
        );
        assert_eq!(unbalanced(&ended.report()), [""; 0]);
    });
}

#[test]
fn a_killed_worker_ends_the_job_with_a_report() {
    within_two_minutes(|| {
        for victim in 0..3 {
            let mut spread = Spread::start("endless", 3);
            let pid = spread.processes(3)[victim];
            kill(pid);
            let ended = spread.end();
            assert_eq!(ended.code, Some(1), "{}", ended.complaints);
            let report = ended.report();
            assert_eq!(report["outcome"], "failed", "{report}");
            let lost = &report["lost_workers"][0];
            assert_eq!(
                (&lost["pid"], &lost["fate"]),
                (&pid.into(), &"was killed by signal 9 (SIGKILL)".into())
            );
            let instances = lost["instances"].as_array().unwrap();
            assert!(
                instances.iter().any(|name| name.as_str().unwrap().starts_with("work_")),
                "{lost}"
            );
            let failures = report["failures"].as_array().unwrap();
            let message = failures[0]["message"].as_str().unwrap();
            assert!(
                message.contains(&format!("process {pid} was killed by signal 9")),
                "{message}"
            );
            // A death is told from what it leads to: nobody else is blamed.
            let blamed: Vec<_> = failures
                .iter()
                .map(|failure| failure["instance"].as_str().unwrap())
                .collect();
            assert_eq!(blamed, [format!("worker {}", lost["worker"])], "{report}");
            assert!(lost["taken"].as_u64() > Some(0), "{lost}");
            assert_eq!(unbalanced(&report), [""; 0]);
            assert_eq!(ended.folder.left(), [""; 0]);
        }
    });
}

#[test]
fn a_killed_worker_leaves_nobody_waiting_for_a_service() {
    within_two_minutes(|| {
        let mut spread = Spread::start("asks_on", 3);
        // One instance in each worker; the last of them prints when all ask and are answered.
        let pid = spread.processes(3)[0];
        kill(pid);
        let ended = spread.end();
        let report = ended.failed();
        assert_eq!(report["lost_workers"][0]["pid"], pid, "{report}");
        let blamed = report["failures"].as_array().unwrap();
        assert_eq!(blamed.len(), 1, "{report}");
        assert_eq!(report["services"].as_array().unwrap().len(), 2, "{report}");
    });
}

#[test]
fn a_stopped_worker_goes_on_and_nothing_is_lost() {
    within_two_minutes(|| {
        // Time itself is what is tested: longer than anybody waits for anything, but for the end
        // of a job that is called off.
        for hold in [1, 6] {
            let mut spread = Spread::start("endless", 3);
            let pid = spread.processes(3)[1];
            stop(pid);
            std::thread::sleep(Duration::from_secs(hold));
            assert_eq!(
                spread.child.try_wait().unwrap(),
                None,
                "the job waits for who is stopped"
            );
            std::fs::write(spread.folder.end(), "").unwrap();
            signal("CONT", pid);
            let ended = spread.end();
            assert_eq!((ended.code, ended.complaints.as_str()), (Some(0), ""));
            let report = ended.report();
            assert_eq!((&report["outcome"], lost(&report)), (&"finished".into(), vec![]));
            for edge in report["ledger"]["edges"].as_array().unwrap() {
                let counts = &edge["counts"];
                assert!(counts["accepted"].as_u64() > Some(0), "{edge}");
                assert_eq!(counts["accepted"], counts["delivered"], "{edge}");
            }
            assert_eq!(ended.folder.left(), [""; 0]);
        }
    });
}

#[test]
fn a_stopped_worker_that_is_killed_is_a_killed_worker() {
    within_two_minutes(|| {
        let mut spread = Spread::start("endless", 3);
        let pid = spread.processes(3)[1];
        stop(pid);
        kill(pid);
        let report = spread.end().failed();
        assert_eq!(lost(&report), [(pid, "was killed by signal 9 (SIGKILL)")], "{report}");
    });
}

#[test]
fn a_stopped_worker_does_not_hold_up_the_end_of_a_job_that_failed() {
    within_two_minutes(|| {
        for (stopped, victim) in [(0, 1), (1, 2), (2, 0)] {
            let mut spread = Spread::start("endless", 3);
            let processes = spread.processes(3);
            let (stopped, victim) = (processes[stopped], processes[victim]);
            stop(stopped);
            kill(victim);
            let report = spread.end().failed();
            // It could not be told of the end, so it was ended.
            let killed = "was killed by signal 9 (SIGKILL)";
            let mut both = [(stopped, killed), (victim, killed)];
            both.sort_unstable();
            assert_eq!(lost(&report), both, "{report}");
            // The first failure is what began it.
            let first = report["failures"][0]["message"].as_str().unwrap();
            assert!(first.contains(&format!("process {victim} was killed")), "{report}");
        }
    });
}

#[test]
fn workers_end_with_their_coordinator() {
    within_two_minutes(|| {
        let mut spread = Spread::told("endless", 3, "SPREAD_JOB_INHERITS");
        spread.processes(3);
        kill(spread.child.id());
        // Not before the last worker has ended: they share its output.
        let ended = spread.end();
        assert_eq!(ended.code, None);
        assert_eq!(ended.folder.left(), [""; 0]);
        assert!(
            ended.complaints.contains("the coordinator has ended"),
            "{}",
            ended.complaints
        );
    });
}

#[test]
fn a_panic_in_a_worker_is_the_failure_of_its_instance() {
    within_two_minutes(|| {
        let ended = Spread::start("panics", 3).end();
        assert_eq!(ended.code, Some(1), "{}", ended.complaints);
        let report = ended.report();
        let failures = report["failures"].as_array().unwrap();
        assert_eq!(failures.len(), 1, "{report}");
        assert_eq!(
            (&failures[0]["node"], &failures[0]["panicked"]),
            (&"seven".into(), &true.into())
        );
        assert!(
            failures[0]["message"].as_str().unwrap().contains("not this one"),
            "{report}"
        );
        assert_eq!(
            (&report["outcome"], unbalanced(&report).len()),
            (&"failed".into(), 0),
            "{report}"
        );
        assert_eq!(report["lost_workers"].as_array().unwrap().len(), 0);
        assert_eq!(ended.folder.left(), [""; 0]);
    });
}

#[test]
fn a_worker_with_another_graph_is_refused_by_name_of_the_difference() {
    within_two_minutes(|| {
        let ended = Spread::start("differs", 2).end();
        assert_eq!((ended.code, ended.lines.len()), (Some(1), 0), "{:?}", ended.lines);
        let complaint = &ended.complaints;
        assert!(
            complaint.contains("node `next`: parallelism 2 against 3"),
            "{complaint}"
        );
        assert!(complaint.contains("worker"), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        assert_eq!(ended.folder.left(), [""; 0]);
    });
}

#[test]
fn a_worker_that_does_not_get_ready_ends_the_start() {
    within_two_minutes(|| {
        let ended = Spread::start("leaves", 3).end();
        assert_eq!((ended.code, ended.lines.len()), (Some(1), 0), "{:?}", ended.lines);
        assert!(
            ended.complaints.contains("ended with exit code 3"),
            "{}",
            ended.complaints
        );
        assert_eq!(ended.complaints.lines().count(), 1, "{}", ended.complaints);
        assert_eq!(ended.folder.left(), [""; 0]);
    });
}

#[test]
fn a_job_on_processes_is_not_started_in_the_middle_of_a_program() {
    let flow = Flow::new("in-the-middle", Builtin);
    let _ = flow
        .source("numbers", 2, |_| IterSource::new(0..3_u8))
        .for_each("results", |_| {});
    let error = flow
        .build(Deployment::Processes(2))
        .unwrap()
        .start()
        .map(drop)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let message = error.to_string();
    assert!(
        message.contains("processes(2)") && message.contains("`run` or `launch`"),
        "{message}"
    );
}
