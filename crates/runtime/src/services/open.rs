//! The services of a job at run time: open before any task, ended after all of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use descriptor_core::{Backends, DescriptorPool, DescriptorRecord, Error, ErrorKind, Registry};
use graph::{Deployment, Plan, ServiceId};
use service::{Answer, Mailbox, Staff};

use super::code::{Abort, Opening, Post, ServiceCode, Start};
use super::{Caller, Directory, ServiceReport};
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
        if plan.deployment() != Deployment::Threads {
            return Err(Error::new(ErrorKind::Unsupported, "start job")
                .with("job", plan.job_name())
                .expected("services in a job on threads")
                .found(plan.deployment().to_string())
                .remedy("run the job on threads, or let its operators call a service of another program"));
        }
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
        let responses = plan.instances().iter().map(|instance| plan.response(instance.id));
        let callers = responses.map(|record| post.caller(record)).collect::<Result<_, _>>()?;
        let (mut waiting, mut aborts) = (Vec::new(), Vec::new());
        for (id, service, workers) in open {
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
        self.aborts.iter().for_each(|abort| abort());
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
            let queue = self.registry.open(record)?;
            unused(queue.as_ref(), record)?;
            self.claim.keep(record.clone());
            let made = Mailbox::new(queue, record);
            self.mailboxes.push(made.clone());
            mailbox = Some((made, record.clone()));
        }
        Ok(Caller::new(Arc::clone(self.directory), mailbox))
    }
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
