//! What all journals of a queue say together.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use queue_testkit::{Call, History, Op, judge};

use crate::journal::{self, End, Entry, FACTS, Fact, Kind};
use crate::worker::CAPACITY;

/// Beyond its own limit no call of a survivor may take longer.
pub(crate) const LONGEST_BLOCK_NS: u64 = 1_000_000_000;

/// What became of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Lives,
    /// Dead from some moment of this span on.
    Killed {
        from: u64,
        until: u64,
    },
    /// Stopped for a while.
    Stopped,
}

/// The sums of one queue, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) confirmed: u64,
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) lost_in_flight: u64,
    pub(crate) corrupt: u64,
    pub(crate) torn: u64,
    /// Items that the queue itself says were lost in flight.
    pub(crate) counted: u64,
    pub(crate) max_block_ns: u64,
    pub(crate) complaints: Vec<String>,
}

/// A get of a dead process that never returned.
struct OpenGet {
    from: u64,
    until: u64,
    left: u64,
}

#[derive(Default)]
struct Books {
    /// Puts that began, by item: actor, begin, end if it came, and the epoch.
    puts: HashMap<u64, Put>,
    /// Gets of items, in the order of the journals.
    gets: Vec<Entry>,
    open_gets: Vec<OpenGet>,
    facts: BTreeMap<usize, u64>,
    closed: bool,
    audited: Option<u64>,
}

/// Items that came out: where among all gets, and the get.
type Taken = HashMap<u64, (usize, Entry)>;

struct Put {
    actor: u32,
    invoked: u64,
    returned: u64,
    end: Option<End>,
    epoch: u64,
}

/// Reads all journals and judges them.
pub(crate) fn close(journals: &[PathBuf], fates: &BTreeMap<u32, Fate>) -> Result<Sums, String> {
    let mut sums = Sums::default();
    let mut books = Books::default();
    for path in journals {
        let entries = journal::read(path)?;
        if let Some(first) = entries.first() {
            let fate = fates.get(&first.actor).copied().unwrap_or(Fate::Lives);
            books.enter(&entries, fate, &mut sums);
        }
    }
    books.judge(&mut sums);
    Ok(sums)
}

impl Books {
    fn enter(&mut self, entries: &[Entry], fate: Fate, sums: &mut Sums) {
        let (mut epoch, mut limit, mut asked) = (0, 0, None);
        for entry in entries {
            match entry.kind {
                Kind::Open => epoch = entry.item,
                Kind::Leave | Kind::Name | Kind::Refused => {}
                Kind::Close => self.closed = true,
                Kind::Fact => {
                    self.audited = Some(epoch);
                    self.facts.insert(entry.invoked as usize, entry.item);
                }
                Kind::BeginPut => {
                    limit = entry.returned;
                    let put = Put {
                        actor: entry.actor,
                        invoked: entry.invoked,
                        returned: u64::MAX,
                        end: None,
                        epoch,
                    };
                    self.puts.insert(entry.item, put);
                }
                Kind::Put => {
                    if let Some(put) = self.puts.get_mut(&entry.item) {
                        put.returned = entry.returned;
                        put.end = Some(entry.end);
                    }
                    self.ended(entry, limit, fate, sums);
                }
                Kind::BeginGet => {
                    limit = entry.returned;
                    asked = Some(entry);
                }
                Kind::Get => {
                    asked = None;
                    if entry.end == End::Ok {
                        self.gets.push(*entry);
                    }
                    self.ended(entry, limit, fate, sums);
                }
            }
        }
        if let (Some(begin), Fate::Killed { until, .. }) = (asked, fate) {
            self.open_gets.push(OpenGet {
                from: begin.invoked,
                until,
                left: begin.item,
            });
        }
    }

    /// What a single end tells: damage, and how long the call took.
    fn ended(&self, entry: &Entry, limit: u64, fate: Fate, sums: &mut Sums) {
        let took = entry.returned.saturating_sub(entry.invoked);
        match entry.end {
            End::Corrupt | End::Wrong => {
                sums.corrupt += 1;
                sums.complaints
                    .push(format!("actor {} met {:?}", entry.actor, entry.end));
            }
            End::Failed => sums.complaints.push(format!("a call of actor {} failed", entry.actor)),
            End::Full | End::Empty if took < limit && limit != u64::MAX => {
                // A batch that found room for its first items does not wait for the others.
                let is_rest = entry.kind == Kind::Put && entry.end == End::Full;
                if !is_rest {
                    let actor = entry.actor;
                    sums.complaints
                        .push(format!("a call of actor {actor} gave up after {took} of {limit} ns"));
                }
            }
            _ => {}
        }
        if limit != u64::MAX && fate != Fate::Stopped {
            sums.max_block_ns = sums.max_block_ns.max(took.saturating_sub(limit));
        }
    }

    fn fact(&self, fact: Fact) -> Option<u64> {
        let number = FACTS.iter().position(|known| *known == fact)?;
        self.facts.get(&number).copied()
    }

