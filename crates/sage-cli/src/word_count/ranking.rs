//! The result: words by how often they were met.

use std::cmp::Reverse;
use std::io::{self, Write};

use super::word::WordCount;

/// Every word once, most frequent first, of equals the one whose bytes come first.
#[derive(Debug)]
pub(super) struct Ranking {
    counts: Vec<WordCount>,
}

impl Ranking {
    pub(super) fn new(mut counts: Vec<WordCount>) -> Self {
        counts.sort_unstable_by(|a, b| (Reverse(a.count), &a.word).cmp(&(Reverse(b.count), &b.word)));
        Self { counts }
    }

    /// Different words.
    pub(super) fn distinct(&self) -> u64 {
        self.counts.len() as u64
    }

    /// All words.
    pub(super) fn total(&self) -> u64 {
        self.counts.iter().map(|counted| counted.count).sum()
    }

    /// The first `top` words, as far as they are text, with how often each was met.
    pub(super) fn top(&self, top: usize) -> Vec<(String, u64)> {
        let first = self.counts.iter().take(top);
        first
            .map(|counted| (String::from_utf8_lossy(&counted.word.0).into_owned(), counted.count))
            .collect()
    }

    /// One line per word as `uniq -c` writes it; the first `top` of them, when given.
    pub(super) fn write(&self, top: Option<u64>, out: &mut dyn Write) -> io::Result<()> {
        let top = top.map_or(usize::MAX, |top| usize::try_from(top).unwrap_or(usize::MAX));
        for WordCount { word, count } in self.counts.iter().take(top) {
            write!(out, "{count:>7} ")?;
            out.write_all(&word.0)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::word::Bytes;
    use super::*;

    fn ranking() -> Ranking {
        let counts = [
            (&b"b"[..], 2),
            (b"\xff", 2),
            (b"a\x00", 2),
            (b"a", 2),
            (b"seldom", 1),
            (b"often", 12_345_678),
        ];
        let counts = counts.map(|(word, count)| WordCount {
            word: Bytes(word.into()),
            count,
        });
        Ranking::new(counts.into())
    }

    fn lines(top: Option<u64>) -> Vec<u8> {
        let mut out = Vec::new();
        ranking().write(top, &mut out).unwrap();
        out
    }

    #[test]
    fn counts_descend_and_bytes_ascend() {
        let expected = b"12345678 often\n      2 a\n      2 a\x00\n      2 b\n      2 \xff\n      1 seldom\n";
        assert_eq!(lines(None), expected);
        assert_eq!((ranking().distinct(), ranking().total()), (6, 12_345_687));
    }

    #[test]
    fn the_top_is_the_start() {
        assert_eq!(lines(Some(1)), b"12345678 often\n");
        assert_eq!(lines(Some(0)), b"");
        assert_eq!(lines(Some(u64::MAX)), lines(None));
    }
}
