//! The loop of an instance that has inputs.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use descriptor_core::{DropCause, DynQueue, Error, GetError, Wait};
use router::{Drain, Envelope, Inbox, Pack, Packet, Received, StopCause, StopSignal, UpstreamId};

use crate::control::Control;
use crate::stage::Stage;
use crate::standing::{NodeState, Standing};
use crate::task::{self, End, Task, TaskAccount, TaskParts};
use crate::{Data, Instance, Operator};

/// Events taken from the queue at once. Enough to make the wake-ups of a busy edge rare, few enough to stay in cache.
const BATCH: usize = 256;

/// Packets and other events that are held back for a barrier at most: a checkpoint that would take more is given up.
const HELD: usize = 1 << 16;

/// Makes the operator of an instance again.
pub type Remake<Op> = Arc<dyn Fn(&Instance) -> Op + Send + Sync>;

pub(crate) struct OperatorTask<In: Data, Out: Data, Op> {
    stage: Stage<In, Out, Op>,
    queue: DynQueue<Envelope<In>>,
    inbox: Inbox,
    // Taken from the queue and not yet handled. What is left here after a failure is accounted for.
    pending: VecDeque<Envelope<In>>,
    // Came behind a barrier that others have not sent yet.
    held: VecDeque<Envelope<In>>,
    // How many packets it will have taken when the item at hand is done, and whose they are.
    due: u64,
    from: UpstreamId,
    // Under way to an operator that may be started again: the first one is being tried.
    kept: VecDeque<(UpstreamId, Packet<In>)>,
    keeps: bool,
    trying: bool,
    again: bool,
    remake: Remake<Op>,
    control: Arc<Control>,
    standing: Arc<Standing>,
}

impl<In: Data, Out: Data, Op: Operator<In, Out>> OperatorTask<In, Out, Op> {
    pub(crate) fn new(
        operator: Op,
        queue: DynQueue<Envelope<In>>,
        remake: Remake<Op>,
        parts: TaskParts<'_>,
    ) -> Result<Self, Error> {
        Ok(Self {
            kept: VecDeque::new(),
            keeps: parts.rules.keep_packets(),
            trying: false,
            again: false,
            remake,
            control: Arc::clone(&parts.control),
            standing: Arc::clone(&parts.standing),
            queue,
            inbox: Inbox::new(parts.expected.iter().copied())?,
            pending: VecDeque::new(),
            held: VecDeque::new(),
            due: 0,
            from: UpstreamId(0),
            stage: Stage::new(operator, parts)?,
        })
    }

    /// Refills `pending`. While there is input it is taken without waiting and output gathers; before a wait everything
    /// goes out, so that an idle job holds nothing back.
    fn take(&mut self) -> Result<(), End> {
        self.stage.wanted()?;
        let mut batch = Vec::from(std::mem::take(&mut self.pending));
        let mut got = self.queue.get_batch(&mut batch, BATCH, Wait::Never);
        if matches!(got, Err(GetError::Empty)) {
            self.stage.flush()?;
            // Those that it calls have just been given the rest.
            self.stage.record();
            self.standing.wait(true);
            got = self.queue.get_batch(&mut batch, BATCH, Wait::Forever);
            self.standing.wait(false);
        }
        self.pending = VecDeque::from(batch);
        match got {
            Ok(_) => Ok(()),
            // A closed queue is an abort; without one, somebody else has closed it, and the packets it refuses are lost.
            Err(error) => self.stage.done(Err(Error::from(error).into())),
        }
    }

    /// Stands still while the job is paused, with nothing held back.
    #[inline]
    fn rest(&mut self) -> Result<(), End> {
        if self.control.is_paused() { self.park() } else { Ok(()) }
    }

    #[cold]
    fn park(&mut self) -> Result<(), End> {
        self.stage.flush()?;
        self.stage.record();
        self.standing.enter(NodeState::Paused);
        self.control.park();
        self.standing.enter(NodeState::Running);
        Ok(())
    }

    /// Works on packets one by one; each stays here until it is done with.
    fn try_kept(&mut self) -> Result<(), End> {
        while let Some((from, packet)) = self.kept.front() {
            let (from, packet) = (*from, packet.clone());
            self.trying = true;
            self.stage.process(from, packet)?;
            self.trying = false;
            self.kept.pop_front();
        }
        Ok(())
    }

    fn keep(&mut self, from: UpstreamId, packets: &mut Pack<In>) {
        let kept = &mut self.kept;
        let with = |packet| (from, packet);
        match packets.drain() {
            Drain::Plain(rows) => kept.extend(rows.map(|row| with(row.into_packet()))),
            Drain::Int(rows) => kept.extend(rows.map(|row| with(row.into_packet()))),
            Drain::Mixed(packets) => kept.extend(packets.map(with)),
        }
    }

    #[inline]
    fn handle(&mut self, envelope: Envelope<In>) -> Result<(), End> {
        let from = envelope.from;
        let received = self.inbox.accept(envelope);
        self.act(from, received)
    }

    #[inline]
    fn act(&mut self, from: UpstreamId, received: Received<In>) -> Result<(), End> {
        match received {
            Received::Packet(packet) => {
                self.from = from;
                self.due += 1;
                if self.keeps {
                    self.kept.push_back((from, packet));
                    return self.try_kept();
                }
                self.stage.process(from, packet)
            }
            Received::Packets(mut packets) => {
                self.from = from;
                self.due += packets.len() as u64;
                if self.keeps {
                    self.keep(from, &mut packets);
                    return self.try_kept();
                }
                self.stage.run(from, &mut packets)
            }
            Received::Watermark(time) => self.stage.advance(time),
            Received::Ended {
                watermark: Some(time), ..
            } => self.stage.advance(time),
            Received::Barrier(from, number) => self.align(from, number),
            _ => Ok(()),
        }
    }