    fn judge(mut self, sums: &mut Sums) {
        self.gets.sort_by_key(|get| get.invoked);
        let mut taken = Taken::new();
        for (place, get) in self.gets.iter().enumerate() {
            match self.puts.get(&get.item) {
                None => sums.complaints.push(format!("item {:#x} was never put", get.item)),
                Some(put) if put.end.is_some_and(|end| end != End::Ok) => {
                    sums.complaints
                        .push(format!("item {:#x} was refused and came out", get.item));
                }
                Some(_) => {}
            }
            if taken.insert(get.item, (place, *get)).is_some() {
                sums.duplicated += 1;
                sums.complaints.push(format!("item {:#x} came out twice", get.item));
            }
        }
        sums.delivered = taken.len() as u64;
        sums.confirmed = self.puts.values().filter(|put| put.end == Some(End::Ok)).count() as u64;
        let missing = self.missing(&taken);
        let mut unexplained = Vec::new();
        for item in &missing {
            if self.explain(*item, &taken) {
                sums.lost_in_flight += 1;
            } else {
                unexplained.push(*item);
            }
        }
        sums.lost = unexplained.len() as u64;
        for item in unexplained.iter().take(3) {
            sums.complaints
                .push(format!("item {item:#x} was confirmed and is lost"));
        }
        self.audit(&taken, sums);
        self.check_history(&taken, sums);
    }

    /// Confirmed items of the last epoch that did not come out. Earlier epochs ended with all who had the queue open.
    fn missing(&self, taken: &Taken) -> Vec<u64> {
        let mut missing: Vec<u64> = self
            .puts
            .iter()
            .filter(|(item, put)| {
                put.end == Some(End::Ok) && Some(put.epoch) == self.audited && !taken.contains_key(item)
            })
            .map(|(item, _)| *item)
            .collect();
        missing.sort_unstable();
        missing
    }

    /// Whether a dead process had a get open at the time when this item must have been taken: after the item before
    /// it and before the item behind it, of the same producer.
    fn explain(&mut self, item: u64, taken: &Taken) -> bool {
        let Some(put) = self.puts.get(&item) else {
            return false;
        };
        let same = |other: &&Entry| self.puts.get(&other.item).is_some_and(|one| one.actor == put.actor);
        let number = |item: u64| item & 0x7FFF_FFFF;
        let mine = || taken.values().map(|(_, get)| get).filter(same);
        let before = mine()
            .filter(|get| number(get.item) < number(item))
            .map(|get| get.invoked)
            .max();
        let behind = mine()
            .filter(|get| number(get.item) > number(item))
            .map(|get| get.returned)
            .min();
        let (from, until) = (before.unwrap_or(put.invoked), behind.unwrap_or(u64::MAX));
        let open = self
            .open_gets
            .iter_mut()
            .filter(|get| get.left > 0 && get.until >= from && get.from <= until)
            .min_by_key(|get| get.until);
        open.is_some_and(|get| {
            get.left -= 1;
            true
        })
    }

    /// What the auditor found.
    fn audit(&self, taken: &Taken, sums: &mut Sums) {
        let mut expect = |fact: Fact, wanted: u64| match self.fact(fact) {
            Some(found) if found != wanted => sums.complaints.push(format!("{fact:?} is {found} and not {wanted}")),
            _ => {}
        };
        expect(Fact::Room, CAPACITY as u64);
        expect(Fact::GivenUp, 0);
        expect(Fact::Imbalance, 0);
        sums.torn = self.fact(Fact::Torn).unwrap_or(0);
        // What was never confirmed may have been taken by a dead one as well.
        let unknown = self
            .puts
            .iter()
            .filter(|(item, put)| put.end.is_none() && !taken.contains_key(item))
            .count() as u64;
        let counted = self.fact(Fact::LostInFlight).unwrap_or(0);
        sums.counted = counted;
        if counted > sums.lost_in_flight + unknown {
            let known = sums.lost_in_flight;
            sums.complaints.push(format!(
                "the queue counted {counted} items lost in flight, and {known} were"
            ));
        }
    }

    /// What remains must be a history that a right queue can have.
    fn check_history(&self, taken: &Taken, sums: &mut Sums) {
        // Who dies while it writes down the items of a batch one by one has come back from that call all the same.
        let ended = self.puts.values().filter(|put| put.end.is_some());
        let ended: HashMap<_, _> = ended.map(|put| ((put.actor, put.invoked), put.returned)).collect();
        let puts = self.puts.iter().filter(|(item, _)| taken.contains_key(item));
        let puts = puts.map(|(item, put)| {
            let returned = ended.get(&(put.actor, put.invoked)).copied().unwrap_or(put.returned);
            let op = Op {
                actor: put.actor,
                call: Call::Put,
                item: *item,
                invoked: put.invoked,
                returned,
                end: queue_testkit::End::Ok,
            };
            (*item as usize, op)
        });
        let gets = taken.values().map(|(place, get)| {
            let op = Op {
                actor: get.actor,
                call: Call::Get,
                item: get.item,
                invoked: get.invoked,
                returned: get.returned,
                end: queue_testkit::End::Ok,
            };
            (*place, op)
        });
        let mut ops: Vec<(usize, Op)> = puts.chain(gets).collect();
        // Calls of one actor in their order, and the items of a batch in theirs.
        ops.sort_by_key(|(place, op)| (op.actor, op.invoked, op.returned, *place));
        let ops = ops.into_iter().map(|(_, op)| op).collect();
        let history = History {
            capacity: Some(CAPACITY),
            drained: self.audited.is_some(),
            ops,
        };
        let found = judge(&history);
        sums.complaints.extend(found.iter().take(3).map(ToString::to_string));
    }
}
