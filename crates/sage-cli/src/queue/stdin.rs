//! Lines of standard input.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Bytes read at once.
const BLOCK: usize = 64 * 1024;
/// Lines handed over at once, and how many such heaps wait.
const HEAP: usize = 256;
const AHEAD: usize = 2;
/// No line is read further than this.
const LONGEST: u64 = 1 << 30;

/// What the reader has to say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FromStdin {
    Lines(Vec<Vec<u8>>),
    Failed(String),
    End,
}

/// Reads on a thread of its own: who waits for a terminal or a pipe cannot be told to stop. That thread is left waiting
/// and ends with the process.
pub(super) fn read() -> io::Result<Receiver<FromStdin>> {
    let (sender, receiver) = sync_channel(AHEAD);
    thread::Builder::new().name("reader".to_owned()).spawn(move || {
        let last = match split(io::stdin().lock(), LONGEST, &sender) {
            Ok(()) => FromStdin::End,
            Err(cause) => FromStdin::Failed(format!("cannot read standard input: {cause}; check what is piped in")),
        };
        // Without a receiver nobody waits for the answer.
        let _ = sender.send(last);
    })?;
    Ok(receiver)
}

fn split(from: impl Read, longest: u64, to: &SyncSender<FromStdin>) -> io::Result<()> {
    let mut from = BufReader::with_capacity(BLOCK, from);
    let mut heap = Vec::new();
    let mut fault = None;
    loop {
        let mut line = Vec::new();
        match from.by_ref().take(longest + 1).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) if line.ends_with(b"\n") => line.truncate(line.len() - 1),
            Ok(_) if line.len() as u64 > longest => {
                fault = Some(io::Error::other(format!("a line of more than {longest} bytes")));
                break;
            }
            Ok(_) => {}
            Err(error) => {
                fault = Some(error);
                break;
            }
        }
        heap.push(line);
        // What somebody types goes at once, what a program writes in heaps.
        let is_whole = from.buffer().contains(&b'\n');
        if (heap.len() >= HEAP || !is_whole) && to.send(FromStdin::Lines(std::mem::take(&mut heap))).is_err() {
            return Ok(());
        }
    }
    if !heap.is_empty() && to.send(FromStdin::Lines(heap)).is_err() {
        return Ok(());
    }
    fault.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8], longest: u64) -> (Vec<Vec<u8>>, bool) {
        let (sender, receiver) = sync_channel(1000);
        let result = split(input, longest, &sender);
        drop(sender);
        let lines = receiver.iter().flat_map(|heap| match heap {
            FromStdin::Lines(lines) => lines,
            other => panic!("{other:?}"),
        });
        (lines.collect(), result.is_ok())
    }

    #[test]
    fn lines_are_what_is_between_line_feeds() {
        let (found, is_ok) = lines(b"one\n\nthree\r\n\xff\nlast", 100);
        assert!(is_ok);
        assert_eq!(found, [&b"one"[..], b"", b"three\r", b"\xff", b"last"]);
        assert_eq!(lines(b"", 100), (vec![], true));
        assert_eq!(lines(b"\n", 100), (vec![vec![]], true));
    }

    #[test]
    fn nothing_is_lost_between_heaps() {
        let text: String = (0..1000).map(|n| format!("{n}\n")).collect();
        let (found, _) = lines(text.as_bytes(), 100);
        assert_eq!(found.len(), 1000);
        assert!(
            found
                .iter()
                .enumerate()
                .all(|(n, line)| *line == n.to_string().into_bytes())
        );
    }

    #[test]
    fn a_line_without_end_is_not_read_forever() {
        let (found, is_ok) = lines(b"short\nlong line\n", 5);
        assert_eq!((found, is_ok), (vec![b"short".to_vec()], false));
        assert_eq!(lines(b"12345", 5), (vec![b"12345".to_vec()], true));
    }
}
