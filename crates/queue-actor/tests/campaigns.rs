//! Short campaigns between processes: what `cargo xtask chaos --backend actor` does for longer. The program that is all processes
//! of a campaign is the example `chaos_actor`.

use queue_testkit::campaign::Example;

const PROGRAM: Example = Example {
    package: env!("CARGO_MANIFEST_DIR"),
    name: "chaos_actor",
    sources: &["src", "examples/chaos_actor"],
    usual: &["--backend", "actor", "--json"],
    build: "cargo build -p queue-actor --example chaos_actor",
};

#[test]
fn managers_die_and_everybody_is_told() {
    PROGRAM
        .campaign("--fault manager --rounds 4 --processes 3 --seed 301")
        .is_good_with(&["\"backend\":\"actor\"", "\"rounds\":4", "\"failed\":0", "\"told\":16"]);
}

#[test]
fn a_storm_makes_one_manager() {
    PROGRAM
        .campaign("--fault storm --rounds 1 --processes 5 --opens 40 --seed 302")
        .is_good_with(&[]);
}

#[test]
fn a_wrong_command_line_has_an_exit_code_of_its_own() {
    PROGRAM.refuses(&[
        "--backend actor",
        "--fault storm",
        "--backend actor --fault cut",
        "--backend rpc --fault storm",
    ]);
}

queue_testkit::convicts! { PROGRAM;
    two_managers_are_noticed: "--fault storm --rounds 1 --processes 3 --opens 8 --plant split" => "2 managers";
    an_epoch_that_comes_again_is_noticed: "--fault manager --rounds 2 --processes 2 --plant rewind" => "after epoch";
    losses_that_are_not_reported_are_noticed: "--fault manager --rounds 2 --processes 2 --plant forget" => "reported are";
}
