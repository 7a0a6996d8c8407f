//! An operator that is called by the one before it, on the same thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use descriptor_core::Error;
use router::{Envelope, Event, Inbox, Pack, Received, UpstreamId};

use crate::control::Control;
use crate::stage::Stage;
use crate::task::{self, End, TaskAccount, TaskParts};
use crate::{Data, Instance, Operator};

/// The consumer's end of an edge without a queue.
pub(crate) trait Link<T: Data>: Send {
    /// Opens this operator and those behind it, the last one first.
    fn open(&mut self) -> Result<(), Cut>;

    /// Works on these packets; afterwards there are none, and `taken` says how many it got to see.
    fn run(&mut self, packets: &mut Pack<T>) -> Result<(), Cut>;

    /// Takes note that event time has come this far.
    fn watermark(&mut self, time: u64) -> Result<(), Cut>;

    /// Hands over its state at this barrier, and so do those behind it.
    fn barrier(&mut self, number: u64) -> Result<(), Cut>;

    /// The last checkpoint is complete.
    fn commit_last(&mut self) -> Result<(), Cut>;

    /// Sends what is buffered at the end of the chain.
    fn flush(&mut self) -> Result<(), Cut>;

    /// Nothing more will come.
    fn stop(&mut self) -> Result<(), Cut>;

    /// How many packets it has taken.
    fn taken(&self) -> u64;

    /// Makes the live counts known.
    fn record(&self);

    /// The last instance of the chain whose code is running: after a panic, the one that panicked.
    fn culprit(&self) -> Option<&Instance>;

    /// Adds the accounts of this operator and those behind it.
    fn account(&mut self, all: &mut Vec<TaskAccount>);

    /// Drops the operators, last one first; a panic in that is the failure of its own instance.
    fn end(self: Box<Self>);
}

/// The chain does not go on. Whoever broke it has told the job why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut;

pub(crate) struct ChainLink<In: Data, Out: Data, Op> {
    stage: Stage<In, Out, Op>,
    from: UpstreamId,
    /// For watermarks and the stop; the stage counts the packets.
    inbox: Inbox,
    control: Arc<Control>,
    broken: bool,
    /// It has ended its streams, and what comes is let go.
    over: bool,
}

impl<In: Data, Out: Data, Op: Operator<In, Out>> ChainLink<In, Out, Op> {
    pub(crate) fn new(operator: Op, from: UpstreamId, parts: TaskParts<'_>) -> Result<Self, Error> {
        Ok(Self {
            from,
            inbox: Inbox::new([from])?,
            control: Arc::clone(&parts.control),
            stage: Stage::new(operator, parts)?,
            broken: false,
            over: false,
        })
    }

    fn settle(&mut self, result: Result<(), End>) -> Result<(), Cut> {
        match result {
            Err(End::Over) => self.finish(),
            result => result.map_err(|end| self.fail(end)),
        }
    }

    /// Ends its streams while those before it go on.
    #[cold]
    fn finish(&mut self) -> Result<(), Cut> {
        self.over = true;
        self.stage.close().map_err(|end| self.fail(end))
    }

    #[cold]
    fn fail(&mut self, end: End) -> Cut {
        if !self.broken
            && let End::Failed(message) = end
        {
            task::fail(self.stage.instance(), &self.control, message, false);
        }
        self.broken = true;
        Cut
    }

    /// Whether this operator can take anything now.
    #[inline]
    fn ready(&mut self) -> Result<(), Cut> {
        if self.broken || self.stage.is_busy() || self.stage.wanted().is_err() {
            return self.refuse();
        }
        Ok(())
    }

    #[cold]
    fn refuse(&mut self) -> Result<(), Cut> {
        if !self.broken && self.stage.is_busy() {
            // Somebody before this has caught the panic, and would go on with an operator that is half done.
            self.fail(End::Failed("panicked before, and was called again".into()));
        }
        Err(Cut)
    }
}

impl<In: Data, Out: Data, Op: Operator<In, Out>> Link<In> for ChainLink<In, Out, Op> {
    fn open(&mut self) -> Result<(), Cut> {
        let opened = self.stage.open();
        self.settle(opened)
    }

    fn run(&mut self, packets: &mut Pack<In>) -> Result<(), Cut> {
        self.ready()?;
        let all = self.stage.seen() + packets.len() as u64;
        let done = if self.over {
            Ok(())
        } else {
            self.stage.run(self.from, packets)
        };
        let done = self.settle(done);
        if self.over {
            self.stage.pass_over(self.from, all - self.stage.seen());
        }
        done
    }

    fn watermark(&mut self, time: u64) -> Result<(), Cut> {
        self.ready()?;
        let event = Envelope::<In> {
            from: self.from,
            event: Event::Watermark(time),
        };
        match self.inbox.accept(event) {
            Received::Watermark(time) if !self.over => {
                let advanced = self.stage.advance(time);
                self.settle(advanced)
            }
            _ => Ok(()),
        }
    }

    fn barrier(&mut self, number: u64) -> Result<(), Cut> {
        self.ready()?;
        if self.over {
            return Ok(());
        }
        let done = self.stage.barrier(number);
        self.settle(done)
    }

    fn commit_last(&mut self) -> Result<(), Cut> {
        self.ready()?;
        let done = self.stage.commit_last();
        self.settle(done)
    }

    fn flush(&mut self) -> Result<(), Cut> {
        if self.broken {
            return Err(Cut);
        }
        let flushed = self.stage.flush();
        self.settle(flushed)
    }

    fn stop(&mut self) -> Result<(), Cut> {
        self.ready()?;
        if self.over {
            return Ok(());
        }
        let closed = self.stage.close();
        self.settle(closed)
    }

    fn taken(&self) -> u64 {
        self.stage.seen()
    }

    fn record(&self) {
        self.stage.record();
    }

    fn culprit(&self) -> Option<&Instance> {
        let behind = self.stage.culprit();
        behind.or_else(|| self.stage.is_busy().then(|| self.stage.instance()))
    }

    fn account(&mut self, all: &mut Vec<TaskAccount>) {
        let irregular = self.inbox.irregular();
        self.stage
            .account(irregular, |stage| vec![stage.received(self.from)], all);
    }

    fn end(mut self: Box<Self>) {
        self.stage.end_chain();
        let (instance, control) = (self.stage.instance().clone(), Arc::clone(&self.control));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(move || drop(self))) {
            task::fail(&instance, &control, task::panic_message(panic.as_ref()), true);
        }
    }
}
