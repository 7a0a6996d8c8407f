//! The attempt that a job is at, and what has been ordered whatever attempt that is.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use descriptor_core::{Error, ErrorKind};
use graph::{ExecutionGraph, Plan, RouteDiff};
use task::host::Progress;

use crate::shared::Shared;

/// How often whoever waits for a change of the plan looks whether its checkpoint was given up.
const LOOK: Duration = Duration::from_millis(10);

/// What the handle of a job, its controllers and its conductor have in common.
pub(crate) struct Current {
    state: Mutex<State>,
    /// Held by who lets the attempt at hand begin, stand still or go on, so that one comes behind the other. That may take
    /// as long as a worker that was stopped does not listen: never under the lock of the state.
    turn: Mutex<()>,
    changed: Condvar,
    /// Lays the job out anew; `None` for one that nobody conducts: its first attempt is its last.
    replan: Option<Replan>,
}

/// The plan of a job, before it has the number of a run, for another graph of the same nodes.
pub(crate) type Replan = Box<dyn Fn(&Plan, ExecutionGraph) -> Result<Plan, Error> + Send + Sync>;

/// How a job is laid out, and how it would be otherwise.
pub(crate) struct Layout {
    plan: Plan,
    replan: Replan,
}

impl Layout {
    pub(crate) const fn new(plan: Plan, replan: Replan) -> Self {
        Self { plan, replan }
    }
}

/// A change of the plan that somebody waits for.
struct Wish {
    plan: Plan,
    diff: RouteDiff,
    /// What came of it.
    answer: Option<Result<(), Error>>,
}

struct State {
    shared: Arc<Shared>,
    /// Somebody has drained or aborted the job: there is no other attempt, but for one that was on its way.
    stopped: bool,
    aborted: bool,
    /// When a drain has to be over; `None` for ever.
    until: Option<Instant>,
    paused: bool,
    /// An attempt runs, or is about to.
    up: bool,
    restarts: u64,
    over: bool,
    /// That of the attempts, without the number of a run; `None` when nobody conducts the job.
    plan: Option<Plan>,
    wish: Option<Wish>,
}

impl Current {
    pub(crate) fn new(first: &Arc<Shared>, layout: Option<Layout>) -> Self {
        let (plan, replan) = layout.map(|layout| (layout.plan, layout.replan)).unzip();
        Self {
            state: Mutex::new(State {
                shared: Arc::clone(first),
                stopped: false,
                aborted: false,
                until: None,
                paused: false,
                up: true,
                restarts: 0,
                over: false,
                plan,
                wish: None,
            }),
            turn: Mutex::new(()),
            changed: Condvar::new(),
            replan,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The attempt at hand, or the last one.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.lock().shared)
    }

    pub(crate) fn restarts(&self) -> u64 {
        self.lock().restarts
    }

    pub(crate) fn drain(&self, limit: Duration) {
        let until = Instant::now().checked_add(limit);
        let stop = |state: &mut State| {
            let both = [state.until, until].into_iter().flatten();
            state.until = both.min();
        };
        self.stop(stop).drain(limit);
    }

    pub(crate) fn abort(&self) {
        self.stop(|state| state.aborted = true).abort();
    }

