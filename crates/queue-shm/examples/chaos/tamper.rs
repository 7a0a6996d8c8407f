//! Somebody who may write the segment writes nonsense into it, while others use it. They may lose items and be told so;
//! they may not crash, hang, or hand out what nobody put.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::thread::sleep;
use std::time::Duration;

use crate::crew::{Crew, Ending, Hand, Orders, PATIENCE};
use crate::journal::{self, End};
use crate::options::Options;
use crate::report::Report;
use crate::scene::HANG;

/// Flips before a queue is given up for another one.
const FLIPS: u64 = 40;
/// In the end one queue in so many is cut short, and of another one all die and the header is forged.
const TURNS: u64 = 4;
/// Words of the header, and where its checksum is: see `header.rs`.
const HEADER_WORDS: (u64, u64) = (16, 12);
const SUM: usize = 1020;
/// Where the words are that change: see `layout.rs`.
const WORDS: (u64, u64) = (1024, 448);
const LOAN_WORDS: (u64, u64) = (1536, 80);
const PARTICIPANTS: (u64, u64) = (2048, 16 * 64);
const UNDERTAKER: (u64, u64) = (18_432, 64);
const HEADER: (u64, u64) = (0, 1024);
/// Of the table of loans: where its entries are, the bytes of one, those of its words, and how many are much used.
const LOANS: u64 = 20_480;
const LOAN: u64 = 256;
const WORDS_OF_LOAN: u64 = 48;
const USED_LOANS: u64 = 12;

pub(crate) fn run(options: &Options, crew: &mut Crew, report: &mut Report) -> Result<(), String> {
    let mut left = options.rounds;
    let mut scene = 0;
    while left > 0 && report.failed == 0 {
        let flips = left.min(FLIPS);
        left -= flips;
        scene += 1;
        let queue = format!("tamper/{scene}");
        let complaints = one_queue(&queue, flips, crew, report)?;
        report.rounds += flips - 1;
        report.hangs += complaints.iter().filter(|text| text.contains(HANG)).count() as u64;
        if complaints.is_empty() && !crew.keeps {
            crew.forget(&queue)?;
        }
        report.round(complaints.into_iter().map(|text| format!("{queue}: {text}")));
    }
    Ok(())
}

fn one_queue(queue: &str, flips: u64, crew: &mut Crew, report: &mut Report) -> Result<Vec<String>, String> {
    let mut complaints = Vec::new();
    // What is on loan runs out soon, comes back, and in the end goes among the dead letters.
    let dead = format!("{queue}/dead");
    let letters = format!("dead={dead}");
    let orders = Orders {
        queue,
        words: &["lease_ms=5", letters.as_str()],
        limit: Some(Duration::from_millis(20)),
        ..Orders::default()
    };
    let mut hands = Vec::new();
    for role in ["producer", "consumer", "producer", "lessee", "lessee"] {
        let mut hand = crew.start(role, &orders)?;
        if !hand.moves_on(0, 3, PATIENCE)? {
            complaints.push(format!("{HANG}: the queue does not open"));
        }
        hands.push(hand);
    }
    let path = crew.segment(queue);
    let file = File::options()
        .read(true)
        .write(true)
        .open(&path)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    let size = file.metadata().map_err(|error| error.to_string())?.len();
    for _ in 0..flips {
        flip(&file, size, crew).map_err(|error| format!("flip: {error}"))?;
        report.add("flips", 1);
        sleep(Duration::from_micros(crew.dice.below(400)));
    }
    for hand in &mut hands {
        let before = hand.progress();
        if hand.ended()?.is_none() && !hand.moves_on(before, 3, PATIENCE)? && hand.ended()?.is_none() {
            complaints.push(format!("{HANG}: {} makes no calls", hand.role()));
        }
    }
    let turn = crew.dice.below(TURNS);
    let is_cut = turn == 0;
    if is_cut {
        let rest = crew.dice.below(size);
        file.set_len(rest).map_err(|error| format!("cut: {error}"))?;
        report.add("cuts", 1);
    } else if turn == 1 {
        for mut hand in hands.drain(..) {
            crew.kill(&mut hand)?;
        }
        forge(&file, crew).map_err(|error| format!("forge: {error}"))?;
        report.add("forgeries", 1);
    }
    // Somebody new meets it as well.
    let visit = Orders {
        words: &["laps=1", "lease_ms=5", letters.as_str()],
        ..orders.clone()
    };
    let mut visitor = crew.start("tourist", &visit)?;
    match crew.wait(&mut visitor)? {
        Ending::Failed(1) => report.add("refused_at_open", 1),
        Ending::Good if !is_cut => report.add("opened_all_the_same", 1),
        ending => complaints.push(format!("a visitor ended by {ending:?}")),
    }
    crew.dismiss(queue)?;
    for hand in &mut hands {
        judge_ending(hand, is_cut, crew, report, &mut complaints)?;
    }
    for path in crew.journals(queue)? {
        for entry in journal::read(&path)? {
            match entry.end {
                End::Wrong => complaints.push(format!("actor {} was handed bytes that nobody put", entry.actor)),
                End::Corrupt => report.add("told_corrupt", 1),
                End::Failed => report.add("told_otherwise", 1),
                _ => {}
            }
        }
    }
    report.counts.corrupt += complaints.iter().filter(|text| text.contains("nobody put")).count() as u64;
    // As an operator would: what is damaged is not removed by itself.
    let _ = std::fs::remove_file(&path);
    // Whole, and left by those who were killed, when nobody could open the one before it.
    let _ = std::fs::remove_file(crew.segment(&dead));
    Ok(complaints)
}

