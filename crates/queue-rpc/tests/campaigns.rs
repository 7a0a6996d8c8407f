//! A campaign that notices nothing proves nothing: in each a mistake is made on purpose, and must be found. `cargo xtask chaos` runs
//! them as they are. The program that is all processes of a campaign is the example `chaos_rpc`.

use queue_testkit::campaign::Example;

const PROGRAM: Example = Example {
    package: env!("CARGO_MANIFEST_DIR"),
    name: "chaos_rpc",
    sources: &["src", "examples/chaos_rpc"],
    usual: &["--backend", "rpc", "--json"],
    build: "cargo build -p queue-rpc --example chaos_rpc",
};

#[test]
fn the_last_line_is_an_object_with_what_was_counted() {
    let said = PROGRAM.campaign("--fault resegment --rounds 2 --seed 100");
    assert!(said.text.starts_with("seed 100\n"), "{}", said.text);
    said.is_good_with(&[
        "\"backend\":\"rpc\"",
        "\"fault\":\"resegment\"",
        "\"rounds\":2",
        "\"failed\":0",
        "\"max_block_ms\":",
    ]);
}

#[test]
fn a_wrong_command_line_has_an_exit_code_of_its_own() {
    PROGRAM.refuses(&[
        "--backend rpc",
        "--fault cut",
        "--backend rpc --fault kill9",
        "--backend rpc --fault cut --rounds x",
        "--backend rpc --fault cut --durability disk",
        "--backend rpc --fault kill-server --durability paper",
    ]);
}

queue_testkit::convicts! { PROGRAM;
    confirmed_items_that_vanish_are_noticed: "--fault kill-client --rounds 5 --seed 201 --plant thief" => "is lost";
    items_that_vanish_beside_cuts_are_noticed: "--fault cut --rounds 3 --seed 212 --plant thief" => "is lost";
    an_item_that_comes_twice_is_noticed: "--fault cut --rounds 3 --seed 203 --plant twin" => "came out twice";
    an_item_with_other_bytes_is_noticed: "--fault bitflip --rounds 3 --seed 204 --plant liar" => "other bytes";
    items_that_vanish_beside_half_open_connections_are_noticed: "--fault half-open --rounds 1 --seed 212 --plant thief" => "is lost";
    items_that_vanish_in_the_last_life_of_a_server_are_noticed: "--fault kill-server --rounds 2 --seed 206 --plant thief" => "is lost";
    an_item_of_the_life_before_is_noticed: "--fault kill-server --rounds 2 --seed 207 --plant replay" => "came out twice";
    a_disk_that_forgets_what_was_confirmed_is_noticed: "--fault kill-server --durability disk --rounds 2 --seed 7 --plant rewind" => "came out twice";
    a_disk_that_does_not_sync_is_noticed: "--fault power --rounds 3 --seed 7 --plant no-sync" => "is lost";
    a_client_that_sees_something_else_is_noticed: "--fault resegment --rounds 1 --seed 208 --plant stranger" => "directly, and";
    a_campaign_that_does_nothing_is_noticed: "--fault bitflip --rounds 1 --seed 209 --plant no-flip" => "no byte came to be hit";
    a_tape_without_a_wrong_bit_is_noticed: "--fault bitflip --rounds 20 --live 5 --seed 210 --plant blank" => "its frame was taken for a sound one";
}
