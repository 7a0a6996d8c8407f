//! Starting a job: every queue before any task, every task before any packet, all or nothing.

use std::any::Any;
use std::cell::RefCell;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use checkpoint::Restored;
use descriptor_core::{
    Backends, DescriptorPool, DescriptorRecord, DynQueue, Error, ErrorKind, QueueCore, QueueId, Reach,
};
use graph::{Deployment, NodeId, Plan};
use router::{KeyGroups, UpstreamId};
use task::host::{
    self, ChainSpec, Control, DeadLetters, GroupParts, Rules, Seat, Standing, Supervisor, TargetParts, Task, TaskMeter,
    TaskParts,
};

use crate::Instance;
use crate::assembly::OpenQueues;
use crate::attempt::{Attempt, TaskThread};
use crate::attempts::{Call, Letters};
use crate::chain::Chains;
use crate::checkpoints::{self, Kept};
use crate::claim::Claim;
use crate::draft::NodeCode;
use crate::job::Job;
use crate::letters;
use crate::services::Services;
use crate::shared::Shared;
use crate::workers;
use crate::{DeadLetter, NodeState};

/// Where a process stands in a job.
pub(crate) struct Post<'a> {
    /// Its number among the workers.
    pub(crate) worker: u32,
    /// What the ids of the job's queues begin with.
    pub(crate) prefix: &'a str,
    /// How far the dead letters have to reach.
    pub(crate) reach: Reach,
    /// Processes that are waited for beside the own threads.
    pub(crate) others: usize,
    pub(crate) letters: Letters<'a>,
}

/// A part of a job of which everything is made and nothing runs.
pub(crate) struct Prepared {
    pub(crate) shared: Arc<Shared>,
    tasks: Vec<Made>,
    pool: Arc<DescriptorPool>,
    dead_letters: Option<DynQueue<DeadLetter>>,
    claim: Arc<Claim>,
    kept: Option<Kept>,
    driver: Option<JoinHandle<()>>,
}

/// All of a job on threads of this process, up to the point where only the start is missing.
pub(crate) fn ready<B: Backends>(job: &Job<B>, call: &Call<'_>) -> Result<Attempt, Error> {
    let run = QueueId::generated("run").to_string();
    let (plan, prefix) = if call.one_of_many {
        let prefix = workers::prefix(job.plan.job_name(), &run);
        (call.plan.clone().for_run(&run)?, prefix)
    } else {
        (call.plan.clone(), job.prefix.clone())
    };
    let post = Post {
        worker: 0,
        prefix: &prefix,
        reach: Reach::Process,
        others: 0,
        letters: call.letters,
    };
    let kept = call
        .keeping
        .map(|keeping| keeping.attempt(&plan, post.worker, &run, call.before.clone()));
    let mut prepared = prepare(job, plan, &post, kept.transpose()?)?;
    if let Some(current) = call.current {
        current.show(&prepared.shared);
    }
    let threads = prepared.threads()?;
    Ok(prepared.attempt(threads))
}

/// Opens the queues and makes the operators of this process.
pub(crate) fn prepare<B: Backends>(
    job: &Job<B>,
    plan: Plan,
    post: &Post<'_>,
    mut kept: Option<Kept>,
) -> Result<Prepared, Error> {
    let mut claim = Claim::take(post.prefix)?;
    let chains = Chains::of(&plan, &job.code);
    let queues = open_queues(job, &plan, post, &chains, &mut claim)?;
    let services = Services::open(&plan, &job.services, &job.backends, post.worker, &mut claim)?;
    let dead_letters = letters::of_attempt(job, post, &mut claim)?;
    let control = Arc::new(Control::with_round(kept.as_ref().map(|kept| Arc::clone(&kept.round))));
    let mut meters = Vec::new();
    meters.resize_with(plan.instances().len(), Arc::<TaskMeter>::default);
    let mut standings = Vec::new();
    standings.resize_with(meters.len(), Arc::<Standing>::default);
    for (place, head) in chains.heads(&plan).into_iter().enumerate() {
        // Who is called is as far as whoever calls.
        if let Some(of_head) = standings.get(head).cloned()
            && let Some(standing) = standings.get_mut(place)
        {
            *standing = of_head;
        }
    }
    let pool = Arc::new(plan.pool()?);
    let maker = Maker {
        job,
        plan: &plan,
        worker: post.worker,
        chains: &chains,
        queues: &queues,
        dead_letters: DeadLetters::new(dead_letters.clone()),
        services: &services,
        pool: Arc::clone(&pool),
        control: Arc::clone(&control),
        meters: &meters,
        standings: &standings,
        restored: RefCell::new(
            kept.as_mut()
                .map_or_else(Vec::new, |kept| std::mem::take(&mut kept.restored)),
        ),
    };
    let tasks = maker.tasks()?;
    drop(maker);
    if let Some(kept) = &kept {
        kept.round.settle_findings(plan.job_name())?;
    }
    for made in &tasks {
        made.standing.enter(NodeState::QueuesReady);
    }
    let worker = plan.deployment() != Deployment::Threads && post.worker != Deployment::COORDINATOR;
    let mut shared = Shared::new(plan, control, queues, meters, standings, tasks.len() + post.others);
    shared.worker = worker.then_some(post.worker);
    let _ = shared.services.set(services);
    Ok(Prepared {
        shared: Arc::new(shared),
        tasks,
        pool,
        dead_letters,
        claim: Arc::new(claim),
        kept,
        driver: None,
    })
}

