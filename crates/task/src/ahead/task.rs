//! The loop of an instance that works on several packets at once.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use descriptor_core::wait::Waiter;
use descriptor_core::{DropCause, DynQueue, Error, Wait};
use graph::ErrorPolicy;
use router::{Drain, Envelope, Inbox, Packet, Received, StopCause, StopSignal, UpstreamId};

use super::AsyncOrder;
use super::flight::{Flight, Landed};
use super::settle::Settle;
use crate::control::Control;
use crate::operator_task::Remake;
use crate::stage::Stage;
use crate::standing::{NodeState, Standing};
use crate::task::{self, End, Task, TaskAccount, TaskParts};
use crate::{Data, Instance, OpError};

/// Events taken from the queue at once. They wait here and not in the queue, so there are few.
const BATCH: usize = 8;
/// How often who has enough to do, and so does not wait at its queue, looks whether the job is still wanted.
const LOOK: Duration = Duration::from_millis(50);

/// The packet that is being settled.
struct Settling {
    from: UpstreamId,
    /// What the stage had taken before.
    taken: u64,
    then: Option<u64>,
}

pub(crate) struct AheadTask<In: Data, Out: Data, F, Fut> {
    stage: Stage<Option<In>, Out, Settle<Option<In>, Out>>,
    flight: Flight<In, Out, Fut>,
    settling: Option<Settling>,
    function: F,
    remake: Remake<F>,
    queue: DynQueue<Envelope<In>>,
    waiter: Waiter,
    input: Waker,
    inbox: Inbox,
    // Taken from the queue and not yet looked into, and packets that have not begun.
    pending: VecDeque<Envelope<In>>,
    waiting: VecDeque<(UpstreamId, Packet<In>)>,
    keeps: bool,
    control: Arc<Control>,
    standing: Arc<Standing>,
}

