//! Starting a job: every queue before any task, every task before any packet, all or nothing.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use descriptor_core::{
    Backends, DescriptorPool, DescriptorRecord, DynQueue, Error, ErrorKind, QueueCore, QueueId, Scope, Value,
};
use graph::{ErrorPolicy, Plan};
use router::KeyGroups;

use crate::Instance;
use crate::assembly::OpenQueues;
use crate::claim::Claim;
use crate::control::{Control, Phase};
use crate::dead_letter::{DEFAULT_ROOM, DeadLetter, DeadLetters};
use crate::draft::{NodeCode, THREADS};
use crate::handle::{JobHandle, Worker};
use crate::job::Job;
use crate::meter::TaskMeter;
use crate::monitor;
use crate::outbox::{GroupParts, TargetParts};
use crate::shared::Shared;
use crate::task::{self, Task, TaskParts};

pub(crate) fn start<B: Backends>(job: Job<B>) -> Result<JobHandle, Error> {
    let mut claim = Claim::take(job.plan.job_name())?;
    let queues = open_queues(&job, &mut claim)?;
    let dead_letters = open_dead_letters(&job, &mut claim)?;
    let pool = Arc::new(job.plan.pool()?);
    let control = Arc::new(Control::new());
    let (tasks, meters) = make_tasks(&job, &queues, dead_letters.as_ref(), &pool, &control)?;
    let shared = Arc::new(Shared::new(&job.plan, control, queues, meters));
    let claim = Arc::new(claim);
    let workers = spawn(&shared, tasks, &claim)?;
    let begun = Instant::now();
    shared.control.enter(Phase::Running);
    let monitor = monitor::spawn(&shared, workers.len());
    Ok(JobHandle::new(
        shared,
        job.plan,
        workers,
        monitor,
        dead_letters,
        begun,
        claim,
    ))
}

fn open_queues<B: Backends>(job: &Job<B>, claim: &mut Claim) -> Result<OpenQueues, Error> {
    let mut queues = OpenQueues::default();
    for instance in job.plan.instances() {
        let code = code_of(&job.code, instance.node.index())?;
        if let (Some(open), Some(record)) = (&code.open, job.plan.input(instance.id)) {
            let queue = open(&job.backends, record)?;
            unused(queue.core().as_ref(), record)?;
            claim.keep(record.clone());
            queues.insert(queue);
        }
    }
    Ok(queues)
}

/// A queue of this name that somebody else left full would mix two jobs, and a closed one takes nothing.
fn unused(queue: &dyn QueueCore, record: &DescriptorRecord) -> Result<(), Error> {
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

fn open_dead_letters<B: Backends>(job: &Job<B>, claim: &mut Claim) -> Result<Option<DynQueue<DeadLetter>>, Error> {
    let nodes = job.plan.graph().nodes();
    if !nodes.iter().any(|node| node.on_error == ErrorPolicy::DeadLetter) {
        return Ok(None);
    }
    let registry = job.backends.registry::<DeadLetter>().for_worker(THREADS);
    // Any type that stays in the process will do; the letters are read through the job's handle.
    let kind = registry
        .kinds()
        .into_iter()
        .find(|kind| kind.reach == descriptor_core::Reach::Process)
        .ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "start job")
                .expected("a queue type inside the process for dead letters")
                .remedy("build in `local` or `sage`")
        })?;
    let id = QueueId::new(format!("{}/dead_letters", job.plan.job_name()))?;
    let mut record = DescriptorRecord::new(id, kind.kind).with("maxsize", Value::Int(DEFAULT_ROOM));
    record.scope = Scope::Worker(THREADS);
    let queue = registry.open(&record)?;
    unused(queue.as_ref(), &record)?;
    claim.keep(record);
    Ok(Some(queue))
}

type Tasks = Vec<(Instance, Box<dyn Task>)>;

fn make_tasks<B: Backends>(
    job: &Job<B>,
    queues: &OpenQueues,
    dead_letters: Option<&DynQueue<DeadLetter>>,
    pool: &Arc<DescriptorPool>,
    control: &Arc<Control>,
) -> Result<(Tasks, Vec<Arc<TaskMeter>>), Error> {
    let mut tasks = Vec::with_capacity(job.plan.instances().len());
    let mut meters = Vec::with_capacity(job.plan.instances().len());
    for placed in job.plan.instances() {
        let code = code_of(&job.code, placed.node.index())?;
        let Some(node) = job.plan.graph().node(placed.node) else {
            continue;
        };
        let instance = Instance {
            node: node.name.clone(),
            name: placed.name.clone(),
            index: placed.index,
            parallelism: node.parallelism,
        };
        let input = match job.plan.input(placed.id) {
            Some(record) => Some(queues.get(&record.queue_id)?),
            None => None,
        };
        let expected: Vec<_> = job.plan.expected_stops(placed.id).collect();
        let meter = Arc::new(TaskMeter::default());
        let parts = TaskParts {
            instance: instance.clone(),
            input,
            expected: &expected,
            groups: groups(&job.plan, placed, queues)?,
            outputs: &code.outputs,
            on_error: node.on_error,
            dead_letters: DeadLetters::new(dead_letters.cloned()),
            pool: Arc::clone(pool),
            control: Arc::clone(control),
            meter: Arc::clone(&meter),
        };
        tasks.push((instance, (code.build)(parts)?));
        meters.push(meter);
    }
    Ok((tasks, meters))
}

fn groups<'a>(plan: &Plan, sender: &graph::Instance, queues: &'a OpenQueues) -> Result<Vec<GroupParts<'a>>, Error> {
    let mut groups = Vec::new();
    for (number, group) in (0_u16..).zip(plan.groups_from(sender.node)) {
        let Some(from) = group.upstream(sender.index) else {
            continue;
        };
        let kind = plan
            .graph()
            .node(group.to)
            .map_or_else(String::new, |node| node.kind.to_string());
        let mut targets = Vec::with_capacity(group.width() as usize);
        for target in group.targets().filter_map(|id| plan.instance(id)) {
            let Some(record) = plan.input(target.id) else {
                continue;
            };
            targets.push(TargetParts {
                from,
                parallel_index: target.index,
                name: target.name.clone(),
                kind: kind.clone(),
                input_index: group.input_index,
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

fn spawn(shared: &Arc<Shared>, tasks: Tasks, claim: &Arc<Claim>) -> Result<Vec<Worker>, Error> {
    let mut workers = Vec::with_capacity(tasks.len());
    for (instance, mut task) in tasks {
        let (name, at, claim) = (instance.name.clone(), Arc::clone(shared), Arc::clone(claim));
        let spawned = thread::Builder::new().name(instance.name.clone()).spawn(move || {
            let account = task::run(task.as_mut(), &instance, &at.control);
            // Before anybody is told: what the operator holds must be gone when the job has ended.
            task::end(task, &instance, &at.control);
            if !at.control.failures().is_empty() {
                at.abort();
            }
            at.control.task_ended();
            drop(claim);
            account
        });
        match spawned {
            Ok(thread) => workers.push(Worker { name, thread }),
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
