//! Short campaigns against jobs: what `cargo xtask chaos --backend runtime` does for longer. The program that is all processes of a
//! campaign is the example `chaos_runtime`.
#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

const BUILD: &str = "`cargo build -p sage-tests --features campaigns --examples` makes it";

/// Cargo tells a test where binaries are, but not examples, and builds them only along with all targets.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("this program");
    let folder = test.ancestors().nth(2).expect("where cargo builds");
    let program = folder.join("examples/chaos_runtime");
    let Ok(meta) = program.metadata() else {
        panic!("{} is missing; {BUILD}", program.display());
    };
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/chaos_runtime");
    assert!(
        newest(&source) <= meta.modified().expect("when it was built"),
        "{} is older than its source; {BUILD}",
        program.display()
    );
    program
}

/// When a file of that folder was changed last.
fn newest(folder: &Path) -> SystemTime {
    let files = folder.read_dir().expect("a folder of this package");
    let times = files.map(|file| file.and_then(|file| file.metadata()).and_then(|meta| meta.modified()));
    times.map(|time| time.expect("a time")).max().expect("a file")
}

fn campaign(words: &str) -> (bool, String) {
    let Output { status, stdout, .. } = Command::new(program())
        .args(["--backend", "runtime", "--json"])
        .args(words.split_whitespace())
        .output()
        .expect("a campaign");
    (status.success(), String::from_utf8_lossy(&stdout).into_owned())
}

#[test]
fn uneven_upstreams_lose_nothing_and_the_verdict_has_all_fields() {
    let (is_good, text) = campaign("--fault uneven --rounds 35 --seed 401");
    assert!(is_good, "{text}");
    let last = text.lines().last().expect("a verdict");
    for field in [
        "\"backend\":\"runtime\"",
        "\"fault\":\"uneven\"",
        "\"rounds\":35",
        "\"seed\":401",
        "\"passed\":35",
        "\"failed\":0",
        "\"confirmed\":",
        "\"lost\":0",
        "\"duplicated\":0",
        "\"lost_in_flight\":0",
        "\"corrupt\":0",
        "\"hangs\":0",
        "\"max_block_ms\":",
        "\"leaks\":0",
    ] {
        assert!(last.starts_with('{') && last.contains(field), "{field}: {last}");
    }
}

#[test]
fn a_wrong_command_line_has_an_exit_code_of_its_own() {
    for words in [
        "--backend runtime",
        "--fault kill",
        "--backend runtime --fault cut",
        "--backend rpc --fault kill",
        "--backend runtime --fault kill --plant tree",
    ] {
        let mut command = Command::new(program());
        let status = command
            .args(words.split_whitespace())
            .output()
            .expect("a campaign")
            .status;
        assert_eq!(status.code(), Some(2), "{words}");
    }
}

macro_rules! convicts {
    ($($name:ident: $words:literal => $complaint:literal;)*) => {$(
        #[test]
        fn $name() {
            let (is_good, text) = campaign($words);
            assert!(!is_good, "nobody noticed: {text}");
            assert!(text.contains("\"failed\":"), "the campaign itself failed: {text}");
            assert!(text.contains($complaint), "it complains of something else: {text}");
        }
    )*};
}

convicts! {
    a_packet_that_is_forgotten_is_noticed: "--fault uneven --rounds 8 --plant lose" => "packets did not come";
    a_packet_more_than_the_report_knows_of_is_noticed: "--fault panic --rounds 6 --plant lose" => "are missing, and the report knows of";
    a_packet_that_comes_twice_is_noticed: "--fault storm --rounds 2 --plant twice" => "came twice";
    a_panic_in_another_operator_is_noticed: "--fault panic --rounds 3 --plant blame" => "panicked, and the report says";
    another_stuck_operator_is_noticed: "--fault stuck --rounds 1 --plant blame" => "is stuck, and the report says";
    another_dead_worker_is_noticed: "--fault kill --rounds 1 --plant blame" => "expected Some(\"was killed";
    another_end_of_a_worker_is_noticed: "--fault exit --rounds 1 --plant blame" => "expected Some(\"ended with";
    a_job_that_does_not_end_is_noticed: "--fault slow --rounds 1 --plant linger" => "does not end";
    a_worker_that_does_not_go_on_is_noticed: "--fault stop --rounds 1 --hold 1 --plant linger" => "does not end";
    a_worker_that_outlives_its_coordinator_is_noticed: "--fault coordinator --rounds 1 --plant linger" => "after their coordinator";
    a_segment_that_is_left_is_noticed: "--fault coordinator --rounds 1 --plant leak" => "is left";
    a_queue_that_is_left_is_noticed: "--fault slow --rounds 1 --plant leak" => "of its queues are left";
}
