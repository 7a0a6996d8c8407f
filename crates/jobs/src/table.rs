//! The jobs of a manager, as they are written down.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use runtime::JobController;
use serde_json::Value;

use crate::status::Seen;
use crate::{JobState, JobStatus, JobSummary, Scalars};

/// What a job that has ended left.
pub(crate) struct Ended {
    pub(crate) state: JobState,
    pub(crate) seen: Seen,
    pub(crate) error: Option<String>,
    pub(crate) report: Option<Value>,
    pub(crate) result: Option<Value>,
    pub(crate) after: Duration,
}

pub(crate) enum Stage {
    Starting,
    Live(JobController),
    Ended(Box<Ended>),
}

/// What was asked of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Asked {
    #[default]
    Nothing,
    Drain(Duration),
    Cancel,
}

pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) params: Scalars,
    pub(crate) stage: Stage,
    pub(crate) asked: Asked,
    /// Where its checkpoints are; nobody else's meanwhile.
    pub(crate) folder: Option<PathBuf>,
    begun: Instant,
    submitted: SystemTime,
}

impl Record {
    fn state(&self) -> JobState {
        match (&self.stage, self.asked) {
            (Stage::Ended(ended), _) => ended.state,
            (_, Asked::Cancel) => JobState::Cancelling,
            (_, Asked::Drain(_)) => JobState::Draining,
            (Stage::Starting, _) => JobState::Starting,
            (Stage::Live(job), _) if job.is_paused() => JobState::Paused,
            (Stage::Live(_), _) => JobState::Running,
        }
    }

    pub(crate) fn summary(&self) -> JobSummary {
        let submitted = self.submitted.duration_since(UNIX_EPOCH).unwrap_or_default();
        let after = match &self.stage {
            Stage::Ended(ended) => ended.after,
            _ => self.begun.elapsed(),
        };
        JobSummary {
            id: self.id.clone(),
            name: self.name.clone(),
            state: self.state(),
            submitted_ms: u64::try_from(submitted.as_millis()).unwrap_or(u64::MAX),
            seconds: after.as_secs_f64(),
        }
    }

    pub(crate) fn status(&self) -> JobStatus {
        let (seen, ended) = match &self.stage {
            Stage::Starting => (Seen::default(), None),
            Stage::Live(job) => (Seen::of(job), None),
            Stage::Ended(ended) => (ended.seen.clone(), Some(ended)),
        };
        JobStatus {
            summary: self.summary(),
            params: self.params.clone(),
            nodes: seen.nodes,
            workers: seen.workers,
            restarts: seen.restarts,
            checkpoints: seen.checkpoints,
            error: ended.and_then(|ended| ended.error.clone()),
            report: ended.and_then(|ended| ended.report.clone()),
            result: ended.and_then(|ended| ended.result.clone()),
        }
    }

    pub(crate) fn age(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(crate) const fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended(_))
    }
}

/// By their numbers, which are in the order of submission.
#[derive(Default)]
pub(crate) struct Table {
    jobs: BTreeMap<u64, Record>,
    last: u64,
    /// Nothing is taken on any more.
    pub(crate) closed: bool,
}

impl Table {
    pub(crate) fn add(&mut self, name: &str, params: Scalars) -> (u64, String) {
        self.last += 1;
        let id = format!("{name}-{}", self.last);
        self.jobs.insert(
            self.last,
            Record {
                id: id.clone(),
                name: name.into(),
                params,
                stage: Stage::Starting,
                asked: Asked::Nothing,
                folder: None,
                begun: Instant::now(),
                submitted: SystemTime::now(),
            },
        );
        (self.last, id)
    }

    pub(crate) fn live(&self) -> usize {
        self.jobs.values().filter(|record| !record.has_ended()).count()
    }

    /// The job that has this folder.
    pub(crate) fn holder(&self, folder: &Path) -> Option<&Record> {
        let mut live = self.jobs.values().filter(|record| !record.has_ended());
        live.find(|record| record.folder.as_deref() == Some(folder))
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Record> {
        self.jobs.get_mut(&number)
    }

    /// As if it had never been.
    pub(crate) fn remove(&mut self, number: u64) {
        self.jobs.remove(&number);
    }

    pub(crate) fn find(&mut self, id: &str) -> Option<&mut Record> {
        let number: u64 = id.rsplit_once('-')?.1.parse().ok()?;
        self.jobs.get_mut(&number).filter(|record| record.id == id)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Record> {
        self.jobs.values()
    }

    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = &mut Record> {
        self.jobs.values_mut()
    }

    /// Forgets the oldest that have ended, but for so many.
    pub(crate) fn forget(&mut self, remembered: usize) {
        let ended: Vec<u64> = self
            .jobs
            .iter()
            .filter(|(_, record)| record.has_ended())
            .map(|(number, _)| *number)
            .collect();
        for number in ended.iter().take(ended.len().saturating_sub(remembered)) {
            self.jobs.remove(number);
        }
    }
}
