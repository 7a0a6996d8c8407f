//! The books of workers and instances that left none: what those they worked with know about them.

use std::collections::{BTreeMap, BTreeSet};

use descriptor_core::{DropCause, Reach};
use graph::{Group, Instance, Plan};
use router::{TargetId, UpstreamId};
use task::host::{Loss, Sent, TaskAccount};

use crate::report::LostWorker;

/// Writes the accounts of the instances of lost workers, and of those that did not return. What they had taken counts as
/// lost in flight, since nobody knows what they had worked through; what they had sent is what arrived.
pub(crate) fn settle(plan: &Plan, accounts: &mut [TaskAccount], lost: &mut [LostWorker], stuck: &[String]) {
    let workers: BTreeSet<u32> = lost.iter().map(|lost| lost.worker).collect();
    let stuck: BTreeSet<&str> = stuck.iter().map(String::as_str).collect();
    if workers.is_empty() && stuck.is_empty() {
        return;
    }
    let is_gone = |it: &Instance| workers.contains(&it.worker) || stuck.contains(&*it.name);
    for group in plan.groups() {
        let number = plan.groups_from(group.from).position(|it| it.edge == group.edge);
        let Some(number) = number.and_then(|number| u16::try_from(number).ok()) else {
            continue;
        };
        for (sender, target, from) in connections(plan, group) {
            let id = TargetId {
                group: number,
                parallel_index: target.index,
            };
            let inside = inside(accounts, target, from);
            let gone = (is_gone(sender), is_gone(target));
            if gone.0 {
                let arrived = if gone.1 { 0 } else { received(accounts, target, from) };
                let packets = arrived + inside;
                if let Some(account) = accounts.get_mut(sender.id.index()) {
                    account.sent.push(Sent { target: id, packets });
                }
            } else if gone.1 {
                let taken = sent(accounts, sender, id).saturating_sub(inside);
                let loss = Loss {
                    dead_lettered: 0,
                    redelivered: 0,
                    dropped: BTreeMap::from([(DropCause::LostInFlight, taken)]),
                };
                if let Some(account) = accounts.get_mut(target.id.index()).filter(|_| taken > 0) {
                    account.received.push((from, taken, loss));
                }
                if let Some(lost) = lost.iter_mut().find(|lost| lost.worker == target.worker) {
                    lost.taken += taken;
                }
            }
        }
    }
}

/// In a job that was called off, what was on its way to a server when the queues there were closed: it was accepted from its
/// sender, and is nowhere. Counts as lost in flight; the accounts of lost workers are written already.
pub(crate) fn settle_windows(plan: &Plan, accounts: &mut [TaskAccount]) {
    for group in plan.groups() {
        let number = plan.groups_from(group.from).position(|it| it.edge == group.edge);
        let Some(number) = number.and_then(|number| u16::try_from(number).ok()) else {
            continue;
        };
        for (sender, target, from) in connections(plan, group) {
            if plan.input_reach(target.id) != Some(Reach::Network) {
                continue;
            }
            let id = TargetId {
                group: number,
                parallel_index: target.index,
            };
            let there = received(accounts, target, from) + inside(accounts, target, from);
            let missing = sent(accounts, sender, id).saturating_sub(there);
            let loss = Loss {
                dead_lettered: 0,
                redelivered: 0,
                dropped: BTreeMap::from([(DropCause::LostInFlight, missing)]),
            };
            if let Some(account) = accounts.get_mut(target.id.index()).filter(|_| missing > 0) {
                account.received.push((from, missing, loss));
            }
        }
    }
}

fn connections<'a>(
    plan: &'a Plan,
    group: &'a Group,
) -> impl Iterator<Item = (&'a Instance, &'a Instance, UpstreamId)> + 'a {
    let senders = group.senders().filter_map(|id| plan.instance(id));
    senders
        .filter_map(|sender| Some((sender, group.upstream(sender.index)?)))
        .flat_map(|(sender, from)| {
            let targets = group.targets().filter_map(|id| plan.instance(id));
            targets.map(move |target| (sender, target, from))
        })
}

fn inside(accounts: &[TaskAccount], target: &Instance, from: UpstreamId) -> u64 {
    let account = accounts.get(target.id.index());
    account
        .and_then(|account| account.inside.get(&from))
        .copied()
        .unwrap_or_default()
}

fn received(accounts: &[TaskAccount], target: &Instance, from: UpstreamId) -> u64 {
    let account = accounts.get(target.id.index()).into_iter();
    let received = account.flat_map(|account| &account.received);
    received
        .filter(|(id, ..)| *id == from)
        .map(|(_, packets, _)| packets)
        .sum()
}

fn sent(accounts: &[TaskAccount], sender: &Instance, to: TargetId) -> u64 {
    let account = accounts.get(sender.id.index()).into_iter();
    let sent = account.flat_map(|account| &account.sent);
    sent.filter(|sent| sent.target == to).map(|sent| sent.packets).sum()
}
