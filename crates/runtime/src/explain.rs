//! Why a job is laid out as it is: queue types with what spoke against others, calls without a queue, rules.

use std::fmt;

use descriptor_core::{Backends, Caps, KindInfo};
use graph::{Group, PlannedQueue, Role};
use serde::Serialize;
use task::host::Rules;

use crate::chain::Chains;
use crate::{ErrorPolicy, Job, OnNodeFailure, Restart};

/// What [`Job::explain`] says. `Display` is for people, `Serialize` for programs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The job's name.
    pub job: String,
    /// How it is spread over processes.
    pub deployment: String,
    /// Tells this graph from others.
    pub fingerprint: String,
    /// Every edge, in the order in which it was written down.
    pub edges: Vec<EdgeExplanation>,
    /// The queues of services, for requests and answers.
    pub services: Vec<QueueExplanation>,
    /// Every node with what becomes of its failures.
    pub nodes: Vec<NodeExplanation>,
}

/// One edge and the queues at its end.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EdgeExplanation {
    /// `from -> to`, with the port where there are several.
    pub edge: String,
    /// How packets find their instance.
    pub partition: String,
    /// Instances that send.
    pub senders: usize,
    /// Instances that receive.
    pub receivers: usize,
    /// True when the sender calls the receiver on its own thread: then there is no queue.
    pub called: bool,
    /// The input queues of the receivers; those that are alike are one entry.
    pub queues: Vec<QueueExplanation>,
}

/// Queues of one type for the same reasons.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct QueueExplanation {
    /// Their type.
    pub queue_type: String,
    /// How far apart their ends are.
    pub reach: String,
    /// Why this type.
    pub reason: String,
    /// Their ids.
    pub queue_ids: Vec<String>,
    /// Types that the strategy asked first and passed over.
    pub refused: Vec<NotChosen>,
    /// The other types of this program: those that could not serve, and those that were not asked any more.
    pub others: Vec<NotChosen>,
}

/// A queue type that was not chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NotChosen {
    /// The type.
    pub queue_type: String,
    /// Why not.
    pub reason: String,
}

/// What becomes of the failures of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NodeExplanation {
    /// The node.
    pub node: String,
    /// Its instances.
    pub parallelism: u32,
    /// What becomes of a packet that its operator failed on.
    pub on_error: ErrorPolicy,
    /// When an instance is started again.
    pub restart: Restart,
    /// What an instance that failed for good does to the job.
    pub on_failure: OnNodeFailure,
}

impl<B: Backends> Job<B> {
    /// Which queue type each edge got and why no other, which edges need none, and what becomes of failures.
    ///
    /// ```
    /// # use runtime::{Deployment, Flow, ops};
    /// # #[derive(Clone)]
    /// # struct Builtin;
    /// # impl descriptor_core::Backends for Builtin {
    /// #     fn registry<T: descriptor_core::Wire>(&self) -> descriptor_core::Registry<T> {
    /// #         descriptor_core::Registry::new().with::<queue_local::LocalSpec>()
    /// #     }
    /// # }
    /// let flow = Flow::new("print", Builtin);
    /// let _ = flow.source("numbers", 2, |_| ops::IterSource::new(0..5_u64)).for_each("print", |n| println!("{n}"));
    /// let why = flow.build(Deployment::Threads)?.explain();
    /// let queue = &why.edges[0].queues[0];
    /// assert_eq!((queue.queue_type.as_str(), queue.refused[0].queue_type.as_str()), ("local", "sage_queue"));
    /// assert!(why.to_string().contains("not sage_queue: not part of this program"));
    /// # Ok::<(), descriptor_core::Error>(())
    /// ```
    #[must_use]
    pub fn explain(&self) -> Explanation {
        let plan = &self.plan;
        let kinds = self.backends.registry::<()>().kinds();
        let chains = Chains::of(plan, &self.code);
        let edges = plan.groups().iter().filter_map(|group| {
            let called = chains.is_called(group.to);
            let queues = if called { Vec::new() } else { self.inputs(group, &kinds) };
            Some(EdgeExplanation {
                edge: plan.edge_name(group.edge)?,
                partition: group.partition.to_string(),
                senders: group.senders().len(),
                receivers: group.targets().len(),
                called,
                queues,
            })
        });
        let nodes = plan.graph().nodes().iter().zip(&self.code);
        Explanation {
            job: plan.job_name().to_owned(),
            deployment: plan.deployment().to_string(),
            fingerprint: plan.fingerprint(),
            edges: edges.collect(),
            services: grouped(
                plan.queues().iter().filter(|it| !matches!(it.role, Role::Input(_))),
                &kinds,
            ),
            nodes: nodes
                .map(|(node, code)| NodeExplanation {
                    node: node.name.clone(),
                    parallelism: node.parallelism,
                    on_error: node.on_error,
                    restart: code.rules.restart,
                    on_failure: code.rules.on_failure,
                })
                .collect(),
        }
    }

