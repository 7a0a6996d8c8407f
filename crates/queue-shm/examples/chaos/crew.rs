//! The processes of a campaign: started, watched, killed, and always waited for.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::thread::sleep;
use std::time::{Duration, Instant};

use queue_testkit::Dice;
use queue_testkit::campaign::{self, Process};

use crate::journal::ENTRY;
use crate::ledger::Fate;
use crate::options::Options;
use crate::sys;

/// What takes longer than this never ends.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// The role of who stays until the audit is over.
pub(crate) const KEEPER: &str = "keeper";
/// Who may be told to begin.
const GO: [&str; 2] = ["second", "company"];
const TICK: Duration = Duration::from_micros(200);

/// Everything that a campaign has in common.
pub(crate) struct Crew {
    pub(crate) folder: PathBuf,
    pub(crate) shm: PathBuf,
    pub(crate) dice: Dice,
    /// Whether journals stay when nothing failed.
    pub(crate) keeps: bool,
    plant: Option<String>,
    actors: u32,
    fates: BTreeMap<u32, Fate>,
}

/// One process.
pub(crate) struct Hand {
    pub(crate) actor: u32,
    role: &'static str,
    process: Process,
    journal: PathBuf,
}

/// What a process is started with, beside its role.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders<'a> {
    pub(crate) queue: &'a str,
    /// Words like `laps=3`.
    pub(crate) words: &'a [&'a str],
    /// `STEP:VISIT:SIGNAL`
    pub(crate) point: Option<String>,
    pub(crate) limit: Option<Duration>,
}

impl Crew {
    pub(crate) fn new(folder: PathBuf, shm: PathBuf, options: &Options) -> Self {
        Self {
            folder,
            shm,
            dice: Dice::new(options.seed),
            keeps: options.keep,
            plant: options.plant.clone(),
            actors: 0,
            fates: BTreeMap::new(),
        }
    }

    /// Plants a fault, beside the one that was asked for.
    pub(crate) fn plant(&mut self, fault: &str) {
        self.plant = Some(match self.plant.take() {
            Some(others) => format!("{others},{fault}"),
            None => fault.into(),
        });
    }

    /// The file of a queue.
    pub(crate) fn segment(&self, queue: &str) -> PathBuf {
        self.shm.join(queue.replace('/', "+"))
    }

    /// The limit of a call, unless ordered otherwise.
    pub(crate) const LIMIT: Duration = Duration::from_millis(100);

    pub(crate) fn start(&mut self, role: &'static str, orders: &Orders<'_>) -> Result<Hand, String> {
        self.actors += 1;
        let actor = self.actors;
        let queue_file = orders.queue.replace('/', "+");
        let journal = self.folder.join(format!("{queue_file}-{actor}.journal"));
        let mut command = campaign::again(role, Some(&self.folder))?;
        command
            .arg(format!("queue={}", orders.queue))
            .arg(format!("actor={actor}"))
            .arg(format!("seed={}", self.dice.roll()))
            .arg(format!("limit={}", orders.limit.unwrap_or(Self::LIMIT).as_millis()))
            .arg(format!("journal={}", journal.display()))
            .arg(format!(
                "stop={}",
                self.stop_file(orders.queue, role == KEEPER).display()
            ))
            .args(orders.words)
            .env("SAGE_SHM_DIR", &self.shm)
            .env_remove("SAGE_SHM_POINT")
            .env_remove("SAGE_SHM_PLANTED");
        if let Some(point) = &orders.point {
            command.env("SAGE_SHM_POINT", point);
        }
        if let Some(plant) = &self.plant {
            command.env("SAGE_SHM_PLANTED", plant);
        }
        let process = Process::start(&mut command)?;
        self.fates.insert(actor, Fate::Lives);
        Ok(Hand {
            actor,
            role,
            process,
            journal,
        })
    }

    fn stop_file(&self, queue: &str, of_keeper: bool) -> PathBuf {
        let last = if of_keeper { "keeper-stop" } else { "stop" };
        self.folder.join(format!("{}-{last}", queue.replace('/', "+")))
    }

    /// The file whose being there tells some processes of a queue to begin.
    pub(crate) fn go_file(&self, queue: &str, who: &str) -> PathBuf {
        self.folder.join(format!("{}-go-{who}", queue.replace('/', "+")))
    }

    /// Tells them.
    pub(crate) fn go(&self, queue: &str, who: &str) -> Result<(), String> {
        std::fs::write(self.go_file(queue, who), b"").map_err(|error| format!("go file: {error}"))
    }

    /// Tells all processes of that queue to end, but its keeper.
    pub(crate) fn dismiss(&self, queue: &str) -> Result<(), String> {
        std::fs::write(self.stop_file(queue, false), b"").map_err(|error| format!("stop file: {error}"))
    }

    /// Tells the keeper to end.
    pub(crate) fn dismiss_keeper(&self, queue: &str) -> Result<(), String> {
        std::fs::write(self.stop_file(queue, true), b"").map_err(|error| format!("stop file: {error}"))
    }

