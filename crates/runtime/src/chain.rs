//! Which edges need no queue because one thread runs both their ends.

use std::collections::HashSet;

use descriptor_core::{Backends, Reach};
use graph::{Group, NodeId, Plan};
use router::Partition;

use crate::draft::NodeCode;

/// Operators in one chain at most: each takes a few frames of the thread's stack, with a packet in them.
const LONGEST: usize = 32;
/// Items larger than this, in bytes, are not handed from frame to frame.
pub(crate) const LARGEST: usize = 1024;

/// The chains of a plan: where one node goes on in another without a queue between them.
///
/// A matter of the process alone. Graph, plan and reports are the same with and without it.
pub(crate) struct Chains {
    /// By node: the node it goes on in.
    next: Vec<Option<NodeId>>,
    /// By node: true when it is called by another one.
    called: Vec<bool>,
}

impl Chains {
    /// Chains what may be chained, from the front.
    pub(crate) fn of<B: Backends>(plan: &Plan, code: &[NodeCode<B>]) -> Self {
        let nodes = plan.graph().nodes().len();
        let mut next = vec![None; nodes];
        for group in plan.groups() {
            let chained = is_straight(plan, group)
                && is_near(plan, group)
                && may_chain(code, group.to)
                && !stands_alone(code, group.from)
                && !stands_alone(code, group.to);
            if let Some(place) = next.get_mut(group.from.index()).filter(|_| chained) {
                *place = Some(group.to);
            }
        }
        cut(&mut next);
        let mut called = vec![false; nodes];
        for to in next.iter().flatten() {
            if let Some(called) = called.get_mut(to.index()) {
                *called = true;
            }
        }
        Self { next, called }
    }

    /// By the place of an instance in the plan: that of the instance whose thread runs it.
    pub(crate) fn heads(&self, plan: &Plan) -> Vec<usize> {
        let mut heads: Vec<usize> = (0..plan.instances().len()).collect();
        for head in plan.instances().iter().filter(|it| !self.is_called(it.node)) {
            let mut node = head.node;
            while let Some(next) = self.next(node) {
                let called = plan.instances_of(next).get(head.index as usize);
                if let Some(place) = called.and_then(|called| heads.get_mut(called.id.index())) {
                    *place = head.id.index();
                }
                node = next;
            }
        }
        heads
    }

    /// The node that this one goes on in.
    pub(crate) fn next(&self, node: NodeId) -> Option<NodeId> {
        *self.next.get(node.index())?
    }

    /// True for a node that another one calls: it has neither queue nor thread.
    pub(crate) fn is_called(&self, node: NodeId) -> bool {
        self.called.get(node.index()) == Some(&true)
    }
}

/// True when every packet that leaves an instance goes to the same instance behind it, and nothing else does.
fn is_straight(plan: &Plan, group: &Group) -> bool {
    let only_one = match group.partition {
        Partition::Forward => true,
        // Among one there is no choice.
        Partition::RoundRobin | Partition::Rescale => group.width() == 1,
        _ => false,
    };
    only_one
        && group.senders().len() == group.targets().len()
        && plan.groups_from(group.from).count() == 1
        && plan.groups_into(group.to).count() == 1
}

/// True when both ends are in one process, and the queue between them need not leave it.
fn is_near(plan: &Plan, group: &Group) -> bool {
    let worker = |id| plan.instance(id).map(|instance| instance.worker);
    group
        .senders()
        .zip(group.targets())
        .all(|(from, to)| worker(from) == worker(to) && plan.input_reach(to) == Some(Reach::Process))
}

fn may_chain<B: Backends>(code: &[NodeCode<B>], node: NodeId) -> bool {
    code.get(node.index())
        .is_some_and(|code| code.chain && code.link.is_some())
}

/// One that is started again, or left out, must not take others with it.
fn stands_alone<B: Backends>(code: &[NodeCode<B>], node: NodeId) -> bool {
    code.get(node.index()).is_some_and(|code| code.rules.stand_alone())
}

/// Cuts chains that are too long. A straight edge has one end at each side, so these are rows without branches; a ring
/// does not pass the preflight.
fn cut(next: &mut [Option<NodeId>]) {
    let called: HashSet<usize> = next.iter().flatten().map(|node| node.index()).collect();
    for head in (0..next.len()).filter(|node| !called.contains(node)) {
        let (mut at, mut length) = (head, 1);
        while let Some(place) = next.get_mut(at)
            && let Some(node) = *place
        {
            at = node.index();
            length += 1;
            if length > LONGEST {
                *place = None;
                length = 1;
            }
        }
    }
}
