//! Where workers of other hosts and the process that needs them find each other.
//!
//! A worker puts a note into the queue of the hall that names two queues of its own. Who needs a worker takes a note and
//! speaks into the first of them; when the other answers, the worker lives, and gets a number. Notes of the dead are passed
//! over that way.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use descriptor_core::{DynQueue, Error, ErrorKind, GetError, PutError, QueueId, Wait};
use serde::{Deserialize, Serialize};

use crate::queues::line;
use crate::{Heard, Listener, Member, Seat};

/// Notes and messages that fit into a queue of the hall.
const ROOM: usize = 1000;
/// How long a worker may take to answer before another one is called beside it.
const ANSWER: Duration = Duration::from_secs(1);
/// How long it may take until nobody listens for its answer any more.
const LATE: Duration = Duration::from_secs(5);
/// How many are called at the same time beside those that are needed.
const MORE: usize = 100;
/// How often the hall and those that were called are looked at in turn.
const LOOK: Duration = Duration::from_millis(20);
/// The longest name of a worker or its host that is believed.
const MAX_NAME: usize = 200;

/// The queues of a server.
pub trait Place: Send + Sync {
    /// Opens the queue of this name, with room for so many messages.
    ///
    /// # Errors
    /// Whatever keeps it from being usable.
    fn open(&self, id: QueueId, room: usize) -> Result<DynQueue<String>, Error>;

    /// Takes the queue of this name away, where nobody needs it any more. One that cannot be taken away stays.
    fn remove(&self, id: QueueId);
}

/// What a worker leaves in the hall.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    name: String,
    pid: u32,
    host: String,
}

/// What a worker hears first.
#[derive(Debug, Serialize, Deserialize)]
enum Call {
    /// Somebody needs workers, and counts those as lost that are silent for so long, in milliseconds.
    Wanted(u64),
    /// It is the worker of this number.
    Seat(u32),
}

/// What a worker says first.
#[derive(Debug, Serialize, Deserialize)]
struct Here;

/// The hall of one job at one server.
pub struct Hall {
    job: String,
    place: Arc<dyn Place>,
    notes: DynQueue<String>,
}

/// The queues between one worker and whoever needs it.
pub struct Desk {
    pub(crate) words: DynQueue<String>,
    pub(crate) orders: DynQueue<String>,
    ids: [QueueId; 2],
    place: Arc<dyn Place>,
}

impl Desk {
    /// Nothing more is said in either direction.
    pub(crate) fn close(&self) {
        self.words.close();
        self.orders.close();
    }

    /// Takes them away from the server. To be called when nobody will come back to them.
    pub fn remove(&self) {
        self.ids.clone().into_iter().for_each(|id| self.place.remove(id));
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("ids", &self.ids).finish_non_exhaustive()
    }
}

/// A worker that was called and has not answered yet.
struct Called {
    since: Instant,
    member: Member,
    listener: Listener,
}

/// Calls workers out of a [`Hall`], one after another.
pub struct Roll {
    hall: Hall,
    silence: Duration,
    until: Instant,
    wanted: u32,
    limit: Duration,
    called: Vec<Called>,
    /// Those that were given up.
    silent: usize,
}

impl Hall {
    /// The hall of this job.
    ///
    /// # Errors
    /// What opening its queue says.
    pub fn enter(job: &str, place: Arc<dyn Place>) -> Result<Self, Error> {
        let notes = place.open(QueueId::new(format!("{job}/hall"))?, ROOM)?;
        Ok(Self {
            job: job.to_owned(),
            place,
            notes,
        })
    }

    /// The queues of a worker: what it says, and what it hears.
    fn queues(&self, worker: &str) -> Result<Desk, Error> {
        let id = |what| QueueId::new(format!("{}.{worker}/{what}", self.job));
        let ids = [id("words")?, id("orders")?];
        let [words, orders] = ids.clone().map(|id| self.place.open(id, ROOM));
        Ok(Desk {
            words: words?,
            orders: orders?,
            ids,
            place: Arc::clone(&self.place),
        })
    }

