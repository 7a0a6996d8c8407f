//! Flipped bits by the thousand: what came over live connections is read again, each time with another bit wrong.

use queue_testkit::{Dice, Tape};
use rpc_wire::{Decoder, MAX_FRAME, Message};

use crate::options::{Options, Plant};
use crate::report::Report;

/// What is kept of a direction of a connection, in bytes.
pub(crate) const LENGTH: usize = 48 << 10;
/// Rounds on one tape, one after the other.
const SPELL: u64 = 250;

/// A recorded direction up to the end of a frame, and what it says.
struct Recording {
    bytes: Vec<u8>,
    messages: Vec<Message>,
    /// Behind each message, the bytes up to there.
    ends: Vec<usize>,
}

/// So many rounds, each with one bit of one of these tapes.
pub(crate) fn run(
    options: &Options,
    tapes: &[Tape],
    rounds: u64,
    dice: &mut Dice,
    report: &mut Report,
) -> Result<(), String> {
    if tapes.is_empty() {
        return Err("nothing was recorded to flip bits of".into());
    }
    let mut left = rounds;
    while left > 0 {
        let pick = dice.below(tapes.len() as u64) as usize;
        let tape = tapes.get(pick).ok_or("no such tape")?;
        let recording = Recording::of(tape).map_err(|why| format!("a tape of {:?}: {why}", tape.direction))?;
        let spell = SPELL.min(left);
        for _ in 0..spell {
            let bit = dice.below(recording.bytes.len() as u64 * 8);
            let verdict = recording.judge(bit, options.plant == Some(Plant::Blank));
            report.round(
                verdict
                    .err()
                    .map(|why| format!("bit {bit} of a tape of {:?}: {why}", tape.direction)),
            );
        }
        report.add("flips_on_tape", spell);
        left -= spell;
    }
    Ok(())
}

impl Recording {
    fn of(tape: &Tape) -> Result<Self, String> {
        let mut decoder = decoder(&tape.bytes);
        let (mut messages, mut ends) = (Vec::new(), Vec::new());
        while let Some(message) = decoder.next_message().map_err(|error| error.to_string())? {
            messages.push(message);
            ends.push(tape.bytes.len() - decoder.pending());
        }
        let whole = *ends.last().ok_or("no whole message is on it")?;
        let bytes = tape.bytes.get(..whole).unwrap_or_default().to_vec();
        Ok(Self { bytes, messages, ends })
    }

    /// What is read with that bit flipped: everything in front of its frame, and then an error.
    fn judge(&self, bit: u64, is_blank: bool) -> Result<(), String> {
        let place = (bit / 8) as usize;
        let mut bytes = self.bytes.clone();
        if let Some(byte) = bytes.get_mut(place).filter(|_| !is_blank) {
            *byte ^= 1 << (bit % 8);
        }
        let sound = self.ends.iter().take_while(|end| **end <= place).count();
        let mut decoder = decoder(&bytes);
        let mut read = 0;
        loop {
            match decoder.next_message() {
                Ok(Some(message)) if read < sound && self.messages.get(read) == Some(&message) => read += 1,
                Ok(Some(_)) if read < sound => return Err("a message in front of it came out otherwise".into()),
                Ok(Some(_)) => return Err("its frame was taken for a sound one".into()),
                Ok(None) => return Err("nobody noticed; more bytes were waited for".into()),
                Err(_) if read < sound => return Err("a message in front of it did not come out".into()),
                Err(_) => return Ok(()),
            }
        }
    }
}

fn decoder(bytes: &[u8]) -> Decoder {
    let mut decoder = Decoder::new();
    decoder.set_limit(MAX_FRAME);
    decoder.feed(bytes);
    decoder
}
