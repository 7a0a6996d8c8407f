//! The coordinator's thread for one worker: hears what it says, and sees how it ends.

use std::sync::Arc;
use std::time::Duration;

use checkpoint::{Part, Round};
use crew::{Fate, Heard, Listener, Member, Standing};
use router::{StopCause, StopSignal};
use task::host::{Failure, TaskAccount};

use super::hired;
use super::message::{Done, Word};
use super::team::Team;
use crate::NodeState;
use crate::report::LostWorker;
use crate::shared::Shared;

/// How often a silent worker is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How long a worker may take to end after its last word.
const LEAVE: Duration = Duration::from_secs(5);

/// Minds a worker to its end. The accounts of its instances, in the order of `places`; none when it died.
pub(super) fn mind(
    shared: &Arc<Shared>,
    member: &Member,
    mut listener: Listener,
    places: &[(usize, String)],
) -> Vec<TaskAccount> {
    let Some(team) = shared.team.get() else {
        return Vec::new();
    };
    let minder = Minder {
        shared,
        team,
        member,
        places,
    };
    let done = minder.listen(&mut listener);
    let fate = member.see_off(LEAVE);
    if let Some(watch) = team.watch(shared.plan.job_name(), member) {
        watch.ended();
    }
    let accounts = match done {
        Some(done) => minder.done(done),
        None => {
            minder.died(fate);
            Vec::new()
        }
    };
    team.crew.enter(member.worker(), Standing::Gone);
    shared.close_far();
    shared.control.task_ended();
    accounts
}

struct Minder<'a> {
    shared: &'a Arc<Shared>,
    team: &'a Team,
    member: &'a Member,
    places: &'a [(usize, String)],
}