    /// Waits as a worker until somebody needs it, for `limit` at most.
    ///
    /// # Errors
    /// `Timeout` when nobody did; what the queues say when the server cannot be reached.
    pub fn join(&self, limit: Duration) -> Result<Seat, Error> {
        let until = Instant::now().checked_add(limit);
        loop {
            // A new name each time: who was called before may have been given up in the meantime.
            let name = QueueId::generated("worker").to_string();
            let desk = Arc::new(self.queues(&name)?);
            self.leave_note(name)?;
            if let Some(seat) = wait_for_call(&desk, until)? {
                return Ok(seat);
            }
            desk.remove();
            if until.is_some_and(|until| Instant::now() >= until) {
                return Err(Error::new(ErrorKind::Timeout, "join job")
                    .with("job", self.job.as_str())
                    .expected(format!("a call within {} s", limit.as_secs()))
                    .found("nobody who needs a worker")
                    .remedy("start the program that coordinates the job, with the same server"));
            }
        }
    }

    fn leave_note(&self, name: String) -> Result<(), Error> {
        let note = Note {
            name,
            pid: std::process::id(),
            host: host_name(),
        };
        let mut json = Vec::new();
        descriptor_core::Codec::Json.encode(&note, MAX_NAME * 4, &mut json)?;
        let put = self.notes.try_put(String::from_utf8_lossy(&json).into_owned());
        let full = || {
            Error::new(ErrorKind::Overloaded, "join job")
                .with("job", self.job.as_str())
                .expected("room in the hall of the job")
                .remedy("delete its queue at the server: too many have come, and nobody has called them")
        };
        match put {
            Ok(()) => self.notes.flush(Wait::from(Duration::from_secs(10))),
            Err(PutError::Full(_)) => Err(full().found("as many notes as fit")),
            Err(PutError::Closed(_)) => Err(full().found("a queue that is closed")),
            Err(other) => Err(other.into()),
        }
    }

    /// Gets ready to call so many workers, which are lost when they are silent for so long. All of them have `limit` to come.
    #[must_use]
    pub fn call(self, wanted: u32, silence: Duration, limit: Duration) -> Roll {
        let now = Instant::now();
        Roll {
            hall: self,
            silence,
            until: now.checked_add(limit).unwrap_or(now),
            wanted,
            limit,
            called: Vec::new(),
            silent: 0,
        }
    }
}

/// The seat, when there is a call before `until` and the caller keeps to it.
fn wait_for_call(desk: &Arc<Desk>, until: Option<Instant>) -> Result<Option<Seat>, Error> {
    // Nothing is known of a caller before it calls, so its silence means nothing either.
    let (speaker, mut listener) = line(desk.words.clone(), desk.orders.clone(), Duration::MAX)?;
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    let Heard::Message(Call::Wanted(silence)) = listener.hear(left)? else {
        speaker.hang_up();
        return Ok(None);
    };
    listener.expect(Duration::from_millis(silence).max(ANSWER));
    // A caller that has gone meanwhile, or has enough, has closed the line.
    let seat = speaker.say(&Here).and_then(|()| listener.hear::<Call>(None));
    match seat {
        Ok(Heard::Message(Call::Seat(worker))) => Ok(Some(Seat {
            worker,
            listener,
            speaker,
            desk: Some(Arc::clone(desk)),
        })),
        _ => {
            speaker.hang_up();
            Ok(None)
        }
    }
}

impl Roll {
    /// The next worker, which has this number from now on.
    ///
    /// # Errors
    /// `Timeout` when not enough workers have come in time; `remedy` says how one is started. What the queues say.
    pub fn next(&mut self, worker: u32, remedy: String) -> Result<(Member, Listener), Error> {
        loop {
            if self.may_call(self.wanted.saturating_sub(worker) as usize) {
                self.call_one()?;
            } else {
                std::thread::sleep(LOOK);
            }
            let mut place = 0;
            while let Some(called) = self.called.get_mut(place) {
                match called.listener.hear::<Here>(Some(Duration::ZERO)) {
                    Ok(Heard::Message(Here)) => {
                        let Called { member, listener, .. } = self.called.swap_remove(place);
                        let member = member.numbered(worker);
                        if member.say(&Call::Seat(worker)).is_ok() {
                            return Ok((member, listener));
                        }
                    }
                    Ok(Heard::Nothing) => place += 1,
                    // It was dead before, or is of another kind.
                    Ok(Heard::End) | Err(_) => {
                        let Called { member, listener, .. } = self.called.swap_remove(place);
                        member.kill();
                        drop(listener);
                        member.clear_away();
                    }
                }
            }
            if Instant::now() >= self.until {
                return Err(Error::new(ErrorKind::Timeout, "start workers")
                    .with("job", self.hall.job.as_str())
                    .expected(format!(
                        "{} workers to join within {} s",
                        self.wanted,
                        self.limit.as_secs_f64()
                    ))
                    .found(format!(
                        "{worker}, so that {} are missing",
                        self.wanted.saturating_sub(worker)
                    ))
                    .remedy(remedy));
            }
        }
    }

