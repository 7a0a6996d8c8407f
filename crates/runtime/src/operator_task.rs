//! The loop of an instance that has inputs.

use std::collections::VecDeque;
use std::sync::Arc;

use descriptor_core::{DropCause, DynQueue, Error, GetError, Wait};
use graph::ErrorPolicy;
use router::{Envelope, Inbox, Packet, Received, StopCause, UpstreamId};

use crate::context::TaskContext;
use crate::control::{Control, Phase};
use crate::dead_letter::{DeadLetter, DeadLetters};
use crate::losses::Losses;
use crate::meter::TaskMeter;
use crate::outbox::Outbox;
use crate::task::{End, Task, TaskAccount, TaskParts};
use crate::{Data, OpError, OpResult, Operator};

/// Events taken from the queue at once. Enough to make the wake-ups of a busy edge rare, few enough to stay in cache.
const BATCH: usize = 256;

pub(crate) struct OperatorTask<In: Data, Out: Data, Op> {
    operator: Op,
    ctx: TaskContext<Out>,
    queue: DynQueue<Envelope<In>>,
    inbox: Inbox,
    // Taken from the queue and not yet handled. What is left here after a failure is accounted for.
    pending: VecDeque<Envelope<In>>,
    // Whose packet the operator has in hand.
    in_hand: Option<UpstreamId>,
    taken: u64,
    losses: Losses,
    skipped: u64,
    on_error: ErrorPolicy,
    dead_letters: DeadLetters,
    remembered: Vec<u8>,
    control: Arc<Control>,
    meter: Arc<TaskMeter>,
}

impl<In: Data, Out: Data, Op: Operator<In, Out>> OperatorTask<In, Out, Op> {
    pub(crate) fn new(operator: Op, queue: DynQueue<Envelope<In>>, parts: TaskParts<'_>) -> Result<Self, Error> {
        let outbox = Outbox::connect(
            &parts.instance.name,
            parts.instance.index,
            parts.instance.parallelism,
            parts.groups,
            parts.outputs,
        )?;
        let input = parts.input.map(|queue| queue.record().clone());
        Ok(Self {
            operator,
            ctx: TaskContext::new(parts.instance, outbox, input, parts.pool, Arc::clone(&parts.control)),
            queue,
            inbox: Inbox::new(parts.expected.iter().copied())?,
            pending: VecDeque::new(),
            in_hand: None,
            taken: 0,
            losses: Losses::default(),
            skipped: 0,
            on_error: parts.on_error,
            dead_letters: parts.dead_letters,
            remembered: Vec::new(),
            control: parts.control,
            meter: parts.meter,
        })
    }

    /// An aborted job wants no more work, and what is not done stays where it is. True otherwise.
    #[inline]
    fn wanted(&self) -> Result<bool, End> {
        if self.control.phase() == Phase::Aborting {
            Err(End::Cancelled)
        } else {
            Ok(true)
        }
    }

    /// Refills `pending`. While there is input it is taken without waiting and output gathers; before a wait everything
    /// goes out, so that an idle job holds nothing back.
    fn take(&mut self) -> Result<(), End> {
        self.wanted()?;
        let mut batch = Vec::from(std::mem::take(&mut self.pending));
        let mut got = self.queue.get_batch(&mut batch, BATCH, Wait::Never);
        if matches!(got, Err(GetError::Empty)) {
            let flushed = self.ctx.flush();
            self.done(flushed)?;
            got = self.queue.get_batch(&mut batch, BATCH, Wait::Forever);
        }
        self.pending = VecDeque::from(batch);
        match got {
            Ok(_) => Ok(()),
            // A closed queue is an abort; without one, somebody else has closed it, and the packets it refuses are lost.
            Err(error) => self.done(Err(Error::from(error).into())),
        }
    }

    fn handle(&mut self, envelope: Envelope<In>) -> Result<(), End> {
        let from = envelope.from;
        match self.inbox.accept(envelope) {
            Received::Packet(packet) => self.process(from, packet),
            Received::Watermark(time) => self.advance(time),
            Received::Ended {
                watermark: Some(time), ..
            } => self.advance(time),
            _ => Ok(()),
        }
    }

