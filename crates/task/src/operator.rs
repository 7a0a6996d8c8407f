//! What the user's code looks like to the runtime.

use std::error::Error as StdError;
use std::time::Duration;

use descriptor_core::Wire;
use router::Packet;

use crate::{State, TaskContext};

/// What travels between operators: anything that can leave the process and be copied for a second reader.
pub trait Data: Wire + Clone {}
impl<T: Wire + Clone> Data for T {}

/// Why an operator could not do its work; any error will do.
pub type OpError = Box<dyn StdError + Send + Sync>;

/// The result of user code.
pub type OpResult<T = ()> = Result<T, OpError>;

/// One instance of an operator: it turns packets of `In` into packets of `Out`.
///
/// Each instance runs on a thread of its own and owns its state; there is nothing to lock. Whatever it emits inherits
/// key and timestamp of the packet at hand. A panic ends the job with a report; an error is handled as the node's
/// error policy says.
#[doc(alias = "BaseOperator")]
pub trait Operator<In: Data, Out: Data>: Send + 'static {
    /// Runs once, before the first packet.
    ///
    /// # Errors
    /// Ends the job.
    fn open(&mut self, ctx: &mut TaskContext<Out>) -> OpResult {
        let _ = ctx;
        Ok(())
    }

    /// Handles one packet. Its key, when it has one, is in [`TaskContext::key`] until this returns.
    ///
    /// # Errors
    /// Handled by the node's error policy.
    #[doc(alias = "receive_packet")]
    fn process(&mut self, packet: Packet<In>, ctx: &mut TaskContext<Out>) -> OpResult;

    /// Event time has reached `time` on every input: nothing older will come. Called before the watermark goes on.
    ///
    /// # Errors
    /// Ends the job: there is no packet to blame.
    fn watermark(&mut self, time: u64, ctx: &mut TaskContext<Out>) -> OpResult {
        let _ = (time, ctx);
        Ok(())
    }

    /// Runs once, after the last packet of every input, before the stop goes on. Not run when the job is aborted.
    ///
    /// # Errors
    /// Ends the job.
    fn close(&mut self, ctx: &mut TaskContext<Out>) -> OpResult {
        let _ = ctx;
        Ok(())
    }

    /// What of it belongs into a checkpoint. It is asked once before the job starts, where
    /// [`unknown`](State::unknown), which this is unless you say otherwise, keeps a job from having
    /// checkpoints; again behind [`open`](Self::open), to become what was saved; and at every barrier and the end, to be
    /// saved.
    fn state(&mut self) -> State<'_> {
        State::unknown()
    }

    /// A barrier has come: everything so far belongs to the checkpoint of this number, and the state is asked for next. A
    /// sink that commits puts aside what it has under this number. Numbers rise; the last one, at the end, is `u64::MAX`.
    ///
    /// # Errors
    /// Ends the job.
    fn prepare(&mut self, checkpoint: u64) -> OpResult {
        let _ = checkpoint;
        Ok(())
    }

    /// All checkpoints up to this one are complete or given up: what was prepared for them will not be asked for again, so a
    /// sink may show it. Called at the latest with the next barrier, or at the end of the job. After a restore it is called
    /// again for what may have been committed already, with the same numbers and the same data.
    ///
    /// # Errors
    /// Ends the job.
    fn commit(&mut self, checkpoint: u64) -> OpResult {
        let _ = checkpoint;
        Ok(())
    }
}

/// What one step of a source did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceStep {
    /// It emitted something, or is ready to at once.
    More,
    /// It has nothing now: what is buffered goes out, and it is asked again after at most this long.
    Idle(Duration),
    /// It will never have anything again.
    Done,
}

/// One instance of a source.
///
/// A step should emit up to a few hundred items and return, so that a drain is noticed; a step that blocks delays it.
#[doc(alias = "SourceOperator")]
pub trait Source<Out: Data>: Send + 'static {
    /// Runs once, before the first step.
    ///
    /// # Errors
    /// Ends the job.
    fn open(&mut self, ctx: &mut TaskContext<Out>) -> OpResult {
        let _ = ctx;
        Ok(())
    }

    /// Emits what there is.
    ///
    /// # Errors
    /// Ends the job.
    fn step(&mut self, ctx: &mut TaskContext<Out>) -> OpResult<SourceStep>;

    /// Runs once, after the last step, before the stop goes out. Not run when the job is aborted.
    ///
    /// # Errors
    /// Ends the job.
    fn close(&mut self, ctx: &mut TaskContext<Out>) -> OpResult {
        let _ = ctx;
        Ok(())
    }

    /// How far it is, for checkpoints: loading it makes a new source go on from there. Asked for as
    /// [`Operator::state`] is, between steps; a job whose source does not know cannot have checkpoints.
    fn position(&mut self) -> State<'_> {
        State::unknown()
    }
}
