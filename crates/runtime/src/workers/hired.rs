//! Workers that are there, up to the point where their queues may be opened.
//!
//! A coordinator can be killed at any moment. Had it opened queues before anybody else knew of them, nobody could take
//! them away. So it waits until every worker stands by: each of them knows the queues of the run by then, and sweeps
//! them up when it finds itself alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crew::{Fate, Heard, Listener, Member};
use descriptor_core::{Error, ErrorKind};
use graph::ExecutionGraph;

use super::coordinator::called_off;
use super::meeting::Recruiter;
use super::message::{Order, Setup, Word};

/// How long one worker is listened to before the next one is.
const TURN: Duration = Duration::from_millis(5);
/// How long those that are sent away may take to say that they have heard so.
const FAREWELL: Duration = Duration::from_secs(1);

/// Workers by their numbers. Dropping them sends them away.
#[derive(Default)]
pub(super) struct Hired {
    members: Vec<Arc<Member>>,
    listeners: Vec<Listener>,
    /// It was the work that came to nothing: there is no sense in waiting for it again.
    refused: bool,
}

impl Hired {
    /// Starts or finds as many as are needed, and tells each what the job is.
    pub(super) fn new(mut recruiter: Recruiter, setup: &Setup) -> Result<Self, Error> {
        let mut hired = Self::default();
        for worker in 0..setup.deployment.workers() {
            let (member, listener) = recruiter.next(worker)?;
            // One that cannot be told has ended, and that will be seen.
            let _ = member.say(setup);
            hired.members.push(Arc::new(member));
            hired.listeners.push(listener);
        }
        Ok(hired)
    }

    /// Waits until all of them stand by, and no longer than they are wanted.
    ///
    /// # Errors
    /// What a worker refuses with; `PeerDied` when one has ended, `Timeout` after `limit`, `Cancelled` when nobody wants them.
    pub(super) fn stand_by(
        &mut self,
        setup: &Setup,
        ours: &ExecutionGraph,
        limit: Duration,
        is_wanted: impl Fn() -> bool,
    ) -> Result<(), Error> {
        let begun = Instant::now();
        let mut waiting: Vec<(&Arc<Member>, &mut Listener)> = self.members.iter().zip(&mut self.listeners).collect();
        let failed = loop {
            let mut failed = None;
            waiting.retain_mut(|(member, listener)| match heard(member, listener, setup, ours) {
                Ok(stands_by) => !stands_by,
                Err(error) => {
                    failed.get_or_insert(error);
                    true
                }
            });
            let Some((late, _)) = waiting.first() else {
                return Ok(());
            };
            if failed.is_none() && begun.elapsed() >= limit {
                failed = Some(late.late(limit));
            }
            if failed.is_none() && !is_wanted() {
                failed = Some(called_off());
            }
            if let Some(failed) = failed {
                break failed;
            }
        };
        self.refused = true;
        Err(failed)
    }

    /// From here on they are somebody else's to send away.
    pub(super) fn minded(mut self) -> (Vec<Arc<Member>>, Vec<Listener>) {
        (std::mem::take(&mut self.members), std::mem::take(&mut self.listeners))
    }
}

/// Whether it stands by, as it says now.
fn heard(member: &Member, listener: &mut Listener, setup: &Setup, ours: &ExecutionGraph) -> Result<bool, Error> {
    match listener.hear(Some(TURN))? {
        Heard::Message(Word::StandsBy) => Ok(true),
        Heard::Message(Word::Differs(theirs)) => Err(differs(member, setup, ours, &theirs)),
        Heard::Message(Word::Refused(why)) => Err(refused(member, why)),
        Heard::Message(_) => Ok(false),
        // What it has started itself may hold the line.
        Heard::Nothing if member.fate().is_none() => Ok(false),
        Heard::End | Heard::Nothing => Err(ended(member, member.see_off(FAREWELL))),
    }
}

fn refusal(member: &Member, kind: ErrorKind) -> Error {
    Error::new(kind, "start job")
        .with("worker", member.worker())
        .with("pid", member.pid())
}

fn differs(member: &Member, setup: &Setup, ours: &ExecutionGraph, theirs: &ExecutionGraph) -> Error {
    refusal(member, ErrorKind::Incompatible)
        .expected(format!("the coordinator's graph, fingerprint {}", setup.fingerprint))
        .found(
            ours.difference(theirs)
                .unwrap_or_else(|| "another version of this library".into()),
        )
        .remedy("let the graph depend on nothing that differs between processes")
}

/// A worker that has said why it cannot do its part.
pub(super) fn refused(member: &Member, why: String) -> Error {
    let refusal = refusal(member, ErrorKind::Incompatible).found(why);
    refusal.expected("a worker that can do its part")
}

/// A worker that has ended before it was ready.
pub(super) fn ended(member: &Member, fate: Fate) -> Error {
    refusal(member, ErrorKind::PeerDied)
        .expected("a worker that gets ready")
        .found(format!("that it {fate}"))
        .remedy("make `run` the first call of main, and see what the worker wrote to standard error")
}

impl Drop for Hired {
    fn drop(&mut self) {
        for member in &self.members {
            if self.refused {
                let _ = member.say(&Order::Abort);
            }
            member.send_away();
        }
        let until = Instant::now() + FAREWELL;
        for (member, listener) in self.members.iter().zip(&mut self.listeners) {
            while let Ok(Heard::Message(_)) =
                listener.hear::<Word>(Some(until.saturating_duration_since(Instant::now())))
            {}
            member.kill();
            let _ = member.see_off(Duration::ZERO);
            member.clear_away();
        }
    }
}
