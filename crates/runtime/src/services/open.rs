//! The services of a job at run time: open before any task, ended after all of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use descriptor_core::{Backends, DescriptorPool, DescriptorRecord, DynQueue, Error, ErrorKind, QueueId, Registry};
use graph::{Deployment, Plan, Role, ServiceId};
use service::{Answer, Mailbox, ReplyQueues, Staff};
use task::host::{Caller, Directory};

use super::ServiceReport;
use super::code::{Abort, Opening, Post, ServiceCode, Start};
use crate::claim::Claim;
use crate::start::unused;

/// Everything of one job that has to do with services.
#[derive(Default)]
pub(crate) struct Services {
    directory: Arc<Directory>,
    // Before the start: the services, and who calls from there.
    waiting: Mutex<Vec<(ServiceId, Start, Vec<Caller>)>>,
    /// One for each instance of the plan; empty in a job without services.
    callers: Vec<Caller>,
    mailboxes: Vec<Mailbox>,
    staffs: Mutex<Vec<(u32, Staff)>>,
    aborts: Vec<Abort>,
    /// How the callers of other processes are reached.
    replies: Arc<ReplyQueues>,
    /// Their response queues, in the process where the services are, so that none goes while somebody may answer.
    kept: Vec<DynQueue<Answer>>,
    /// Some of the callers are in other processes.
    far: bool,
}

impl Services {
    /// Opens the queues of all services.
    pub(crate) fn open<B: Backends>(
        plan: &Plan,
        code: &[ServiceCode<B>],
        backends: &B,
        process: u32,
        claim: &mut Claim,
    ) -> Result<Self, Error> {
        if code.is_empty() {
            return Ok(Self::default());
        }
        // The process that starts a job outlives its workers, and so do services there: nobody asks in vain.
        let far = plan.deployment() != Deployment::Threads;
        let at_home = !far || process == Deployment::COORDINATOR;
        let mut directory = Directory::default();
        let mut open = Vec::new();
        for (index, (spec, code)) in plan.graph().services().iter().zip(code).enumerate() {
            let id = ServiceId::new(index as u32);
            let record = plan.request(id).ok_or_else(|| unplanned(&spec.name))?;
            let opening = Opening {
                name: &spec.name,
                workers: spec.parallelism,
                record,
                process,
            };
            let service = (code.open)(backends, &opening, &mut directory)?;
            unused(service.core.as_ref(), record)?;
            claim.keep(record.clone());
            open.push((id, service, spec.parallelism));
        }
        let directory = Arc::new(directory);
        let registry = backends.registry::<Answer>().for_worker(process);
        let mut post = Boxes {
            directory: &directory,
            registry: &registry,
            claim,
            mailboxes: Vec::new(),
        };
        let (mut callers, mut kept) = (Vec::new(), Vec::new());
        for instance in plan.instances() {
            let record = plan.response(instance.id);
            let is_here = !far || instance.worker == process;
            if let Some(record) = record.filter(|_| !is_here && at_home) {
                kept.push(post.open(record)?);
            }
            callers.push(post.caller(record.filter(|_| is_here))?);
        }
        let (mut waiting, mut aborts) = (Vec::new(), Vec::new());
        for (id, service, workers) in open.into_iter().filter(|_| at_home) {
            let responses = (0..workers).map(|index| plan.service_response(id, index));
            let callers = responses.map(|record| post.caller(record)).collect::<Result<_, _>>()?;
            aborts.push(service.abort);
            waiting.push((id, service.start, callers));
        }
        let mailboxes = post.mailboxes;
        Ok(Self {
            directory,
            waiting: Mutex::new(waiting),
            callers,
            mailboxes,
            staffs: Mutex::default(),
            aborts,
            replies: Arc::new(if far {
                replies(plan, backends, process)
            } else {
                ReplyQueues::new()
            }),
            kept,
            far,
        })
    }

    /// How the instance at this place of the plan calls services.
    pub(crate) fn caller(&self, place: usize) -> Caller {
        let known = self.callers.get(place).cloned();
        known.unwrap_or_else(|| Caller::new(Arc::clone(&self.directory), None))
    }