    #[inline]
    fn process(&mut self, from: UpstreamId, packet: Packet<In>) -> Result<(), End> {
        self.taken += 1;
        self.in_hand = Some(from);
        if self.on_error == ErrorPolicy::DeadLetter {
            let remembered = self.dead_letters.remember(&packet.payload, &mut self.remembered);
            self.done(remembered.map_err(Into::into))?;
        }
        self.ctx.begin(&packet);
        let result = self.operator.process(packet, &mut self.ctx);
        let result = match result {
            Ok(()) => Ok(()),
            Err(error) => {
                // A packet is lost once, whatever else was said of it before it failed.
                self.ctx.settle_drops(|_, _| {});
                self.failed(from, error)
            }
        };
        self.ctx.end();
        self.in_hand = None;
        self.ctx
            .settle_drops(|cause, packets| self.losses.drop(from, cause, packets));
        result
    }

    /// What the node's policy says about a packet whose operator failed.
    #[cold]
    fn failed(&mut self, from: UpstreamId, error: OpError) -> Result<(), End> {
        let end = End::of(&error, &self.control);
        match (self.on_error, end) {
            (_, End::Cancelled) => {
                self.losses.drop(from, DropCause::Aborted, 1);
                Err(End::Cancelled)
            }
            // What could not be sent on is no fault of this packet; going on would lose the next one as well.
            _ if self.ctx.is_broken() => {
                self.losses.drop(from, DropCause::Failed, 1);
                Err(End::Failed(error.to_string()))
            }
            (ErrorPolicy::Skip, _) => {
                tracing::debug!(instance = %self.ctx.instance().name, %error, "packet skipped");
                self.losses.drop(from, DropCause::Failed, 1);
                self.skipped += 1;
                Ok(())
            }
            (ErrorPolicy::DeadLetter, _) => {
                let kept = self.dead_letters.keep(DeadLetter {
                    node: self.ctx.instance().node.clone(),
                    instance: self.ctx.instance().name.clone(),
                    error: error.to_string(),
                    item: String::from_utf8_lossy(&self.remembered).into_owned(),
                    key: self.ctx.key().map(ToString::to_string),
                    timestamp: self.ctx.timestamp(),
                });
                if let Err(refused) = kept {
                    self.losses.drop(from, DropCause::Failed, 1);
                    return Err(End::Failed(refused.to_string()));
                }
                self.losses.dead_letter(from);
                self.skipped += 1;
                Ok(())
            }
            (_, end) => {
                self.losses.drop(from, DropCause::Failed, 1);
                Err(end)
            }
        }
    }

    fn advance(&mut self, time: u64) -> Result<(), End> {
        let fired = self
            .operator
            .watermark(time, &mut self.ctx)
            .and_then(|()| self.ctx.watermark(time));
        // No packet is at hand that could be counted as dropped.
        self.ctx.settle_drops(|_, _| {});
        self.done(fired)
    }

    fn done(&self, result: OpResult) -> Result<(), End> {
        result.map_err(|error| End::of(&error, &self.control))
    }

    fn record(&self) {
        self.meter.record(self.taken, self.ctx.emitted());
    }
}

impl<In: Data, Out: Data, Op: Operator<In, Out>> Task for OperatorTask<In, Out, Op> {
    fn run(&mut self) -> Result<(), End> {
        let opened = self.operator.open(&mut self.ctx);
        self.done(opened)?;
        while !self.inbox.all_ended() {
            self.take()?;
            // A closed queue still hands out what is inside, and a slow operator would work on it for long.
            while self.wanted()?
                && let Some(envelope) = self.pending.pop_front()
            {
                self.handle(envelope)?;
            }
            self.record();
        }
        self.wanted()?;
        let closed = self.operator.close(&mut self.ctx);
        self.done(closed)?;
        let stopped = self.ctx.stop(StopCause::Finished);
        self.record();
        self.done(stopped)
    }

    fn account(&mut self) -> TaskAccount {
        if let Some(from) = self.in_hand.take() {
            self.losses.drop(from, DropCause::Failed, 1);
        }
        while let Some(envelope) = self.pending.pop_front() {
            let from = envelope.from;
            if let Received::Packet(_) = self.inbox.accept(envelope) {
                self.losses.drop(from, DropCause::Aborted, 1);
            }
        }
        let (sent, unsent) = self.ctx.account();
        self.record();
        let received = self
            .inbox
            .packets()
            .map(|(from, packets)| (from, packets, self.losses.of(from)));
        TaskAccount {
            received: received.collect(),
            sent,
            unsent,
            skipped: self.skipped,
            irregular: self.inbox.irregular(),
        }
    }
}
