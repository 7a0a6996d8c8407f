//! Short campaigns between processes: what `cargo xtask chaos` does for longer. The programs that are all processes of a
//! campaign are the examples `chaos` and `lease_deaths`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::SystemTime;

const BUILD: &str = "`cargo build -p queue-shm --features kill-points --examples` makes it";

/// Cargo tells a test where binaries are, but not examples, and builds them only along with all targets.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this program");
    let folder = test.ancestors().nth(2).expect("where cargo builds");
    let program = folder.join("examples").join(name);
    let Ok(meta) = program.metadata() else {
        panic!("{} is missing; {BUILD}", program.display());
    };
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = ["src".into(), format!("examples/{name}")].map(|folder| newest(&package.join(folder)));
    let built = meta.modified().expect("when it was built");
    assert!(
        source.iter().all(|changed| *changed <= built),
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

fn campaign(fault: &str, words: &str) -> (bool, String) {
    let Output { status, stdout, .. } = Command::new(program("chaos"))
        .args(["--backend", "shm", "--fault", fault, "--json"])
        .args(words.split_whitespace())
        .output()
        .expect("a campaign");
    (status.success(), String::from_utf8_lossy(&stdout).into_owned())
}

#[test]
fn a_process_may_die_at_every_step() {
    let (is_good, text) = campaign("points", "--rounds 1 --pairs 50 --seed 101");
    assert!(is_good, "{text}");
}

#[test]
fn a_process_may_be_stopped_at_every_step() {
    let (is_good, text) = campaign("stop", "--hold 20 --seed 102");
    assert!(is_good, "{text}");
}

#[test]
fn a_fork_has_nothing_of_its_parent() {
    let (is_good, text) = campaign("fork", "--rounds 14 --seed 103");
    assert!(is_good, "{text}");
}

/// Holders of leases that are stopped, with a fault planted or none.
fn stopped_holders(words: &str, plant: &str) -> (bool, String) {
    let child = Command::new(program("lease_deaths"))
        .args("--rounds 0 --pairs 0 --hold 100 --seed 301".split_whitespace())
        .args(words.split_whitespace())
        .env("SAGE_SHM_PLANTED", plant)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a campaign");
    let id = child.id();
    let Output { status, stdout, .. } = child.wait_with_output().expect("its end");
    // One that failed keeps what happened, and here it was meant to.
    for ending in ["", ".journals"] {
        let _ = std::fs::remove_dir_all(format!("/dev/shm/sage-lease-deaths-{id}{ending}"));
    }
    (status.success(), String::from_utf8_lossy(&stdout).into_owned())
}

#[test]
fn who_has_items_on_loan_may_be_stopped_at_every_step() {
    let (is_good, text) = stopped_holders("", "");
    assert!(is_good, "{text}");
}

#[test]
fn an_acknowledgement_that_comes_too_late_and_counts_is_noticed() {
    let (is_good, text) = stopped_holders("--step between-calls", "late-acks");
    assert!(!is_good && text.contains("refused as late: false"), "{text}");
}

/// A campaign that notices nothing proves nothing: each fault is planted in the queue, and must be found.
macro_rules! convicts {
    ($($name:ident: $fault:literal $words:literal $(=> $complaint:literal)?;)*) => {$(
        #[test]
        fn $name() {
            let (is_good, text) = campaign($fault, $words);
            assert!(!is_good, "nobody noticed: {text}");
            assert!(text.contains("\"failed\":"), "the campaign itself failed: {text}");
            $(assert!(text.contains($complaint), "it complains of something else: {text}");)?
        }
    )*};
}

convicts! {
    items_that_are_seen_too_early_are_noticed: "kill9" "--rounds 100 --seed 201 --plant early-publish" => "Corrupt";
    a_repair_that_drops_items_is_noticed: "points" "--rounds 1 --pairs 0 --seed 202 --plant repair-drops" => "is lost";
    locks_of_the_dead_that_stay_are_noticed: "points" "--rounds 1 --pairs 0 --seed 203 --plant never-rob";
    locks_taken_from_the_living_are_noticed: "stop" "--hold 50 --seed 204 --plant rob-the-living";
    openers_without_a_lock_are_noticed: "storm" "--rounds 20 --opens 0 --seed 205 --plant no-name-lock";
    items_without_a_check_are_noticed: "tamper" "--rounds 2000 --seed 206 --plant unchecked" => "nobody put";
    entries_of_items_on_loan_without_a_check_are_noticed: "tamper" "--rounds 12000 --seed 210 --plant loan-unchecked" => "lessee ended";
    a_child_that_takes_itself_for_its_parent_is_noticed: "fork" "--rounds 7 --seed 207 --plant child-is-parent";
    a_wake_up_that_is_left_out_now_and_then_is_noticed: "wakes" "--rounds 30000 --seed 208 --plant ring-skipped" => "HANG";
    a_sleeper_who_says_so_too_late_is_noticed: "wakes" "--rounds 150000 --seed 209 --plant late-sleeper" => "HANG";
}
