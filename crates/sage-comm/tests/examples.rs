//! The examples do what they say.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const BUILD: &str = "`cargo build -p sage-comm --features full --examples` makes it";

/// Cargo tells a test where binaries are, but not examples, and builds them only along with all targets.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("examples").join(name);
    let program = program.with_extension(std::env::consts::EXE_EXTENSION);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/{name}.rs"));
    let changed = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    let built = changed(&program);
    assert!(built.is_some(), "{} is missing; {BUILD}", program.display());
    assert!(
        built >= changed(&source),
        "{} is older than its source; {BUILD}",
        program.display()
    );
    program
}

/// A folder for the segments of one example.
struct Folder(PathBuf);

impl Folder {
    fn of(name: &str) -> Self {
        let path = PathBuf::from(format!("/dev/shm/sage-example-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    /// Queues that nobody took away.
    fn left(&self) -> Vec<PathBuf> {
        let entries = self.0.read_dir().into_iter().flatten();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| !path.ends_with(".control")).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Everything the example prints, when it ends well.
fn output(name: &str) -> String {
    let folder = Folder::of(name);
    let mut command = Command::new(program(name));
    command.env("SAGE_SHM_DIR", &folder.0).stdin(Stdio::null());
    let output = command.output().unwrap();
    let [said, complained] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success(), "{}: {complained}", output.status);
    assert_eq!(complained, "");
    assert_eq!(folder.left(), [""; 0].map(PathBuf::from));
    said
}

#[test]
fn hello_passes_an_item_through_two_descriptors_of_one_queue() {
    let said = output("hello");
    assert!(
        said.contains("item        hello\nstill one queue: \"greetings\", 0 inside"),
        "{said}"
    );
}

#[test]
fn word_count_counts_words() {
    assert_eq!(
        output("word_count"),
        "5 is\n5 rose\n5 the\n29 words, 11 of them different\n"
    );
}

#[test]
fn join_pairs_what_belongs_together() {
    assert_eq!(
        output("join"),
        "hour 1: ada paid 3.50 for tea\nhour 1: bob paid 4.00 for ink\nhour 2: ada paid 8.00 for cups\n"
    );
}

#[test]
fn service_call_asks_and_is_refused() {
    assert_eq!(
        output("service_call"),
        "tea for 3.50\nno gold today\nink for 4.00\nprice: 2 answered, 1 failed\noffer: 2 answered, 1 failed\n"
    );
}

#[test]
fn pipeline_service_answers_until_it_is_drained() {
    assert_eq!(output("pipeline_service"), "The pear\nA rose\nafterwards: Closed\n");
}

#[test]
#[cfg(target_os = "linux")]
fn transport_gives_one_answer_over_any_queue() {
    let said = output("transport");
    assert_eq!(
        said.lines().filter(|line| line.trim() == "332833500").count(),
        3,
        "{said}"
    );
    for kind in ["local", "sage_queue", "shm"] {
        assert!(said.lines().any(|line| line == kind), "{said}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn topology_is_handed_to_processes() {
    assert_eq!(output("topology"), "2 queues, 2 workers\nANT BEE CAT DOG ELK\n");
}
