//! `sage word-count` beside the pipeline it replaces.

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Ran, file, run, run_with, sage};

/// The words of the standard tools, or `None` where they are missing.
fn pipeline(files: &[PathBuf]) -> Option<Vec<u8>> {
    // `-a`: grep would not print the lines of input with control characters.
    let script = "cat -- \"$@\" | tr -s '[:space:]' '\\n' | grep -a . | sort | uniq -c | sort -k1,1nr -k2";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).args(files).env("LC_ALL", "C");
    let probe = Command::new("sh")
        .args([
            "-c",
            "for tool in cat tr grep sort uniq; do command -v $tool || exit 1; done",
        ])
        .output();
    probe.is_ok_and(|probe| probe.status.success()).then(|| {
        let ran = run_with(command, &[]);
        assert_eq!(ran.stderr, "");
        ran.stdout
    })
}

fn count(options: &[&str], files: &[PathBuf]) -> Ran {
    let ran = run(["word-count"]
        .iter()
        .chain(options)
        .map(Path::new)
        .chain(files.iter().map(PathBuf::as_path)));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    ran
}

#[track_caller]
fn assert_same_as_pipeline(options: &[&str], files: &[PathBuf]) {
    let Some(expected) = pipeline(files) else {
        let missing = "skipped: comparison with tr, grep, sort and uniq, which are not all installed";
        writeln!(std::io::stderr(), "{missing}").expect("stderr");
        return;
    };
    let found = count(options, files).stdout;
    if found != expected {
        let line = found
            .split(|&b| b == b'\n')
            .zip(expected.split(|&b| b == b'\n'))
            .find(|(a, b)| a != b);
        panic!("{options:?} {files:?}: first difference (ours, theirs) {line:?}");
    }
}

/// Numbers that look random and are the same every time (SplitMix64).
fn numbers(mut state: u64) -> impl Iterator<Item = u64> {
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    })
}

fn random_text(seed: u64, length: usize, alphabet: &[u8]) -> Vec<u8> {
    numbers(seed)
        .take(length)
        .map(|n| alphabet[n as usize % alphabet.len()])
        .collect()
}

#[test]
fn prose_is_counted_as_the_standard_tools_do() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files: Vec<PathBuf> = ["Cargo.toml", "src/main.rs", "tests/word_count.rs", "src/args.rs"]
        .map(|p| root.join(p))
        .into();
    assert_same_as_pipeline(&[], &files);
}

#[test]
fn any_bytes_are_counted_as_the_standard_tools_do() {
    let all: Vec<u8> = (0..=u8::MAX).collect();
    for (seed, alphabet) in [
        (1, &all[..]),
        (2, b"ab \n"),
        (3, b"\x00\x01\x80\xff\x85\xa0 \t\x0b\x0c\r\n"),
        (4, b"09- +.eE\n"),
        (5, "aé€😀 ".as_bytes()),
    ] {
        // Longer than several of the blocks it is read in.
        let path = file(&format!("random-{seed}"), &random_text(seed, 900_000, alphabet));
        for options in [
            &["--parallelism", "1"][..],
            &["--parallelism", "3", "--transport", "local"],
        ] {
            assert_same_as_pipeline(options, std::slice::from_ref(&path));
        }
    }
}

#[test]
fn many_different_words_are_counted_as_the_standard_tools_do() {
    let text: Vec<u8> = numbers(9)
        .take(200_000)
        .flat_map(|n| format!("{}\n", n % 70_000).into_bytes())
        .collect();
    assert_same_as_pipeline(&["--parallelism", "4"], &[file("many-different", &text)]);
}

#[test]
fn several_files_are_one_stream() {
    let parts = [&b"one tw"[..], b"o thr", b"", b"ee\n", b"one"];
    let files: Vec<_> = parts
        .iter()
        .enumerate()
        .map(|(i, part)| file(&format!("part-{i}"), part))
        .collect();
    assert_eq!(count(&[], &files).text(), "      2 one\n      1 three\n      1 two\n");
    assert_same_as_pipeline(&[], &files);
}

