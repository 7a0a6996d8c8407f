//! Starting a job on processes: every queue before any worker, every worker ready before any packet.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crew::{Crew, Listener, Member};
use descriptor_core::{Backends, Error, ErrorKind, QueueId};
use graph::Deployment;

use super::meeting::{self, Recruiter};
use super::message::Setup;
use super::minder;
use super::team::{Sweep, Team};
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
    let setup = Arc::new(Setup {
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
    });
    let recruiter = Recruiter::of(job)?;
    let sweep = meeting::sweeper(job);
    let mut prepared = prepare(job, plan, &post, kept)?;
    let shared = Arc::clone(&prepared.shared);
    if let Some(current) = call.current {
        current.show(&shared);
    }
    let mut threads = prepared.threads()?;
    let ready = match hire(&shared, &setup, recruiter, sweep, &mut threads) {
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
            let _ = attempt.finish();
            Err(error)
        }
    }
}

fn called_off() -> Error {
    Error::new(ErrorKind::Cancelled, "start job")
        .expected("a job that is wanted")
        .found("an order to end it")
        .remedy("start it again when it is")
}

/// What the ids of the queues of a run begin with.
pub(crate) fn prefix(job: &str, run: &str) -> String {
    format!("{job}.{run}")
}

/// Starts or finds the workers, and for each a thread that minds it.
fn hire<'a>(
    shared: &'a Arc<Shared>,
    setup: &Arc<Setup>,
    mut recruiter: Recruiter,
    sweep: Sweep,
    threads: &mut Vec<TaskThread>,
) -> Result<&'a Team, Error> {
    let workers = setup.deployment.workers();
    let mut started = Ok(());
    let (mut members, mut listeners) = (Vec::new(), Vec::new());
    for worker in 0..workers {
        match recruiter.next(worker) {
            Ok((member, listener)) => {
                // Before anybody else can say anything to it. One that cannot be told has ended, and that will be seen.
                let _ = member.say(&**setup);
                members.push(Arc::new(member));
                listeners.push(listener);
            }
            Err(error) => {
                started = Err(error);
                break;
            }
        }
    }
    let team = shared.team.get_or_init(|| Team::new(Crew::new(members.clone()), sweep));
    for (member, listener) in members.into_iter().zip(listeners) {
        let minded = mind(shared, setup, &member, listener);
        match minded {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                member.kill();
                started = started.and(Err(error));
            }
        }
    }
    // Those that were never started, or that nobody minds, are counted as tasks all the same.
    let own = shared.tasks - workers as usize;
    for _ in threads.len()..own + workers as usize {
        shared.control.task_ended();
    }
    started.map(|()| team)
}

fn mind(
    shared: &Arc<Shared>,
    setup: &Arc<Setup>,
    member: &Arc<Member>,
    listener: Listener,
) -> Result<TaskThread, Error> {
    let on = shared.plan.instances_on(member.worker());
    let instances: Vec<_> = on.map(|it| (it.id.index(), it.name.clone())).collect();
    let (at, setup, who) = (Arc::clone(shared), Arc::clone(setup), Arc::clone(member));
    let places = instances.clone();
    let thread = thread::Builder::new()
        .name(format!("worker-{}", member.worker()))
        .spawn(move || minder::mind(&at, &setup, &who, listener, &places))
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
