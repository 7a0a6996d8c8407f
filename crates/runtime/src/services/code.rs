//! The code of a service beside its place in the plan.

use std::sync::Arc;

use descriptor_core::{Backends, DescriptorPool, DescriptorRecord, Error, QueueCore, Wire};
use service::{Call, Desk, Failure, Message, ReplyQueues, Staff};
use task::host::{Caller, Directory};

use super::ServiceContext;
use super::context::At;
use crate::claim::Claim;
use crate::{Instance, OpResult};

/// Opens the request queue of one service.
pub(crate) type OpenRequests<B> =
    Box<dyn Fn(&B, &Opening<'_>, &mut Directory) -> Result<OpenService, Error> + Send + Sync>;

/// What it takes to open one.
pub(crate) struct Opening<'a> {
    pub(crate) name: &'a str,
    pub(crate) workers: u32,
    pub(crate) record: &'a DescriptorRecord,
    pub(crate) process: u32,
}

/// A service of a flow.
pub(crate) struct ServiceCode<B: Backends> {
    pub(crate) open: OpenRequests<B>,
}

/// One that is open and has no workers yet.
pub(crate) struct OpenService {
    pub(crate) core: Arc<dyn QueueCore>,
    pub(crate) start: Start,
    pub(crate) abort: Abort,
}

/// Ends the service at once.
pub(crate) type Abort = Box<dyn Fn() + Send + Sync>;

/// Starts the workers.
pub(crate) type Start = Box<dyn FnOnce(Post) -> Result<Staff, Error> + Send>;

/// What the workers of a service are given.
pub(crate) struct Post {
    pub(crate) record: DescriptorRecord,
    pub(crate) pool: Arc<DescriptorPool>,
    /// One for each worker.
    pub(crate) callers: Vec<Caller>,
    pub(crate) replies: Arc<ReplyQueues>,
    /// They hold it until they end.
    pub(crate) claim: Arc<Claim>,
}

/// The code of a service that answers with one value.
pub(crate) fn whole<B, Req, Resp, F>(function: F) -> ServiceCode<B>
where
    B: Backends,
    Req: Wire,
    Resp: Wire,
    F: FnMut(&mut ServiceContext<'_, Resp>, Req) -> OpResult<Resp> + Clone + Send + Sync + 'static,
{
    code(move || {
        let mut function = function.clone();
        move |ctx: &mut ServiceContext<'_, Resp>, request| function(ctx, request).map(Some)
    })
}

/// The code of a service that answers in parts.
pub(crate) fn in_parts<B, Req, Resp, F>(function: F) -> ServiceCode<B>
where
    B: Backends,
    Req: Wire,
    Resp: Wire,
    F: FnMut(&mut ServiceContext<'_, Resp>, Req) -> OpResult + Clone + Send + Sync + 'static,
{
    code(move || {
        let mut function = function.clone();
        move |ctx: &mut ServiceContext<'_, Resp>, request| function(ctx, request).map(|()| None)
    })
}

fn code<B, Req, Resp, H>(make: impl Fn() -> H + Clone + Send + Sync + 'static) -> ServiceCode<B>
where
    B: Backends,
    Req: Wire,
    Resp: Wire,
    H: FnMut(&mut ServiceContext<'_, Resp>, Req) -> OpResult<Option<Resp>>,
{
    ServiceCode {
        open: Box::new(move |backends, opening, directory| {
            let registry = backends.registry::<Message<Req>>().for_worker(opening.process);
            let queue = registry.open(opening.record)?;
            let desk = Desk::new(opening.name, opening.workers, Arc::clone(&queue));
            directory.insert::<Req, Resp>(&desk);
            let (make, ended) = (make.clone(), desk.clone());
            Ok(OpenService {
                core: queue,
                abort: Box::new(move || ended.abort()),
                start: Box::new(move |post| start(&desk, post, make)),
            })
        }),
    }
}

fn start<Req, Resp, H>(
    desk: &Desk<Req>,
    post: Post,
    make: impl Fn() -> H + Send + Sync + 'static,
) -> Result<Staff, Error>
where
    Req: Wire,
    Resp: Wire,
    H: FnMut(&mut ServiceContext<'_, Resp>, Req) -> OpResult<Option<Resp>>,
{
    let (name, workers) = (desk.name().to_owned(), desk.workers());
    Staff::start(desk, workers, &Arc::clone(&post.replies), move |index| {
        let at = At {
            instance: Instance {
                node: name.clone(),
                name: format!("{name}_{index}"),
                index,
                parallelism: workers,
            },
            input: post.record.clone(),
            pool: Arc::clone(&post.pool),
            caller: post
                .callers
                .get(index as usize)
                .cloned()
                .unwrap_or_else(|| Caller::new(Arc::default(), None)),
        };
        let claim = Arc::clone(&post.claim);
        let mut handle = make();
        move |request: Req, call: &mut Call<Resp>| -> Result<Option<Resp>, Failure> {
            let _held = &claim;
            handle(&mut ServiceContext { at: &at, call }, request)
        }
    })
}
