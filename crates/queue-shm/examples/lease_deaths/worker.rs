//! A process that leases, and what it writes down.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use descriptor_core::{Error, ErrorKind, GetError, Lease, Queue, QueueId, Wait};
use queue_shm::{ShmQueue, ShmSpec};
use queue_testkit::Dice;

/// An item: its number, and bytes that follow from it.
pub(crate) type Item = (u64, Vec<u8>);
pub(crate) const CAPACITY: usize = 16;
/// Calls give up after this long, to see whether they shall end.
const LIMIT: Duration = Duration::from_millis(50);

/// Some fit into an entry of the table of loans and others do not.
pub(crate) fn item(number: u64) -> Item {
    let len = number.wrapping_mul(37) % 700;
    (
        number,
        number.to_le_bytes().into_iter().cycle().take(len as usize).collect(),
    )
}

/// The queue of a round: leases without a limit or short ones, with an end for items that are delivered too often, or not.
pub(crate) fn spec(name: &str, lease_ms: u64, max_deliveries: u32) -> ShmSpec {
    let spec = ShmSpec::bounded(CAPACITY)
        .max_item(1024)
        .max_bytes(64 * 1024)
        .lease_time(Duration::from_millis(lease_ms))
        .max_deliveries(max_deliveries);
    if max_deliveries == 0 {
        spec
    } else {
        spec.dead_letter(format!("shm://{}?maxsize=4096", dead_of(name)))
    }
}

/// The queue for dead letters of that queue.
pub(crate) fn dead_of(name: &str) -> String {
    format!("{name}/dead")
}

pub(crate) fn dead_spec() -> ShmSpec {
    ShmSpec::bounded(4096)
}

pub(crate) fn open(name: &str, spec: &ShmSpec) -> Result<ShmQueue<Item>, Error> {
    ShmQueue::open(&QueueId::new(name)?, spec)
}

/// What a process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Leases, gets and ends leases, one after the other.
    Work,
    /// Keeps one item.
    Hold,
    /// Keeps one item, and stops itself as soon as it has it.
    Stop,
}

/// `JOURNAL STOP QUEUE SEED LEASE_MS MAX_DELIVERIES`: works until the file `STOP` is there and nothing comes any more. Or
/// leases one item and keeps it until that file is there, and acknowledges it then; and perhaps stops itself meanwhile.
pub(crate) fn work(words: &[String], task: Task) -> ExitCode {
    let [journal, stop, name, seed, lease_ms, max_deliveries] = words else {
        return ExitCode::from(2);
    };
    let numbers = [seed, lease_ms, max_deliveries].map(|word| word.parse::<u64>().unwrap_or(0));
    let [seed, lease_ms, max_deliveries] = numbers;
    let spec = spec(name, lease_ms, u32::try_from(max_deliveries).unwrap_or(u32::MAX));
    let begin = || {
        let journal = File::options().append(true).create(true).open(journal);
        Ok::<_, String>(Worker {
            queue: open(name, &spec).map_err(|error| error.to_string())?,
            journal: journal.map_err(|error| error.to_string())?,
            dice: Dice::new(seed),
            kept: Vec::new(),
        })
    };
    let done = begin().and_then(|mut worker| {
        if task != Task::Work {
            let lease = worker.queue.lease(Wait::Forever).map_err(|end| end.to_string())?;
            if task == Task::Stop {
                // Not by another's hand: that one might find it with the lock still held, and then everybody waits.
                // SAFETY: takes a number; the one who started this process has it go on.
                unsafe { libc::raise(libc::SIGSTOP) };
            }
            while !Path::new(stop).exists() {
                std::thread::sleep(Duration::from_millis(1));
            }
            return worker.acknowledge(lease);
        }
        worker.run(|| Path::new(stop).exists())
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            crate::say(format_args!("worker: {message}"));
            ExitCode::FAILURE
        }
    }
}

struct Worker {
    queue: ShmQueue<Item>,
    journal: File,
    dice: Dice,
    kept: Vec<Lease<Item>>,
}

impl Worker {
    /// One write of the system: a process that is killed has written it or has not.
    fn note(&mut self, what: &str, number: u64) -> Result<(), String> {
        let line = format!("{what} {number}\n");
        self.journal
            .write_all(line.as_bytes())
            .map_err(|error| error.to_string())
    }

    fn run(&mut self, must_end: impl Fn() -> bool) -> Result<(), String> {
        loop {
            let ends = must_end();
            let was_empty = match self.dice.below(6) {
                0 => self.get()?,
                1 => self.batch()?,
                _ => self.lease()?,
            };
            if self.kept.len() > 6 || (was_empty && !self.kept.is_empty()) {
                let lease = self.kept.swap_remove(0);
                self.end(lease)?;
            } else if was_empty && ends {
                return Ok(());
            }
        }
    }

    fn get(&mut self) -> Result<bool, String> {
        self.note("get", 0)?;
        match self.queue.get_timeout(LIMIT) {
            Ok(item) => {
                check(&item)?;
                self.note("got", item.0)?;
                Ok(false)
            }
            Err(end) => {
                self.note("none", 0)?;
                empty(end)
            }
        }
    }

    fn lease(&mut self) -> Result<bool, String> {
        match self.queue.lease(LIMIT.into()) {
            Ok(lease) => self.use_up(lease).map(|()| false),
            Err(end) => empty(end),
        }
    }

    fn batch(&mut self) -> Result<bool, String> {
        let mut leases = Vec::new();
        match self.queue.lease_batch(&mut leases, 3, LIMIT.into()) {
            Ok(_) => {
                for lease in leases {
                    self.use_up(lease)?;
                }
                Ok(false)
            }
            Err(end) => empty(end),
        }
    }

    fn use_up(&mut self, lease: Lease<Item>) -> Result<(), String> {
        match lease.item() {
            Some(item) => check(item)?,
            None => return Err("a lease without an item".into()),
        }
        if self.dice.below(4) == 0 {
            let _ = lease.extend(Duration::from_millis(self.dice.below(30)));
            self.kept.push(lease);
            return Ok(());
        }
        self.end(lease)
    }

    fn end(&mut self, lease: Lease<Item>) -> Result<(), String> {
        match self.dice.below(8) {
            0 | 1 => drop(lease),
            2 => late(lease.nack(Duration::from_millis(1 + self.dice.below(10)))).map(drop)?,
            _ => self.acknowledge(lease)?,
        }
        Ok(())
    }

    fn acknowledge(&mut self, lease: Lease<Item>) -> Result<(), String> {
        let number = lease.item().map_or(0, |item| item.0);
        self.note("ack", number)?;
        let what = if late(lease.ack())?.is_some() { "done" } else { "late" };
        self.note(what, number)
    }
}

/// A lease that ran out before it was ended is no failure.
pub(crate) fn late<R>(end: Result<R, Error>) -> Result<Option<R>, String> {
    match end {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.kind() == ErrorKind::StaleHandle => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn empty(end: GetError) -> Result<bool, String> {
    match end {
        GetError::Empty => Ok(true),
        other => Err(other.to_string()),
    }
}

pub(crate) fn check(found: &Item) -> Result<(), String> {
    if *found == item(found.0) {
        Ok(())
    } else {
        Err(format!("item {} came out with other bytes", found.0))
    }
}
