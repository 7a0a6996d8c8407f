//! The end of a stream in something that shows its output when it is certain.

use std::fmt;

use router::Packet;

use crate::{Data, OpResult, Operator, State, TaskContext};

/// Keeps what comes until the checkpoint that it belongs to is complete, and then hands it to a function.
///
/// `commit(number, items)` makes the items visible. When a job goes on from a checkpoint it is called again for what may have
/// been committed before, with the same number and items: it has to do nothing then. Numbers rise, the items that
/// came behind the last barrier have `u64::MAX`, and each instance counts for itself. So a table with the last number of each
/// instance is enough, or a file for each number. Without checkpoints all is committed at the end.
#[derive(Clone)]
pub struct CommitSink<T, F> {
    /// Behind the last barrier.
    open: Vec<T>,
    /// By the number of their barrier: not committed yet.
    prepared: Vec<(u64, Vec<T>)>,
    commit: F,
}

impl<T: Data, F> CommitSink<T, F> {
    /// Hands over with `commit(number, items)`.
    pub const fn new(commit: F) -> Self
    where
        F: FnMut(u64, Vec<T>) -> OpResult,
    {
        Self {
            open: Vec::new(),
            prepared: Vec::new(),
            commit,
        }
    }
}

impl<T: Data, F> Operator<T, ()> for CommitSink<T, F>
where
    F: FnMut(u64, Vec<T>) -> OpResult + Send + 'static,
{
    fn process(&mut self, packet: Packet<T>, _ctx: &mut TaskContext<()>) -> OpResult {
        self.open.push(packet.payload);
        Ok(())
    }

    fn close(&mut self, ctx: &mut TaskContext<()>) -> OpResult {
        if ctx.has_checkpoints() {
            return Ok(());
        }
        self.prepare(u64::MAX)?;
        self.commit(u64::MAX)
    }

    fn state(&mut self) -> State<'_> {
        // At a barrier nothing is open.
        State::of(&mut self.prepared)
    }

    fn prepare(&mut self, checkpoint: u64) -> OpResult {
        if !self.open.is_empty() {
            self.prepared.push((checkpoint, std::mem::take(&mut self.open)));
        }
        Ok(())
    }

    fn commit(&mut self, checkpoint: u64) -> OpResult {
        let certain = self.prepared.partition_point(|(number, _)| *number <= checkpoint);
        self.prepared
            .drain(..certain)
            .try_for_each(|(number, items)| (self.commit)(number, items))
    }
}

impl<T, F> fmt::Debug for CommitSink<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommitSink")
            .field("open", &self.open.len())
            .field("prepared", &self.prepared.len())
            .finish_non_exhaustive()
    }
}
