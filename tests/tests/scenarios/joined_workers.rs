//! Jobs over workers that join at a server by its address: the same answer, and a clear end whoever dies.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use sage_comm::serve::{RunningServer, Server, Settings};
use sage_comm::{RpcAdmin, RpcSpec};
use serde_json::Value;

/// Fails a test that hangs.
fn within_two_minutes(test: impl FnOnce() + Send + 'static) {
    let name = std::thread::current().name().unwrap_or("a job").to_owned();
    queue_testkit::watchdog(Duration::from_secs(120), &name, test);
}

/// A server of this process.
struct Site {
    server: RunningServer,
}

impl Site {
    fn new() -> Self {
        let server = Server::start(Settings {
            bind: vec!["127.0.0.1:0".into()],
            ..Settings::default()
        });
        Self {
            server: server.unwrap(),
        }
    }

    fn socket(&self) -> SocketAddr {
        let mut sockets = self.server.addresses().iter().filter_map(|address| address.socket());
        sockets.next().unwrap()
    }

    /// As the coordinator reaches it.
    fn address(&self) -> String {
        format!("tcp://{}", self.socket())
    }

    /// As the workers reach it: in another way, which must lead to the same queues.
    fn other_address(&self) -> String {
        format!("rpc://?port={}&host=localhost", self.socket().port())
    }

    fn admin(&self) -> RpcAdmin {
        RpcAdmin::connect(&RpcSpec::at("127.0.0.1", self.socket().port())).unwrap()
    }

    /// The queues that the server has.
    fn queues(&self) -> Vec<String> {
        let queues = self.admin().list("").unwrap();
        queues.into_iter().map(|queue| queue.id.to_string()).collect()
    }

    fn worker(&self, what: &str) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spread-job"));
        command.arg(what).env("SAGE_JOIN", self.other_address());
        start(command)
    }

    fn job(&self, what: &str, workers: u32, seconds: u32) -> Coordinator {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spread-job"));
        command.args([what, &workers.to_string(), &self.address(), &seconds.to_string()]);
        let mut child = start(command);
        let output = BufReader::new(child.stdout.take().unwrap());
        Coordinator { child, output }
    }
}

