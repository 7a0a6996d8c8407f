//! What is written down about the queues of an epoch, so that the next one can say what was lost.

use std::fmt::Write;
use std::path::Path;

use descriptor_core::{Error, QueueId};

use crate::place::{read, replace};

const QUEUES: &str = "queues";
const LOST: &str = "lost";
/// A report is kept for so many epochs.
const EPOCHS: u64 = 16;
/// More queues than a manager may have are not believed.
const MOST: usize = 100_000;

/// A queue that ended with its manager.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LostQueue {
    /// Its name.
    pub id: QueueId,
    /// The epoch of the manager that had it.
    pub epoch: u64,
    /// The most items.
    pub capacity: u64,
    /// Items that were inside when the manager last wrote that down, at most a second before it ended.
    pub items: u64,
    /// Items ever put, likewise.
    pub put: u64,
}

fn line(lost: &LostQueue, out: &mut String) {
    let LostQueue {
        id,
        epoch,
        capacity,
        items,
        put,
    } = lost;
    // Into text nothing fails.
    let _ = writeln!(out, "{epoch} {capacity} {items} {put} {id}");
}

/// A line that is damaged is left out: what a dead process was writing may be anything.
fn parse(text: &str) -> Vec<LostQueue> {
    let queue = |line: &str| {
        let mut words = line.split(' ');
        let mut number = || words.next()?.parse().ok();
        let (epoch, capacity, items, put) = (number()?, number()?, number()?, number()?);
        let id = QueueId::new(words.next()?).ok()?;
        words.next().is_none().then_some(LostQueue {
            id,
            epoch,
            capacity,
            items,
            put,
        })
    };
    text.lines().take(MOST).filter_map(queue).collect()
}

/// Writes down the queues of this epoch, in the place of what was written before.
///
/// # Errors
/// What the system says.
pub(crate) fn write(folder: &Path, queues: &[LostQueue]) -> Result<(), Error> {
    let mut text = String::new();
    queues.iter().for_each(|queue| line(queue, &mut text));
    replace(&folder.join(QUEUES), &text, false)
}

/// What was written down last becomes a report, beside those of the epochs before. To be done twice does no harm.
///
/// # Errors
/// What the system says.
pub(crate) fn bury(folder: &Path, last_epoch: u64) -> Result<(), Error> {
    let found = parse(&read(&folder.join(QUEUES))?);
    let mut text = String::new();
    let is_known = |queue: &LostQueue| found.iter().any(|other| other.epoch == queue.epoch);
    let earlier = losses(folder)?;
    let earlier = earlier
        .iter()
        .filter(|queue| queue.epoch.saturating_add(EPOCHS) > last_epoch && !is_known(queue));
    earlier.chain(&found).for_each(|queue| line(queue, &mut text));
    replace(&folder.join(LOST), &text, true)
}

/// The queues that ended with earlier epochs, the oldest first.
///
/// # Errors
/// What the system says.
pub(crate) fn losses(folder: &Path) -> Result<Vec<LostQueue>, Error> {
    Ok(parse(&read(&folder.join(LOST))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_outlives_epochs_and_damage_is_left_out() {
        let folder = std::env::temp_dir().join(QueueId::generated("sage-ledger").as_str());
        crate::place::make_private(&folder).expect("a folder");
        let queue = |epoch, items| LostQueue {
            id: QueueId::new("jobs/in").expect("an id"),
            epoch,
            capacity: 8,
            items,
            put: items + 1,
        };
        write(&folder, &[queue(1, 3)]).expect("room");
        bury(&folder, 1).expect("room");
        bury(&folder, 1).expect("room");
        assert_eq!(losses(&folder).expect("a report"), [queue(1, 3)]);
        write(&folder, &[queue(2, 5)]).expect("room");
        bury(&folder, 2).expect("room");
        assert_eq!(losses(&folder).expect("a report"), [queue(1, 3), queue(2, 5)]);
        write(&folder, &[queue(40, 5)]).expect("room");
        bury(&folder, 40).expect("room");
        assert_eq!(losses(&folder).expect("a report"), [queue(40, 5)]);
        assert_eq!(
            parse("1 2 3 4 ok\n1 2 3\nx 2 3 4 a\n1 2 3 4 a b\n1 2 3 4 ../a\n\u{0}\n").len(),
            1
        );
        std::fs::remove_dir_all(folder).expect("all of it is ours");
    }
}
