//! How long a file and a crate may be.

use super::model::{Package, Workspace};
use super::{File, Finding};

const FILE_LINES: usize = 500;
const CRATE_LINES: usize = 3_500;
/// What a strategy chooses by is part of the vocabulary: kinds, requests, and the address of a server.
const DESCRIPTOR_CORE_LINES: usize = 3_800;
/// The contract and the waiting behind it: every queue type leans on both, and neither is of use alone.
const QUEUE_CORE_LINES: usize = 3_900;
/// A packet's way through an instance and its account: no loop, stage, link or outbox can be judged without the others.
const TASK_LINES: usize = 7_300;
/// Executing plans, on threads and in workers, is one subject that changes together.
const RUNTIME_LINES: usize = 7_800;
/// One model: what a plan says and what may become of it are read together.
const GRAPH_LINES: usize = 3_700;
/// `unsafe` may not leave it, and each step between processes has its repair beside it.
const SHM_LINES: usize = 7_600;
/// One state machine: what a message does to connections, sessions and queues at once cannot be told apart by a line between crates.
const BROKER_LINES: usize = 5_500;
/// With its store, whose tests run it over a disk that only exists there.
const SERVER_LINES: usize = 4_500;
/// The client's state machine, for the same reason, with its tests, which reach what no other crate does; and the contract over it.
const RPC_LINES: usize = 8_400;
/// All of it is tests, which other crates keep outside of `src`.
const TESTKIT_LINES: usize = 9_000;
/// A list: one file for each queue that is measured and for each way to measure it.
const BENCH_LINES: usize = 6_600;
/// Lists too: one file for each verb, and none of them knows another.
const CLI_LINES: usize = 7_300;
const XTASK_LINES: usize = 6_000;

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings: Vec<_> = workspace.files.iter().filter_map(file).collect();
    findings.extend(
        workspace
            .packages
            .iter()
            .filter_map(|package| sum(package, &workspace.files)),
    );
    findings
}

fn file(file: &File) -> Option<Finding> {
    let lines = file.text.lines().count();
    (file.path.ends_with(".rs") && lines > FILE_LINES).then(|| {
        let what = format!("{lines} lines, at most {FILE_LINES} allowed");
        Finding::new(&file.path, FILE_LINES + 1, what, "split it by idea")
    })
}

fn sum(package: &Package, files: &[File]) -> Option<Finding> {
    let ours = files
        .iter()
        .filter(|file| file.path.ends_with(".rs") && package.has_source(&file.path));
    let lines: usize = ours.map(|file| file.text.lines().count()).sum();
    let limit = match package.name.as_str() {
        "descriptor-core" => DESCRIPTOR_CORE_LINES,
        "queue-core" => QUEUE_CORE_LINES,
        "task" => TASK_LINES,
        "runtime" => RUNTIME_LINES,
        "graph" => GRAPH_LINES,
        "queue-shm" => SHM_LINES,
        "rpc-broker" => BROKER_LINES,
        "rpc-server" => SERVER_LINES,
        "queue-rpc" => RPC_LINES,
        "queue-testkit" => TESTKIT_LINES,
        "sage-bench" => BENCH_LINES,
        "sage-cli" => CLI_LINES,
        "xtask" => XTASK_LINES,
        _ => CRATE_LINES,
    };
    (lines >= limit).then(|| {
        let what = format!("src of {} has {lines} lines, fewer than {limit} allowed", package.name);
        Finding::new(
            &package.manifest_path(),
            1,
            what,
            "delete, or move an idea to a crate of its own",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, lines: usize) -> File {
        File {
            path: path.to_owned(),
            text: "//\n".repeat(lines),
        }
    }

    fn package(name: &str) -> Package {
        Package {
            name: name.to_owned(),
            folder: format!("crates/{name}"),
            ..Package::default()
        }
    }

    #[test]
    fn a_long_file_is_found_and_one_at_the_limit_is_not() {
        assert_eq!(file(&source("a.rs", FILE_LINES)), None);
        assert_eq!(file(&source("a.rs", FILE_LINES + 1)).map(|found| found.line), Some(501));
        assert_eq!(file(&source("a.md", FILE_LINES + 1)), None);
    }

    #[test]
    fn a_large_crate_is_found_and_runtime_may_be_larger() {
        let files = |name: &str| {
            [
                source(&format!("crates/{name}/src/a.rs"), 2_000),
                source(&format!("crates/{name}/src/b/c.rs"), 1_500),
            ]
        };
        assert!(sum(&package("router"), &files("router")).is_some());
        assert_eq!(sum(&package("runtime"), &files("runtime")), None);
        assert_eq!(sum(&package("route"), &files("router")), None);
        assert_eq!(
            sum(&package("router"), &[source("crates/router/tests/a.rs", 4_000)]),
            None
        );
    }
}