impl<In, Out, E, F, Fut> AheadTask<In, Out, F, Fut>
where
    In: Data,
    Out: Data,
    E: Into<OpError>,
    F: Fn(In) -> Fut,
    Fut: Future<Output = Result<Out, E>>,
{
    pub(crate) fn new(
        remake: Remake<F>,
        (most, order): (usize, AsyncOrder),
        queue: DynQueue<Envelope<In>>,
        parts: TaskParts<'_>,
    ) -> Result<Self, Error> {
        let flight = Flight::new(most, order);
        Ok(Self {
            function: task::guarded(&parts.instance, || remake(&parts.instance))?,
            remake,
            queue,
            waiter: Waiter::default(),
            input: flight.bell().input(),
            flight,
            settling: None,
            inbox: Inbox::new(parts.expected.iter().copied())?,
            pending: VecDeque::new(),
            waiting: VecDeque::new(),
            keeps: parts.rules.keep_packets() || parts.on_error == ErrorPolicy::DeadLetter,
            control: Arc::clone(&parts.control),
            standing: Arc::clone(&parts.standing),
            stage: Stage::new(Settle::new(), parts)?,
        })
    }

    /// Sends on what has landed.
    fn settle(&mut self) -> Result<(), End> {
        while let Some(Landed {
            from,
            packet,
            done,
            then,
        }) = self.flight.land()
        {
            self.settling = Some(Settling {
                from,
                taken: self.stage.taken(),
                then,
            });
            self.stage.operator().done = Some(done);
            self.stage.process(from, packet)?;
            self.settling = None;
            if let Some(time) = then {
                self.stage.advance(time)?;
            }
        }
        Ok(())
    }

    /// Begins as many as there is room for.
    fn begin(&mut self) -> Result<(), End> {
        while self.flight.has_room() {
            if let Some((from, packet)) = self.waiting.pop_front() {
                self.flight
                    .start(from, packet, self.keeps, |item| (self.function)(item));
            } else if let Some(envelope) = self.pending.pop_front() {
                self.open(envelope)?;
            } else if self.inbox.all_ended() || !self.take()? {
                break;
            }
        }
        Ok(())
    }

    /// Looks into an item of the queue; nothing waits before it.
    fn open(&mut self, envelope: Envelope<In>) -> Result<(), End> {
        let from = envelope.from;
        let time = match self.inbox.accept(envelope) {
            Received::Packet(packet) => {
                self.waiting.push_back((from, packet));
                None
            }
            Received::Packets(mut packets) => {
                let with = |packet| (from, packet);
                match packets.drain() {
                    Drain::Plain(rows) => self.waiting.extend(rows.map(|row| with(row.into_packet()))),
                    Drain::Int(rows) => self.waiting.extend(rows.map(|row| with(row.into_packet()))),
                    Drain::Mixed(packets) => self.waiting.extend(packets.map(with)),
                }
                None
            }
            Received::Watermark(time) => Some(time),
            Received::Ended { watermark, .. } => watermark,
            _ => None,
        };
        match time {
            Some(time) if !self.flight.watermark(time) => self.stage.advance(time),
            _ => Ok(()),
        }
    }

    /// Takes what is in the queue; false when nothing is, and then the queue rings.
    fn take(&mut self) -> Result<bool, End> {
        let mut cx = Context::from_waker(&self.input);
        match self.queue.poll_get(&mut cx, &mut self.waiter) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(first)) => {
                let mut more = Vec::new();
                // Should it be closed by now, the next look says so.
                let _ = self.queue.get_batch(&mut more, BATCH - 1, Wait::Never);
                self.pending.push_back(first);
                self.pending.extend(more);
                Ok(true)
            }
            // A closed queue is an abort; without one, somebody else has closed it, and the packets it refuses are lost.
            Poll::Ready(Err(error)) => self.stage.done(Err(Error::from(error).into())).map(|()| false),
        }
    }

    /// Sleeps until something can be done, with nothing held back.
    fn sleep(&mut self, paused: bool) -> Result<(), End> {
        self.stage.flush()?;
        self.stage.record();
        self.standing.wait(self.flight.is_empty());
        // The end of a pause does not ring, nor an abort where nobody waits at the queue that it closes: who has no room
        // has not asked there again since it rang last.
        let rings = self.waiter.is_armed() && self.flight.has_room() && !paused;
        self.flight.bell().wait((!rings).then_some(LOOK));
        self.standing.wait(false);
        Ok(())
    }

    /// Stands still while the job is paused, with nothing in flight.
    #[cold]
    fn park(&mut self) -> Result<(), End> {
        self.stage.flush()?;
        self.stage.record();
        self.standing.enter(NodeState::Paused);
        self.control.park();
        self.standing.enter(NodeState::Running);
        Ok(())
    }

    fn is_through(&self) -> bool {
        self.inbox.all_ended() && self.flight.is_empty() && self.waiting.is_empty() && self.pending.is_empty()
    }

    /// Does not wait at the queue any more.
    fn turn_away(&mut self) {
        if self.waiter.is_armed() {
            self.queue.cancel_get(&mut self.waiter);
        }
    }

    /// The packet at hand, if the stage does not know of it.
    fn unseen(&mut self) -> Option<UpstreamId> {
        let settling = self.settling.take()?;
        (settling.taken == self.stage.taken()).then_some(settling.from)
    }
}

