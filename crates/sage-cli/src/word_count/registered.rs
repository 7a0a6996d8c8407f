//! The count as a job that can be submitted.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sage_comm::jobs::{JobRegistry, Param, ScalarKind, Submission};
use sage_comm::{Error, ErrorKind, Outcome, is_worker};
use serde_json::json;

use super::inputs::Inputs;
use super::ranking::Ranking;
use super::{Summary, flow};
use crate::failure::Failure;
use crate::job::spread;
use crate::number::per_second;
use crate::report::Account;

/// Words in a result at most: it is kept in memory, and travels.
const MOST: i64 = 1_000;

/// Adds it under its name.
pub(crate) fn register(registry: JobRegistry) -> JobRegistry {
    let params = [
        Param::needed("files", ScalarKind::Text, "files to read, with `:` between them"),
        Param::optional("top", 10_i64, "words in the result, the most frequent first"),
    ];
    let params = params.into_iter().chain(spread::params());
    registry.with("word-count", params, |params| {
        let top = usize::try_from(params.int_within("top", 0, MOST)?).unwrap_or_default();
        let args = spread::args(params, "word-count")?;
        let files: Vec<PathBuf> = params.text("files")?.split(':').map(PathBuf::from).collect();
        if files.iter().any(|file| file.as_os_str() == "-") {
            return Err(refused(&Failure::new("`-` is nobody's input there; name files")));
        }
        // They are read where the job was submitted, and a pipe can be opened once.
        let opened = if is_worker() { &[][..] } else { &files[..] };
        let inputs = Inputs::open(opened).map_err(|failure| refused(&failure))?;
        let read = Arc::new(AtomicU64::new(0));
        let (job, counts) = flow::build(&args, inputs, &read).map_err(|failure| refused(&failure))?;
        Ok(Submission::with_result(job, move |report| {
            let ranking = Ranking::new(counts.take());
            let bytes = read.load(Ordering::Relaxed);
            let summary = Summary {
                words_total: ranking.total(),
                distinct: ranking.distinct(),
                files: files.len(),
                bytes,
                bytes_per_second: per_second(bytes, report.seconds),
                account: Account::of(report, &args),
            };
            // Counts of a part would look like counts of the whole.
            let is_whole = report.outcome == Outcome::Finished;
            let words = if is_whole { ranking.top(top) } else { Vec::new() };
            json!({ "summary": summary, "words": words })
        }))
    })
}

fn refused(failure: &Failure) -> Error {
    Error::new(ErrorKind::Io, "submit job")
        .with("job", "word-count")
        .found(failure.message())
}
