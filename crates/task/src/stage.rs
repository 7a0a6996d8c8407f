//! One operator instance at work: packets in, packets out, and an account of both.

use std::marker::PhantomData;
use std::sync::Arc;

use checkpoint::LAST;
use descriptor_core::{DropCause, Error};
use graph::ErrorPolicy;
use router::{Drain, Irregular, Pack, Packet, RowKey, Rows, StopCause, UpstreamId};

use crate::context::TaskContext;
use crate::control::{Control, Phase};
use crate::dead_letter::{DeadLetter, DeadLetters};
use crate::losses::{Loss, Losses};
use crate::meter::TaskMeter;
use crate::outbox::Outbox;
use crate::seat::Seat;
use crate::task::{self, End, LOG, TaskAccount, TaskParts};
use crate::{Data, Instance, OpError, OpResult, Operator};

pub(crate) struct Stage<In: Data, Out: Data, Op> {
    operator: Op,
    ctx: TaskContext<Out>,
    // Whose packet the operator has in hand.
    in_hand: Option<UpstreamId>,
    // In a call of the operator that is not about a packet.
    called: bool,
    taken: u64,
    // Came after its end; taken and not worked on.
    passed: u64,
    losses: Losses,
    skipped: u64,
    on_error: ErrorPolicy,
    dead_letters: DeadLetters,
    remembered: Vec<u8>,
    control: Arc<Control>,
    meter: Arc<TaskMeter>,
    seat: Option<Box<Seat>>,
    item: PhantomData<fn(In)>,
}

impl<In: Data, Out: Data, Op: Operator<In, Out>> Stage<In, Out, Op> {
    pub(crate) fn new(mut operator: Op, mut parts: TaskParts<'_>) -> Result<Self, Error> {
        if let Some(seat) = &parts.seat {
            let node = &parts.instance.node;
            task::guarded(&parts.instance, || {
                seat.inspect(node, "state", &operator.state(), parts.rules)
            })?;
        }
        let outbox = Outbox::connect(&mut parts)?;
        let input = parts.input.map(|queue| Arc::clone(queue.record()));
        Ok(Self {
            operator,
            ctx: TaskContext::new(
                parts.instance,
                outbox,
                input,
                parts.pool,
                parts.caller,
                Arc::clone(&parts.control),
            ),
            in_hand: None,
            called: false,
            taken: 0,
            passed: 0,
            losses: Losses::default(),
            skipped: 0,
            on_error: parts.on_error,
            dead_letters: parts.dead_letters,
            remembered: Vec::new(),
            control: parts.control,
            meter: parts.meter,
            seat: parts.seat.map(Box::new),
            item: PhantomData,
        })
    }

    pub(crate) const fn instance(&self) -> &Instance {
        self.ctx.instance()
    }

    pub(crate) const fn operator(&mut self) -> &mut Op {
        &mut self.operator
    }

    /// An aborted job wants no more work, and what is not done stays where it is. True otherwise.
    #[inline]
    pub(crate) fn wanted(&self) -> Result<bool, End> {
        if self.control.phase() == Phase::Aborting {
            Err(End::Cancelled)
        } else {
            Ok(true)
        }
    }

    /// True while the operator runs; afterwards, when it panicked.
    #[inline]
    pub(crate) const fn is_busy(&self) -> bool {
        self.in_hand.is_some() || self.called
    }

    /// Those that this one calls, then itself.
    pub(crate) fn open(&mut self) -> Result<(), End> {
        let opened = self.ctx.open_chain();
        self.done(opened)?;
        self.call(|operator, ctx| operator.open(ctx))?;
        self.restore()?;
        // The checkpoint that it goes on from may have been behind the end of its streams.
        if self.is_over() { Err(End::Over) } else { self.goes_on() }
    }

    /// It had come to its end before the checkpoint that the job goes on from.
    fn is_over(&self) -> bool {
        self.seat.as_ref().is_some_and(|seat| seat.is_over())
    }

