//! One queue, its clients, and what they say in the end.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use descriptor_core::{GetError, PutError, Queue, QueueCore, QueueId, Wait};
use queue_rpc::{Confirm, Durability, RpcQueue, RpcSpec};
use queue_testkit::Endpoint;

use crate::books;
use crate::clock::{self, Begun};
use crate::crew::{Crew, Hand};
use crate::journal::{self, End, Entry, Kind};
use crate::law::{Fate, Law};
use crate::options::Plant;
use crate::payload;
use crate::report::{Report, take};
use crate::worker::{CAPACITY, PATIENCE, TIMEOUT};

/// How many of a role there are.
const EACH: usize = 2;

pub(crate) struct Scene {
    pub(crate) name: String,
    // For people.
    about: String,
    pub(crate) hands: Vec<Hand>,
    pub(crate) law: Law,
    pub(crate) taker: &'static str,
    pub(crate) is_window: bool,
    words: Vec<String>,
    // Where the queue is reached without trouble.
    direct: Endpoint,
    journals: Vec<PathBuf>,
    complaints: Vec<String>,
}

/// How an address is told to a process.
pub(crate) fn told(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Tcp(address) => format!("tcp={address}"),
        Endpoint::Unix(path) => format!("unix={}", path.display()),
    }
}

/// Parameters for whoever reaches it there.
pub(crate) fn spec(endpoint: &Endpoint, on_disk: bool) -> RpcSpec {
    let mut spec = match endpoint {
        Endpoint::Tcp(address) => RpcSpec::at(address.ip().to_string(), address.port()),
        Endpoint::Unix(path) => RpcSpec::on_socket(path.display().to_string()),
    };
    spec.connection_timeout = TIMEOUT;
    spec.prefetch = 0;
    if on_disk {
        spec = spec.durability(Durability::Disk);
    }
    spec.capacity(CAPACITY)
        .confirm(Confirm::Each)
        .lease_time(Duration::ZERO)
}

impl Scene {
    /// What its clients are like is left to chance.
    pub(crate) fn new(crew: &mut Crew, name: String, front: &Endpoint, direct: Endpoint, law: Law) -> Self {
        let is_window = crew.dice.below(2) == 0;
        let by_chance = if crew.dice.below(2) == 0 { "consumer" } else { "lessee" };
        // What a consumer had marked as consumed when the server died may come again; what was acknowledged may not.
        let taker = if law.on_disk { "lessee" } else { by_chance };
        let prefetch = match crew.dice.below(3) {
            0 => 0,
            1 => 1 + crew.dice.below(16),
            _ => 256,
        };
        let confirm = if is_window { "window" } else { "each" };
        let by = if matches!(front, Endpoint::Tcp(_)) {
            "tcp"
        } else {
            "unix"
        };
        let disk = if law.on_disk { "disk, " } else { "" };
        let durability = if law.on_disk { "disk" } else { "process" };
        let about = format!("{name} ({by}, {disk}confirm {confirm}, {taker}s, prefetch {prefetch})");
        let words = vec![
            told(front),
            format!("durability={durability}"),
            format!("confirm={confirm}"),
            format!("prefetch={prefetch}"),
        ];
        Self {
            name,
            about,
            hands: Vec::new(),
            law: Law {
                prefetch,
                is_outright: prefetch == 0 && taker == "consumer",
                ..law
            },
            taker,
            is_window,
            words,
            direct,
            journals: Vec::new(),
            complaints: Vec::new(),
        }
    }

    pub(crate) fn start(&mut self, crew: &mut Crew, role: &'static str) -> Result<Hand, String> {
        let hand = crew.start(role, &self.name, &self.words)?;
        self.journals.push(hand.journal.clone());
        Ok(hand)
    }

    /// Producers, and those who take.
    pub(crate) fn populate(&mut self, crew: &mut Crew) -> Result<(), String> {
        for role in ["producer", self.taker] {
            for _ in 0..EACH {
                let hand = self.start(crew, role)?;
                self.hands.push(hand);
            }
        }
        Ok(())
    }

    /// Kills one of them, and has another one take its place.
    pub(crate) fn replace(&mut self, crew: &mut Crew, index: usize) -> Result<(), String> {
        let Some(role) = self.hands.get(index).map(|hand| hand.role) else {
            return Err("nobody to kill".into());
        };
        let fresh = self.start(crew, role)?;
        if let Some(hand) = self.hands.get_mut(index) {
            hand.kill()?;
            self.law.fates.insert(hand.actor, Fate::Killed);
            *hand = fresh;
        }
        Ok(())
    }

