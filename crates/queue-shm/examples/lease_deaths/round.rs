//! One queue, one or two who die, and those who live on.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use descriptor_core::{PutError, Queue, QueueCore, QueueStats, Wait};
use queue_shm::ShmQueue;
use queue_testkit::Dice;

use crate::books::Books;
use crate::worker::{self, CAPACITY, Item};

/// What takes longer than this never ends.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const TICK: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(crate) struct Plan {
    first: String,
    second: Option<String>,
    visit: u64,
    seed: u64,
    lease_ms: u64,
    max_deliveries: u32,
    /// The first one is stopped for so long, and lives.
    hold: Option<Duration>,
}

impl Plan {
    pub(crate) fn new(first: &str, second: Option<&str>, dice: &mut Dice) -> Self {
        let dies = |step: &str| step == "lease.dying" || step == "lease.buried";
        let must_die = dies(first) || second.is_some_and(dies);
        Self {
            first: first.into(),
            second: second.map(Into::into),
            visit: 1 + dice.below(5),
            seed: dice.roll(),
            lease_ms: [0, 0, 5, 20][dice.below(4) as usize],
            max_deliveries: if must_die { 2 } else { [0, 3][dice.below(2) as usize] },
            hold: None,
        }
    }

    /// One is stopped at that step, and nobody dies.
    pub(crate) fn stop(step: &str, hold: Duration, dice: &mut Dice) -> Self {
        Self {
            hold: Some(hold),
            ..Self::new(step, None, dice)
        }
    }

    /// Nothing happens to anybody at a step.
    pub(crate) fn quiet(lease_ms: u64) -> Self {
        Self {
            lease_ms,
            max_deliveries: 0,
            ..Self::new("", None, &mut Dice::new(0))
        }
    }
}

/// What all rounds came to.
#[derive(Default)]
pub(crate) struct Sums {
    pub(crate) rounds: u64,
    pub(crate) failed: u64,
    deaths: u64,
    pub(crate) stops: u64,
    items: u64,
    lost_in_flight: u64,
    redelivered: u64,
    dead_lettered: u64,
    // Died at the second step, or lived because it was never passed.
    second_deaths: u64,
    pub(crate) slowest_return: Duration,
}

impl Sums {
    pub(crate) fn json(&self, seed: u64) -> String {
        format!(
            r#"{{"backend":"shm","fault":"leases","rounds":{},"seed":{seed},"failed":{},"deaths":{},"stops":{},"second_deaths":{},"items":{},"lost_in_flight":{},"redelivered":{},"dead_lettered":{},"slowest_return_ms":{}}}"#,
            self.rounds,
            self.failed,
            self.deaths,
            self.stops,
            self.second_deaths,
            self.items,
            self.lost_in_flight,
            self.redelivered,
            self.dead_lettered,
            self.slowest_return.as_millis()
        )
    }
}

pub(crate) struct Stage<'a> {
    folder: &'a Path,
    pub(crate) name: String,
    plan: &'a Plan,
    pub(crate) journals: Vec<PathBuf>,
}

impl<'a> Stage<'a> {
    pub(crate) const fn new(folder: &'a Path, name: String, plan: &'a Plan) -> Self {
        Self {
            folder,
            name,
            plan,
            journals: Vec::new(),
        }
    }

    pub(crate) fn stop_file(&self) -> PathBuf {
        self.folder.join("stop.file")
    }

    fn start(&mut self, point: Option<String>) -> Result<Hand, String> {
        self.start_as("@worker", point)
    }

    pub(crate) fn start_as(&mut self, role: &str, point: Option<String>) -> Result<Hand, String> {
        let number = self.journals.len() as u64;
        let journal = self.folder.join(format!("{number}.journal"));
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command
            .args([role.into(), journal.clone(), self.stop_file()])
            .args([
                self.name.clone(),
                (self.plan.seed ^ number).to_string(),
                self.plan.lease_ms.to_string(),
                self.plan.max_deliveries.to_string(),
            ])
            .env_remove("SAGE_SHM_POINT")
            .stdin(Stdio::null());
        if let Some(point) = point {
            command.env("SAGE_SHM_POINT", point);
        }
        self.journals.push(journal);
        command.spawn().map(Hand).map_err(|error| error.to_string())
    }
}

