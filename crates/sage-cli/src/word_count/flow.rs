//! The job: read, split, count by word, collect.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use sage_comm::ops::Collected;
use sage_comm::{Builtin, Deployment, Flow, Job, NodeKind, Partition};

use super::count::{Counter, Splitter};
use super::inputs::Inputs;
use super::source::TextSource;
use super::word::WordCount;
use crate::args::JobArgs;
use crate::failure::Failure;

/// Texts that wait for each splitter: they are large.
const TEXTS: usize = 4;

/// The longest text between processes: what is read at once, and a word that had begun before. Inside of one there is no limit.
const TEXT_BYTES: usize = 1 << 20;

/// Writes the job down; `bytes` counts what was read.
pub(super) fn build(
    args: &JobArgs,
    inputs: Inputs,
    bytes: &Arc<AtomicU64>,
) -> Result<(Job<Builtin>, Collected<WordCount>), Failure> {
    let flow = Flow::new("word-count", Builtin);
    if let Some(kind) = args.transport().queue_type() {
        flow.queue_kind(kind);
    }
    let inputs = Arc::new(Mutex::new(Some(inputs)));
    let bytes = Arc::clone(bytes);
    let files = flow.source("files", 1, move |_| {
        TextSource::new(Arc::clone(&inputs), Arc::clone(&bytes))
    });
    let deployment = args.deployment()?;
    let files = match deployment {
        Deployment::Threads => files,
        // Whose files they are, and who says how much was read.
        _ => files.at_coordinator(),
    };
    let is_spread = deployment != Deployment::Threads;
    let split = files
        // It is a key_by as well: it knows the word when it sends the count.
        .process("split", NodeKind::KeyBy, |_| Splitter::default())
        .parallelism(args.parallelism())
        .buffer_size(TEXTS);
    let split = if is_spread { split.item_bytes(TEXT_BYTES) } else { split };
    let counts = split
        .partition(Partition::Hash)
        .process("count", NodeKind::Reduce, |_| Counter::default())
        .parallelism(args.parallelism())
        .collect("words");
    Ok((flow.build(deployment)?, counts))
}
