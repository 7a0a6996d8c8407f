//! What all journals of a queue say together.

use std::collections::{BTreeMap, HashMap};

use crate::journal::{End, Entry, Kind};
use crate::law::{Fate, LONGEST_BLOCK_NS, Law};
use crate::worker::BATCH;

/// Complaints of one sort that are told; the first ones say what is wrong.
const TOLD: usize = 3;

/// The sums of one queue, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) confirmed: u64,
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    /// Delivered again because the first taker died, or could not say that it has it.
    pub(crate) redelivered: u64,
    /// Lost with a consumer that died in the get that took it.
    pub(crate) lost_in_flight: u64,
    /// Puts of which nobody knows in the end.
    pub(crate) unknown: u64,
    /// Calls that ended because there was no connection or no answer.
    pub(crate) broken: u64,
    /// Items that went with a server that died.
    pub(crate) gone: u64,
    pub(crate) max_block_ns: u64,
    pub(crate) complaints: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Begun,
    Accepted,
    /// In that life of the server, if it is known which.
    Stored(Option<u64>),
    Unknown,
    Refused,
}

#[derive(Clone, Copy, Debug)]
struct Taken {
    actor: u32,
    at: u64,
    /// How many items the same client took later.
    later: u64,
    is_loan: bool,
    /// A loan whose end was told to the server, and what that said.
    acked: Option<End>,
}

#[derive(Default)]
struct Books {
    puts: HashMap<u64, State>,
    taken: BTreeMap<u64, Vec<Taken>>,
    /// Items that gets of the dead were asking for when they died.
    open: u64,
}

/// Judges the journals of all clients of a queue.
pub(crate) fn close(journals: &[Vec<Entry>], law: &Law) -> Sums {
    let (mut sums, mut books) = (Sums::default(), Books::default());
    for entries in journals {
        books.enter(entries, law, &mut sums);
    }
    books.judge(law, &mut sums);
    sums
}

impl Books {
    fn enter(&mut self, entries: &[Entry], law: &Law, sums: &mut Sums) {
        let mut accepted: Vec<(u64, Entry)> = Vec::new();
        let mut asked = 0;
        let took = |entry: &&Entry| entry.end == End::Ok && matches!(entry.kind, Kind::Get | Kind::Lent);
        let mut later = entries.iter().filter(took).count() as u64;
        for entry in entries {
            ended(entry, law, sums);
            match entry.kind {
                Kind::BeginPut => {
                    self.puts.insert(entry.item, State::Begun);
                }
                Kind::Put | Kind::Retry => {
                    self.puts.insert(entry.item, state(entry));
                }
                Kind::Accept if entry.end == End::Ok => {
                    self.puts.insert(entry.item, State::Accepted);
                    accepted.push((entry.item, *entry));
                }
                Kind::Accept => {
                    self.puts.insert(entry.item, state(entry));
                }
                Kind::Flush => {
                    // What is not settled yet is so after a later flush.
                    if entry.end == End::Timeout {
                        continue;
                    }
                    for (item, put) in accepted.drain(..) {
                        let same = put.epochs == entry.epochs && put.epochs[0] == put.epochs[1];
                        let end = match entry.end {
                            End::Ok => State::Stored(same.then_some(put.epochs[0])),
                            _ => State::Unknown,
                        };
                        self.puts.insert(item, end);
                    }
                }
                Kind::BeginGet => asked = entry.item,
                Kind::Get | Kind::Lent => {
                    asked = 0;
                    if entry.end == End::Ok {
                        later -= 1;
                        self.taken.entry(entry.item).or_default().push(Taken {
                            actor: entry.actor,
                            at: entry.invoked,
                            later,
                            is_loan: entry.kind == Kind::Lent,
                            acked: None,
                        });
                    }
                }
                Kind::Ack => {
                    let mut all = self.taken.get_mut(&entry.item).into_iter().flatten();
                    let is_open = |taken: &&mut Taken| taken.actor == entry.actor && taken.acked.is_none();
                    if let Some(own) = all.find(is_open) {
                        own.acked = Some(entry.end);
                    }
                }
            }
        }
        if let Some(first) = entries.first()
            && law.fate(first.actor) == Fate::Killed
        {
            self.open += asked;
        }
    }

