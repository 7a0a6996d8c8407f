//! What the command says when it is used wrongly, and how it ends.

mod common;
mod plans;

use std::process::Stdio;

use common::{file, finish, run, run_with, sage};

#[test]
fn wrong_use_is_one_line_and_exit_code_2() {
    for (args, parts) in [
        (&["demo", "--events", "0"][..], &["--events", "at least 1"][..]),
        (&["demo", "--events", "many"], &["'many'", "a whole number"]),
        (&["demo", "--parallelism", "0"], &["--parallelism", "from 1 to 256"]),
        (&["demo", "--parallelism", "257"], &["--parallelism", "from 1 to 256"]),
        (&["demo", "--transport", "carrier"], &["'carrier'", "sage, local"]),
        (&["demo", "--transport", "sgae"], &["'sgae'", "sage"]),
        (&["demo", "--window-ms", "10", "--slide-ms", "4"], &["12 ms every 4 ms"]),
        (
            &["demo", "--window-ms", "10", "--slide-ms", "0"],
            &["--slide-ms", "at least 1"],
        ),
        (&["demo", "surplus"], &["'surplus'"]),
        (
            &["demo", "--processes", "3", "--transport", "sage"],
            &["--processes 3", "--transport auto, shm"],
        ),
        (&["plan"], &["<JOB>"]),
        (&["plan", "dmeo"], &["'dmeo'", "demo"]),
        (
            &["route", "diff", "demo", "--node", "hot_itmes", "--to", "3"],
            &["hot_items", "a node that the job does not have"],
        ),
        (
            &["route", "diff", "demo", "--node", "bids", "--to", "3"],
            &["bids", "by their key alone", "forward"],
        ),
        (
            &["route", "diff", "demo", "--node", "hot_items", "--to", "86"],
            &["128 key groups", "max_parallelism"],
        ),
        (
            &[
                "route",
                "diff",
                "demo",
                "--node",
                "hot_items",
                "--to",
                "3",
                "--key",
                "0.5",
            ],
            &["float"],
        ),
        (&["plan", "demo", "--dot", "--json"], &["--dot", "--json"]),
        (
            &["explain", "word-count", "--processes", "3"],
            &["auto on 3 processes", "in one process"],
        ),
        (
            &["demo", "--transport", "shm", "--processes", "65"],
            &["--processes", "from 1 to 64"],
        ),
        (
            &["word-count", "--transport", "shm", "-"],
            &["in one process", "sage or local"],
        ),
        (&["word-count"], &["<FILE>"]),
        (&["word-count", ""], &["<FILE>"]),
        (
            &["word-count", "--parallelism", "0", "-"],
            &["--parallelism", "from 1 to 256"],
        ),
        (&["word-count", "--top", "-1", "-"], &["--top", "-1"]),
        (&["--events", "5"], &["--events"]),
        (&["put"], &["<DESCRIPTOR>"]),
        (&["put", "letters"], &["type://id", "shm://jobs?maxsize=1024"]),
        (
            &["get", "shm://letters?maxsiez=5"],
            &["maxsiez", "did you mean `maxsize`?"],
        ),
        (&["get", "shmm://letters"], &["shmm", "did you mean `shm`?"]),
        (&["get", "nats://letters"], &["`nats`", "`shm`"]),
        (
            &["get", "local://letters"],
            &["out of scope", "letters", "use type `shm`"],
        ),
        (
            &["put", "sage_queue://letters"],
            &["out of scope", "letters", "use type `shm`"],
        ),
        (&["put", "{\"queue_id\":\"letters\"}"], &["queue_type"]),
        (
            &["describe", "@/no/such/file"],
            &["/no/such/file", "check the name behind @"],
        ),
        (&["get", "shm://letters", "--count", "0"], &["--count", "at least 1"]),
        (
            &["get", "shm://letters", "--timeout", "5"],
            &["--timeout", "500ms or 5s"],
        ),
        (
            &["get", "shm://letters", "--follow", "--count", "2"],
            &["--follow", "--count"],
        ),
        (&["wordcount"], &["word-count"]),
    ] {
        let ran = run(args);
        let line = ran.refusal(2);
        for part in parts {
            assert!(line.contains(part), "{args:?}: {line:?} has no {part:?}");
        }
    }
}

#[test]
fn a_wrong_log_level_is_named() {
    let mut command = sage(["demo", "--events", "1"]);
    command.env("SAGE_LOG", "info=nonsense=x");
    let ran = run_with(command, &[]);
    assert!(ran.refusal(2).contains("SAGE_LOG"), "{ran:?}");
}

#[test]
fn without_a_verb_there_is_help_and_exit_code_2() {
    let ran = run([""; 0]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.stderr.contains("Usage:") && ran.stderr.contains("word-count"),
        "{ran:?}"
    );
}

#[test]
fn help_and_version_are_answers() {
    let ran = run(["--version"]);
    assert_eq!(
        (ran.code, ran.text()),
        (Some(0), concat!("sage ", env!("CARGO_PKG_VERSION"), "\n"))
    );
    for (args, part) in [
        (&["--help"][..], "Exit codes:"),
        (&["-h"], "Examples:"),
        (&["demo", "--help"], "--verify"),
        (&["help", "demo"], "--verify"),
        (&["word-count", "--help"], "uniq -c"),
        (&["plan", "--help"], "--mermaid"),
        (&["explain", "--help"], "--transport"),
        (&["put", "--help"], "auto_cleanup=false"),
        (&["get", "--help"], "shm://letters?maxsize=100"),
        (&["clean", "--help"], "stale"),
    ] {
        let ran = run(args);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.text().contains(part), "{args:?}: {}", ran.text());
        assert!(
            ran.text().lines().all(|line| line.chars().count() <= 100),
            "{}",
            ran.text()
        );
        assert!(!ran.text().contains('\x1b'), "{}", ran.text());
    }
}

#[test]
fn a_reader_that_leaves_ends_the_output_in_silence() {
    // More lines than any pipe holds.
    let words: Vec<u8> = (0..200_000).flat_map(|i| format!("word{i} ").into_bytes()).collect();
    let path = file("many-words", &words);
    let path = path.to_str().expect("UTF-8");
    for args in [&["word-count", path][..], &["demo", "--events", "1000"], &["--help"]] {
        let mut child = sage(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start");
        drop(child.stdout.take());
        let ran = finish(child);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{args:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said() {
    let path = file("one-word", b"word");
    let full = std::fs::File::options().write(true).open("/dev/full").expect("device");
    let child = sage(["word-count".as_ref(), path.as_os_str()])
        .stdin(Stdio::null())
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .expect("start");
    let ran = finish(child);
    assert!(ran.refusal(1).contains("standard output"), "{ran:?}");
}