impl Prepared {
    /// The services, and then a thread for each task, which waits for the start.
    pub(crate) fn threads(&mut self) -> Result<Vec<TaskThread>, Error> {
        if let Some(services) = self.shared.services.get() {
            // Those that exist wait for requests; this calls them off.
            services
                .start(&self.shared.plan, &self.pool, &self.claim)
                .inspect_err(|_| self.shared.abort())?;
        }
        if let Some(kept) = self.kept.take() {
            self.driver = checkpoints::spawn(&self.shared, kept).inspect_err(|_| self.shared.abort())?;
        }
        spawn(&self.shared, std::mem::take(&mut self.tasks), &self.claim)
    }

    pub(crate) fn attempt(self, threads: Vec<TaskThread>) -> Attempt {
        Attempt::new(self.shared, threads, self.dead_letters, self.claim, self.driver)
    }
}

fn open_queues<B: Backends>(
    job: &Job<B>,
    plan: &Plan,
    post: &Post<'_>,
    chains: &Chains,
    claim: &mut Claim,
) -> Result<OpenQueues, Error> {
    let mut queues = OpenQueues::default();
    let at_hand = at_hand(plan, post.worker);
    for (instance, at_hand) in plan.instances().iter().zip(at_hand) {
        if chains.is_called(instance.node) || !at_hand {
            continue;
        }
        let code = code_of(&job.code, instance.node.index())?;
        if let (Some(open), Some(record)) = (&code.open, plan.input(instance.id)) {
            let far = plan.input_reach(instance.id) != Some(Reach::Process);
            let mut queue = open(
                &job.backends,
                record,
                post.worker,
                far && instance.worker == post.worker,
            )?;
            queue.far = far;
            unused(queue.core().as_ref(), record)?;
            claim.keep(record.clone());
            queues.insert(queue);
        }
    }
    Ok(queues)
}

/// For each instance, whether a process opens its input queue: its own and those it sends to; the coordinator all that
/// are between processes, so that none goes with the last worker that needs it.
fn at_hand(plan: &Plan, worker: u32) -> Vec<bool> {
    let far = |id| plan.input_reach(id).is_some_and(|reach| reach != Reach::Process);
    let mut at_hand: Vec<bool> = plan
        .instances()
        .iter()
        .map(|it| it.worker == worker || (worker == Deployment::COORDINATOR && far(it.id)))
        .collect();
    let on = |id| plan.instance(id).map(|it| it.worker);
    for group in plan.groups() {
        if group.senders().any(|sender| on(sender) == Some(worker)) {
            for target in group.targets() {
                // A near queue of another worker is fed by its neighbours there.
                if let Some(at_hand) = at_hand.get_mut(target.index()) {
                    *at_hand = *at_hand || far(target) || on(target) == Some(worker);
                }
            }
        }
    }
    at_hand
}

/// A queue of this name that somebody else left full would mix two jobs, and a closed one takes nothing.
pub(crate) fn unused(queue: &dyn QueueCore, record: &DescriptorRecord) -> Result<(), Error> {
    let found = if queue.depth().is_some_and(|depth| depth > 0) {
        "items of an earlier use"
    } else if queue.is_closed() {
        "one that was closed in an earlier use"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Overloaded, "start job")
        .queue(record.queue_id.as_str())
        .backend(record.queue_type.clone())
        .expected("an empty queue")
        .found(found)
        .remedy("drain or evict it, or give the job another name"))
}

