//! Short campaigns between processes: what `cargo xtask chaos --backend actor` does for longer. The program that is all processes
//! of a campaign is the example `chaos_actor`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

const BUILD: &str = "`cargo build -p queue-actor --features campaigns --examples` makes it";

/// Cargo tells a test where binaries are, but not examples, and builds them only along with all targets.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("this program");
    let folder = test.ancestors().nth(2).expect("where cargo builds");
    let program = folder.join("examples/chaos_actor");
    let Ok(meta) = program.metadata() else {
        panic!("{} is missing; {BUILD}", program.display());
    };
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = ["src", "examples/chaos_actor"].map(|folder| newest(&package.join(folder)));
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
        .args(["--backend", "actor", "--json"])
        .args(words.split_whitespace())
        .output()
        .expect("a campaign");
    (status.success(), String::from_utf8_lossy(&stdout).into_owned())
}

#[test]
fn managers_die_and_everybody_is_told() {
    let (is_good, text) = campaign("--fault manager --rounds 4 --processes 3 --seed 301");
    assert!(is_good, "{text}");
    let last = text.lines().last().expect("a verdict");
    for field in ["\"backend\":\"actor\"", "\"rounds\":4", "\"failed\":0", "\"told\":16"] {
        assert!(last.starts_with('{') && last.contains(field), "{field}: {last}");
    }
}

#[test]
fn a_storm_makes_one_manager() {
    let (is_good, text) = campaign("--fault storm --rounds 1 --processes 5 --opens 40 --seed 302");
    assert!(is_good, "{text}");
}

#[test]
fn a_wrong_command_line_has_an_exit_code_of_its_own() {
    for words in [
        "--backend actor",
        "--fault storm",
        "--backend actor --fault cut",
        "--backend rpc --fault storm",
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
    two_managers_are_noticed: "--fault storm --rounds 1 --processes 3 --opens 8 --plant split" => "2 managers";
    an_epoch_that_comes_again_is_noticed: "--fault manager --rounds 2 --processes 2 --plant rewind" => "after epoch";
    losses_that_are_not_reported_are_noticed: "--fault manager --rounds 2 --processes 2 --plant forget" => "reported are";
}
