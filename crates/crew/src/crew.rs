//! All workers of a job, and how far each has come.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use descriptor_core::{Error, ErrorKind};
use serde::Serialize;

use crate::Member;

/// How long everybody waits for a worker that does not answer when the work is called off.
const NOTICE: Duration = Duration::from_secs(1);

/// How far one worker has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Started, and not heard of yet.
    Called,
    /// Waits for the word to begin, or has begun.
    Ready,
    /// Knows that the work is called off.
    Stopping,
    /// Has ended.
    Gone,
}

#[derive(Debug)]
struct State {
    standing: Vec<Standing>,
    refusal: Option<Error>,
    called_off: Option<Instant>,
}

/// The workers of one job. Whoever listens to a worker says here how far it is.
#[derive(Debug)]
pub struct Crew {
    members: Vec<Arc<Member>>,
    state: Mutex<State>,
    changed: Condvar,
}

impl Crew {
    /// Of these workers, numbered from 0.
    #[must_use]
    pub fn new(members: Vec<Arc<Member>>) -> Self {
        Self {
            state: Mutex::new(State {
                standing: vec![Standing::Called; members.len()],
                refusal: None,
                called_off: None,
            }),
            members,
            changed: Condvar::new(),
        }
    }

    /// Its workers, by their numbers.
    #[must_use]
    pub fn members(&self) -> &[Arc<Member>] {
        &self.members
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker has come this far; one that does not exist is passed over.
    pub fn enter(&self, worker: u32, standing: Standing) {
        if let Some(known) = self.lock().standing.get_mut(worker as usize) {
            *known = standing;
        }
        self.changed.notify_all();
    }

    /// How far a worker has come; `Gone` for one that does not exist.
    #[must_use]
    pub fn standing(&self, worker: u32) -> Standing {
        let known = self.lock().standing.get(worker as usize).copied();
        known.unwrap_or(Standing::Gone)
    }

    /// Why the work cannot begin; the first reason counts.
    pub fn refuse(&self, error: Error) {
        self.lock().refusal.get_or_insert(error);
        self.changed.notify_all();
    }

    /// Waits until every worker is ready.
    ///
    /// # Errors
    /// What a worker [refused](Self::refuse) with; `PeerDied` when one was ready and has ended before the others were;
    /// `Timeout` after `limit`.
    pub fn wait_ready(&self, limit: Duration) -> Result<(), Error> {
        let start = Instant::now();
        let mut state = self.lock();
        loop {
            if let Some(refusal) = state.refusal.take() {
                return Err(refusal);
            }
            let Some(late) = state.standing.iter().position(|standing| *standing != Standing::Ready) else {
                return Ok(());
            };
            // Nobody would ever wait for its word again.
            if let Some(gone) = state.standing.iter().position(|standing| *standing > Standing::Ready) {
                drop(state);
                return Err(self.lost(gone));
            }
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                drop(state);
                return Err(self.late(late, limit));
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn late(&self, worker: usize, limit: Duration) -> Error {
        let member = self.members.get(worker);
        member.map_or_else(
            || Error::new(ErrorKind::Timeout, "start workers"),
            |member| member.late(limit),
        )
    }

    /// A worker was ready, and will not begin.
    fn lost(&self, worker: usize) -> Error {
        let member = self.members.get(worker);
        let name = member.map_or_else(String::new, |member| member.name());
        let fate = member.and_then(|member| member.fate());
        Error::new(ErrorKind::PeerDied, "start workers")
            .with("worker", worker)
            .expected(format!("{name} to wait for the others"))
            .found(fate.map_or_else(|| "that it gave up".to_owned(), |fate| format!("that it {fate}")))
            .remedy("see what the worker wrote to standard error, and start the job again")
    }

    /// Says this to every worker.
    pub fn tell<M: Serialize>(&self, message: &M) {
        for member in &self.members {
            // One that cannot be told has ended, and whoever listens to it will see.
            let _ = member.say(message);
        }
    }

    /// Says this to every worker, and that it means the end. Nobody waits for one that was stopped and does not listen.
    pub fn call_off<M: Serialize + Clone + Send + 'static>(&self, message: &M) {
        self.lock().called_off.get_or_insert_with(Instant::now);
        for member in &self.members {
            let (to, message) = (Arc::clone(member), message.clone());
            let apart = thread::Builder::new().name("call-off".into());
            // It has to end, whatever it knows.
            if apart.spawn(move || drop(to.say(&message))).is_err() {
                member.kill();
            }
        }
    }

    /// True once the work is called off and every worker knows it, or has had a second to.
    #[must_use]
    pub fn is_called_off(&self) -> bool {
        let state = self.lock();
        let known = |standing: &Standing| matches!(standing, Standing::Stopping | Standing::Gone);
        let all = state.standing.iter().all(known);
        state.called_off.is_some_and(|since| all || since.elapsed() >= NOTICE)
    }

    /// Takes away what workers of other hosts have left at a server.
    pub fn clear_away(&self) {
        self.members.iter().for_each(|member| member.clear_away());
    }

    /// Ends every process that has not ended.
    pub fn kill(&self) {
        let standing = self.lock().standing.clone();
        for (member, standing) in self.members.iter().zip(standing) {
            if standing != Standing::Gone {
                member.kill();
            }
        }
    }
}
