//! The loop of an instance without inputs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use descriptor_core::Error;
use router::StopCause;

use crate::context::TaskContext;
use crate::control::{Control, Phase};
use crate::meter::TaskMeter;
use crate::operator_task::Remake;
use crate::outbox::Outbox;
use crate::seat::Seat;
use crate::standing::{NodeState, Standing};
use crate::task::{self, End, Task, TaskAccount, TaskParts};
use crate::{Data, Instance, OpResult, Source, SourceStep};

/// The longest that something emitted waits for a full batch, in nanoseconds, as long as steps are short.
const HOLD: u64 = 1_000_000;

/// Between two looks of a source whose attempt is to end.
const LONG: Duration = Duration::from_secs(60);

pub(crate) struct SourceTask<Out: Data, S> {
    source: S,
    ctx: TaskContext<Out>,
    control: Arc<Control>,
    meter: Arc<TaskMeter>,
    standing: Arc<Standing>,
    remake: Remake<S>,
    repeats: bool,
    again: bool,
    seat: Option<Seat>,
}

impl<Out: Data, S: Source<Out>> SourceTask<Out, S> {
    pub(crate) fn new(mut source: S, remake: Remake<S>, mut parts: TaskParts<'_>) -> Result<Self, Error> {
        if let Some(seat) = &parts.seat {
            let node = &parts.instance.node;
            task::guarded(&parts.instance, || {
                seat.inspect(node, "position", &source.position(), parts.rules)
            })?;
        }
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
            seat: parts.seat,
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

    /// Goes to where a checkpoint says it was, where there is one to go on from. False when that was the end.
    fn seek(&mut self) -> Result<bool, End> {
        let Some(seat) = &mut self.seat else {
            return Ok(true);
        };
        let sought = match seat.restored() {
            Some((restored, _)) => restored.load(self.source.position()),
            None => Ok(()),
        };
        let goes_on = !seat.is_over();
        self.done(sought.map_err(Into::into))?;
        Ok(goes_on)
    }

    /// Sends the barrier that is asked for behind what it has emitted, and hands over how far it is.
    #[inline]
    fn mark(&mut self) -> Result<(), End> {
        match self.seat.as_ref().and_then(Seat::wanted) {
            Some(number) => self.send_barrier(number),
            None => Ok(()),
        }
    }

    #[cold]
    fn send_barrier(&mut self, number: u64) -> Result<(), End> {
        if let Some(seat) = &mut self.seat {
            let saved = seat.save(&self.source.position());
            if let Ok(position) = &saved {
                seat.hand_over(number, position.clone(), self.ctx.emitted());
            }
            self.done(saved)?;
        }
        let sent = self.ctx.barrier(number);
        self.done(sent)
    }

    /// Sends nothing more, for the attempt is to end with the barrier that it sent; unless that is given up.
    #[cold]
    fn stand_by(&mut self) -> Result<(), End> {
        let flushed = self.ctx.flush();
        self.done(flushed)?;
        self.record();
        self.standing.wait(true);
        let given_up = || !self.seat.as_ref().is_some_and(Seat::is_halted);
        self.control.idle_until(LONG, given_up);
        self.standing.wait(false);
        Ok(())
    }

    /// Hands over that it is at its end, and waits for all others.
    fn conclude(&mut self) -> Result<(), End> {
        let Some(seat) = &mut self.seat else {
            return Ok(());
        };
        let saved = seat.save(&self.source.position());
        if let Ok(position) = &saved {
            seat.end(position.clone(), self.ctx.emitted());
        }
        self.done(saved)?;
        self.standing.wait(true);
        let last = self.seat.as_ref().map_or(Ok(false), Seat::wait_last);
        self.standing.wait(false);
        match last {
            Ok(true) => {
                let done = self.ctx.commit_last();
                self.done(done)
            }
            Ok(false) => Err(End::Cancelled),
            Err(why) => Err(End::Failed(why)),
        }
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
        let goes_on = self.seek()?;
        let mut flushed = self.ctx.timestamp();
        let mut through = false;
        let mut ended = self.ctx.take_ending();
        while goes_on && !ended && !self.control.is_stopping() {
            if self.control.is_paused() {
                self.park()?;
                continue;
            }
            self.mark()?;
            if self.seat.as_ref().is_some_and(Seat::is_halted) {
                self.stand_by()?;
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
            let step = self.done(step)?;
            ended = self.ctx.take_ending();
            match step {
                _ if ended => break,
                SourceStep::More => {}
                SourceStep::Idle(limit) => {
                    let flushed = self.ctx.flush();
                    self.done(flushed)?;
                    self.record();
                    self.standing.wait(true);
                    let marked = || self.seat.as_ref().and_then(Seat::wanted).is_some();
                    self.control.idle_until(limit, marked);
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
        if goes_on {
            let closed = self.source.close(&mut self.ctx);
            self.done(closed)?;
        }
        if through && !self.ctx.take_ending() && self.repeats && !self.control.is_stopping() {
            let flushed = self.ctx.flush();
            self.record();
            self.done(flushed)?;
            return Err(End::Through);
        }
        let stopped = self.ctx.stop(StopCause::Finished);
        self.record();
        self.done(stopped)?;
        self.conclude()
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