impl<In, Out, E, F, Fut> Task for AheadTask<In, Out, F, Fut>
where
    In: Data,
    Out: Data,
    E: Into<OpError>,
    F: Fn(In) -> Fut + Send,
    Fut: Future<Output = Result<Out, E>> + Send,
{
    fn run(&mut self) -> Result<(), End> {
        self.stage.open()?;
        while !self.is_through() {
            self.stage.wanted()?;
            self.flight.look();
            self.settle()?;
            let paused = self.control.is_paused();
            if paused && self.flight.is_empty() {
                self.park()?;
                continue;
            }
            // What is in flight when the job is paused lands; nothing more begins.
            if !paused {
                self.begin()?;
            }
            if !self.flight.can_land() && !self.is_through() {
                self.sleep(paused)?;
            }
        }
        let mut ends = self.inbox.causes();
        // One that was isolated is missed on purpose.
        let incomplete = |stop: &StopSignal| !stop.cause.is_complete() && !matches!(stop.cause, StopCause::Isolated(_));
        if let Some((_, stop)) = ends.find(|(_, stop)| incomplete(stop)) {
            return self
                .stage
                .done(Err(format!("its input is not complete: {stop}").into()));
        }
        self.stage.close()
    }

    fn restart(&mut self) -> Result<(), End> {
        let made = task::guarded(self.stage.instance(), || (self.remake)(self.stage.instance()));
        let function = made.map_err(|error| End::Failed(error.to_string()))?;
        let failed = self.stage.operator().failed.take();
        // The others in flight go on: they have not failed.
        let again = failed.zip(self.settling.take()).and_then(|(packet, settling)| {
            let bare = packet.inherit_partition_info(());
            Some((bare.inherit_partition_info(packet.payload?), settling))
        });
        let failed_on = again.as_ref().map(|(_, settling)| settling.from);
        let old = (
            self.stage.replace(Settle::new(), failed_on),
            std::mem::replace(&mut self.function, function),
        );
        if let Some((packet, settling)) = again {
            self.flight
                .again(settling.from, packet, settling.then, |item| (self.function)(item));
        }
        match catch_unwind(AssertUnwindSafe(move || drop(old))) {
            Ok(()) => Ok(()),
            Err(panic) => Err(End::Failed(task::panic_message(panic.as_ref()))),
        }
    }

    fn leave(&mut self, cause: StopCause) -> Result<(), End> {
        let unseen = self.unseen();
        self.stage.stop(cause)?;
        let (whose, given_up) = self.flight.give_up();
        let waiting = self.waiting.drain(..).map(|(from, _)| from);
        for from in whose.into_iter().chain(unseen).chain(waiting) {
            self.stage.drop_refused(from, 1, DropCause::Failed);
        }
        drop(given_up);
        self.turn_away();
        // Those who send to it must not wait for room.
        loop {
            while let Some(envelope) = self.pending.pop_front() {
                self.stage
                    .drop_refused(envelope.from, envelope.event.packets(), DropCause::Failed);
                let _ = self.inbox.accept(envelope);
            }
            if self.inbox.all_ended() {
                return Ok(());
            }
            self.stage.wanted()?;
            let mut batch = Vec::new();
            let got = self.queue.get_batch(&mut batch, BATCH, Wait::Forever);
            self.pending.extend(batch);
            if let Err(error) = got {
                return self.stage.done(Err(Error::from(error).into()));
            }
        }
    }

    fn is_broken(&self) -> bool {
        self.stage.is_broken()
    }

    fn account(&mut self) -> Vec<TaskAccount> {
        self.turn_away();
        let unseen = self.unseen();
        let (whose, given_up) = self.flight.give_up();
        let waiting = self.waiting.drain(..).map(|(from, _)| from);
        for from in whose.into_iter().chain(unseen).chain(waiting) {
            self.stage.drop_unseen(from, 1);
        }
        while let Some(envelope) = self.pending.pop_front() {
            self.stage.drop_unseen(envelope.from, envelope.event.packets());
            let _ = self.inbox.accept(envelope);
        }
        let mut all = Vec::new();
        let inbox = &self.inbox;
        let received = |stage: &Stage<Option<In>, Out, Settle<Option<In>, Out>>| {
            let packets = inbox.packets();
            packets
                .map(|(from, packets)| (from, packets, stage.loss(from)))
                .collect()
        };
        self.stage.account(inbox.irregular(), received, &mut all);
        // Futures are code of the user: what they do when they are dropped must not cost the accounts.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(move || drop(given_up))) {
            task::fail(
                self.stage.instance(),
                &self.control,
                task::panic_message(panic.as_ref()),
                true,
            );
        }
        all
    }

    fn culprit(&self) -> Option<&Instance> {
        self.stage.culprit()
    }

    fn end_chain(&mut self) {
        self.stage.end_chain();
    }
}
