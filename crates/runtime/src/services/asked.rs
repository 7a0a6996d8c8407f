//! A flow as a service: a request enters as a packet, and its answer leaves by a sink.

use std::sync::Arc;
use std::time::Duration;

use descriptor_core::{Backends, GetError, Wait, Wire};
use router::Packet;
use serde::{Deserialize, Serialize};
use service::{Desk, ReplyQueues, Ticket};

use crate::{Data, Flow, OpResult, Operator, Source, SourceStep, Stream, TaskContext};

/// Requests that a step takes at most.
const STEP: usize = 64;
/// How long a step waits for a request: a drain waits as long.
const LOOK_UP: Duration = Duration::from_millis(20);

/// A request on its way through a flow, with what it takes to answer it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked<T> {
    ticket: Ticket,
    /// What is asked, or what is known of the answer by now.
    pub body: T,
}

impl<T> Asked<T> {
    /// The same request with another body.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Asked<U> {
        Asked {
            ticket: self.ticket,
            body: change(self.body),
        }
    }

    /// True once nobody waits for the answer any more, as far as this process knows. A flow may drop such a request.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.ticket.is_cancelled()
    }
}

impl<B: Backends> Flow<B> {
    /// The requests of this desk as a stream; [`Stream::answer`] is its other end. The flow runs until it is drained or
    /// aborted; then the desk is closed, and whoever waits in its queue is told so.
    ///
    /// A request that is lost on the way - filtered out, skipped by an error policy, put aside - ends at the deadline of its
    /// caller.
    #[doc(alias = "PipelineBridge")]
    #[doc(alias = "PipelineServiceSource")]
    pub fn requests<Req: Data>(&self, name: &str, desk: &Desk<Req>) -> Stream<Asked<Req>, B> {
        let desk = desk.clone();
        self.source(name, 1, move |_| Requests { desk: desk.clone() })
    }
}

impl<T: Data, B: Backends> Stream<Asked<T>, B> {
    /// Answers the requests of [`Flow::requests`] with the bodies that arrive. `replies` is how callers in other processes
    /// are reached.
    #[doc(alias = "PipelineServiceSink")]
    pub fn answer<Req: Wire>(&self, name: &str, desk: &Desk<Req>, replies: ReplyQueues) -> Stream<(), B> {
        let (desk, replies) = (desk.clone(), Arc::new(replies));
        self.sink(name, move |_| Answers {
            desk: desk.clone(),
            replies: Arc::clone(&replies),
        })
    }
}

struct Requests<Req: Wire> {
    desk: Desk<Req>,
}

impl<Req: Data> Source<Asked<Req>> for Requests<Req> {
    fn step(&mut self, ctx: &mut TaskContext<Asked<Req>>) -> OpResult<SourceStep> {
        let mut wait = Wait::Never;
        for taken in 0..STEP {
            match self.desk.take(wait) {
                Ok((ticket, body)) => ctx.emit(Asked { ticket, body })?,
                Err(GetError::Closed) => return Ok(SourceStep::Done),
                Err(GetError::Empty) if taken == 0 && wait == Wait::Never => {
                    // Whoever was taken before must not wait for those who are still to come.
                    ctx.flush()?;
                    wait = Wait::from(LOOK_UP);
                    continue;
                }
                Err(GetError::Empty) => break,
                Err(error) => return Err(descriptor_core::Error::from(error).into()),
            }
            wait = Wait::Never;
        }
        ctx.flush()?;
        Ok(SourceStep::More)
    }
}

impl<Req: Wire> Drop for Requests<Req> {
    fn drop(&mut self) {
        self.desk.turn_away(&ReplyQueues::new());
    }
}

struct Answers<Req: Wire> {
    desk: Desk<Req>,
    replies: Arc<ReplyQueues>,
}

impl<T: Data, Req: Wire> Operator<Asked<T>, ()> for Answers<Req> {
    fn process(&mut self, packet: Packet<Asked<T>>, _: &mut TaskContext<()>) -> OpResult {
        let Asked { ticket, body } = packet.payload;
        self.desk.answer(&ticket, Ok(body), &self.replies)?;
        Ok(())
    }
}