impl Minder<'_> {
    /// Hears it out; its last word, if there was one.
    fn listen(&self, listener: &mut Listener) -> Option<Done> {
        let worker = self.member.worker();
        let (mut done, mut ended) = (None, false);
        let watch = self.team.watch(self.shared.plan.job_name(), self.member);
        loop {
            let heard = listener.hear::<Word>(Some(LOOK));
            match (&heard, &watch) {
                (Ok(Heard::Message(_)), Some(watch)) => watch.heard(),
                (Ok(Heard::Nothing), Some(watch)) => watch.missed(self.team.crew.standing(worker) != Standing::Called),
                _ => {}
            }
            match heard {
                Ok(Heard::Message(Word::Ready)) => {
                    tracing::debug!(worker, pid = self.member.pid(), "the worker is ready");
                    self.team.crew.enter(worker, Standing::Ready);
                }
                Ok(Heard::Message(Word::Refused(why))) => self.team.crew.refuse(hired::refused(self.member, why)),
                // It has said so before, to whoever hired it.
                Ok(Heard::Message(Word::StandsBy | Word::Differs(_))) => {}
                Ok(Heard::Message(Word::Progress(glances))) => {
                    for glance in glances {
                        if let Some(meter) = self.shared.meters.get(glance.place) {
                            meter.record(glance.packets_in, glance.packets_out);
                        }
                        if let Some(standing) = self.shared.standings.get(glance.place) {
                            standing.copy(glance.state, glance.restarts);
                        }
                    }
                }
                Ok(Heard::Message(Word::Alive)) => {}
                Ok(Heard::Message(Word::Saved(number, part))) => self.saved(number, part),
                Ok(Heard::Message(Word::Unwritten(number, why))) => {
                    self.round(|round| round.part_unwritten(number, why))
                }
                Ok(Heard::Message(Word::Declined(number))) => self.round(|round| round.decline(number)),
                Ok(Heard::Message(Word::Over)) => self.round(|round| round.worker_over(worker)),
                Ok(Heard::Message(Word::Aborting(failures))) => {
                    self.failed(failures);
                    self.team.crew.enter(worker, Standing::Stopping);
                    self.shared.abort();
                }
                Ok(Heard::Message(Word::Done(last))) => {
                    self.member.confirm();
                    done = Some(*last);
                }
                // Asked twice: what it said last may have come in between.
                Ok(Heard::Nothing) if ended => return done,
                Ok(Heard::Nothing) => ended = self.member.fate().is_some(),
                Ok(Heard::End) => return done,
                Err(error) => {
                    tracing::warn!(worker, %error, "a worker that cannot be understood is ended");
                    self.member.kill();
                    return done;
                }
            }
            self.shared.close_far();
        }
    }

    fn round(&self, then: impl FnOnce(&Round)) {
        if let Some(round) = self.shared.control.round() {
            then(round);
        }
    }

    /// Only its own instances are its to write.
    fn saved(&self, number: u64, part: Part) {
        let worker = self.member.worker();
        let own = self.places.iter().map(|(place, _)| place);
        if part.part == worker + 1 && part.entries.iter().map(|entry| &entry.place).eq(own) {
            self.round(|round| round.take_part(worker, number, part));
        } else {
            let why = format!("worker {worker} has written states that are not its own");
            self.round(|round| round.part_unwritten(number, why));
        }
    }

    fn failed(&self, failures: Vec<Failure>) {
        for failure in failures {
            self.shared.control.fail(failure);
        }
    }

    fn done(&self, done: Done) -> Vec<TaskAccount> {
        let ends_the_job = done.failures.iter().any(|failure| !failure.isolated);
        self.failed(done.failures);
        if ends_the_job {
            self.shared.abort();
        }
        for (place, name) in self.places {
            if done.stuck.contains(name)
                && let Some(standing) = self.shared.standings.get(*place)
            {
                standing.enter(NodeState::Stuck);
            }
        }
        self.team.leave(done.stuck);
        let mut accounts = done.accounts.into_iter();
        let mut next = accounts.next();
        let places = self.places.iter();
        places
            .map(|(place, _)| match next.take_if(|(at, _)| at == place) {
                Some((_, account)) => {
                    next = accounts.next();
                    account
                }
                None => TaskAccount::default(),
            })
            .collect()
    }

    fn died(&self, fate: Fate) {
        let (worker, pid, name) = (self.member.worker(), self.member.pid(), self.member.name());
        if self.team.crew.standing(worker) == Standing::Called {
            self.team.crew.refuse(hired::ended(self.member, fate));
            return;
        }
        for (place, _) in self.places {
            if let Some(standing) = self.shared.standings.get(*place) {
                standing.enter(NodeState::Failed);
            }
        }
        let names: Vec<String> = self.places.iter().map(|(_, name)| name.clone()).collect();
        let why = format!("{name} {fate} while it ran {}", listed(&names));
        self.shared.control.fail(Failure {
            node: String::new(),
            instance: format!("worker {worker}"),
            message: why.clone(),
            panicked: false,
            isolated: false,
        });
        self.end_connections(&why);
        self.team.lose(LostWorker {
            worker,
            pid,
            fate: fate.to_string(),
            instances: names,
            taken: 0,
        });
        self.team.crew.enter(worker, Standing::Gone);
        self.shared.abort();
    }

    /// In place of a dead sender: its streams end here, and are not complete.
    fn end_connections(&self, why: &str) {
        let plan = &self.shared.plan;
        let queues = self.shared.queues();
        for instance in plan.instances_on(self.member.worker()) {
            for group in plan.groups_from(instance.node) {
                let Some(from) = group.upstream(instance.index) else {
                    continue;
                };
                for target in group.targets().filter_map(|id| plan.input(id)) {
                    if let Ok(queue) = queues.get(&target.queue_id) {
                        let cause = StopCause::PeerDied(why.to_owned());
                        queue.end(from, StopSignal::new(&*instance.name, cause));
                    }
                }
            }
        }
    }
}

/// The first few names.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    match names.len().checked_sub(SHOWN) {
        None | Some(0) if names.is_empty() => "nothing".into(),
        None | Some(0) => names.join(", "),
        Some(more) => format!(
            "{} and {more} more",
            names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ")
        ),
    }
}