fn code_of<B: Backends>(code: &[NodeCode<B>], node: usize) -> Result<&NodeCode<B>, Error> {
    code.get(node).ok_or_else(|| {
        Error::new(ErrorKind::InvalidGraph, "start job")
            .expected("code for every node of the plan")
            .found(format!("none for node {node}"))
            .remedy("build plan and code with one flow")
    })
}

/// One thread to be: its first instance, all it runs with their places in the plan, and the code.
struct Made {
    instance: Instance,
    instances: Vec<(usize, String)>,
    task: Box<dyn Task>,
    rules: Rules,
    standing: Arc<Standing>,
}

/// Makes the operators of a job.
struct Maker<'a, B: Backends> {
    job: &'a Job<B>,
    plan: &'a Plan,
    worker: u32,
    chains: &'a Chains,
    queues: &'a OpenQueues,
    dead_letters: DeadLetters,
    services: &'a Services,
    pool: Arc<DescriptorPool>,
    control: Arc<Control>,
    meters: &'a [Arc<TaskMeter>],
    standings: &'a [Arc<Standing>],
    /// By place: what instances go on from.
    restored: RefCell<Vec<Option<Restored>>>,
}

impl<B: Backends> Maker<'_, B> {
    fn tasks(&self) -> Result<Vec<Made>, Error> {
        let mut tasks = Vec::with_capacity(self.meters.len());
        for placed in self.plan.instances() {
            if placed.worker != self.worker || self.chains.is_called(placed.node) {
                continue;
            }
            let mut instances = Vec::new();
            let expected: Vec<_> = self.plan.expected_stops(placed.id).collect();
            let parts = self.parts(placed, &expected, &mut instances)?;
            let instance = parts.instance.clone();
            let (rules, standing) = (parts.rules, Arc::clone(&parts.standing));
            let task = (code_of(&self.job.code, placed.node.index())?.build)(parts)?;
            tasks.push(Made {
                instance,
                instances,
                task,
                rules,
                standing,
            });
        }
        Ok(tasks)
    }

    /// What an instance is made of; those that it calls are made here, the last one first.
    fn parts<'a>(
        &'a self,
        placed: &graph::Instance,
        expected: &'a [UpstreamId],
        instances: &mut Vec<(usize, String)>,
    ) -> Result<TaskParts<'a>, Error> {
        let plan = self.plan;
        let code = code_of(&self.job.code, placed.node.index())?;
        let node = plan.graph().node(placed.node).ok_or_else(|| unplanned(&placed.name))?;
        let meter = self
            .meters
            .get(placed.id.index())
            .ok_or_else(|| unplanned(&placed.name))?;
        let standing = self.standings.get(placed.id.index());
        let standing = standing.ok_or_else(|| unplanned(&placed.name))?;
        instances.push((placed.id.index(), placed.name.clone()));
        let chained = match self.chains.next(placed.node) {
            Some(next) => Some(self.chained(placed, next, instances)?),
            None => None,
        };
        let input = match plan.input(placed.id) {
            Some(record) if !self.chains.is_called(placed.node) => Some(self.queues.get(&record.queue_id)?),
            _ => None,
        };
        Ok(TaskParts {
            instance: Instance {
                node: node.name.clone(),
                name: placed.name.clone(),
                index: placed.index,
                parallelism: node.parallelism,
            },
            input,
            expected,
            groups: match &chained {
                Some(_) => Vec::new(),
                None => groups(plan, placed, self.queues)?,
            },
            chained,
            outputs: &code.outputs,
            on_error: node.on_error,
            dead_letters: self.dead_letters.clone(),
            pool: Arc::clone(&self.pool),
            caller: self.services.caller(placed.id.index()),
            control: Arc::clone(&self.control),
            meter: Arc::clone(meter),
            rules: code.rules,
            standing: Arc::clone(standing),
            seat: self.seat(placed.id.index()),
        })
    }

    fn seat(&self, place: usize) -> Option<Seat> {
        let restored = self.restored.borrow_mut().get_mut(place).and_then(Option::take);
        self.control.round().map(|round| Seat::new(round, place, restored))
    }

    fn chained(
        &self,
        sender: &graph::Instance,
        next: NodeId,
        instances: &mut Vec<(usize, String)>,
    ) -> Result<(Box<dyn Any + Send>, ChainSpec), Error> {
        let plan = self.plan;
        let planned = || {
            let group = plan.groups_from(sender.node).next()?;
            let target = plan.instances_of(next).get(sender.index as usize)?;
            let spec = ChainSpec {
                from: group.upstream(sender.index)?,
                partition: group.partition.clone(),
                key_groups: KeyGroups::for_parallelism(group.width()).ok()?,
                width: group.width(),
                parallel_index: target.index,
                target_name: target.name.clone(),
                target_type: plan.graph().node(next)?.kind.to_string(),
                input_index: group.input_index,
                descriptor: plan.input(target.id)?.clone(),
            };
            Some((target, spec))
        };
        let (target, spec) = planned().ok_or_else(|| unplanned(&sender.name))?;
        let build = code_of(&self.job.code, next.index())?.link.as_ref();
        let build = build.ok_or_else(|| unplanned(&target.name))?;
        let link = build(self.parts(target, &[], instances)?, spec.from)?;
        Ok((link, spec))
    }
}

