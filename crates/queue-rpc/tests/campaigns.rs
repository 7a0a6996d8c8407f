//! A campaign that notices nothing proves nothing: in each a mistake is made on purpose, and must be found. `cargo xtask chaos` runs
//! them as they are. The program that is all processes of a campaign is the example `chaos_rpc`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

const NAME: &str = "chaos_rpc";
const BUILD: &str = "`cargo build -p queue-rpc --example chaos_rpc` makes it";

/// Cargo tells a test where binaries are, but not examples, and builds them only along with all targets.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("this program");
    let folder = test.ancestors().nth(2).expect("where cargo builds");
    let program = folder.join("examples").join(NAME);
    let Ok(meta) = program.metadata() else {
        panic!("{} is missing; {BUILD}", program.display());
    };
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = ["src".into(), format!("examples/{NAME}")].map(|folder| newest(&package.join(folder)));
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

fn campaign(words: &str) -> (bool, String) {
    let Output { status, stdout, .. } = Command::new(program())
        .args(["--backend", "rpc", "--json"])
        .args(words.split_whitespace())
        .output()
        .expect("a campaign");
    let text = String::from_utf8_lossy(&stdout).into_owned();
    // One that failed keeps what happened, and here it was meant to.
    let kept = text.lines().find_map(|line| line.strip_prefix("what happened is in "));
    if let Some(folder) = kept {
        let _ = std::fs::remove_dir_all(folder);
    }
    (status.success(), text)
}

#[test]
fn the_last_line_is_an_object_with_what_was_counted() {
    let (is_good, text) = campaign("--fault resegment --rounds 2 --seed 100");
    assert!(is_good && text.starts_with("seed 100\n"), "{text}");
    let last = text.lines().last().unwrap_or_default();
    for field in [
        "\"backend\":\"rpc\"",
        "\"fault\":\"resegment\"",
        "\"rounds\":2",
        "\"failed\":0",
        "\"max_block_ms\":",
    ] {
        assert!(last.starts_with('{') && last.contains(field), "{field}: {last}");
    }
}

#[test]
fn a_wrong_command_line_has_an_exit_code_of_its_own() {
    for words in [
        "--backend rpc",
        "--fault cut",
        "--backend rpc --fault kill9",
        "--backend rpc --fault cut --rounds x",
        "--backend rpc --fault cut --durability disk",
        "--backend rpc --fault kill-server --durability paper",
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