    /// Works on what comes before this barrier on the other connections, while what comes behind it has to wait; then the
    /// state is handed over and the barrier goes on. Connections that end have nothing behind it.
    #[cold]
    fn align(&mut self, first: UpstreamId, number: u64) -> Result<(), End> {
        if !self.stage.is_next(number) || !self.inbox.live().any(|id| id == first) {
            return Ok(());
        }
        let (mut number, mut ahead, mut held) = (number, vec![first], 0);
        while !self.inbox.live().all(|id| ahead.contains(&id)) {
            self.rest()?;
            if self.pending.is_empty() {
                self.take()?;
            }
            if !self.stage.wanted()? {
                continue;
            }
            let Some(envelope) = self.pending.pop_front() else {
                continue;
            };
            let from = envelope.from;
            if ahead.contains(&from) {
                held += envelope.event.packets().max(1);
                self.held.push_back(envelope);
                if held > HELD {
                    self.release();
                    return self.stage.decline(number);
                }
                continue;
            }
            match self.inbox.accept(envelope) {
                Received::Barrier(_, other) if other == number => ahead.push(from),
                // The one before was given up before its source had seen it.
                Received::Barrier(_, other) if other > number => {
                    self.release();
                    (number, ahead, held) = (other, vec![from], 0);
                }
                Received::Barrier(..) => {}
                received => self.act(from, received)?,
            }
        }
        self.release();
        self.stage.record();
        self.stage.barrier(number)
    }

    fn conclude(&mut self) -> Result<(), End> {
        self.standing.wait(true);
        let concluded = self.stage.conclude();
        self.standing.wait(false);
        concluded
    }

    /// What was held back is next.
    fn release(&mut self) {
        self.held.append(&mut self.pending);
        std::mem::swap(&mut self.held, &mut self.pending);
    }
}

impl<In: Data, Out: Data, Op: Operator<In, Out>> Task for OperatorTask<In, Out, Op> {
    fn run(&mut self) -> Result<(), End> {
        self.stage.open()?;
        if std::mem::take(&mut self.again) {
            // It has not heard yet how far event time has come.
            if let Some(time) = self.inbox.watermark() {
                self.stage.advance(time)?;
            }
            self.try_kept()?;
        }
        while !self.inbox.all_ended() {
            self.rest()?;
            // What is left of a batch that an operator failed on goes first.
            if self.pending.is_empty() {
                self.take()?;
            }
            // A closed queue still hands out what is inside, and a slow operator would work on it for long.
            while self.stage.wanted()? && !self.pending.is_empty() {
                self.rest()?;
                let Some(envelope) = self.pending.pop_front() else {
                    break;
                };
                self.handle(envelope)?;
            }
            self.stage.record();
        }
        let mut ends = self.inbox.causes();
        // One that was isolated is missed on purpose.
        let incomplete = |stop: &StopSignal| !stop.cause.is_complete() && !matches!(stop.cause, StopCause::Isolated(_));
        if let Some((_, stop)) = ends.find(|(_, stop)| incomplete(stop)) {
            // What a part of the input comes to would look like what all of it does.
            return self
                .stage
                .done(Err(format!("its input is not complete: {stop}").into()));
        }
        drop(ends);
        self.stage.close()?;
        self.conclude()
    }

    fn restart(&mut self) -> Result<(), End> {
        let made = task::guarded(self.stage.instance(), || (self.remake)(self.stage.instance()));
        let operator = made.map_err(|error| End::Failed(error.to_string()))?;
        let failed_on = self.kept.front().map(|(from, _)| *from).filter(|_| self.trying);
        self.trying = false;
        let old = self.stage.replace(operator, failed_on);
        self.again = true;
        match catch_unwind(AssertUnwindSafe(move || drop(old))) {
            Ok(()) => Ok(()),
            Err(panic) => Err(End::Failed(task::panic_message(panic.as_ref()))),
        }
    }

    fn leave(&mut self, cause: StopCause) -> Result<(), End> {
        let is_over = cause.is_complete();
        let why = if is_over {
            self.stage.close()?;
            DropCause::Closed
        } else {
            self.stage.stop(cause)?;
            DropCause::Failed
        };
        self.stage
            .drop_refused(self.from, (self.due - self.stage.taken()) as usize, why);
        // A barrier that it was waiting for needs nobody any more.
        self.release();
        self.due = self.stage.taken();
        self.kept.clear();
        // Those who send to it must not wait for room.
        loop {
            while let Some(envelope) = self.pending.pop_front() {
                self.stage.drop_refused(envelope.from, envelope.event.packets(), why);
                let _ = self.inbox.accept(envelope);
            }
            if self.inbox.all_ended() {
                return if is_over { self.conclude() } else { Ok(()) };
            }
            self.take()?;
        }
    }

    fn is_broken(&self) -> bool {
        self.stage.is_broken()
    }

    fn account(&mut self) -> Vec<TaskAccount> {
        self.stage
            .drop_unseen(self.from, (self.due - self.stage.taken()) as usize);
        self.release();
        while let Some(envelope) = self.pending.pop_front() {
            self.stage.drop_unseen(envelope.from, envelope.event.packets());
            let _ = self.inbox.accept(envelope);
        }
        let mut all = Vec::new();
        let inbox = &self.inbox;
        let received = |stage: &Stage<In, Out, Op>| {
            let packets = inbox.packets();
            packets
                .map(|(from, packets)| (from, packets, stage.loss(from)))
                .collect()
        };
        self.stage.account(inbox.irregular(), received, &mut all);
        all
    }

    fn culprit(&self) -> Option<&Instance> {
        self.stage.culprit()
    }

    fn end_chain(&mut self) {
        self.stage.end_chain();
    }
}