    /// An operator may end its streams in any call but the last.
    fn goes_on(&mut self) -> Result<(), End> {
        if self.ctx.take_ending() { Err(End::Over) } else { Ok(()) }
    }

    /// Becomes what a checkpoint says it was, where there is one to go on from.
    fn restore(&mut self) -> Result<(), End> {
        let Some(seat) = &mut self.seat else {
            return Ok(());
        };
        let Some((restored, number)) = seat.restored() else {
            self.operator.state().reset();
            return Ok(());
        };
        self.call(|operator, _| {
            restored.load(operator.state())?;
            operator.commit(number)
        })
    }

    /// What came so far belongs to this checkpoint: so does the state, and so does what has been emitted.
    #[cold]
    pub(crate) fn barrier(&mut self, number: u64) -> Result<(), End> {
        if let Some(mut seat) = self.seat.take() {
            let done = self.call(|operator, _| {
                if let Some(complete) = seat.completed() {
                    operator.commit(complete)?;
                }
                operator.prepare(number)?;
                let state = seat.save(&operator.state())?;
                seat.hand_over(number, state, 0);
                Ok(())
            });
            self.seat = Some(seat);
            done?;
        }
        self.call(|_, ctx| ctx.barrier(number))
    }

    /// Lets others have the barrier of a checkpoint that this instance cannot take part in.
    pub(crate) fn decline(&mut self, number: u64) -> Result<(), End> {
        if let Some(seat) = &mut self.seat {
            seat.decline(number);
        }
        self.call(|_, ctx| ctx.barrier(number))
    }

    /// False for a barrier that has been dealt with.
    pub(crate) fn is_next(&self, barrier: u64) -> bool {
        self.seat.as_ref().is_some_and(|seat| seat.is_next(barrier))
    }

    /// Hands over the state at the end.
    fn hand_over_end(&mut self) -> Result<(), End> {
        let Some(seat) = self.seat.take() else {
            return Ok(());
        };
        let done = self.call(|operator, _| {
            if !seat.is_over() {
                operator.prepare(LAST)?;
            }
            let state = seat.save(&operator.state())?;
            seat.end(state, 0);
            Ok(())
        });
        self.seat = Some(seat);
        done
    }

    /// Waits until nothing of the job will be asked for again, and lets sinks know. Everybody on this thread must have come
    /// to the end.
    pub(crate) fn conclude(&mut self) -> Result<(), End> {
        match self.seat.as_ref().map(|seat| seat.wait_last()) {
            None => Ok(()),
            Some(Ok(true)) => self.commit_last(),
            Some(Ok(false)) => Err(End::Cancelled),
            Some(Err(why)) => Err(End::Failed(why)),
        }
    }

    pub(crate) fn commit_last(&mut self) -> Result<(), End> {
        self.call(|operator, ctx| {
            operator.commit(LAST)?;
            ctx.commit_last()
        })
    }

    /// A new operator takes the place of one that failed, and gets the packet that it failed on when `failed_on` says
    /// whose that was.
    pub(crate) fn replace(&mut self, operator: Op, failed_on: Option<UpstreamId>) -> Op {
        self.called = false;
        let panicked = self.in_hand.take().is_some();
        self.ctx.end();
        self.ctx.take_ending();
        self.ctx.settle_drops(|_, _| {});
        if let Some(from) = failed_on {
            self.taken -= 1;
            if !panicked {
                self.losses.take_back(from, DropCause::Failed);
            }
            self.losses.redeliver(from);
        }
        std::mem::replace(&mut self.operator, operator)
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.ctx.is_broken()
    }

    /// Ends the streams of an operator that is not closed.
    pub(crate) fn stop(&mut self, cause: StopCause) -> Result<(), End> {
        if let Some(from) = self.in_hand.take() {
            self.losses.drop(from, DropCause::Failed, 1);
        }
        self.called = false;
        self.ctx.end();
        let stopped = self.ctx.stop(cause);
        self.record();
        self.done(stopped)
    }

