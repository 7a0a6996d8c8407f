//! Numbers that are too small or too large.

use super::{Check, quoted};
use crate::limits::{MAX_BUFFER_SIZE, MAX_CONNECTIONS, MAX_INSTANCES, MAX_PARALLELISM, MAX_WORKERS};
use crate::{Code, Deployment, Place, ServiceId};

impl Check<'_> {
    pub(super) fn size(&mut self, deployment: &Deployment) {
        let graph = self.graph;
        for (id, node) in graph.node_ids() {
            let place = Place::Node(id);
            let name = format!("node {}", quoted(&node.name));
            self.parallelism(&name, place, "parallelism", node.parallelism);
            if let Some(highest) = node.max_parallelism {
                self.parallelism(&name, place, "max_parallelism", highest);
                if highest < node.parallelism {
                    let message = format!(
                        "{name}: expected a max_parallelism of at least its parallelism {}, found {highest}; raise it",
                        node.parallelism
                    );
                    self.found.error(Code::Parallelism, place, message);
                }
            }
            self.buffer(&name, place, node.buffer_size);
            self.workers(&name, place, &node.workers, deployment);
        }
        for (i, service) in graph.services().iter().enumerate() {
            let place = Place::Service(ServiceId::at(i));
            let name = format!("service {}", quoted(&service.name));
            self.parallelism(&name, place, "parallelism", service.parallelism);
            self.buffer(&name, place, service.buffer_size);
            self.workers(&name, place, &service.workers, deployment);
        }
        self.totals(deployment);
    }

    fn parallelism(&mut self, name: &str, place: Place, what: &str, found: u32) {
        if found == 0 || found > MAX_PARALLELISM {
            let message = format!("{name}: expected a {what} of 1 to {MAX_PARALLELISM}, found {found}; change it");
            self.found.error(Code::Parallelism, place, message);
        }
    }

    fn buffer(&mut self, name: &str, place: Place, found: usize) {
        if found == 0 || found > MAX_BUFFER_SIZE {
            let message = format!("{name}: expected a buffer_size of 1 to {MAX_BUFFER_SIZE}, found {found}; change it");
            self.found.error(Code::BufferSize, place, message);
        }
    }

    fn workers(&mut self, name: &str, place: Place, bound: &[u32], deployment: &Deployment) {
        // A job that is tried on threads first keeps what it says about workers.
        if *deployment == Deployment::Threads {
            return;
        }
        let workers = deployment.workers();
        let exists = |worker: u32| worker < workers || worker == Deployment::COORDINATOR;
        if let Some(missing) = bound.iter().find(|worker| !exists(**worker)) {
            let message = format!(
                "{name}: expected workers below {workers}, found worker {missing}; deploy to more workers or bind it \
                 to another"
            );
            self.found.error(Code::NoWorker, place, message);
        }
    }

    fn totals(&mut self, deployment: &Deployment) {
        let graph = self.graph;
        let nodes: u64 = graph.nodes().iter().map(|node| u64::from(node.parallelism)).sum();
        let services: u64 = graph
            .services()
            .iter()
            .map(|service| u64::from(service.parallelism))
            .sum();
        let instances = nodes + services;
        if instances > MAX_INSTANCES {
            self.too_large("instances", MAX_INSTANCES, instances);
        }
        let width = |id| graph.node(id).map_or(0, |node| u64::from(node.parallelism));
        let connections = graph
            .edges()
            .iter()
            .map(|edge| width(edge.from).saturating_mul(width(edge.to)))
            .fold(0, u64::saturating_add);
        if connections > MAX_CONNECTIONS {
            self.too_large("connections", MAX_CONNECTIONS, connections);
        }
        let workers = deployment.workers();
        if workers == 0 {
            let message = format!("job: expected at least one worker, found {deployment}; deploy to 1 or more");
            self.found.error(Code::NoWorker, Place::Job, message);
        } else if workers > MAX_WORKERS {
            self.too_large("workers", MAX_WORKERS.into(), workers.into());
        } else if u64::from(workers) > instances && instances > 0 {
            let message = format!(
                "job: expected no more workers than its {instances} instances, found {workers}; \
                 raise the parallelism or deploy to fewer"
            );
            self.found.warning(Code::IdleWorkers, Place::Job, message);
        }
    }

    fn too_large(&mut self, what: &str, most: u64, found: u64) {
        let message = format!("job: expected at most {most} {what}, found {found}; lower the parallelism or split it");
        self.found.error(Code::TooLarge, Place::Job, message);
    }
}
