//! Short campaigns between processes: what `cargo xtask chaos` does for longer. The programs that are all processes of a
//! campaign are the examples `chaos` and `lease_deaths`.

use std::process::{Command, Stdio};

use queue_testkit::campaign::{Example, Verdict};

const PROGRAM: Example = Example {
    package: env!("CARGO_MANIFEST_DIR"),
    name: "chaos",
    sources: &["src", "examples/chaos"],
    usual: &["--backend", "shm", "--json"],
    build: "cargo build -p queue-shm --features kill-points --examples",
};

#[test]
fn a_process_may_die_at_every_step() {
    PROGRAM
        .campaign("--fault points --rounds 1 --pairs 50 --seed 101")
        .is_good_with(&[]);
}

#[test]
fn a_process_may_be_stopped_at_every_step() {
    PROGRAM.campaign("--fault stop --hold 20 --seed 102").is_good_with(&[]);
}

#[test]
fn a_fork_has_nothing_of_its_parent() {
    PROGRAM
        .campaign("--fault fork --rounds 14 --seed 103")
        .is_good_with(&[]);
}

const LEASES: Example = Example {
    name: "lease_deaths",
    sources: &["src", "examples/lease_deaths"],
    usual: &[],
    ..PROGRAM
};

/// Holders of leases that are stopped, with a fault planted or none.
fn stopped_holders(words: &str, plant: &str) -> Verdict {
    let child = Command::new(LEASES.path())
        .args("--rounds 0 --pairs 0 --hold 100 --seed 301".split_whitespace())
        .args(words.split_whitespace())
        .env("SAGE_SHM_PLANTED", plant)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a campaign");
    let id = child.id();
    let said = Verdict::of(child.wait_with_output().expect("its end"));
    // One that failed keeps what happened, and here it was meant to.
    for ending in ["", ".journals"] {
        let _ = std::fs::remove_dir_all(format!("/dev/shm/sage-lease-deaths-{id}{ending}"));
    }
    said
}

#[test]
fn who_has_items_on_loan_may_be_stopped_at_every_step() {
    stopped_holders("", "").is_good_with(&[]);
}

#[test]
fn an_acknowledgement_that_comes_too_late_and_counts_is_noticed() {
    stopped_holders("--step between-calls", "late-acks").convicts("refused as late: false");
}

queue_testkit::convicts! { PROGRAM;
    items_that_are_seen_too_early_are_noticed: "--fault kill9 --rounds 100 --seed 201 --plant early-publish" => "Corrupt";
    a_repair_that_drops_items_is_noticed: "--fault points --rounds 1 --pairs 0 --seed 202 --plant repair-drops" => "is lost";
    locks_of_the_dead_that_stay_are_noticed: "--fault points --rounds 1 --pairs 0 --seed 203 --plant never-rob";
    locks_taken_from_the_living_are_noticed: "--fault stop --hold 50 --seed 204 --plant rob-the-living";
    openers_without_a_lock_are_noticed: "--fault storm --rounds 20 --opens 0 --seed 205 --plant no-name-lock";
    items_without_a_check_are_noticed: "--fault tamper --rounds 2000 --seed 206 --plant unchecked" => "nobody put";
    entries_of_items_on_loan_without_a_check_are_noticed: "--fault tamper --rounds 12000 --seed 210 --plant loan-unchecked" => "lessee ended";
    a_child_that_takes_itself_for_its_parent_is_noticed: "--fault fork --rounds 7 --seed 207 --plant child-is-parent";
    a_wake_up_that_is_left_out_now_and_then_is_noticed: "--fault wakes --rounds 30000 --seed 208 --plant ring-skipped" => "HANG";
    a_sleeper_who_says_so_too_late_is_noticed: "--fault wakes --rounds 30000 --seed 209 --plant late-sleeper" => "HANG";
}
