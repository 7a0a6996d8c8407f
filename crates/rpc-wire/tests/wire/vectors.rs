//! The code, the vectors, the documentation and a reader that was written apart say the same.
//!
//! `UPDATE_VECTORS=1 cargo test -p rpc-wire --test wire` writes the vectors anew.
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rpc_wire::{Decoder, HEAD, MAX_FRAME, Message, preamble};
use serde_json::{Value, json};

use crate::examples::{all, frame, hex};

fn root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// One line for each example.
fn written() -> String {
    let lines: Vec<String> = all()
        .iter()
        .map(|example| {
            json!({"name": example.name, "hex": hex(&frame(&example.message)), "meaning": example.meaning}).to_string()
        })
        .collect();
    let start = json!({"name": "preamble", "hex": hex(&preamble())}).to_string();
    format!("[\n{start},\n{}\n]\n", lines.join(",\n"))
}

#[test]
fn the_vectors_are_what_the_code_writes() {
    let path = root("tests/vectors.json");
    let now = written();
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap();
    for (kept, now) in kept.lines().zip(now.lines()) {
        assert_eq!(kept, now, "the protocol changed");
    }
    assert_eq!(kept, now);
}

#[test]
fn the_vectors_are_read_back() {
    let mut decoder = Decoder::new();
    decoder.set_limit(MAX_FRAME);
    decoder.feed(&preamble());
    for example in all() {
        decoder.feed(&frame(&example.message));
        let read = decoder.next_message().unwrap();
        assert_eq!(read.as_ref(), Some(&example.message), "{}", example.name);
        assert_eq!(decoder.pending(), 0);
    }
}

#[test]
fn every_message_has_a_vector() {
    let seen: BTreeSet<u8> = all().iter().map(|example| example.message.kind()).collect();
    let known: BTreeSet<u8> = (0..=u8::MAX).filter(|kind| !is_unknown(*kind)).collect();
    assert_eq!(seen, known);
    let names: BTreeSet<&str> = all().iter().map(|example| example.name).collect();
    assert_eq!(names.len(), all().len());
}

/// Asked of the decoder, which is what counts.
fn is_unknown(kind: u8) -> bool {
    let mut bytes = frame(&rpc_wire::Ping { number: 1 }.into());
    bytes[11] ^= bytes[8] ^ kind;
    bytes[8] = kind;
    let sum = crc32c::crc32c(&bytes[4..]);
    bytes[..4].copy_from_slice(&sum.to_le_bytes());
    let mut decoder = Decoder::new();
    decoder.feed(&preamble());
    decoder.feed(&bytes);
    let outcome = decoder.next_frame();
    matches!(outcome, Err(rpc_wire::WireError::Type { .. })) || decoder.skipped() == 1
}

/// The text between the heading of a message and the next heading.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let from = text.split_once(heading).map_or("", |(_, rest)| rest);
    from.split_once("\n#").map_or(from, |(section, _)| section)
}

#[test]
fn the_documentation_has_every_message_with_its_bytes() {
    let text = std::fs::read_to_string(root("../../docs/protocol.md")).unwrap();
    let without_space = |text: &str| text.split_whitespace().collect::<String>();
    assert!(without_space(&text).contains(&hex(&preamble())), "the preamble");
    let mut shown = BTreeSet::new();
    for example in all() {
        let message = &example.message;
        let heading = format!("### {:02x} {}\n", message.kind(), message.name());
        let section = section(&text, &heading);
        assert!(!section.is_empty(), "no section `{heading}`");
        if !shown.insert(message.kind()) {
            continue; // one example each is enough there
        }
        let bytes = without_space(&hex(&frame(message)));
        assert!(without_space(section).contains(&bytes), "{}: {bytes}", example.name);
        let fields = example.meaning.as_object().unwrap().keys();
        for field in fields.filter(|field| *field != "message") {
            assert!(section.contains(&format!("`{field}`")), "{} `{field}`", message.name());
        }
    }
}

/// What the reader in Python sees in these frames, or why there is no Python.
fn asked_of_python(frames: &[String]) -> Result<Vec<Value>, std::io::Error> {
    let mut python = Command::new("python3")
        .arg(root("tests/reader.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = python.stdin.take().unwrap();
    let lines = frames.join("\n");
    // Both pipes are smaller than what goes through them.
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let mut output = String::new();
    python.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    writer.join().unwrap().unwrap();
    assert!(python.wait().unwrap().success());
    let seen: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(seen.len(), frames.len());
    Ok(seen)
}

#[test]
fn a_reader_written_apart_agrees() {
    let frames: Vec<String> = all().iter().map(|example| hex(&frame(&example.message))).collect();
    let seen = match asked_of_python(&frames) {
        Ok(seen) => seen,
        Err(error) => {
            println!("skipped: a_reader_written_apart_agrees, no python3: {error}");
            return;
        }
    };
    for (example, seen) in all().iter().zip(&seen) {
        assert_eq!(*seen, example.meaning, "{}", example.name);
    }
}

#[test]
fn a_reader_written_apart_refuses_the_same() {
    // One bit of each byte of each frame, and a byte more or less.
    let mut frames = Vec::new();
    for example in all() {
        let bytes = frame(&example.message);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            frames.push(hex(&damaged));
        }
        frames.push(hex(&bytes[..bytes.len() - 1]));
        frames.push(hex(&[&bytes[..], &[0]].concat()));
    }
    let seen = match asked_of_python(&frames) {
        Ok(seen) => seen,
        Err(error) => {
            println!("skipped: a_reader_written_apart_refuses_the_same, no python3: {error}");
            return;
        }
    };
    for (frame, seen) in frames.iter().zip(&seen) {
        assert!(seen.get("refused").is_some(), "{frame}: {seen}");
    }
}

#[test]
fn the_smallest_frames_are_small() {
    let sizes = |message: &Message| frame(message).len() - HEAD;
    for example in all() {
        let most = match example.name {
            "closed" => 0,
            "done" | "cancel" | "depth" | "release" | "close" => 4,
            "ping" | "pong" | "confirmed" | "consumed" => 8,
            _ => continue,
        };
        assert_eq!(sizes(&example.message), most, "{}", example.name);
    }
}