/// A process that is gone when this is.
pub(crate) struct Hand(pub(crate) Child);

impl Hand {
    /// How it ended; `None` when it has not within `limit`.
    fn wait(
        &mut self,
        limit: Duration,
        mut meanwhile: impl FnMut() -> Result<(), String>,
    ) -> Result<Option<ExitStatus>, String> {
        let begun = Instant::now();
        while begun.elapsed() < limit {
            if let Some(status) = self.0.try_wait().map_err(|error| error.to_string())? {
                return Ok(Some(status));
            }
            meanwhile()?;
            std::thread::sleep(TICK);
        }
        Ok(None)
    }

    /// Waits until it has an item on loan.
    pub(crate) fn has_leased(&self, queue: &ShmQueue<Item>) -> Result<(), String> {
        let begun = Instant::now();
        while queue.leases().is_none_or(|leases| leases.leased == 0) {
            if begun.elapsed() > PATIENCE {
                return Err("HANG: the holder does not lease".into());
            }
            std::thread::sleep(TICK);
        }
        Ok(())
    }

    /// Ended by itself, and with nothing to complain of.
    pub(crate) fn farewell(&mut self) -> Result<(), String> {
        match self.wait(PATIENCE, || Ok(()))? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("one that should live ended with {status}")),
            None => Err("HANG: one that should end does not".into()),
        }
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Feed<'a> {
    queue: &'a ShmQueue<Item>,
    next: u64,
}

impl Feed<'_> {
    /// As many items as there is room for.
    fn fill(&mut self) -> Result<(), String> {
        loop {
            match self.queue.try_put(worker::item(self.next)) {
                Ok(()) => self.next += 1,
                Err(PutError::Full(_)) => return Ok(()),
                Err(other) => return Err(other.to_string()),
            }
        }
    }
}

pub(crate) fn play(folder: &Path, plan: &Plan, sums: &mut Sums) -> Result<(), String> {
    let round = folder.join(sums.rounds.to_string());
    std::fs::create_dir(&round).map_err(|error| error.to_string())?;
    let mut stage = Stage::new(&round, format!("leases-{}", sums.rounds), plan);
    let played = perform(&mut stage, sums);
    if played.is_ok() {
        let _ = std::fs::remove_dir_all(&round);
    }
    played
}

/// Whoever repairs after the first one may be anybody: then the second one lives.
const MAY_NOT_COME: Duration = Duration::from_millis(300);

