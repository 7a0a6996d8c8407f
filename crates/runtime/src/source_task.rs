//! The loop of an instance without inputs.

use std::sync::Arc;

use descriptor_core::Error;
use router::StopCause;

use crate::context::TaskContext;
use crate::control::{Control, Phase};
use crate::meter::TaskMeter;
use crate::outbox::Outbox;
use crate::task::{End, Task, TaskAccount, TaskParts};
use crate::{Data, Instance, OpResult, Source, SourceStep};

/// The longest that something emitted waits for a full batch, in nanoseconds, as long as steps are short.
const HOLD: u64 = 1_000_000;

pub(crate) struct SourceTask<Out: Data, S> {
    source: S,
    ctx: TaskContext<Out>,
    control: Arc<Control>,
    meter: Arc<TaskMeter>,
}

impl<Out: Data, S: Source<Out>> SourceTask<Out, S> {
    pub(crate) fn new(source: S, mut parts: TaskParts<'_>) -> Result<Self, Error> {
        let outbox = Outbox::connect(&mut parts)?;
        Ok(Self {
            source,
            ctx: TaskContext::new(parts.instance, outbox, None, parts.pool, Arc::clone(&parts.control)),
            control: parts.control,
            meter: parts.meter,
        })
    }

    fn done<R>(&self, result: OpResult<R>) -> Result<R, End> {
        if self.ctx.is_cut() {
            return Err(End::Cancelled);
        }
        result.map_err(|error| End::of(&error, &self.control))
    }

    fn record(&self) {
        self.meter.record(0, self.ctx.emitted());
        self.ctx.record_chain();
    }
}

impl<Out: Data, S: Source<Out>> Task for SourceTask<Out, S> {
    fn run(&mut self) -> Result<(), End> {
        self.ctx.tick();
        let chained = self.ctx.open_chain();
        self.done(chained)?;
        let opened = self.source.open(&mut self.ctx);
        self.done(opened)?;
        let mut flushed = self.ctx.timestamp();
        while !self.control.is_stopping() {
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
                    self.control.idle(limit);
                    continue;
                }
                SourceStep::Done => break,
            }
            self.record();
        }
        if self.control.phase() == Phase::Aborting {
            return Err(End::Cancelled);
        }
        let closed = self.source.close(&mut self.ctx);
        self.done(closed)?;
        let stopped = self.ctx.stop(StopCause::Finished);
        self.record();
        self.done(stopped)
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