fn judge_ending(
    hand: &mut Hand,
    is_cut: bool,
    crew: &mut Crew,
    report: &mut Report,
    complaints: &mut Vec<String>,
) -> Result<(), String> {
    match crew.wait(hand) {
        Ok(Ending::Good) => {}
        // A page that the file no longer has is told by a signal and by nothing else: see SECURITY.md.
        Ok(Ending::Crashed(libc::SIGBUS)) if is_cut => report.add("bus_errors", 1),
        Ok(ending) => complaints.push(format!("{} ended by {ending:?}", hand.role())),
        Err(hang) => complaints.push(hang),
    }
    Ok(())
}

fn flip(file: &File, size: u64, crew: &mut Crew) -> std::io::Result<()> {
    let dice = &mut crew.dice;
    let (start, len) = match dice.below(100) {
        0..35 => WORDS,
        35..45 => LOAN_WORDS,
        45..60 => (LOANS + dice.below(USED_LOANS) * LOAN, WORDS_OF_LOAN),
        60..65 => (LOANS, USED_LOANS * LOAN),
        65..77 => PARTICIPANTS,
        77 => UNDERTAKER,
        78 => HEADER,
        _ => (HEADER.1, size - HEADER.1),
    };
    let place = start + dice.below(len);
    let mut byte = [0];
    file.read_exact_at(&mut byte, place)?;
    let [old] = byte;
    file.write_all_at(&[old ^ 1 << dice.below(8)], place)
}

/// Another number in the header, with a checksum that fits.
fn forge(file: &File, crew: &mut Crew) -> std::io::Result<()> {
    let dice = &mut crew.dice;
    let mut header = [0; HEADER.1 as usize];
    file.read_exact_at(&mut header, 0)?;
    let place = (HEADER_WORDS.0 + dice.below(HEADER_WORDS.1) * 8) as usize;
    let number = match dice.below(4) {
        0 => u64::MAX,
        1 => 0,
        2 => 1 << dice.below(64),
        _ => dice.roll(),
    };
    if let Some(word) = header.get_mut(place..place + 8) {
        word.copy_from_slice(&number.to_le_bytes());
    }
    let (covered, sum) = header.split_at_mut(SUM);
    sum.copy_from_slice(&crc32c::crc32c(covered).to_le_bytes());
    file.write_all_at(&header, 0)
}