fn unplanned(instance: &str) -> Error {
    Error::new(ErrorKind::InvalidGraph, "start job")
        .with("instance", instance)
        .expected("a plan that knows it and what follows it")
        .remedy("build plan and code with one flow")
}

fn groups<'a>(plan: &Plan, sender: &graph::Instance, queues: &'a OpenQueues) -> Result<Vec<GroupParts<'a>>, Error> {
    let mut groups = Vec::new();
    for (number, group) in (0_u16..).zip(plan.groups_from(sender.node)) {
        let Some(from) = group.upstream(sender.index) else {
            continue;
        };
        let node = plan.graph().node(group.to).ok_or_else(|| unplanned(&sender.name))?;
        let mut targets = Vec::with_capacity(group.width() as usize);
        for target in group.targets().filter_map(|id| plan.instance(id)) {
            let Some(record) = plan.input(target.id) else {
                continue;
            };
            targets.push(TargetParts {
                from,
                parallel_index: target.index,
                name: target.name.clone(),
                kind: node.kind.to_string(),
                input_index: group.input_index,
                packing: node.packing(),
                queue: queues.get(&record.queue_id)?,
            });
        }
        groups.push(GroupParts {
            number,
            partition: group.partition.clone(),
            // A packet may ask for hash on any edge, so every edge needs groups that reach all its targets.
            key_groups: match group.key_groups {
                Some(key_groups) => key_groups,
                None => KeyGroups::for_parallelism(group.width())?,
            },
            targets,
        });
    }
    Ok(groups)
}

fn spawn(shared: &Arc<Shared>, tasks: Vec<Made>, claim: &Arc<Claim>) -> Result<Vec<TaskThread>, Error> {
    let mut workers = Vec::with_capacity(tasks.len());
    for made in tasks {
        let Made {
            instance,
            instances,
            mut task,
            rules,
            standing,
        } = made;
        let (name, at, claim) = (instance.name.clone(), Arc::clone(shared), Arc::clone(claim));
        let spawned = thread::Builder::new().name(instance.name.clone()).spawn(move || {
            // What its code logs has it in front.
            let span = tracing::error_span!(
                "instance",
                worker = at.worker,
                node = %instance.node,
                instance = instance.index
            );
            let _within = span.enter();
            let supervisor = Supervisor {
                instance: &instance,
                control: &at.control,
                standing: &standing,
                rules,
            };
            let account = supervisor.run(task.as_mut());
            // Before anybody is told: what the operator holds must be gone when the job has ended.
            host::end(task, &instance, &at.control);
            if at.control.has_failed() {
                at.abort();
            }
            at.control.task_ended();
            drop(claim);
            account
        });
        match spawned {
            Ok(thread) => workers.push(TaskThread {
                instances,
                thread,
                minds: false,
            }),
            Err(cause) => {
                // Those that exist wait for the start; this calls it off.
                shared.abort();
                for worker in workers {
                    let _ = worker.thread.join();
                }
                return Err(Error::new(ErrorKind::ResourceExhausted, "start job")
                    .with("instance", &name)
                    .expected("a thread per instance")
                    .caused_by(cause)
                    .remedy("lower the parallelism, or raise the limit of threads"));
            }
        }
    }
    Ok(workers)
}