    /// Ends a process as a power cut would.
    pub(crate) fn kill(&mut self, hand: &mut Hand) -> Result<(), String> {
        let sent = sys::now();
        hand.process.kill()?;
        self.fates.insert(
            hand.actor,
            Fate::Killed {
                from: sent,
                until: sys::now(),
            },
        );
        Ok(())
    }

    /// Waits until a process ends by itself.
    ///
    /// # Errors
    /// When it does not: it is killed.
    pub(crate) fn wait(&mut self, hand: &mut Hand) -> Result<Ending, String> {
        let started = sys::now();
        match hand.process.status(PATIENCE)? {
            None => {
                self.kill(hand)?;
                Err(format!("HANG: {} {} did not end", hand.role, hand.actor))
            }
            Some(status) => {
                let ending = Ending::of(status);
                if ending == Ending::Killed {
                    // It killed itself, some time after it began.
                    let from = hand.began().unwrap_or(started);
                    self.fates.insert(
                        hand.actor,
                        Fate::Killed {
                            from,
                            until: sys::now(),
                        },
                    );
                }
                Ok(ending)
            }
        }
    }

    /// Waits for a process that has no reason to end badly.
    pub(crate) fn farewell(&mut self, hand: &mut Hand, complaints: &mut Vec<String>) {
        match self.wait(hand) {
            Ok(Ending::Good) => {}
            Ok(ending) => complaints.push(format!("{} {} ended by {ending:?}", hand.role, hand.actor)),
            Err(hang) => complaints.push(hang),
        }
    }

    /// Somebody was stopped for a while on purpose: its own calls say nothing about how long calls block.
    pub(crate) fn was_stopped(&mut self, hand: &Hand) {
        self.fates.insert(hand.actor, Fate::Stopped);
    }

    pub(crate) fn fates(&self) -> &BTreeMap<u32, Fate> {
        &self.fates
    }

    /// The journals of a queue.
    pub(crate) fn journals(&self, queue: &str) -> Result<Vec<PathBuf>, String> {
        let start = format!("{}-", queue.replace('/', "+"));
        let listing = std::fs::read_dir(&self.folder).map_err(|error| error.to_string())?;
        Ok(listing
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .filter(|path| {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                name.starts_with(&start) && name.ends_with(".journal")
            })
            .collect())
    }

    /// Removes what a queue that is done with left in the folder of the campaign.
    pub(crate) fn forget(&mut self, queue: &str) -> Result<(), String> {
        for path in self.journals(queue)? {
            let _ = std::fs::remove_file(path);
        }
        for of_keeper in [false, true] {
            let _ = std::fs::remove_file(self.stop_file(queue, of_keeper));
        }
        for who in GO {
            let _ = std::fs::remove_file(self.go_file(queue, who));
        }
        self.fates.clear();
        Ok(())
    }

    /// Files of queues that exist, whoever made them.
    pub(crate) fn segments(&self) -> Vec<String> {
        let listing = std::fs::read_dir(&self.shm).into_iter().flatten();
        listing
            .filter_map(Result::ok)
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name != ".control")
            .collect()
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Good,
    /// By SIGKILL.
    Killed,
    /// With this exit code.
    Failed(i32),
    /// By this signal.
    Crashed(i32),
}

impl Ending {
    fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(0), _) => Self::Good,
            (Some(code), _) => Self::Failed(code),
            (None, Some(libc::SIGKILL)) => Self::Killed,
            (None, signal) => Self::Crashed(signal.unwrap_or_default()),
        }
    }
}

impl Hand {
    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<Ending>, String> {
        Ok(self.process.status(Duration::ZERO)?.map(Ending::of))
    }

    /// Waits until it ends by itself, and says whether it does.
    pub(crate) fn ends_within(&mut self, limit: Duration) -> Result<bool, String> {
        Ok(self.process.status(limit)?.is_some())
    }

    /// Waits until it is stopped by a signal.
    pub(crate) fn is_stopped(&mut self, limit: Duration) -> Result<bool, String> {
        let start = Instant::now();
        loop {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
            // After the name, which is in parentheses and may have any characters.
            if stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T')) {
                return Ok(true);
            }
            if self.ended()?.is_some() || start.elapsed() > limit {
                return Ok(false);
            }
            sleep(TICK);
        }
    }

    pub(crate) const fn role(&self) -> &'static str {
        self.role
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    fn began(&self) -> Option<u64> {
        crate::journal::read(&self.journal)
            .ok()?
            .first()
            .map(|entry| entry.invoked)
    }

    /// Grows with every call that it makes.
    pub(crate) fn progress(&self) -> u64 {
        std::fs::metadata(&self.journal).map_or(0, |meta| meta.len())
    }

    /// Waits until it wrote so many entries beyond `before`: three are the end of the call that was open, the begin of
    /// another, and its end.
    pub(crate) fn moves_on(&mut self, before: u64, entries: u64, limit: Duration) -> Result<bool, String> {
        let start = Instant::now();
        while self.progress() < before + entries * ENTRY as u64 {
            if self.ended()?.is_some() || start.elapsed() > limit {
                return Ok(false);
            }
            sleep(TICK);
        }
        Ok(true)
    }
}
