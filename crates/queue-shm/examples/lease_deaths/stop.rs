//! Those who have items on loan are stopped for a while and go on later, perhaps too late.

use std::path::Path;
use std::time::{Duration, Instant};

use descriptor_core::{GetError, Queue, Wait};

use crate::books::Books;
use crate::round::{Hand, PATIENCE, Plan, Stage, TICK, check_room};
use crate::worker;

/// How long an item is lent where that has a limit.
const SHORT: u64 = 50;

/// One holder is stopped for that long. Of four, one's lease has no limit: nobody else gets its item. The leases of the
/// others run out, and somebody else has the item by then, or is done with it, or has given it back.
pub(crate) fn holder(folder: &Path, number: u64, hold: Duration) -> Result<(), String> {
    let text = |error: descriptor_core::Error| error.to_string();
    let lease_ms = if number.is_multiple_of(4) { 0 } else { SHORT };
    let plan = Plan::quiet(lease_ms);
    let folder = folder.join(format!("stopped-{number}"));
    std::fs::create_dir(&folder).map_err(|error| error.to_string())?;
    let mut stage = Stage::new(&folder, format!("stopped-{number}"), &plan);
    let queue = worker::open(&stage.name, &worker::spec(&stage.name, lease_ms, 0)).map_err(text)?;
    queue.put(worker::item(0)).map_err(|error| error.to_string())?;
    let mut books = Books::default();
    let mut holder = stage.start_as("@stopper", None)?;
    holder.is_stopped(|| Ok(()))?;
    let begun = Instant::now();
    let mut other = None;
    if lease_ms == 0 {
        match queue.lease(Wait::from(hold)) {
            Err(GetError::Empty) => {}
            Ok(_) => return Err("what a stopped process has was lent to another".into()),
            Err(end) => return Err(end.to_string()),
        }
    } else {
        let lease = queue
            .lease(Wait::from(PATIENCE))
            .map_err(|end| format!("what ran out: {end}"))?;
        if lease.deliveries() != 2 {
            return Err(format!("what ran out came as delivery {}", lease.deliveries()));
        }
        match number % 4 {
            1 => other = Some(lease),
            2 => books.done(&lease.ack().map_err(text)?),
            _ => drop(lease),
        }
    }
    std::thread::sleep(hold.saturating_sub(begun.elapsed()));
    if let Some(lease) = &other {
        // Still ours when the first one comes back.
        lease
            .extend(PATIENCE)
            .or_else(|error| worker::late::<()>(Err(error)).map(drop))?;
    }
    std::fs::write(stage.stop_file(), b"").map_err(|error| error.to_string())?;
    holder.signal(libc::SIGCONT)?;
    holder.farewell()?;
    if let Some(lease) = other
        && let Some(item) = worker::late(lease.ack())?
    {
        books.done(&item);
    }
    for journal in &stage.journals {
        books.read(journal)?;
    }
    let was_late = books.late > 0;
    if was_late != (lease_ms != 0) {
        return Err(format!(
            "a lease of {lease_ms} ms after {hold:?}: refused as late: {was_late}"
        ));
    }
    crate::round::drain(&queue, &mut books)?;
    check_room(&queue)?;
    books.judge(1, &[], 0, queue.damage().lost_in_flight)?;
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}

impl Hand {
    pub(crate) fn signal(&self, signal: i32) -> Result<(), String> {
        let pid = libc::pid_t::try_from(self.0.id()).map_err(|error| error.to_string())?;
        // SAFETY: takes two numbers; the process is ours and was not waited for.
        if unsafe { libc::kill(pid, signal) } == 0 {
            return Ok(());
        }
        Err(std::io::Error::last_os_error().to_string())
    }

    /// Waits until it is stopped by a signal.
    pub(crate) fn is_stopped(&self, mut meanwhile: impl FnMut() -> Result<(), String>) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap_or_default();
            // After the name, which is in parentheses and may have any characters.
            if stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T')) {
                return Ok(());
            }
            meanwhile()?;
            std::thread::sleep(TICK);
        }
        Err("HANG, or its step is never passed: nobody stops".into())
    }
}
