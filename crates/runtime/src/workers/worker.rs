//! The life of a worker process.

use std::io::Write as _;
use std::process::exit;
use std::sync::{Arc, Weak, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crew::{Heard, Listener, Seat, Speaker};
use descriptor_core::{Backends, DescriptorRecord, Error, ErrorKind, Reach};
use graph::{ExecutionGraph, Plan};
use task::host::{Failure, Phase};

use super::broom::Broom;
use super::coordinator::prefix;
use super::course::{Course, Over};
use super::message::{Done, Glance, Order, Setup, Word};
use super::pulse::BEAT;
use crate::Job;
use crate::attempt::Attempt;
use crate::attempts::Letters;
use crate::checkpoints::{self, Share};
use crate::letters;
use crate::shared::Shared;
use crate::start::{Post, prepare};

/// How long instances may take to return after an abort: less than the coordinator waits for the word about them.
const GRACE: Duration = Duration::from_secs(4);
/// How long they may take in a worker without coordinator, which ends within five seconds on a busy machine too.
const ALONE: Duration = Duration::from_millis(3_500);
/// How long it may take behind that to take the queues of the run away.
const LAST: Duration = Duration::from_millis(700);
/// How often the coordinator hears how far the instances are.
const TICK: Duration = Duration::from_millis(100);

/// How the life of a worker went.
pub(super) enum Life<B: Backends> {
    /// It has done its part.
    Done,
    /// It could not, and has said why.
    Refused,
    /// Nobody has asked for anything: it can be the worker of another job that is this one.
    Free(Box<Job<B>>),
}

/// Does a worker's part and ends the process.
pub(super) fn serve<B, F>(seat: Seat, graph: F) -> !
where
    B: Backends,
    F: FnOnce() -> Result<Job<B>, Error>,
{
    let number = seat.worker;
    let lived = called(seat).and_then(|called| match called {
        None => Ok(()),
        Some(called) => called.expected(graph, || {}).map(drop),
    });
    // The coordinator sees how this process ends.
    leave(number, lived)
}

/// Ends the process of a worker whose life is over.
pub(super) fn leave(number: u32, lived: Result<(), Error>) -> ! {
    let code = match lived {
        Ok(()) => 0,
        Err(error) => {
            // The coordinator cannot be told any more.
            let _ = writeln!(std::io::stderr(), "worker {number}: {error}");
            1
        }
    };
    exit(code)
}

/// A worker that knows what it is wanted for.
pub(super) struct Called {
    seat: Seat,
    setup: Setup,
}

/// Waits for the call. `None` when there is none to come.
pub(super) fn called(mut seat: Seat) -> Result<Option<Called>, Error> {
    Ok(match seat.listener.hear(None)? {
        Heard::Message(setup) => Some(Called { seat, setup }),
        _ => None,
    })
}

impl Called {
    pub(super) fn task(&self) -> &str {
        self.setup.task.as_deref().unwrap_or_default()
    }

    /// Says why it cannot do its part.
    pub(super) fn refuse(&self, why: impl Into<String>) -> Result<(), Error> {
        self.seat.speaker.say(&Word::Refused(why.into()))
    }

    /// As [`work`](Self::work), in a program whose arguments say what the job is.
    pub(super) fn expected<B, F>(self, graph: F, leave: impl FnOnce() + Send + 'static) -> Result<Life<B>, Error>
    where
        B: Backends,
        F: FnOnce() -> Result<Job<B>, Error>,
    {
        if self.setup.task.is_none() {
            return self.work(graph, leave);
        }
        // What this program would build here is another job.
        let why = "a program that was told its job and did not ask for it; make `Told::take` the first call of main";
        self.refuse(why).map(|()| Life::Refused)
    }

    /// The life of a worker in its seat. `leave` is its last word when the job is called off before it is ready, which ends
    /// the process.
    pub(super) fn work<B, F>(self, graph: F, leave: impl FnOnce() + Send + 'static) -> Result<Life<B>, Error>
    where
        B: Backends,
        F: FnOnce() -> Result<Job<B>, Error>,
    {
        let Self { seat, setup } = self;
        let (worker, speaker) = (seat.worker, seat.speaker);
        let course = Arc::new(Course::default());
        let (heard, line) = (Arc::clone(&course), speaker.clone());
        thread::spawn(move || listen(seat.listener, &line, &heard, leave));
        let refused = |refusal: Box<Word>| {
            // What is ordered from here on means nothing to it.
            let _ = course.running.set(Weak::new());
            speaker.say(&*refusal).map(|()| Life::Refused)
        };
        let (job, plan) = match agree(&setup, graph) {
            Ok(agreed) => agreed,
            Err(refusal) => return refused(refusal),
        };
        match letters(&job, &setup, worker) {
            Ok(letters) => course.has(Broom::of_the_dead(&job, &plan, letters, seat.desk)),
            Err(error) => return refused(Box::new(Word::Refused(error.to_string()))),
        }
        // Who cannot be told has ended, and the listening thread hears of it.
        let _ = speaker.say(&Word::StandsBy);
        if !course.wait_open() {
            // The coordinator may have begun to open them.
            sweep_within(&course, LAST);
            course.settle();
            return Ok(Life::Free(Box::new(job)));
        }
        let lived = match enlist(worker, &setup, &job, plan, &speaker) {
            Ok(handle) => {
                let _ = course.running.set(Arc::downgrade(handle.shared()));
                live(handle, worker, &speaker, &course).map(|()| Life::Done)
            }
            Err(refusal) => refused(refusal),
        };
        if lived.is_err() {
            course.end(over(&speaker));
        }
        sweep_within(&course, LAST);
        lived
    }
}

/// From the word that it is ready to the last one.
fn live(handle: Attempt, worker: u32, speaker: &Speaker, course: &Course) -> Result<(), Error> {
    match speaker.say(&Word::Ready) {
        Ok(()) => see_through(handle, worker, speaker, course),
        Err(gone) => {
            handle.shared().abort();
            let _ = handle.finish();
            Err(gone)
        }
    }
}

/// The queue of dead letters, where it goes with the coordinator. One at a server that is the job's, whatever becomes of
/// this run, stays: a coordinator that cannot be reached may live.
fn letters<B: Backends>(job: &Job<B>, setup: &Setup, worker: u32) -> Result<Option<DescriptorRecord>, Error> {
    let reach = setup.deployment.reach();
    if reach == Reach::Network && setup.letters != prefix(job.plan.job_name(), &setup.run) {
        return Ok(None);
    }
    letters::record(job, worker, reach, &setup.letters)
}

/// Builds the same job, laid out in the same way.
fn agree<B, F>(setup: &Setup, graph: F) -> Result<(Job<B>, Plan), Box<Word>>
where
    B: Backends,
    F: FnOnce() -> Result<Job<B>, Error>,
{
    let refused = |error: Error| Box::new(Word::Refused(error.to_string()));
    let job = graph()
        .and_then(|job| job.called_for(&setup.deployment))
        .map_err(refused)?;
    let plan = match setup.graph.clone() {
        Some(graph) => rescaled(&job, graph).map_err(refused)?,
        None => job.plan.clone(),
    };
    if plan.fingerprint() != setup.fingerprint {
        return Err(Box::new(Word::Differs(Box::new(plan.graph().clone()))));
    }
    if plan.deployment() != setup.deployment {
        return Err(Box::new(Word::Refused(format!(
            "deployment {} against the coordinator's {}",
            plan.deployment(),
            setup.deployment
        ))));
    }
    if job.made_with != setup.made_with {
        return Err(Box::new(Word::Refused(format!(
            "a job made with `{}` against the coordinator's `{}`",
            job.made_with, setup.made_with
        ))));
    }
    let plan = plan.for_run(&setup.run);
    let plan = plan.and_then(|plan| plan.with_pool(&setup.pool)).map_err(refused)?;
    let plan = match &job.joined {
        Some(server) => plan.reached_at(server),
        None => plan,
    };
    Ok((job, plan))
}

/// Makes this worker's part of the job: opens its queues.
fn enlist<B: Backends>(
    worker: u32,
    setup: &Setup,
    job: &Job<B>,
    plan: Plan,
    speaker: &Speaker,
) -> Result<Attempt, Box<Word>> {
    let refused = |error: Error| Box::new(Word::Refused(error.to_string()));
    let prefix = prefix(plan.job_name(), &setup.run);
    let post = Post {
        worker,
        prefix: &prefix,
        reach: setup.deployment.reach(),
        others: 0,
        letters: Letters::OfJob(&setup.letters, None),
    };
    let share = setup.checkpoints.clone();
    let share = share
        .map(|share: Share| share.take(&plan, worker))
        .transpose()
        .map_err(refused)?;
    let (kept, shelf) = share.unzip();
    let mut prepared = prepare(job, plan, &post, kept).map_err(refused)?;
    if let (Some(shelf), Some(round)) = (shelf, prepared.shared.control.round()) {
        let speaker = speaker.clone();
        // A coordinator that has gone is the business of whoever listens to it.
        let tell = move |told| drop(speaker.say(&Word::from(told)));
        checkpoints::serve(round, shelf, setup.run.clone(), worker, tell).map_err(refused)?;
    }
    let threads = prepared.threads().map_err(refused)?;
    Ok(prepared.attempt(threads))
}

/// The plan for what has become of the graph since the job began.
fn rescaled<B: Backends>(job: &Job<B>, graph: ExecutionGraph) -> Result<Plan, Error> {
    graph.rescaled_from(job.plan.graph())?;
    Ok(job.plan.with_graph(graph, &job.backends.registry::<()>().kinds())?)
}

/// Does as the coordinator says. Its silence is an order too: without it the job is over.
fn listen(mut listener: Listener, speaker: &Speaker, course: &Arc<Course>, leave: impl FnOnce()) {
    while let Ok(Heard::Message(order)) = listener.hear::<Order>(None) {
        match (order, course.running.get()) {
            (Order::Open, _) => course.open(),
            (_, None) => {
                // Not ready yet, and not wanted any more; the coordinator has everything that must be left in order.
                leave();
                exit(1);
            }
            // One that has done its part is about to end by itself.
            (order, Some(begun)) => drop(begun.upgrade().map(|shared| obey(order, &shared))),
        }
    }
    let until = Instant::now() + ALONE;
    course.end(over(speaker));
    if let Some(shared) = course.running.get().and_then(Weak::upgrade) {
        shared.abort();
        shared.close_far();
        // At once, because who waits for room in one of them has to wait no longer; and again when this worker ends, for
        // whoever opens one meanwhile.
        sweep_within(course, LAST);
    }
    if course.wait_settled(until) {
        return;
    }
    // Whoever has not ended by then never will.
    let _ = writeln!(
        std::io::stderr(),
        "worker: the coordinator is gone, and not everything here has ended in time"
    );
    sweep_within(course, LAST);
    exit(1);
}

fn obey(order: Order, shared: &Shared) {
    match order {
        // Nothing was begun before that.
        Order::Open => {}
        Order::Start => {
            shared.control.enter(Phase::Running);
        }
        Order::Pause => drop(shared.pause(true)),
        Order::Resume => drop(shared.pause(false)),
        Order::Barrier(number) => {
            if let Some(round) = shared.control.round() {
                round.begin(number);
                // Sources that wait for something of their own have to look.
                shared.control.wake();
            }
        }
        Order::Completed(number) => drop(shared.control.round().map(|round| round.completed(number, 0))),
        Order::Conclude(end) => drop(shared.control.round().map(|round| round.end_last(end))),
        Order::Drain => shared.drain(Duration::MAX),
        Order::Abort => shared.abort(),
    }
}

/// Why nothing more is heard.
fn over(speaker: &Speaker) -> Over {
    if speaker.is_dismissed() || crew::parent_lives() {
        Over::Left
    } else {
        Over::Dead
    }
}

/// Takes the queues of the run away, but waits no longer than so for a server.
fn sweep_within(course: &Arc<Course>, limit: Duration) {
    if !course.is_alone() {
        return;
    }
    let (done, wait) = mpsc::channel();
    let course = Arc::clone(course);
    let sweeps = thread::Builder::new().spawn(move || {
        course.sweep();
        let _ = done.send(());
    });
    if sweeps.is_ok() {
        let _ = wait.recv_timeout(limit);
    }
}

/// Waits for the end of the instances and gives account of them.
fn see_through(mut handle: Attempt, worker: u32, speaker: &Speaker, course: &Course) -> Result<(), Error> {
    let shared = Arc::clone(handle.shared());
    let mut told = Told {
        shared: &shared,
        speaker,
        worker,
        failures: 0,
        aborting: false,
        progress: Vec::new(),
        spoke: Instant::now(),
    };
    handle.see_out(GRACE, Some(TICK), || told.tell());
    // What is in queues that others use is theirs to count.
    let (accounts, stuck) = handle.collect(false);
    let failures = told.news();
    told.progress();
    let on = shared.plan.instances_on(worker).map(|instance| instance.id.index());
    let mine: std::collections::BTreeSet<usize> = on.collect();
    let accounts = accounts
        .into_iter()
        .enumerate()
        .filter(|(place, _)| mine.contains(place));
    let done = Done {
        accounts: accounts.collect(),
        failures,
        stuck,
    };
    let said = speaker.say(&Word::Done(Box::new(done)));
    shared.release();
    drop(handle);
    let heard = said.and_then(|()| {
        if speaker.is_heard_late() && course.wait_over() == Over::Dead {
            let error = Error::new(ErrorKind::Disconnected, "give account");
            return Err(error.expected("a coordinator that waits for it"));
        }
        Ok(())
    });
    heard.map_err(|error| error.found("that the coordinator has ended before this worker"))
}

/// What the coordinator has heard from this worker.
struct Told<'a> {
    shared: &'a Shared,
    speaker: &'a Speaker,
    worker: u32,
    failures: usize,
    aborting: bool,
    progress: Vec<Glance>,
    spoke: Instant,
}

impl Told<'_> {
    fn tell(&mut self) {
        self.progress();
        if !self.aborting && self.shared.control.phase() == Phase::Aborting {
            self.aborting = true;
            let failures = self.news();
            self.say(&Word::Aborting(failures));
        }
        if self.spoke.elapsed() >= BEAT {
            self.say(&Word::Alive);
        }
    }

    fn progress(&mut self) {
        let plan = &self.shared.plan;
        let counts: Vec<_> = plan
            .instances_on(self.worker)
            .filter_map(|it| {
                let place = it.id.index();
                let (meter, standing) = (self.shared.meters.get(place)?, self.shared.standings.get(place)?);
                Some(Glance {
                    place,
                    packets_in: meter.packets_in(),
                    packets_out: meter.packets_out(),
                    state: standing.see(&self.shared.control),
                    restarts: standing.restarts(),
                })
            })
            .collect();
        if counts != self.progress {
            self.say(&Word::Progress(counts.clone()));
            self.progress = counts;
        }
    }

    /// What has failed since the last time.
    fn news(&mut self) -> Vec<Failure> {
        let mut failures = self.shared.control.failures();
        let news = failures.split_off(self.failures.min(failures.len()));
        self.failures += news.len();
        news
    }

    fn say(&mut self, word: &Word) {
        self.spoke = Instant::now();
        // A coordinator that has gone is the business of whoever listens to it.
        let _ = self.speaker.say(word);
    }
}