    /// Packets that were sent to an instance that does not work any more, and whether it failed or is closed.
    pub(crate) fn drop_refused(&mut self, from: UpstreamId, packets: usize, why: DropCause) {
        if packets > 0 {
            self.losses.drop(from, why, packets as u64);
        }
    }

    /// As `drop_refused`, after its end, of packets that nobody else counts.
    pub(crate) fn pass_over(&mut self, from: UpstreamId, packets: u64) {
        self.passed += packets;
        if packets > 0 {
            self.losses.drop(from, DropCause::Closed, packets);
        }
    }

    pub(crate) fn process(&mut self, from: UpstreamId, packet: Packet<In>) -> Result<(), End> {
        self.at_work(from, |stage| stage.one(from, packet))
    }

    /// Works on these packets, as far as it comes. `taken` counts one after the other, so that a panic leaves no doubt.
    pub(crate) fn run(&mut self, from: UpstreamId, packets: &mut Pack<In>) -> Result<(), End> {
        self.at_work(from, |stage| match packets.drain() {
            mut packets if stage.on_error == ErrorPolicy::DeadLetter => {
                packets.try_for_each(|packet| stage.one(from, packet))
            }
            Drain::Plain(packets) => stage.each(from, packets),
            Drain::Int(packets) => stage.each(from, packets),
            Drain::Mixed(mut packets) => packets.try_for_each(|packet| stage.one(from, packet)),
        })
    }

    #[inline(always)]
    fn at_work(&mut self, from: UpstreamId, work: impl FnOnce(&mut Self) -> Result<(), End>) -> Result<(), End> {
        self.in_hand = Some(from);
        let result = work(self);
        self.ctx.end();
        self.in_hand = None;
        result
    }

    /// Part of the loop over each sort, so that a packet is made where it is used and not before: anything that looks at
    /// one as a whole would have it made in memory.
    #[inline(always)]
    fn each<K: RowKey>(&mut self, from: UpstreamId, rows: Rows<'_, In, K>) -> Result<(), End> {
        for row in rows {
            self.wanted()?;
            self.taken += 1;
            self.ctx.begin(row.like());
            let done = self.operator.process(row.into_packet(), &mut self.ctx);
            self.worked(from, done)?;
        }
        Ok(())
    }

    /// As `each`, and keeps a copy first where the packet may become a dead letter.
    fn one(&mut self, from: UpstreamId, packet: Packet<In>) -> Result<(), End> {
        self.wanted()?;
        self.taken += 1;
        if self.on_error == ErrorPolicy::DeadLetter {
            let remembered = self.dead_letters.remember(&packet.payload, &mut self.remembered);
            self.done(remembered.map_err(Into::into)).inspect_err(|_| {
                self.losses.drop(from, DropCause::Failed, 1);
            })?;
        }
        self.ctx.begin(packet.inherit_partition_info(()));
        let done = self.operator.process(packet, &mut self.ctx);
        self.worked(from, done)
    }

    #[inline(always)]
    fn worked(&mut self, from: UpstreamId, done: OpResult) -> Result<(), End> {
        if done.is_ok() && self.ctx.is_smooth() {
            return Ok(());
        }
        self.settle(from, done)
    }

    #[cold]
    fn settle(&mut self, from: UpstreamId, done: OpResult) -> Result<(), End> {
        let result = match done {
            // An operator may keep it to itself that what it sent did not go out.
            Ok(()) if self.ctx.is_cut() => Err(End::Cancelled),
            Ok(()) => Ok(()),
            Err(error) => {
                // A packet is lost once, whatever else was said of it before it failed.
                self.ctx.settle_drops(|_, _| {});
                self.failed(from, error)
            }
        };
        self.ctx
            .settle_drops(|cause, packets| self.losses.drop(from, cause, packets));
        result.and_then(|()| self.goes_on())
    }