fn start(mut command: Command) -> Child {
    let command = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

struct Coordinator {
    child: Child,
    output: BufReader<ChildStdout>,
}

/// How a process ended.
struct Ended {
    code: Option<i32>,
    lines: Vec<String>,
    complaints: String,
}

impl Coordinator {
    fn end(mut self) -> Ended {
        let mut text = String::new();
        self.output.read_to_string(&mut text).unwrap();
        ended(self.child, &text)
    }
}

fn ended(mut child: Child, text: &str) -> Ended {
    let mut complaints = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
    Ended {
        code: child.wait().unwrap().code(),
        lines: text.lines().map(String::from).collect(),
        complaints,
    }
}

impl Ended {
    fn report(&self) -> Value {
        let last = self
            .lines
            .last()
            .unwrap_or_else(|| panic!("no report: {}", self.complaints));
        serde_json::from_str(last).unwrap()
    }
}

/// The end of a worker.
fn leave(mut worker: Child) -> Ended {
    let mut text = String::new();
    let mut stdout = worker.stdout.take().unwrap();
    stdout.read_to_string(&mut text).unwrap();
    ended(worker, &text)
}

/// Waits until a worker says that packets of another one are there.
fn at_work(worker: &mut Child) {
    let mut line = String::new();
    BufReader::new(worker.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line.trim(), format!("process {}", worker.id()));
}

/// The edges of a report that do not balance.
fn unbalanced(report: &Value) -> Vec<String> {
    let edges = report["ledger"]["edges"].as_array().unwrap().iter();
    let accounted = |counts: &Value| {
        let dropped = counts["dropped"].as_object().unwrap().values();
        let count = |name: &str| counts[name].as_u64().unwrap();
        count("delivered")
            + count("in_flight")
            + count("dead_lettered")
            + dropped.filter_map(Value::as_u64).sum::<u64>()
    };
    edges
        .filter(|edge| edge["counts"]["accepted"].as_u64() != Some(accounted(&edge["counts"])))
        .map(ToString::to_string)
        .collect()
}

#[test]
fn the_answer_is_that_of_threads() {
    within_two_minutes(|| {
        let site = Site::new();
        for what in ["sums", "letters", "asks"] {
            let mut threads = Command::new(env!("CARGO_BIN_EXE_spread-job"));
            threads.args([what, "0"]);
            let threads = leave(start(threads));
            // One is there before it is needed, the other comes after.
            let first = site.worker(what);
            let job = site.job(what, 2, 60);
            let second = site.worker(what);
            let job = job.end();
            assert_eq!((job.code, job.complaints.as_str()), (Some(0), ""), "{what}");
            let lines = job.lines.len() - 1;
            assert_eq!(job.lines[..lines], threads.lines[..lines], "{what}");
            let report = job.report();
            assert_eq!(unbalanced(&report), [""; 0], "{what}");
            assert_eq!(report["ledger"], threads.report()["ledger"], "{what}");
            // Dead letters are for whoever started the job.
            let left = site.queues();
            let expected = |id: &String| id.ends_with("/hall") || id.ends_with("/dead_letters");
            assert!(left.iter().all(expected), "{left:?}");
            for worker in [first, second].map(leave) {
                assert_eq!((worker.code, worker.complaints.as_str()), (Some(0), ""), "{what}");
            }
        }
    });
}

#[test]
fn a_killed_worker_ends_the_job_and_is_named() {
    within_two_minutes(|| {
        let site = Site::new();
        let mut workers = [0, 1].map(|_| site.worker("endless"));
        let job = site.job("endless", 2, 60);
        at_work(&mut workers[0]);
        let [mut victim, other] = workers;
        victim.kill().unwrap();
        let job = job.end();
        let report = job.report();
        assert_eq!((job.code, &report["outcome"]), (Some(1), &"failed".into()), "{report}");
        let lost = &report["lost_workers"];
        assert_eq!(lost.as_array().unwrap().len(), 1, "{report}");
        assert_eq!(
            (&lost[0]["pid"], &lost[0]["fate"]),
            (&victim.id().into(), &"was not heard of for 5 s".into())
        );
        let message = report["failures"][0]["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("process {} of host ", victim.id())),
            "{message}"
        );
        assert_eq!(unbalanced(&report), [""; 0], "{report}");
        // The other one was told, and has given account of itself.
        assert_eq!(leave(other).code, Some(0));
        victim.wait().unwrap();
    });
}

#[test]
fn workers_end_with_their_coordinator_and_leave_nothing_at_the_server() {
    within_two_minutes(|| {
        let site = Site::new();
        let mut workers = [0, 1].map(|_| site.worker("endless"));
        let mut job = site.job("endless", 2, 60);
        at_work(&mut workers[0]);
        job.child.kill().unwrap();
        assert_eq!(job.end().code, None);
        for worker in workers.map(leave) {
            assert_eq!(worker.code, Some(1), "{}", worker.complaints);
            assert!(worker.complaints.contains("the coordinator"), "{}", worker.complaints);
        }
        // There the next job looks for workers.
        assert_eq!(site.queues(), ["endless/hall"]);
    });
}

#[test]
fn a_worker_whose_job_never_began_is_there_for_the_next_one() {
    within_two_minutes(|| {
        let site = Site::new();
        let worker = site.worker("sums");
        // It waits for a second one, and the first is seated and told.
        let mut job = site.job("sums", 2, 60);
        let admin = site.admin();
        let heard = || {
            let queues = admin.list("sums.").unwrap();
            let mut orders = queues.iter().filter(|queue| queue.id.as_str().ends_with("/orders"));
            orders.any(|queue| admin.stats(&queue.id).unwrap().get_total > 3)
        };
        while !heard() {
            std::thread::yield_now();
        }
        job.child.kill().unwrap();
        assert_eq!(job.end().code, None);
        let job = site.job("sums", 1, 60).end();
        assert_eq!((job.code, job.complaints.as_str()), (Some(0), ""));
        assert_eq!(leave(worker).code, Some(0));
        assert_eq!(site.queues(), ["sums/hall"]);
    });
}

#[test]
fn another_graph_is_refused_with_the_difference() {
    within_two_minutes(|| {
        let site = Site::new();
        let worker = site.worker("differs");
        let job = site.job("differs", 1, 60).end();
        assert_eq!((job.code, job.lines.len()), (Some(1), 0));
        for part in ["the coordinator's graph", "next", "parallelism"] {
            assert!(job.complaints.contains(part), "{part}: {}", job.complaints);
        }
        assert_eq!(leave(worker).code, Some(1));
    });
}

#[test]
fn too_few_workers_are_counted_and_the_dead_are_passed_over() {
    within_two_minutes(|| {
        let site = Site::new();
        let job = site.job("sums", 2, 1).end();
        assert_eq!((job.code, job.lines.len()), (Some(1), 0));
        let how = format!("SAGE_JOIN={}", site.address());
        for part in ["2 workers to join within 1 s", "2 are missing", &how] {
            assert!(job.complaints.contains(part), "{part}: {}", job.complaints);
        }

        // Its note stays in the hall.
        let mut dead = site.worker("sums");
        let admin = site.admin();
        while !admin.list("sums/hall").unwrap().iter().any(|queue| queue.depth > 0) {
            std::thread::yield_now();
        }
        dead.kill().unwrap();
        dead.wait().unwrap();
        let job = site.job("sums", 1, 60);
        let alive = site.worker("sums");
        let job = job.end();
        assert_eq!((job.code, job.complaints.as_str()), (Some(0), ""));
        assert_eq!(leave(alive).code, Some(0));
    });
}
