//! What a process was told, in a file that outlives it. One write of the system per entry: a process that is killed has
//! either written it or not.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// What is written down, in a number of bytes that is always the same.
pub trait Entry: Copy {
    /// That number.
    const SIZE: usize;

    /// Its bytes, as many as that.
    fn write(self, to: &mut Vec<u8>);

    /// The entry of so many bytes, if they are one.
    fn read(bytes: &[u8]) -> Option<Self>;
}

/// The journal of this process.
#[derive(Debug)]
pub struct Journal(File);

impl Journal {
    /// One that is there is gone on with.
    ///
    /// # Errors
    /// As the file has it.
    pub fn open(path: &Path) -> Result<Self, String> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.map(Self).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Several at once, in one write.
    ///
    /// # Errors
    /// As the file has it.
    pub fn write<E: Entry>(&mut self, entries: impl IntoIterator<Item = E>) -> Result<(), String> {
        let mut bytes = Vec::new();
        entries.into_iter().for_each(|entry| entry.write(&mut bytes));
        self.0.write_all(&bytes).map_err(|error| format!("journal: {error}"))
    }

    /// All entries of a file; none when there is no file.
    ///
    /// # Errors
    /// When it cannot be read, or is no journal. A part of an entry at its end is none when `is_whole`, and left out otherwise:
    /// somebody may be writing.
    pub fn read<E: Entry>(path: &Path, is_whole: bool) -> Result<Vec<E>, String> {
        let bytes = match std::fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read.map_err(|error| format!("{}: {error}", path.display()))?,
        };
        if is_whole && bytes.len() % E::SIZE > 0 {
            return Err(format!("{}: not a journal", path.display()));
        }
        Self::parse(&bytes).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The whole entries at the front of these bytes.
    ///
    /// # Errors
    /// When one is none.
    pub fn parse<E: Entry>(bytes: &[u8]) -> Result<Vec<E>, String> {
        let entries: Option<Vec<E>> = bytes.chunks_exact(E::SIZE).map(E::read).collect();
        entries.ok_or_else(|| "not a journal".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Even(u16);

    impl Entry for Even {
        const SIZE: usize = 2;
        fn write(self, to: &mut Vec<u8>) {
            to.extend_from_slice(&self.0.to_le_bytes());
        }
        fn read(bytes: &[u8]) -> Option<Self> {
            let number = u16::from_le_bytes(*bytes.first_chunk()?);
            number.is_multiple_of(2).then_some(Self(number))
        }
    }

    #[test]
    fn what_was_written_is_read_and_half_an_entry_is_not() {
        let path = std::env::temp_dir().join(format!("testkit-journal-{}", std::process::id()));
        let read = |is_whole| Journal::read::<Even>(&path, is_whole);
        assert_eq!(read(true), Ok(Vec::new()));
        let mut journal = Journal::open(&path).expect("a file");
        journal.write([Even(2), Even(4)]).expect("room");
        journal.write([Even(6)]).expect("room");
        assert_eq!(read(true), Ok(vec![Even(2), Even(4), Even(6)]));
        std::fs::write(&path, [2, 0, 4]).expect("room");
        assert_eq!(read(false), Ok(vec![Even(2)]));
        assert!(read(true).is_err());
        std::fs::write(&path, [2, 0, 3, 0]).expect("room");
        assert!(read(false).is_err());
        std::fs::remove_file(&path).expect("ours");
    }
}