    /// What the node's policy says about a packet whose operator failed.
    #[cold]
    fn failed(&mut self, from: UpstreamId, error: OpError) -> Result<(), End> {
        let end = if self.ctx.is_cut() {
            End::Cancelled
        } else {
            End::of(&error, &self.control)
        };
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
                tracing::debug!(target: LOG, instance = %self.ctx.instance().name, %error, "packet skipped");
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

    pub(crate) fn advance(&mut self, time: u64) -> Result<(), End> {
        let fired = self.call(|operator, ctx| {
            operator.watermark(time, ctx)?;
            ctx.watermark(time)
        });
        // No packet is at hand that could be counted as dropped.
        self.ctx.settle_drops(|_, _| {});
        fired.and_then(|()| self.goes_on())
    }

    pub(crate) fn flush(&mut self) -> Result<(), End> {
        let flushed = self.ctx.flush();
        self.done(flushed)
    }

    /// After the last packet: the operator's own end, then the stop behind all it sent.
    pub(crate) fn close(&mut self) -> Result<(), End> {
        self.wanted()?;
        // One that went on from its end has closed before, and what it sent then has been worked through.
        if !self.is_over() {
            self.call(|operator, ctx| operator.close(ctx))?;
            self.ctx.take_ending();
        }
        let stopped = self.ctx.stop(StopCause::Finished);
        self.record();
        self.done(stopped)?;
        self.hand_over_end()
    }

    fn call(&mut self, call: impl FnOnce(&mut Op, &mut TaskContext<Out>) -> OpResult) -> Result<(), End> {
        self.called = true;
        let result = call(&mut self.operator, &mut self.ctx);
        self.called = false;
        self.done(result)
    }

    pub(crate) fn done(&self, result: OpResult) -> Result<(), End> {
        if self.ctx.is_cut() {
            return Err(End::Cancelled);
        }
        result.map_err(|error| End::of(&error, &self.control))
    }

    pub(crate) fn record(&self) {
        self.meter.record(self.taken, self.ctx.emitted());
        self.ctx.record_chain();
    }

    /// The last of those that this one calls whose code is running.
    pub(crate) fn culprit(&self) -> Option<&Instance> {
        self.ctx.culprit()
    }

    /// Drops those that this one calls.
    pub(crate) fn end_chain(&mut self) {
        self.ctx.end_chain();
    }

    /// Packets that were taken and never given to the operator.
    pub(crate) fn drop_unseen(&mut self, from: UpstreamId, packets: usize) {
        if packets > 0 {
            self.losses.drop(from, DropCause::Aborted, packets as u64);
        }
    }

    pub(crate) const fn taken(&self) -> u64 {
        self.taken
    }

    /// All that came to it.
    pub(crate) const fn seen(&self) -> u64 {
        self.taken + self.passed
    }

    /// The account of the only sender.
    pub(crate) fn received(&self, from: UpstreamId) -> (UpstreamId, u64, Loss) {
        (from, self.seen(), self.losses.of(from))
    }

    pub(crate) fn loss(&self, from: UpstreamId) -> Loss {
        self.losses.of(from)
    }

    /// Adds the accounts of this operator and of those it calls.
    pub(crate) fn account(
        &mut self,
        irregular: Irregular,
        received: impl FnOnce(&Self) -> Vec<(UpstreamId, u64, Loss)>,
        all: &mut Vec<TaskAccount>,
    ) {
        if let Some(from) = self.in_hand.take() {
            // Its own panic, or one further down that took this packet with it.
            let cause = if self.culprit().is_some() {
                DropCause::Aborted
            } else {
                DropCause::Failed
            };
            self.losses.drop(from, cause, 1);
        }
        let (sent, unsent) = self.ctx.account();
        self.record();
        all.push(TaskAccount {
            received: received(self),
            sent,
            unsent,
            skipped: self.skipped,
            irregular,
            ..TaskAccount::default()
        });
        self.ctx.account_chain(all);
    }
}
