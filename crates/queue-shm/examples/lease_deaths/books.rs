//! What the journals of a round say together.

use std::collections::BTreeMap;
use std::path::Path;

use crate::worker::Item;

/// What became of the items.
#[derive(Default)]
pub(crate) struct Books {
    /// How often each item was certainly done with.
    pub(crate) ends: BTreeMap<u64, u64>,
    /// Items that a dead process was acknowledging when it died: gone or not.
    pub(crate) open_acks: Vec<u64>,
    /// Gets of dead processes that never returned, each of which may have taken one item.
    pub(crate) open_gets: u64,
    /// Acknowledgements that were refused because the lease had run out.
    pub(crate) late: u64,
}

impl Books {
    /// This item was done with here.
    pub(crate) fn done(&mut self, item: &Item) {
        *self.ends.entry(item.0).or_default() += 1;
    }

    pub(crate) fn read(&mut self, journal: &Path) -> Result<(), String> {
        let text = std::fs::read_to_string(journal).map_err(|error| format!("{}: {error}", journal.display()))?;
        let (mut ack, mut get) = (None, false);
        for line in text.lines() {
            let (what, number) = line.split_once(' ').ok_or("a journal with a strange line")?;
            let number: u64 = number.parse().map_err(|_| "a journal with a strange number")?;
            match what {
                "ack" => ack = Some(number),
                "late" => {
                    ack = None;
                    self.late += 1;
                }
                "done" => {
                    ack = None;
                    *self.ends.entry(number).or_default() += 1;
                }
                "get" => get = true,
                "got" => {
                    get = false;
                    *self.ends.entry(number).or_default() += 1;
                }
                _ => get = false,
            }
        }
        self.open_acks.extend(ack);
        self.open_gets += u64::from(get);
        Ok(())
    }

    /// Every item below `count` once; the dead are forgiven what was open, and one letter each that they delivered twice.
    pub(crate) fn judge(
        mut self,
        count: u64,
        letters: &[u64],
        deaths: u64,
        lost_in_flight: u64,
    ) -> Result<u64, String> {
        let mut twice = 0;
        for letter in letters {
            *self.ends.entry(*letter).or_default() += 1;
        }
        let mut missing = 0;
        for item in 0..count {
            match self.ends.remove(&item).unwrap_or(0) {
                1 => {}
                0 if self.open_acks.contains(&item) => {}
                0 => missing += 1,
                _ if letters.iter().filter(|letter| **letter == item).count() > 1 => twice += 1,
                times => return Err(format!("item {item} was done with {times} times")),
            }
        }
        if let Some((item, _)) = self.ends.first_key_value() {
            return Err(format!("item {item} was never put"));
        }
        if missing > self.open_gets {
            return Err(format!(
                "{missing} items are lost, and {} gets were open",
                self.open_gets
            ));
        }
        if missing != lost_in_flight {
            return Err(format!(
                "{missing} items are lost, and the queue counted {lost_in_flight}"
            ));
        }
        if twice > deaths {
            return Err(format!("{twice} dead letters came twice, and {deaths} processes died"));
        }
        Ok(missing)
    }
}
