//! Rows that a fuzzer makes up, in a file whose pages are sound: what is behind the checks of the library.

use redb::{Builder, Database};

use super::Disk;
use super::layout::{COMMIT, EPOCH, FORMAT, ITEMS, META, NUMBERS, QUEUES, SESSIONS, seal};

/// More rows say nothing new.
const ROWS: usize = 64;

/// Each row is a byte for its table, two for its key, two for its length, and as many bytes. With the highest bit of the first one its
/// checksum is as it should be.
pub(crate) fn write_rows(disk: &Disk, mut bytes: &[u8]) {
    let made = Builder::new().create_with_backend(disk.clone());
    let database = made.expect("memory that is large enough");
    for _ in 0..ROWS {
        let Some(([table, one, two, low, high], rest)) = bytes.split_first_chunk() else {
            break;
        };
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (content, rest) = rest.split_at(length);
        bytes = rest;
        let row = Row {
            table: table & 0x7f,
            sealed: table & 0x80 != 0,
            one: (*one).into(),
            two: *two,
            content,
        };
        row.write(&database).expect("memory that is large enough");
    }
}

struct Row<'a> {
    table: u8,
    sealed: bool,
    one: u64,
    two: u8,
    content: &'a [u8],
}

impl Row<'_> {
    fn write(&self, database: &Database) -> Result<(), redb::Error> {
        let (one, two) = (self.one, u64::from(self.two));
        let session = &[self.two; 16];
        let number = self
            .content
            .first_chunk()
            .map_or(two, |number| u64::from_le_bytes(*number));
        let transaction = database.begin_write()?;
        match self.table {
            0 => {
                let name = *[FORMAT, EPOCH, COMMIT].get(usize::from(self.two)).unwrap_or(&EPOCH);
                transaction.open_table(META)?.insert(name, number)?;
            }
            1 => {
                transaction.open_table(QUEUES)?.insert(one, &*self.value(&[]))?;
            }
            2 => {
                let value = self.value(&[one, two]);
                transaction.open_table(ITEMS)?.insert((one, two), &*value)?;
            }
            3 => {
                transaction.open_table(NUMBERS)?.insert((one, session), number)?;
            }
            _ => {
                transaction.open_table(SESSIONS)?.insert(session, self.content)?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn value(&self, place: &[u64]) -> Vec<u8> {
        match self.sealed {
            true => seal([&[0; 4], self.content].concat(), place),
            false => self.content.to_vec(),
        }
    }
}
