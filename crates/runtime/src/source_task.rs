//! The loop of an instance without inputs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use descriptor_core::Error;
use router::StopCause;

use crate::context::TaskContext;
use crate::control::{Control, Phase};
use crate::meter::TaskMeter;
use crate::operator_task::Remake;
use crate::outbox::Outbox;
use crate::standing::{NodeState, Standing};
use crate::task::{self, End, Task, TaskAccount, TaskParts};
use crate::{Data, Instance, OpResult, Source, SourceStep};

/// The longest that something emitted waits for a full batch, in nanoseconds, as long as steps are short.
const HOLD: u64 = 1_000_000;

pub(crate) struct SourceTask<Out: Data, S> {
    source: S,
    ctx: TaskContext<Out>,
    control: Arc<Control>,
    meter: Arc<TaskMeter>,
    standing: Arc<Standing>,
    remake: Remake<S>,
    repeats: bool,
    again: bool,
}

impl<Out: Data, S: Source<Out>> SourceTask<Out, S> {
    pub(crate) fn new(source: S, remake: Remake<S>, mut parts: TaskParts<'_>) -> Result<Self, Error> {
        let outbox = Outbox::connect(&mut parts)?;
        Ok(Self {
            source,
            ctx: TaskContext::new(
                parts.instance,
                outbox,
                None,
                parts.pool,
                parts.caller,
                Arc::clone(&parts.control),
            ),
            control: parts.control,
            meter: parts.meter,
            standing: parts.standing,
            remake,
            repeats: parts.rules.repeats(),
            again: false,
        })
    }

    fn done<R>(&self, result: OpResult<R>) -> Result<R, End> {
        if self.ctx.is_cut() {
            return Err(End::Cancelled);
        }
        result.map_err(|error| End::of(&error, &self.control))
    }

    /// Stands still while the job is paused, with nothing held back.
    #[cold]
    fn park(&mut self) -> Result<(), End> {
        let flushed = self.ctx.flush();
        self.record();
        self.done(flushed)?;
        self.standing.enter(NodeState::Paused);
        self.control.park();
        self.standing.enter(NodeState::Running);
        self.ctx.tick();
        Ok(())
    }

    fn record(&self) {
        self.meter.record(0, self.ctx.emitted());
        self.ctx.record_chain();
    }
}

impl<Out: Data, S: Source<Out>> Task for SourceTask<Out, S> {
    fn run(&mut self) -> Result<(), End> {
        self.ctx.tick();
        if std::mem::take(&mut self.again) && self.control.phase() == Phase::Draining {
            // It was to begin anew, and nothing new is wanted any more.
            return self.leave(StopCause::Finished);
        }
        let chained = self.ctx.open_chain();
        self.done(chained)?;
        let opened = self.source.open(&mut self.ctx);
        self.done(opened)?;
        let mut flushed = self.ctx.timestamp();
        let mut through = false;
        while !self.control.is_stopping() {
            if self.control.is_paused() {
                self.park()?;
                continue;
            }
            // One look at the clock per step: a step is a batch.
            self.ctx.tick();
            if self.ctx.timestamp().saturating_sub(flushed) >= HOLD {
                flushed = self.ctx.timestamp();
                let done = self.ctx.flush();
                self.done(done)?;
            }
            let step = self.source.step(&mut self.ctx);
            match self.done(step)? {
                SourceStep::More => {}
                SourceStep::Idle(limit) => {
                    let flushed = self.ctx.flush();
                    self.done(flushed)?;
                    self.record();
                    self.standing.wait(true);
                    self.control.idle(limit);
                    self.standing.wait(false);
                    continue;
                }
                SourceStep::Done => {
                    through = true;
                    break;
                }
            }
            self.record();
        }
        if self.control.phase() == Phase::Aborting {
            return Err(End::Cancelled);
        }
        let closed = self.source.close(&mut self.ctx);
        self.done(closed)?;
        if through && self.repeats && !self.control.is_stopping() {
            let flushed = self.ctx.flush();
            self.record();
            self.done(flushed)?;
            return Err(End::Through);
        }
        let stopped = self.ctx.stop(StopCause::Finished);
        self.record();
        self.done(stopped)
    }

    fn restart(&mut self) -> Result<(), End> {
        let made = task::guarded(self.ctx.instance(), || (self.remake)(self.ctx.instance()));
        let source = made.map_err(|error| End::Failed(error.to_string()))?;
        self.again = true;
        let old = std::mem::replace(&mut self.source, source);
        match catch_unwind(AssertUnwindSafe(move || drop(old))) {
            Ok(()) => Ok(()),
            Err(panic) => Err(End::Failed(task::panic_message(panic.as_ref()))),
        }
    }

    fn leave(&mut self, cause: StopCause) -> Result<(), End> {
        let stopped = self.ctx.stop(cause);
        self.record();
        self.done(stopped)
    }

    fn is_broken(&self) -> bool {
        self.ctx.is_broken()
    }

    fn account(&mut self) -> Vec<TaskAccount> {
        let (sent, unsent) = self.ctx.account();
        self.record();
        let mut all = vec![TaskAccount {
            sent,
            unsent,
            ..TaskAccount::default()
        }];
        self.ctx.account_chain(&mut all);
        all
    }

    fn culprit(&self) -> Option<&Instance> {
        self.ctx.culprit()
    }

    fn end_chain(&mut self) {
        self.ctx.end_chain();
    }
}
