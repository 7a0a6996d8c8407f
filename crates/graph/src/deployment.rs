//! Where the instances of a job run.

use std::fmt;

use descriptor_core::{Reach, ServerAddress};
use serde::{Deserialize, Serialize};

use crate::Meeting;

/// How a job is spread over processes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Deployment {
    /// Threads of this process: one worker, number 0.
    #[default]
    Threads,
    /// This many processes of this host, each of them one worker; the process that starts the job coordinates them.
    Processes(u32),
    /// Processes of any hosts, each of them one worker, that join the one which starts the job at a server of queues.
    Workers(Meeting),
}

impl Deployment {
    /// Stands in the list of [workers](crate::NodeSpec::workers) for the process that starts the job: the place of nodes
    /// whose results it wants to see. On threads there is no other place.
    pub const COORDINATOR: u32 = u32::MAX;

    /// The number of workers.
    #[must_use]
    pub const fn workers(&self) -> u32 {
        match self {
            Self::Threads => 1,
            Self::Processes(n) => *n,
            Self::Workers(meeting) => meeting.workers(),
        }
    }

    /// How far a queue between two workers has to reach.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        match self {
            Self::Threads => Reach::Process,
            Self::Processes(_) => Reach::Host,
            Self::Workers(_) => Reach::Network,
        }
    }

    /// The server of the queues between workers, where all of them have to be at one.
    #[must_use]
    pub const fn server(&self) -> Option<&ServerAddress> {
        match self {
            Self::Workers(meeting) => Some(meeting.server()),
            Self::Threads | Self::Processes(_) => None,
        }
    }
}

impl fmt::Display for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Threads => f.write_str("threads"),
            Self::Processes(n) => write!(f, "processes({n})"),
            Self::Workers(meeting) => write!(f, "workers({meeting})"),
        }
    }
}

/// Hands out workers in turn.
#[derive(Debug)]
pub(crate) struct Placer {
    /// None where there is one place.
    workers: Option<u32>,
    next: u32,
}

impl Placer {
    pub(crate) fn new(deployment: &Deployment) -> Self {
        let workers = (*deployment != Deployment::Threads).then(|| deployment.workers());
        Self { workers, next: 0 }
    }

    /// The worker of the instance `index` of a node that is bound to the workers `bound`, or to none; then it is placed
    /// with the instance that sends to it alone, where there is one, which is on worker `beside`.
    pub(crate) fn place(&mut self, bound: &[u32], index: u32, beside: Option<u32>) -> u32 {
        let Some(workers) = self.workers else {
            return 0;
        };
        if !bound.is_empty() {
            return bound.get(index as usize % bound.len()).copied().unwrap_or_default();
        }
        if let Some(worker) = beside {
            return worker;
        }
        let worker = self.next;
        self.next = (worker + 1) % workers.max(1);
        worker
    }
}

#[cfg(test)]
mod tests {
    use super::{Deployment, Placer};

    #[test]
    fn workers_take_turns_and_bindings_hold() {
        let mut placer = Placer::new(&Deployment::Processes(3));
        let placed: Vec<u32> = (0..5).map(|i| placer.place(&[], i, None)).collect();
        assert_eq!(placed, [0, 1, 2, 0, 1]);
        let bound: Vec<u32> = (0..4).map(|i| placer.place(&[2, 1], i, Some(0))).collect();
        assert_eq!(bound, [2, 1, 2, 1]);
        assert_eq!(placer.place(&[], 0, Some(1)), 1);
        assert_eq!(
            placer.place(&[], 0, None),
            2,
            "bound instances and those beside another take nobody's turn"
        );
    }

    #[test]
    fn threads_have_one_worker_whatever_is_asked() {
        let mut placer = Placer::new(&Deployment::Threads);
        let asked = [&[7][..], &[Deployment::COORDINATOR], &[]];
        assert_eq!(asked.map(|bound| placer.place(bound, 1, None)), [0, 0, 0]);
        let mut one = Placer::new(&Deployment::Processes(1));
        assert_eq!(one.place(&[Deployment::COORDINATOR], 1, None), Deployment::COORDINATOR);
    }
}