    /// Whether to call one more when so many are needed. The more have not answered, the more are called at a time: a hall may be
    /// full of notes of the dead.
    fn may_call(&mut self, needed: usize) -> bool {
        let before = self.called.len();
        self.called.retain(|called| {
            let is_late = called.since.elapsed() >= LATE;
            if is_late {
                called.member.kill();
            }
            !is_late
        });
        self.silent += before - self.called.len();
        let fresh = self.called.iter().filter(|called| called.since.elapsed() < ANSWER);
        let fresh = fresh.count();
        let silent = self.silent + self.called.len() - fresh;
        fresh < needed + silent.min(MORE)
    }

    /// Takes a note, if there is one, and calls who left it.
    fn call_one(&mut self) -> Result<(), Error> {
        let note = match self.hall.notes.get_within(Wait::from(LOOK)) {
            Ok(note) => note,
            Err(GetError::Empty) => return Ok(()),
            Err(other) => return Err(other.into()),
        };
        let note = descriptor_core::Codec::Json.decode::<Note>(note.as_bytes(), MAX_NAME * 4);
        let Some(note) = note.ok().filter(|note| note.host.len() <= MAX_NAME) else {
            // Anybody can put something there.
            return Ok(());
        };
        let Ok(desk) = self.hall.queues(&note.name) else {
            return Ok(());
        };
        let (speaker, listener) = line(desk.orders.clone(), desk.words.clone(), self.silence)?;
        let silence = u64::try_from(self.silence.as_millis()).unwrap_or(u64::MAX);
        let member = Member::far(note.pid, note.host, speaker, desk);
        if member.say(&Call::Wanted(silence)).is_ok() {
            self.called.push(Called {
                since: Instant::now(),
                member,
                listener,
            });
        }
        Ok(())
    }
}

impl fmt::Debug for Hall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hall").field("job", &self.job).finish_non_exhaustive()
    }
}

impl fmt::Debug for Roll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Roll")
            .field("hall", &self.hall)
            .field("called", &self.called.len())
            .finish_non_exhaustive()
    }
}

impl Drop for Roll {
    fn drop(&mut self) {
        // Those that came too late wait for somebody else.
        for called in &self.called {
            called.member.kill();
        }
    }
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    match name.is_empty() || name.len() > MAX_NAME {
        true => "?".to_owned(),
        false => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::{Mutex, PoisonError};
    use std::thread;

    use super::*;
    use crate::{Crew, Standing};

    const LONG: Duration = Duration::from_secs(60);

    /// A server in this process.
    #[derive(Default)]
    struct Shelf(Mutex<HashMap<QueueId, DynQueue<String>>>);

    impl Place for Shelf {
        fn open(&self, id: QueueId, _: usize) -> Result<DynQueue<String>, Error> {
            let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(Arc::clone(queues.entry(id).or_insert_with(crate::queues::tests::queue)))
        }

        fn remove(&self, id: QueueId) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        }
    }

    impl Shelf {
        fn left(&self) -> usize {
            self.0.lock().unwrap().len()
        }
    }

    fn hall(shelf: &Arc<Shelf>) -> Hall {
        Hall::enter("job", Arc::<Shelf>::clone(shelf)).unwrap()
    }

