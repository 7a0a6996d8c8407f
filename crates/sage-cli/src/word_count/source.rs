//! The source: texts of whole words.

use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sage_comm::{OpResult, Source, SourceStep, TaskContext};

use super::cut::Cutter;
use super::inputs::{FromReader, Inputs};
use super::word::Bytes;

/// How long a step waits for the reader: a drain is noticed after this much.
const PATIENCE: Duration = Duration::from_millis(20);

/// Inputs that are handed over once, to the only instance of the source.
pub(super) type Handover = Arc<Mutex<Option<Inputs>>>;

/// Emits what the reader reads, cut between words.
#[derive(Debug)]
pub(super) struct TextSource {
    inputs: Handover,
    bytes: Arc<AtomicU64>,
    reader: Option<Receiver<FromReader>>,
    cutter: Cutter,
}

impl TextSource {
    pub(super) fn new(inputs: Handover, bytes: Arc<AtomicU64>) -> Self {
        Self {
            inputs,
            bytes,
            reader: None,
            cutter: Cutter::default(),
        }
    }

    fn emit(text: Option<Vec<u8>>, ctx: &mut TaskContext<Bytes>) -> OpResult {
        match text {
            // A text is a batch already.
            Some(text) => ctx.emit(Bytes(text.into())).and_then(|()| ctx.flush()),
            None => Ok(()),
        }
    }
}

impl Source<Bytes> for TextSource {
    fn open(&mut self, _ctx: &mut TaskContext<Bytes>) -> OpResult {
        let inputs = self.inputs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let inputs = inputs.ok_or("the input can be read only once")?;
        self.reader = Some(inputs.read(Arc::clone(&self.bytes))?);
        Ok(())
    }

    fn step(&mut self, ctx: &mut TaskContext<Bytes>) -> OpResult<SourceStep> {
        let reader = self.reader.as_ref().ok_or("the reader was not started")?;
        match reader.recv_timeout(PATIENCE) {
            Ok(FromReader::Block(block)) => {
                Self::emit(self.cutter.push(block), ctx)?;
                Ok(SourceStep::More)
            }
            Ok(FromReader::End) => {
                Self::emit(self.cutter.finish(), ctx)?;
                Ok(SourceStep::Done)
            }
            Ok(FromReader::Failed(message)) => Err(message.into()),
            Err(RecvTimeoutError::Timeout) => Ok(SourceStep::Idle(Duration::ZERO)),
            Err(RecvTimeoutError::Disconnected) => Err("the reader ended in the middle of its input".into()),
        }
    }
}