#[test]
fn standard_input_is_a_dash() {
    let ran = run_with(sage(["word-count", "-"]), b"b a\x0bb");
    assert_eq!((ran.code, ran.text()), (Some(0), "      2 b\n      1 a\n"));
    // Its place among the files counts, and the second time it is at its end.
    let path = file("middle", b"middle");
    let ran = run_with(
        sage(["word-count", path.to_str().expect("UTF-8"), "-", "-"]),
        b"stdin x",
    );
    assert_eq!(ran.text(), "      1 middlestdin\n      1 x\n");
}

#[test]
fn nothing_is_no_words() {
    for content in [&b""[..], b" \n\t "] {
        let ran = count(&["--json"], &[file("nothing", content)]);
        let json = ran.json();
        assert_eq!(
            (&json["words_total"], &json["distinct"]),
            (&0.into(), &0.into()),
            "{json}"
        );
        assert_eq!(json["ledger_ok"], true, "{json}");
        assert_eq!(ran.text().lines().count(), 1);
        assert_eq!(count(&[], &[file("nothing", content)]).stdout, b"");
    }
}

#[test]
fn a_word_of_twenty_megabytes_is_one_word() {
    let mut text = b"start ".to_vec();
    text.resize(20_000_000, b'x');
    text.extend_from_slice(b" end end");
    let ran = count(&["--json"], &[file("enormous", &text)]);
    assert_eq!(
        (ran.json()["words_total"].as_u64(), ran.json()["distinct"].as_u64()),
        (Some(4), Some(3))
    );
    let mut lines = ran.stdout.split(|&byte| byte == b'\n');
    assert_eq!(lines.next(), Some(&b"      2 end"[..]));
    assert_eq!(lines.next(), Some(&b"      1 start"[..]));
    let word = lines
        .next()
        .and_then(|line| line.strip_prefix(b"      1 "))
        .unwrap_or_default();
    assert!(word == &text[6..20_000_000]);
}

#[test]
fn the_json_follows_the_words_and_accounts_for_every_packet() {
    let path = file("accounted", b"a b a c a\n");
    for transport in ["sage", "local"] {
        let ran = count(
            &["--json", "--top", "1", "--transport", transport],
            std::slice::from_ref(&path),
        );
        assert!(ran.text().starts_with("      3 a\n{"), "{}", ran.text());
        let json = ran.json();
        assert_eq!(json["transport"], transport);
        for (field, value) in [
            ("words_total", 5),
            ("distinct", 3),
            ("bytes", 10),
            ("lost", 0),
            ("duplicated", 0),
        ] {
            assert_eq!(json[field], value, "{field} in {json}");
        }
        assert_eq!(json["accepted"], json["delivered"], "{json}");
        assert_eq!(json["ledger_ok"], true, "{json}");
    }
}

#[test]
fn what_cannot_be_read_is_one_line_and_exit_code_1() {
    let readable = file("readable", b"word");
    let folder = env!("CARGO_MANIFEST_DIR");
    for (path, part) in [
        ("does/not/exist", "cannot open `does/not/exist`"),
        ("line\nbreak", r"`line\nbreak`"),
        (folder, "is a directory"),
    ] {
        let ran = run([Path::new("word-count"), &readable, Path::new(path)]);
        let line = ran.refusal(1);
        assert!(line.contains(part), "{line:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_read_that_fails_is_a_failure_and_no_result() {
    // A file of the kernel that can be opened and not read from its start.
    let ran = run(["word-count", "--json", "/proc/self/mem"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stderr.starts_with("sage: ") && ran.stderr.contains("/proc/self/mem"),
        "{ran:?}"
    );
    assert!(!ran.stderr.trim_end().contains('\n'), "{ran:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn file_names_need_not_be_text() {
    use std::os::unix::ffi::OsStrExt;
    let path = file("neighbour", b"w").with_file_name(std::ffi::OsStr::from_bytes(b"name\xff"));
    std::fs::write(&path, b"word").expect("file");
    assert_eq!(count(&[], &[path]).text(), "      1 word\n");
}