    /// Waits until each of them has been answered by the server, in a call that began after this moment.
    pub(crate) fn all_move_on(&mut self, since: u64, report: &mut Report) -> Result<Vec<String>, String> {
        let is_window = self.is_window;
        let is_answer = |entry: &Entry| {
            let is_kind = match entry.kind {
                Kind::Put | Kind::Retry | Kind::Get | Kind::Lent => true,
                Kind::Flush => is_window,
                _ => false,
            };
            is_kind && entry.invoked >= since && matches!(entry.end, End::Ok | End::Full | End::Empty)
        };
        let mut complaints = Vec::new();
        for hand in &mut self.hands {
            if !hand.writes(is_answer)? {
                let who = format!("{} {}", hand.role, hand.actor);
                complaints.push(match hand.status(Duration::ZERO)? {
                    Some(status) => format!("{who} ended with {status}"),
                    None => format!("HANG: {who} has no answer for {PATIENCE:?}"),
                });
                report.hangs += 1;
            }
        }
        Ok(complaints)
    }

    /// Somebody who does wrong on purpose.
    pub(crate) fn plant(&mut self, crew: &mut Crew, plant: Option<Plant>) -> Result<(), String> {
        let role = match plant {
            Some(Plant::Thief) => "thief",
            Some(Plant::Twin) => "twin",
            Some(Plant::Liar) => "liar",
            _ => return Ok(()),
        };
        let durability = if self.law.on_disk { "disk" } else { "process" };
        let words = [
            told(&self.direct),
            "confirm=each".into(),
            "prefetch=0".into(),
            format!("durability={durability}"),
        ];
        let mut hand = crew.start(role, &self.name, &words)?;
        hand.farewell(&mut self.complaints)
    }

    /// Everybody goes, the rest is taken, the capacity is there again, and the books are closed.
    pub(crate) fn settle(mut self, crew: &Crew, report: &mut Report, breaks: u64) -> Result<(), String> {
        for role in ["producer", "waiter", self.taker] {
            crew.dismiss(&self.name, role)?;
            for hand in self.hands.iter_mut().filter(|hand| hand.role == role) {
                hand.farewell(&mut self.complaints)?;
            }
        }
        self.hands.clear();
        // Each of them lost at most what it had asked for when its connection was lost.
        self.law.breaks = breaks;
        let rest = audit(&self.name, &self.direct, self.law.on_disk, &mut self.complaints)?;
        let mut all = vec![rest];
        for path in &self.journals {
            all.push(journal::read(path)?);
        }
        let mut sums = books::close(&all, &self.law);
        report.hangs += self.complaints.iter().filter(|text| text.starts_with("HANG")).count() as u64;
        sums.complaints.splice(0..0, self.complaints);
        take(report, &self.about, sums);
        Ok(())
    }
}

/// Takes what is left, and looks whether the whole capacity is there again.
fn audit(name: &str, direct: &Endpoint, on_disk: bool, complaints: &mut Vec<String>) -> Result<Vec<Entry>, String> {
    let id = QueueId::new(name).map_err(|error| error.to_string())?;
    let queue = RpcQueue::<Bytes>::open(&id, &spec(direct, on_disk)).map_err(|error| format!("audit: {error}"))?;
    let mut entries = Vec::new();
    let begun = Instant::now();
    loop {
        let call = Begun::now();
        match queue.get_within(Wait::Never) {
            Ok(item) => entries.push(Entry {
                kind: Kind::Get,
                end: if payload::is_whole(&item) { End::Ok } else { End::Wrong },
                actor: 0,
                item: payload::claimed(&item),
                invoked: call.at,
                returned: call.until_now(),
                limit: 0,
                epochs: [0; 2],
            }),
            Err(GetError::Empty) if queue.depth() == Some(0) => break,
            Err(GetError::Empty) if begun.elapsed() > 2 * PATIENCE => {
                let depth = queue.depth();
                complaints.push(format!("HANG: {depth:?} items are away and do not come back"));
                break;
            }
            // Some are away, with clients that have gone.
            Err(GetError::Empty) => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(format!("audit: {error}")),
        }
    }
    let mut room = 0;
    let end = loop {
        match queue.put_within(Bytes::from_static(b"room"), Wait::Never) {
            Ok(()) if room <= CAPACITY => room += 1,
            end => break end,
        }
    };
    if room != CAPACITY || !matches!(end, Err(PutError::Full(_))) {
        complaints.push(format!("room for {room} items of {CAPACITY}, then {end:?}"));
    }
    let mut out = Vec::new();
    while queue.get_batch(&mut out, CAPACITY, Wait::Never).is_ok() {}
    if out.len() != room {
        complaints.push(format!("{} of {room} items came out", out.len()));
    }
    Ok(entries)
}

/// A moment that all calls from now on come after.
pub(crate) fn moment() -> u64 {
    clock::now()
}