    #[test]
    fn the_living_are_seated_and_the_dead_passed_over() {
        let shelf = Arc::new(Shelf::default());
        // Both never listen, and the second is no note at all.
        hall(&shelf).leave_note("worker_dead".into()).unwrap();
        hall(&shelf).notes.put("{".into()).unwrap();
        let joining = [0, 1].map(|_| {
            let hall = hall(&shelf);
            thread::spawn(move || hall.join(LONG).unwrap())
        });
        let mut roll = hall(&shelf).call(2, LONG, LONG);
        let members = [0, 1].map(|number| roll.next(number, String::new()).unwrap());
        let mut seats = joining.map(|seat| seat.join().unwrap());
        seats.sort_by_key(|seat| seat.worker);
        for ((member, mut listener), mut seat) in members.into_iter().zip(seats) {
            assert_eq!((member.worker(), member.pid()), (seat.worker, std::process::id()));
            assert!(member.name().contains(" of host "), "{}", member.name());
            member.say(&"go").unwrap();
            assert_eq!(seat.listener.hear::<String>(None).unwrap(), Heard::Message("go".into()));
            seat.speaker.say(&seat.worker).unwrap();
            seat.speaker.hang_up();
            assert_eq!(listener.hear::<u32>(None).unwrap(), Heard::Message(seat.worker));
            assert_eq!(listener.hear::<u32>(None).unwrap(), Heard::End);
            assert_eq!(member.see_off(LONG), crate::Fate::Left);
            member.clear_away();
        }
        drop(roll);
        // The hall itself, and what is for the dead one.
        assert_eq!(shelf.left(), 3);
    }

    #[test]
    fn too_few_are_counted() {
        let shelf = Arc::new(Shelf::default());
        let mut roll = hall(&shelf).call(3, LONG, Duration::from_millis(50));
        let error = roll.next(0, "start some".into()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        let text = error.to_string();
        for part in ["3 workers to join within 0.05 s", "3 are missing", "start some"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let error = hall(&shelf).join(Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    }

    #[test]
    fn a_hall_full_of_notes_of_the_dead_does_not_use_up_the_patience() {
        let shelf = Arc::new(Shelf::default());
        for dead in 0..30 {
            hall(&shelf).leave_note(format!("worker_{dead}")).unwrap();
        }
        let joining = {
            let hall = hall(&shelf);
            thread::spawn(move || hall.join(LONG).unwrap())
        };
        // One after the other they would take longer.
        let mut roll = hall(&shelf).call(1, LONG, Duration::from_secs(20));
        let (member, _listener) = roll.next(0, String::new()).unwrap();
        assert_eq!((member.worker(), joining.join().unwrap().worker), (0, 0));
    }

    #[test]
    fn who_is_not_needed_waits_for_the_next_one() {
        let shelf = Arc::new(Shelf::default());
        let waiting = {
            let hall = hall(&shelf);
            thread::spawn(move || hall.join(LONG).unwrap())
        };
        // It is called, and before it gets a seat the caller goes.
        let mut first = hall(&shelf).call(1, LONG, LONG);
        while first.called.is_empty() {
            first.call_one().unwrap();
        }
        drop(first);
        let mut second = hall(&shelf).call(1, LONG, LONG);
        let (member, _listener) = second.next(0, String::new()).unwrap();
        assert_eq!((member.worker(), waiting.join().unwrap().worker), (0, 0));
    }

    #[test]
    fn who_was_ready_and_has_gone_is_not_waited_for() {
        let shelf = Arc::new(Shelf::default());
        let joining = [0, 1].map(|_| {
            let hall = hall(&shelf);
            thread::spawn(move || hall.join(LONG).unwrap())
        });
        let mut roll = hall(&shelf).call(2, LONG, LONG);
        let members = [0, 1].map(|number| roll.next(number, String::new()).unwrap().0);
        let _seats = joining.map(|seat| seat.join().unwrap());
        let crew = Crew::new(members.map(Arc::new).into());
        crew.enter(0, Standing::Ready);
        crew.members()[0].kill();
        crew.enter(0, Standing::Gone);
        let error = crew.wait_ready(Duration::from_secs(2)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PeerDied, "{error}");
        assert!(error.to_string().contains("was sent away"), "{error}");
    }
}
