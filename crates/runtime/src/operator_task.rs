//! The loop of an instance that has inputs.

use std::collections::VecDeque;

use descriptor_core::{DynQueue, Error, GetError, Wait};
use router::{Envelope, Inbox, Received, UpstreamId};

use crate::stage::Stage;
use crate::task::{End, Task, TaskAccount, TaskParts};
use crate::{Data, Instance, Operator};

/// Events taken from the queue at once. Enough to make the wake-ups of a busy edge rare, few enough to stay in cache.
const BATCH: usize = 256;

pub(crate) struct OperatorTask<In: Data, Out: Data, Op> {
    stage: Stage<In, Out, Op>,
    queue: DynQueue<Envelope<In>>,
    inbox: Inbox,
    // Taken from the queue and not yet handled. What is left here after a failure is accounted for.
    pending: VecDeque<Envelope<In>>,
    // How many packets it will have taken when the item at hand is done, and whose they are.
    due: u64,
    from: UpstreamId,
}

impl<In: Data, Out: Data, Op: Operator<In, Out>> OperatorTask<In, Out, Op> {
    pub(crate) fn new(operator: Op, queue: DynQueue<Envelope<In>>, parts: TaskParts<'_>) -> Result<Self, Error> {
        Ok(Self {
            queue,
            inbox: Inbox::new(parts.expected.iter().copied())?,
            pending: VecDeque::new(),
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
            got = self.queue.get_batch(&mut batch, BATCH, Wait::Forever);
        }
        self.pending = VecDeque::from(batch);
        match got {
            Ok(_) => Ok(()),
            // A closed queue is an abort; without one, somebody else has closed it, and the packets it refuses are lost.
            Err(error) => self.stage.done(Err(Error::from(error).into())),
        }
    }

    #[inline]
    fn handle(&mut self, envelope: Envelope<In>) -> Result<(), End> {
        let from = envelope.from;
        match self.inbox.accept(envelope) {
            Received::Packet(packet) => {
                self.from = from;
                self.due += 1;
                self.stage.process(from, packet)
            }
            Received::Packets(mut packets) => {
                self.from = from;
                self.due += packets.len() as u64;
                self.stage.run(from, &mut packets)
            }
            Received::Watermark(time) => self.stage.advance(time),
            Received::Ended {
                watermark: Some(time), ..
            } => self.stage.advance(time),
            _ => Ok(()),
        }
    }
}

impl<In: Data, Out: Data, Op: Operator<In, Out>> Task for OperatorTask<In, Out, Op> {
    fn run(&mut self) -> Result<(), End> {
        self.stage.open()?;
        while !self.inbox.all_ended() {
            self.take()?;
            // A closed queue still hands out what is inside, and a slow operator would work on it for long.
            while self.stage.wanted()?
                && let Some(envelope) = self.pending.pop_front()
            {
                self.handle(envelope)?;
            }
            self.stage.record();
        }
        if let Some((_, stop)) = self.inbox.incomplete() {
            // What a part of the input comes to would look like what all of it does.
            return self
                .stage
                .done(Err(format!("its input is not complete: {stop}").into()));
        }
        self.stage.close()
    }

    fn account(&mut self) -> Vec<TaskAccount> {
        self.stage
            .drop_unseen(self.from, (self.due - self.stage.taken()) as usize);
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