    fn inputs(&self, group: &Group, kinds: &[KindInfo]) -> Vec<QueueExplanation> {
        let ids: Vec<_> = group.targets().collect();
        let inputs = self.plan.queues().iter();
        grouped(
            inputs.filter(|queue| matches!(queue.role, Role::Input(id) if ids.binary_search(&id).is_ok())),
            kinds,
        )
    }
}

/// A thousand queues for the same reasons are one entry.
fn grouped<'a>(queues: impl Iterator<Item = &'a PlannedQueue>, kinds: &[KindInfo]) -> Vec<QueueExplanation> {
    let mut all: Vec<QueueExplanation> = Vec::new();
    for queue in queues {
        let made = QueueExplanation {
            queue_type: queue.record.queue_type.clone(),
            reach: queue.reach.to_string(),
            reason: queue.reason.clone(),
            queue_ids: Vec::new(),
            refused: queue
                .refused
                .iter()
                .map(|no| NotChosen {
                    queue_type: no.kind.clone(),
                    reason: no.reason.clone(),
                })
                .collect(),
            others: others(queue, kinds),
        };
        let id = queue.record.queue_id.to_string();
        let alike = all.iter_mut().find(|known| {
            (&known.queue_type, &known.reach, &known.reason) == (&made.queue_type, &made.reach, &made.reason)
                && known.refused == made.refused
        });
        match alike {
            Some(known) => known.queue_ids.push(id),
            None => all.push(QueueExplanation {
                queue_ids: vec![id],
                ..made
            }),
        }
    }
    all
}

/// The types that the strategy has not spoken of.
fn others(queue: &PlannedQueue, kinds: &[KindInfo]) -> Vec<NotChosen> {
    // As the plan asks of every queue of a job.
    let mut needs = Caps::default();
    needs.bounded = true;
    needs.ordered = true;
    let spoken_of = |kind: &str| queue.record.queue_type == kind || queue.refused.iter().any(|no| no.kind == kind);
    let others = kinds.iter().filter(|info| !spoken_of(info.kind));
    others
        .map(|info| {
            let missing: Vec<_> = info.caps.missing(needs).collect();
            let reason = if info.reach < queue.reach {
                format!("reaches {} only, the edge needs {}", info.reach, queue.reach)
            } else if missing.is_empty() {
                "not asked: the choice was made before".to_owned()
            } else {
                format!("lacks {}", missing.join(", "))
            };
            NotChosen {
                queue_type: info.kind.to_owned(),
                reason,
            }
        })
        .collect()
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "job {} on {}, fingerprint {}",
            self.job, self.deployment, self.fingerprint
        )?;
        for edge in &self.edges {
            writeln!(
                f,
                "\n{}: {}, {} x {} connections",
                edge.edge, edge.partition, edge.senders, edge.receivers
            )?;
            if edge.called {
                writeln!(f, "  no queue: the sender calls it on its own thread")?;
            }
            edge.queues.iter().try_for_each(|queue| write!(f, "{queue}"))?;
        }
        if !self.services.is_empty() {
            writeln!(f, "\nservices")?;
            self.services.iter().try_for_each(|queue| write!(f, "{queue}"))?;
        }
        writeln!(f, "\nwhen something fails")?;
        self.nodes.iter().try_for_each(|node| writeln!(f, "  {node}"))
    }
}

impl fmt::Display for QueueExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = match self.queue_ids.as_slice() {
            [first, .., last] if self.queue_ids.len() > 2 => format!("{first} .. {last} ({})", self.queue_ids.len()),
            few => few.join(", "),
        };
        writeln!(f, "  {}, {}: {ids}", self.queue_type, self.reason)?;
        // Several are passed over for one reason; that is one line.
        let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
        for no in self.refused.iter().chain(&self.others) {
            match by_reason.iter_mut().find(|(reason, _)| *reason == no.reason) {
                Some((_, kinds)) => kinds.push(&no.queue_type),
                None => by_reason.push((&no.reason, vec![&no.queue_type])),
            }
        }
        let mut lines = by_reason.iter();
        lines.try_for_each(|(reason, kinds)| writeln!(f, "    not {}: {reason}", kinds.join(", ")))
    }
}

impl fmt::Display for NodeExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packet = match self.on_error {
            ErrorPolicy::Skip => "a packet that fails is dropped",
            ErrorPolicy::DeadLetter => "a packet that fails becomes a dead letter",
            _ => "an error is a failure",
        };
        let rules = Rules {
            restart: self.restart,
            on_failure: self.on_failure,
        };
        write!(f, "{} x{}: {packet}; {rules}", self.node, self.parallelism)
    }
}
