//! The folder of a job over all of its attempts, and what one of them has of it.

use std::sync::Arc;
use std::time::Duration;

use checkpoint::{Folder, Restored, Round, Shelf};
use descriptor_core::{Backends, Error};
use graph::{Deployment, Plan};
use serde::{Deserialize, Serialize};

use super::config::Checkpoints;
use super::inherit;
use crate::job::Job;
use crate::{Attempts, CheckpointReport};

/// The checkpoints of a job, for as long as this process coordinates it.
pub(crate) struct Keeping {
    pub(super) folder: Folder,
    config: Checkpoints,
    /// See [`Job::made_with`].
    made_with: String,
}

/// What one attempt of a job with checkpoints has beside others.
pub(crate) struct Kept {
    pub(crate) round: Arc<Round>,
    /// `None` in a worker.
    pub(super) keeping: Option<Arc<Keeping>>,
    pub(super) run: String,
    /// By place: what instances go on from, once.
    pub(crate) restored: Vec<Option<Restored>>,
}

/// What a worker has to know to take part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Share {
    folder: std::path::PathBuf,
    state_bytes: usize,
    run: String,
    restored: Option<u64>,
}

impl Keeping {
    /// Takes the folder of a job that wants checkpoints.
    pub(crate) fn of<B: Backends>(job: &Job<B>) -> Result<Option<Arc<Self>>, Error> {
        let Some(config) = &job.checkpoints else {
            return Ok(None);
        };
        let folder = Folder::take(shelf(&job.plan, config.folder.clone(), config.state_bytes)?)?;
        Ok(Some(Arc::new(Self {
            folder,
            config: config.clone(),
            made_with: job.made_with.clone(),
        })))
    }

    pub(crate) const fn retries(&self) -> Option<Attempts> {
        self.config.retries
    }

    pub(super) const fn every(&self) -> Duration {
        self.config.every
    }

    /// What an attempt goes on from. `before` has what came of the checkpoints of those before it.
    pub(crate) fn attempt(&self, plan: &Plan, worker: u32, run: &str, before: CheckpointReport) -> Result<Kept, Error> {
        let number = self.folder.last()?;
        let workers = match plan.deployment() {
            Deployment::Threads => 0,
            others => others.workers() as usize,
        };
        // Each attempt may have a plan of its own.
        let mut shelf = shelf(plan, self.config.folder.clone(), self.config.state_bytes)?;
        if !self.made_with.is_empty() {
            shelf = shelf.with_parameters(self.made_with.clone());
        }
        let (places, restored) = part(&shelf, plan, worker, self.config.state_bytes, number)?;
        let own = Self {
            folder: self.folder.with_shelf(shelf),
            config: self.config.clone(),
            made_with: self.made_with.clone(),
        };
        Ok(Kept {
            round: Arc::new(Round::new(self.config.state_bytes, places, workers, number, before)),
            keeping: Some(Arc::new(own)),
            run: run.to_owned(),
            restored,
        })
    }
}

impl Kept {
    /// What workers have to know of it.
    pub(crate) fn share(&self) -> Option<Share> {
        let keeping = self.keeping.as_ref()?;
        Some(Share {
            folder: std::path::absolute(keeping.folder.shelf().path()).ok()?,
            state_bytes: keeping.config.state_bytes,
            run: self.run.clone(),
            restored: self.round.report().restored,
        })
    }
}

impl Share {
    /// A worker's part, and where it writes it.
    pub(crate) fn take(self, plan: &Plan, worker: u32) -> Result<(Kept, Shelf), Error> {
        let shelf = shelf(plan, self.folder, self.state_bytes)?;
        let (places, restored) = part(&shelf, plan, worker, self.state_bytes, self.restored)?;
        let report = CheckpointReport::default();
        let kept = Kept {
            round: Arc::new(Round::new(self.state_bytes, places, 0, self.restored, report)),
            keeping: None,
            run: self.run,
            restored,
        };
        Ok((kept, shelf))
    }
}

fn shelf(plan: &Plan, folder: std::path::PathBuf, state_bytes: usize) -> Result<Shelf, Error> {
    inherit::shelf(plan.graph(), folder, state_bytes)
}

/// The places of the instances of a worker, and what they go on from.
fn part(
    shelf: &Shelf,
    plan: &Plan,
    worker: u32,
    state_bytes: usize,
    number: Option<u64>,
) -> Result<(Vec<usize>, Vec<Option<Restored>>), Error> {
    let places: Vec<usize> = plan.instances_on(worker).map(|it| it.id.index()).collect();
    let restored = match number {
        Some(number) => inherit::restored(shelf, plan, number, state_bytes, &places)?,
        None => Vec::new(),
    };
    Ok((places, restored))
}
