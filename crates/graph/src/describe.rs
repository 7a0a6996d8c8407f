//! A plan in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::{Deployment, Group, Plan, PlannedQueue, Role};

impl Plan {
    /// Every edge with its partition and connections, and under it the queues of its target: which type, why, and why
    /// no other.
    #[must_use]
    pub fn explain(&self) -> String {
        let mut text = String::new();
        for group in self.groups() {
            self.explain_edge(group, &mut text);
        }
        let of_services = self
            .queues()
            .iter()
            .filter(|queue| !matches!(queue.role, Role::Input(_)));
        for (reason, queues) in grouped(of_services) {
            let _ = writeln!(text, "services: {queues}: {reason}");
        }
        text
    }

    fn explain_edge(&self, group: &Group, text: &mut String) {
        let Some(edge) = self.graph().edge(group.edge) else {
            return;
        };
        // Writing to a String cannot fail, here and below.
        let _ = write!(
            text,
            "{}: {}, {} x {} connections",
            self.graph().edge_name(edge),
            group.partition,
            group.senders().len(),
            group.width()
        );
        if let Some(groups) = group.key_groups {
            let _ = write!(text, ", {} key groups", groups.count());
        }
        text.push('\n');
        let targets = group.targets.clone();
        let inputs = self
            .queues()
            .iter()
            .filter(|queue| matches!(queue.role, Role::Input(id) if targets.contains(&id.get())));
        for (reason, queues) in grouped(inputs) {
            let _ = writeln!(text, "  {queues}: {reason}");
        }
    }

    /// The whole plan for people: size, picture, workers, edges with their queues, and warnings.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text = format!(
            "job {} on {}: {} nodes, {} instances, {} edges, {} queues, fingerprint {}\n\n{}\n",
            self.job_name(),
            self.deployment(),
            self.graph().nodes().len(),
            self.instances().len(),
            self.groups().len(),
            self.queues().len(),
            self.fingerprint(),
            self.topology()
        );
        let on = |worker| -> Vec<&str> { self.instances_on(worker).map(|it| it.name.as_str()).collect() };
        for worker in 0..self.deployment().workers() {
            let _ = writeln!(text, "worker {worker}: {}", listed(&on(worker)));
        }
        let here = on(Deployment::COORDINATOR);
        if !here.is_empty() {
            let _ = writeln!(text, "coordinator: {}", listed(&here));
        }
        text.push('\n');
        text.push_str(&self.explain());
        for warning in self.warnings() {
            let _ = writeln!(text, "{warning}");
        }
        text
    }

    /// See [`ExecutionGraph::topology`](crate::ExecutionGraph::topology).
    #[must_use]
    pub fn topology(&self) -> String {
        self.graph().topology()
    }

    /// See [`ExecutionGraph::to_mermaid`](crate::ExecutionGraph::to_mermaid).
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        self.graph().to_mermaid()
    }

    /// See [`ExecutionGraph::to_dot`](crate::ExecutionGraph::to_dot).
    #[must_use]
    pub fn to_dot(&self) -> String {
        self.graph().to_dot()
    }
}

/// Queues by the reason for their type, so that a thousand alike take one line.
fn grouped<'a>(queues: impl Iterator<Item = &'a PlannedQueue>) -> BTreeMap<String, String> {
    let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for queue in queues {
        let mut reason = format!("{}, {}", queue.record.queue_type, queue.reason);
        for refusal in &queue.refused {
            let _ = write!(reason, "; not {refusal}");
        }
        alike.entry(reason).or_default().push(queue.record.queue_id.as_str());
    }
    alike.into_iter().map(|(reason, ids)| (reason, listed(&ids))).collect()
}

/// Up to four names; the first, the last and the number of more.
fn listed(names: &[&str]) -> String {
    match names {
        [] => "nothing".into(),
        [first, .., last] if names.len() > 4 => format!("{first} .. {last} ({})", names.len()),
        few => few.join(", "),
    }
}