    /// Starts the workers: they wait for requests.
    pub(crate) fn start(&self, plan: &Plan, pool: &Arc<DescriptorPool>, claim: &Arc<Claim>) -> Result<(), Error> {
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        for (id, start, callers) in waiting {
            let record = plan.request(id).ok_or_else(|| unplanned("?"))?;
            let workers = callers.len() as u32;
            let staff = start(Post {
                record: record.clone(),
                pool: Arc::clone(pool),
                callers,
                replies: Arc::clone(&self.replies),
                claim: Arc::clone(claim),
            })?;
            lock(&self.staffs).push((workers, staff));
        }
        Ok(())
    }

    /// Nobody gets an answer any more, and everybody who waits for one hears so.
    pub(crate) fn abort(&self) {
        // In this order: who sees that he is cancelled finds nobody to answer any more.
        self.mailboxes.iter().for_each(Mailbox::close);
        if !self.far {
            self.aborts.iter().for_each(|abort| abort());
        }
    }

    /// As [`abort`](Self::abort), once all processes know of it: to others a closed service looks like a fault.
    pub(crate) fn abort_far(&self) {
        if self.far {
            self.aborts.iter().for_each(|abort| abort());
            self.kept.iter().for_each(|queue| queue.close());
        }
    }

    /// Waits until the workers have ended, behind everybody who could ask them.
    pub(crate) fn end(&self, limit: Duration) -> Vec<ServiceReport> {
        let staffs = std::mem::take(&mut *lock(&self.staffs));
        // A service may wait for another one: all of them are told before any is waited for.
        staffs.iter().for_each(|(_, staff)| staff.close());
        let reports = staffs.into_iter().map(|(workers, staff)| {
            let name = staff.name().to_owned();
            ServiceReport::new(name, workers, staff.end(limit))
        });
        reports.collect()
    }

    /// Answers that came when their callers had given up.
    pub(crate) fn late_answers(&self) -> u64 {
        self.mailboxes.iter().map(Mailbox::late).sum()
    }
}

/// Opens mailboxes.
struct Boxes<'a> {
    directory: &'a Arc<Directory>,
    registry: &'a Registry<Answer>,
    claim: &'a mut Claim,
    mailboxes: Vec<Mailbox>,
}

impl Boxes<'_> {
    fn caller(&mut self, record: Option<&DescriptorRecord>) -> Result<Caller, Error> {
        let mut mailbox = None;
        if let Some(record) = record {
            let made = Mailbox::new(self.open(record)?, record);
            self.mailboxes.push(made.clone());
            mailbox = Some((made, record.clone()));
        }
        Ok(Caller::new(Arc::clone(self.directory), mailbox))
    }

    fn open(&mut self, record: &DescriptorRecord) -> Result<DynQueue<Answer>, Error> {
        let queue = self.registry.open(record)?;
        unused(queue.as_ref(), record)?;
        self.claim.keep(record.clone());
        Ok(queue)
    }
}

/// Reaches the response queues of this job, and no others: those of services too, whose requests come over the same queue
/// as all others.
fn replies<B: Backends>(plan: &Plan, backends: &B, process: u32) -> ReplyQueues {
    let responses = plan
        .queues()
        .iter()
        .filter(|queue| matches!(queue.role, Role::Response(_) | Role::ServiceResponse(..)));
    let known: BTreeMap<QueueId, DescriptorRecord> = responses
        .map(|queue| (queue.record.queue_id.clone(), queue.record.clone()))
        .collect();
    ReplyQueues::new()
        .with_registry(backends.registry::<Answer>().for_worker(process))
        .with_rule(move |named| {
            known.get(&named.queue_id).cloned().ok_or_else(|| {
                Error::new(ErrorKind::PermissionDenied, "answer call")
                    .queue(named.queue_id.as_str())
                    .expected("a response queue of this job")
                    .found("another one")
                    .remedy("call the services of a job from its operators")
            })
        })
}

fn unplanned(service: &str) -> Error {
    Error::new(ErrorKind::InvalidGraph, "start job")
        .with("service", service)
        .expected("a request queue in the plan")
        .remedy("build plan and code with one flow")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