    fn judge(&mut self, law: &Law, sums: &mut Sums) {
        let mut stolen: HashMap<u32, u64> = HashMap::new();
        for (item, all) in &mut self.taken {
            match self.puts.get(item) {
                None => complain(sums, "nobody put it", *item),
                Some(State::Refused) => complain(sums, "it was refused, and came out", *item),
                Some(_) => {}
            }
            all.sort_by_key(|taken| taken.at);
            let (Some(last), again) = (all.last().copied(), all.len() - 1) else {
                continue;
            };
            let may = |taken: &Taken| may_come_again(taken, law);
            if all.iter().take(again).all(may) {
                sums.redelivered += again as u64;
            } else {
                sums.duplicated += again as u64;
                let who: Vec<_> = all.iter().map(|taken| (taken.actor, taken.acked)).collect();
                complain(sums, &format!("it came out twice, at {who:?}"), *item);
            }
            // What a dead client had on loan has to come again, but for the acknowledgement that was under way.
            if last.is_loan && last.acked.is_none() && law.fate(last.actor) == Fate::Killed {
                *stolen.entry(last.actor).or_default() += 1;
            }
        }
        for (actor, count) in stolen {
            if count > 1 && !law.is_mortal {
                sums.lost += count - 1;
                let text = format!("{count} items that the dead client {actor} had on loan did not come again");
                sums.complaints.push(text);
            }
        }
        sums.delivered = self.taken.len() as u64;
        self.missing(law, sums);
    }

    fn missing(&self, law: &Law, sums: &mut Sums) {
        let now = self.puts.values().filter_map(|state| match state {
            State::Stored(epoch) => *epoch,
            _ => None,
        });
        let last = now.max().unwrap_or(0);
        let mut missing = Vec::new();
        for (item, state) in &self.puts {
            let came = self.taken.contains_key(item);
            match state {
                State::Stored(epoch) => {
                    sums.confirmed += 1;
                    match (came, law.is_mortal && *epoch != Some(last)) {
                        (true, _) => {}
                        (false, true) => sums.gone += 1,
                        (false, false) => missing.push(*item),
                    }
                }
                State::Unknown => sums.unknown += 1,
                State::Begun | State::Accepted | State::Refused => {}
            }
        }
        missing.sort_unstable();
        // Items that gets of the dead were asking for, and of the living whose connection was lost.
        let outright = if law.is_outright {
            law.breaks * 2 * BATCH as u64
        } else {
            0
        };
        let open = self.open + outright;
        sums.lost_in_flight = open.min(missing.len() as u64);
        sums.lost += missing.len() as u64 - sums.lost_in_flight;
        if missing.len() as u64 > open {
            for item in missing.iter().take(TOLD) {
                let text = format!("item {item:#x} is lost: it was confirmed, and nobody got it");
                sums.complaints.push(text);
            }
        }
    }
}

fn state(entry: &Entry) -> State {
    let [before, after] = entry.epochs;
    match entry.end {
        End::Ok => State::Stored((before == after).then_some(before)),
        End::Unknown => State::Unknown,
        // A retry of which the server knows nothing any more.
        End::Stale if entry.kind == Kind::Retry => State::Unknown,
        _ => State::Refused,
    }
}

/// Whether an item may come again after this.
fn may_come_again(taken: &Taken, law: &Law) -> bool {
    let is_dead = law.fate(taken.actor) == Fate::Killed;
    match (taken.is_loan, taken.acked) {
        (true, Some(End::Ok)) => false,
        (true, Some(_)) => law.is_rough,
        (true, None) => is_dead,
        (false, _) => is_dead && taken.later < law.prefetch,
    }
}

/// What a single end tells: damage, errors, and how long the call took.
fn ended(entry: &Entry, law: &Law, sums: &mut Sums) {
    if matches!(entry.kind, Kind::BeginPut | Kind::BeginGet) {
        return;
    }
    let took = entry.returned.saturating_sub(entry.invoked);
    let over = took.saturating_sub(entry.limit);
    sums.max_block_ns = sums.max_block_ns.max(over);
    let who = || format!("a {:?} of client {}", entry.kind, entry.actor);
    if over > LONGEST_BLOCK_NS {
        let text = format!("{} took {} ms longer than its limit", who(), over / 1_000_000);
        sums.complaints.push(text);
    }
    match entry.end {
        End::Wrong => sums.complaints.push(format!("{} met other bytes than were put", who())),
        End::Failed | End::Closed => sums.complaints.push(format!("{} ended by {:?}", who(), entry.end)),
        End::Timeout | End::Disconnected | End::Stale | End::Unknown => {
            sums.broken += 1;
            if !law.is_rough {
                sums.complaints.push(format!("{} ended by {:?}", who(), entry.end));
            }
        }
        End::Full | End::Empty => {
            let is_down = law
                .downs
                .iter()
                .any(|(from, to)| *from < entry.invoked && entry.returned < *to);
            if is_down && entry.kind != Kind::Accept {
                let text = format!("{} ended by {:?}, and there was no server", who(), entry.end);
                sums.complaints.push(text);
            } else if took < entry.limit && entry.kind != Kind::Accept {
                let text = format!(
                    "{} gave up by {:?} after {took} of {} ns",
                    who(),
                    entry.end,
                    entry.limit
                );
                sums.complaints.push(text);
            }
        }
        End::Ok => {}
    }
}

fn complain(sums: &mut Sums, what: &str, item: u64) {
    sums.complaints.push(format!("item {item:#x}: {what}"));
}