fn perform(stage: &mut Stage<'_>, sums: &mut Sums) -> Result<(), String> {
    let text = |error: descriptor_core::Error| error.to_string();
    let spec = worker::spec(&stage.name, stage.plan.lease_ms, stage.plan.max_deliveries);
    let queue = worker::open(&stage.name, &spec).map_err(text)?;
    let dead = worker::open(&worker::dead_of(&stage.name), &worker::dead_spec()).map_err(text)?;
    let mut feed = Feed { queue: &queue, next: 0 };
    let mut survivor = stage.start(None)?;
    let mut deaths = 0;
    let mut others = Vec::new();
    let plan = stage.plan;
    let at = |signal| Some(format!("{}:{}:{signal}", plan.first, plan.visit));
    if let Some(hold) = plan.hold {
        let mut stopped = stage.start(at(libc::SIGSTOP))?;
        stopped.is_stopped(|| feed.fill())?;
        // Nobody waits for it to end meanwhile, and others are fed.
        if stopped.wait(hold, || feed.fill())?.is_some() {
            return Err("the one to be stopped ended".into());
        }
        stopped.signal(libc::SIGCONT)?;
        sums.stops += 1;
        others.push(stopped);
    } else {
        let mut victim = stage.start(at(libc::SIGKILL))?;
        match victim.wait(PATIENCE, || feed.fill())? {
            Some(status) if status.signal() == Some(libc::SIGKILL) => deaths += 1,
            Some(status) => return Err(format!("the one to die ended with {status}")),
            None => return Err("HANG, or its step is never passed: the one to die lives".into()),
        }
    }
    if let Some(second) = &stage.plan.second {
        let mut victim = stage.start(Some(format!("{second}:1:{}", libc::SIGKILL)))?;
        match victim.wait(MAY_NOT_COME, || feed.fill())? {
            Some(status) if status.signal() == Some(libc::SIGKILL) => {
                deaths += 1;
                sums.second_deaths += 1;
            }
            Some(status) => return Err(format!("the second one to die ended with {status}")),
            None => others.push(victim),
        }
    }
    std::fs::write(stage.stop_file(), b"").map_err(|error| error.to_string())?;
    survivor.farewell()?;
    for other in &mut others {
        // It may still come to its step, which is no worse.
        match other.wait(PATIENCE, || Ok(()))? {
            Some(status) if status.success() => {}
            Some(status) if status.signal() == Some(libc::SIGKILL) => {
                deaths += 1;
                sums.second_deaths += 1;
            }
            Some(status) => return Err(format!("one that should live ended with {status}")),
            None => return Err("HANG: one that should end does not".into()),
        }
    }
    let mut books = Books::default();
    for journal in &stage.journals {
        books.read(journal)?;
    }
    drain(&queue, &mut books)?;
    let mut letters = Vec::new();
    while let Ok((number, _)) = dead.try_get() {
        letters.push(number);
    }
    // Joining buries the dead, and counts what they took.
    let joined = worker::open(&stage.name, &spec).map_err(text)?;
    let stats = QueueStats::of(&joined);
    let leases = stats.leases.unwrap_or_default();
    let damage = joined.damage();
    let bad_ends = leases.dead_lettered + leases.dropped;
    if (
        stats.depth,
        leases.leased,
        leases.resting,
        leases.dropped,
        damage.given_up,
    ) != (Some(0), 0, 0, 0, 0)
        || stats.put_total != stats.get_total.map(|get| get + bad_ends)
        || stats.put_total != Some(feed.next)
    {
        return Err(format!(
            "{} items were put, and the empty queue says {stats:?}, {damage:?}",
            feed.next
        ));
    }
    check_room(&joined)?;
    sums.deaths += deaths;
    sums.items += feed.next;
    sums.redelivered += leases.redelivered;
    sums.dead_lettered += leases.dead_lettered;
    sums.lost_in_flight += books.judge(feed.next, &letters, deaths, damage.lost_in_flight)?;
    Ok(())
}

/// The empty queue takes as many items as it was made for.
pub(crate) fn check_room(queue: &ShmQueue<Item>) -> Result<(), String> {
    let room = (0..2 * CAPACITY as u64)
        .take_while(|number| queue.try_put(worker::item(*number)).is_ok())
        .count();
    if room == CAPACITY {
        Ok(())
    } else {
        Err(format!("there is room for {room} items"))
    }
}

/// Takes what is left, also what the dead had on loan.
pub(crate) fn drain(queue: &ShmQueue<Item>, books: &mut Books) -> Result<(), String> {
    let begun = Instant::now();
    while queue.depth() != Some(0) {
        if let Ok(lease) = queue.lease(Wait::from(MAY_NOT_COME)) {
            let Ok(item) = lease.ack() else { continue };
            worker::check(&item)?;
            books.done(&item);
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!("what the dead had does not come back: {:?}", queue.leases()));
        }
    }
    Ok(())
}

/// How long it takes until what a dead process had on loan is lent again, without a limit of time.
pub(crate) fn measure_return(folder: &Path, number: u64) -> Result<Duration, String> {
    let text = |error: descriptor_core::Error| error.to_string();
    let plan = Plan::quiet(0);
    let mut stage = Stage::new(folder, format!("return-{number}"), &plan);
    let queue = worker::open(&stage.name, &worker::spec(&stage.name, 0, 0)).map_err(text)?;
    queue.put(worker::item(1)).map_err(|error| error.to_string())?;
    let mut holder = stage.start_as("@holder", None)?;
    holder.has_leased(&queue)?;
    // Somebody who sleeps already when the holder dies.
    let killed = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            (
                queue.lease(Wait::from(PATIENCE)).map(|lease| lease.deliveries()),
                Instant::now(),
            )
        });
        std::thread::sleep(Duration::from_millis(5));
        let killed = Instant::now();
        let _ = holder.0.kill();
        let (deliveries, back) = waiting.join().map_err(|_| "the one who waits panicked")?;
        match deliveries {
            Ok(2) => Ok(back.saturating_duration_since(killed)),
            other => Err(format!("the item of the dead came back as {other:?}")),
        }
    })?;
    Ok(killed)
}
