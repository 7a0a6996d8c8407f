//! A process of a campaign: does what it is told, line by line, and says what it saw.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use descriptor_core::{DynQueue, Error, GetError, PutError, Wait};
use queue_actor::{ManagerSettings, QueueManager};
use queue_testkit::campaign::{complain, say};

/// What such a process is started as.
pub(crate) const ROLE: &str = "part";
/// What a storm is about.
pub(crate) const NAMES: [&str; 4] = ["a", "b", "c", "d"];
/// Where nothing is, where there is no room, and where the items are whose loss is to be reported.
const EMPTY: &str = "empty";
const FULL: &str = "full";
pub(crate) const ITEMS: &str = "items";
const STORMERS: u64 = 4;

struct Part {
    manager: QueueManager,
    queues: Option<[DynQueue<u64>; 3]>,
}

pub(crate) fn play(words: &mut dyn Iterator<Item = String>) -> ExitCode {
    let (Some(folder), Some(namespace)) = (words.next(), words.next()) else {
        return ExitCode::from(2);
    };
    let settings = ManagerSettings {
        folder: Some(PathBuf::from(folder)),
        ..ManagerSettings::default()
    };
    let part = QueueManager::with(&namespace, settings).map(|manager| Part { manager, queues: None });
    let done = part.and_then(|mut part| {
        let mut line = String::new();
        while std::io::stdin().read_line(&mut line).is_ok_and(|read| read > 0) {
            let mut words = line.split_whitespace();
            let (verb, number) = (words.next(), words.next().and_then(|word| word.parse().ok()));
            match verb {
                Some("open") => part.open()?,
                Some("fill") => part.fill(number.unwrap_or(0))?,
                Some("wait") => part.wait(),
                Some("storm") => part.storm(number.unwrap_or(1)),
                _ => {}
            }
            line.clear();
        }
        Ok(())
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("chaos: {error}"));
            ExitCode::FAILURE
        }
    }
}

impl Part {
    /// Says which epoch it has reached, whether it is the manager, and what is in a queue that nobody has put into.
    fn open(&mut self) -> Result<(), Error> {
        let open = |name| self.manager.get_or_create::<u64>(name, 16);
        let queues = [open(EMPTY)?, open(FULL)?, open(ITEMS)?];
        let inside = queues[2].depth().unwrap_or(usize::MAX);
        self.queues = Some(queues);
        let place = if self.manager.is_here() { "here" } else { "there" };
        say(format_args!("opened {} {place} {inside}", self.manager.epoch()?));
        Ok(())
    }

    /// Puts so many items, which stay there.
    fn fill(&self, count: u64) -> Result<(), Error> {
        if let Some([_, _, items]) = &self.queues {
            for item in 0..count {
                items.put(item)?;
            }
            items.flush(Wait::Forever)?;
        }
        say("filled");
        Ok(())
    }

    /// Waits for an item and for room, and says how each of that ended, and then how one more call does.
    fn wait(&mut self) {
        let Some([empty, full, _]) = self.queues.take() else {
            return;
        };
        let again = empty.clone();
        let getter = thread::spawn(move || match empty.get() {
            Ok(_) => say("told get Item"),
            Err(GetError::Failed(error)) => say(format_args!("told get {:?}", error.kind())),
            Err(end) => say(format_args!("told get {:?}", end.kind())),
        });
        let putter = thread::spawn(move || {
            loop {
                match full.put(0) {
                    Ok(()) => {}
                    Err(PutError::Failed(_, error)) => return say(format_args!("told put {:?}", error.kind())),
                    Err(end) => return say(format_args!("told put {:?}", end.kind())),
                }
            }
        });
        say("waiting");
        let _ = (getter.join(), putter.join());
        let kind = match again.get() {
            Ok(_) => "Item".to_owned(),
            Err(end) => format!("{:?}", end.kind()),
        };
        say(format_args!("later get {kind}"));
    }

    /// Opens names as often as that, and puts an item into each at first; says how many, and in which epoch.
    fn storm(&self, opens: u64) {
        let put = Arc::new(AtomicU64::new(0));
        let failed = Arc::new(AtomicU64::new(0));
        let threads: Vec<_> = (0..STORMERS)
            .map(|number| {
                let (manager, put, failed) = (self.manager.clone(), Arc::clone(&put), Arc::clone(&failed));
                thread::spawn(move || {
                    for turn in 0..opens.div_ceil(STORMERS) {
                        let name = NAMES[((turn + number) % NAMES.len() as u64) as usize];
                        let done = manager.get_or_create::<u64>(name, 1 << 16).and_then(|queue| {
                            if turn < NAMES.len() as u64 {
                                queue.put(turn)?;
                                put.fetch_add(1, Ordering::AcqRel);
                                queue.flush(Wait::Forever)?;
                            }
                            Ok(())
                        });
                        if let Err(error) = done {
                            complain(format_args!("chaos: {error}"));
                            failed.fetch_add(1, Ordering::AcqRel);
                        }
                    }
                })
            })
            .collect();
        let broken = threads
            .into_iter()
            .map(thread::JoinHandle::join)
            .filter(Result::is_err)
            .count() as u64;
        let (put, failed) = (put.load(Ordering::Acquire), failed.load(Ordering::Acquire) + broken);
        let (epoch, is_here) = (self.manager.epoch().unwrap_or(0), u64::from(self.manager.is_here()));
        say(format_args!("stormed {put} {failed} {epoch} {is_here}"));
    }
}