    /// From here on there is no other attempt.
    fn stop(&self, how: impl FnOnce(&mut State)) -> Arc<Shared> {
        let mut state = self.lock();
        state.stopped = true;
        how(&mut state);
        if state.wish.is_some()
            && let Some(round) = state.shared.control.round()
        {
            // A drain is to find sources that send.
            round.go_on();
            state.shared.control.wake();
        }
        self.changed.notify_all();
        Arc::clone(&state.shared)
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Whether there is nothing to go on for; a job that is only drained has what is inside.
    pub(crate) fn is_aborted(&self) -> bool {
        self.lock().aborted
    }

    /// Lets the job stand still or go on. Between two attempts it is the next one that begins so.
    pub(crate) fn pause(&self, pause: bool) -> bool {
        let _turn = self.turn();
        let mut state = self.lock();
        let changed = if state.up {
            let shared = Arc::clone(&state.shared);
            drop(state);
            let changed = shared.pause(pause);
            state = self.lock();
            changed
        } else {
            !state.stopped && !state.over && state.paused != pause
        };
        if changed {
            state.paused = pause;
        }
        changed
    }

    pub(crate) fn is_paused(&self) -> bool {
        let state = self.lock();
        if state.up {
            state.shared.control.is_paused()
        } else {
            state.paused
        }
    }

    /// Waits until the job is over or the moment has come; true when it is.
    pub(crate) fn wait_until(&self, moment: Instant) -> bool {
        if self.replan.is_none() {
            let shared = self.shared();
            return shared.control.wait_all(shared.tasks, Some(moment)) == Progress::AllEnded;
        }
        self.wait(moment, |state| state.over)
    }

    /// Lets a failed attempt rest before the next one; false when there must be none.
    pub(crate) fn rest(&self, pause: Duration) -> bool {
        self.lock().up = false;
        let Some(until) = Instant::now().checked_add(pause) else {
            return false;
        };
        !self.wait(until, |state| state.stopped)
    }

    fn wait(&self, moment: Instant, enough: impl Fn(&State) -> bool) -> bool {
        let mut state = self.lock();
        while !enough(&state) {
            let left = moment.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Shows the next attempt before it runs, so that an order reaches it. False when one has come already.
    pub(crate) fn show(&self, next: &Arc<Shared>) -> bool {
        let mut state = self.lock();
        state.shared = Arc::clone(next);
        !state.stopped
    }

    /// Lets the packets of the next attempt flow, unless the job is to end: what was inside still flows out of one that is
    /// drained.
    pub(crate) fn begin(&self, failed: bool) {
        let _turn = self.turn();
        let state = self.lock();
        let shared = Arc::clone(&state.shared);
        let (stopped, aborted, until, paused) = (state.stopped, state.aborted, state.until, state.paused);
        drop(state);
        // An order that comes from here on reaches the attempt by itself, in whatever order the two get there.
        if aborted {
            shared.abort();
        } else if stopped {
            shared.begin();
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            shared.drain(left.unwrap_or(Duration::MAX));
        } else {
            shared.begin();
            if paused {
                shared.pause(true);
            }
        }
        // Not before: until then it stands still if the job does.
        let mut state = self.lock();
        state.restarts += u64::from(failed);
        state.up = true;
    }

    /// The plan of the next attempt.
    pub(crate) fn plan(&self) -> Plan {
        let state = self.lock();
        state.plan.clone().unwrap_or_else(|| state.shared.plan.clone())
    }

    /// The plan that is wished for, and what changes with it.
    pub(crate) fn wanted(&self) -> Option<(Plan, RouteDiff)> {
        let state = self.lock();
        state.wish.as_ref().map(|wish| (wish.plan.clone(), wish.diff.clone()))
    }

    /// The job runs with the plan that was wished for.
    pub(crate) fn accept(&self, plan: Plan) {
        let mut state = self.lock();
        state.plan = Some(plan);
        self.answer(&mut state, Ok(()));
    }

    /// What is wished for will not be.
    pub(crate) fn refuse(&self, why: Error) {
        self.answer(&mut self.lock(), Err(why));
    }

    fn answer(&self, state: &mut State, answer: Result<(), Error>) {
        if let Some(wish) = &mut state.wish {
            wish.answer = Some(answer);
            self.changed.notify_all();
        }
    }

    /// Has the job go on with another parallelism of this node, and waits until it does.
    pub(crate) fn rescale(&self, node: &str, parallelism: u32) -> Result<RouteDiff, Error> {
        let refused = |kind, expected, found: &str, remedy| {
            let error = Error::new(kind, "rescale node").with("node", node);
            error.expected(expected).found(found).remedy(remedy)
        };
        let mut state = self.lock();
        let round = state.shared.control.round().cloned();
        let (Some(replan), Some(plan), Some(round)) = (&self.replan, &state.plan, round) else {
            let remedy = "give the job checkpoints, or start it again with the other parallelism";
            return Err(refused(
                ErrorKind::Unsupported,
                "a job with checkpoints",
                "one without",
                remedy,
            ));
        };
        if state.stopped || state.over {
            let remedy = "start it again with the other parallelism";
            return Err(refused(
                ErrorKind::Cancelled,
                "a job that runs",
                "one that ends",
                remedy,
            ));
        }
        if !state.up || state.wish.is_some() || state.shared.control.is_paused() {
            let found = "one that stands still, starts again or changes already";
            return Err(refused(
                ErrorKind::Overloaded,
                "a job that runs",
                found,
                "ask again when it runs",
            ));
        }
        let diff = plan.graph().route_diff(node, parallelism)?;
        if !round.is_divisible(node) {
            let remedy = "say `State::by_key`, or keep its parallelism";
            let found = "one that belongs to its instance";
            return Err(refused(ErrorKind::Unsupported, "a state by key", found, remedy));
        }
        let plan = replan(plan, plan.graph().rescaled(node, parallelism)?)?;
        state.wish = Some(Wish {
            plan,
            diff: diff.clone(),
            answer: None,
        });
        round.halt();
        loop {
            let answer = state.wish.as_mut().and_then(|wish| wish.answer.take());
            if let Some(answer) = answer {
                state.wish = None;
                return answer.map(|()| diff);
            }
            if !round.is_halting() {
                state.wish = None;
                let found = "one that was given up";
                return Err(refused(ErrorKind::Overloaded, "a checkpoint", found, "ask again"));
            }
            let waited = self.changed.wait_timeout(state, LOOK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The job is over.
    pub(crate) fn end(&self) {
        self.lock().over = true;
        self.changed.notify_all();
    }
}
