//! Short campaigns against jobs: what `cargo xtask chaos --backend runtime` does for longer. The program that is all processes of a
//! campaign is the example `chaos_runtime`.
#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

use queue_testkit::campaign::Example;

const PROGRAM: Example = Example {
    package: env!("CARGO_MANIFEST_DIR"),
    name: "chaos_runtime",
    sources: &["examples/chaos_runtime"],
    usual: &["--backend", "runtime", "--json"],
    build: "cargo build -p sage-tests --example chaos_runtime",
};

#[test]
fn uneven_upstreams_lose_nothing_and_the_verdict_has_all_fields() {
    PROGRAM
        .campaign("--fault uneven --rounds 35 --seed 401")
        .is_good_with(&[
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
        ]);
}

#[test]
fn a_wrong_command_line_has_an_exit_code_of_its_own() {
    PROGRAM.refuses(&[
        "--backend runtime",
        "--fault kill",
        "--backend runtime --fault cut",
        "--backend rpc --fault kill",
        "--backend runtime --fault kill --plant tree",
    ]);
}

queue_testkit::convicts! { PROGRAM;
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
