//! Starting a job on processes: every worker there before any queue, every worker ready before any packet.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crew::{Crew, Listener, Member};
use descriptor_core::{Backends, Error, ErrorKind, QueueId};
use graph::Deployment;
use task::host::Phase;

use super::broom::Broom;
use super::hired::Hired;
use super::meeting::Recruiter;
use super::message::{Order, Setup};
use super::minder;
use super::team::Team;
use crate::Job;
use crate::attempt::{Attempt, TaskThread};
use crate::attempts::{Call, Letters};
use crate::checkpoints::Kept;
use crate::shared::Shared;
use crate::start::{Post, prepare};

/// How long the workers may take until all of them are ready.
const START: Duration = Duration::from_secs(60);

/// An attempt at a job on processes: with new workers, all of them ready.
pub(super) fn attempt<B: Backends>(job: &Job<B>, call: &Call<'_>) -> Result<Attempt, Error> {
    let run = QueueId::generated("run").to_string();
    let plan = call.plan.clone().for_run(&run)?;
    let workers = plan.deployment().workers();
    let prefix = prefix(plan.job_name(), &run);
    let post = Post {
        worker: Deployment::COORDINATOR,
        prefix: &prefix,
        reach: job.plan.deployment().reach(),
        others: workers as usize,
        letters: call.letters,
    };
    let kept = call
        .keeping
        .map(|keeping| keeping.attempt(&plan, post.worker, &run, call.before.clone()));
    let kept = kept.transpose()?;
    let setup = Setup {
        fingerprint: plan.fingerprint(),
        deployment: plan.deployment(),
        graph: (plan.graph() != job.plan.graph()).then(|| plan.graph().clone()),
        pool: plan.pool()?,
        letters: match call.letters {
            Letters::Own => prefix.clone(),
            Letters::OfJob(prefix, _) => prefix.to_owned(),
        },
        checkpoints: kept.as_ref().and_then(Kept::share),
        run,
        made_with: job.made_with.clone(),
        task: job.task.clone(),
    };
    let broom = Broom::of_the_server(job, &plan);
    let is_wanted = || call.current.is_none_or(|current| !current.is_aborted());
    // Before the first queue is open somebody is there who would take it away.
    let mut hired = Hired::new(Recruiter::of(job)?, &setup)?;
    hired.stand_by(&setup, plan.graph(), START, is_wanted)?;
    let mut prepared = prepare(job, plan, &post, kept)?;
    let shared = Arc::clone(&prepared.shared);
    if let Some(current) = call.current {
        current.show(&shared);
    }
    let mut threads = prepared.threads()?;
    let ready = match mind_all(&shared, hired, broom, &mut threads) {
        // An order from before they were there has not reached them.
        Ok(team) if shared.control.is_stopping() => {
            team.end();
            Err(called_off())
        }
        // Those that were called off before they were ready end in a way that says nothing.
        Ok(team) => team.crew.wait_ready(START).map_err(|error| {
            let control = &shared.control;
            match control.is_stopping() && !control.has_failed() {
                true => called_off(),
                false => error,
            }
        }),
        Err(error) => Err(error),
    };
    let mut attempt = prepared.attempt(threads);
    match ready {
        Ok(()) => {
            if call.one_of_many {
                attempt.hurry();
            }
            Ok(attempt)
        }
        Err(error) => {
            // Nothing has begun: whoever waits for the start ends at once.
            shared.abort();
            // An abort leaves alone what is over, as it is when all workers are gone: the thread of checkpoints waits all the same.
            shared.control.enter(Phase::Aborting);
            let _ = attempt.finish();
            Err(error)
        }
    }
}

pub(super) fn called_off() -> Error {
    Error::new(ErrorKind::Cancelled, "start job")
        .expected("a job that is wanted")
        .found("an order to end it")
        .remedy("start it again when it is")
}

/// What the ids of the queues of a run begin with.
pub(crate) fn prefix(job: &str, run: &str) -> String {
    format!("{job}.{run}")
}

/// Has a thread for each worker that minds it, and lets all of them open their queues.
fn mind_all<'a>(
    shared: &'a Arc<Shared>,
    hired: Hired,
    broom: Broom,
    threads: &mut Vec<TaskThread>,
) -> Result<&'a Team, Error> {
    let (members, listeners) = hired.minded();
    let all = threads.len() + members.len();
    let mut started = Ok(());
    let team = shared.team.get_or_init(|| Team::new(Crew::new(members.clone()), broom));
    for (member, listener) in members.into_iter().zip(listeners) {
        match mind(shared, &member, listener) {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                member.kill();
                started = started.and(Err(error));
            }
        }
    }
    // Those that nobody minds are counted as tasks all the same.
    for _ in threads.len()..all {
        shared.control.task_ended();
    }
    team.crew.tell(&Order::Open);
    started.map(|()| team)
}

fn mind(shared: &Arc<Shared>, member: &Arc<Member>, listener: Listener) -> Result<TaskThread, Error> {
    let on = shared.plan.instances_on(member.worker());
    let instances: Vec<_> = on.map(|it| (it.id.index(), it.name.clone())).collect();
    let (at, who) = (Arc::clone(shared), Arc::clone(member));
    let places = instances.clone();
    let thread = thread::Builder::new()
        .name(format!("worker-{}", member.worker()))
        .spawn(move || minder::mind(&at, &who, listener, &places))
        .map_err(|cause| {
            Error::new(ErrorKind::ResourceExhausted, "start job")
                .with("worker", member.worker())
                .expected("a thread per worker")
                .caused_by(cause)
                .remedy("use fewer workers, or raise the limit of threads")
        })?;
    Ok(TaskThread {
        instances,
        thread,
        minds: true,
    })
}
