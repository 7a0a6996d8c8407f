//! Writing down a job.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use descriptor_core::{Backends, Error, Strategy, TypeTag, Wire};
use graph::{Deployment, NodeKind, NodeSpec, Plan, ServiceSpec};
use task::host::{self, Remake, TaskParts};

use crate::draft::Draft;
use crate::job::Job;
use crate::services::{self, ServiceCode, ServiceContext};
use crate::stream::Stream;
use crate::{Data, Instance, OpResult, ServiceHandle, Source};

/// A job while it is being written down: sources, operators, and how they are connected.
///
/// Nothing runs and nothing is checked before [`build`](Self::build), which reports everything that is wrong at once.
///
/// ```
/// use runtime::{Deployment, Flow, ops};
/// # #[derive(Clone)]
/// # struct Builtin;
/// # impl descriptor_core::Backends for Builtin {
/// #     fn registry<T: descriptor_core::Wire>(&self) -> descriptor_core::Registry<T> {
/// #         descriptor_core::Registry::new().with::<queue_sage::SageSpec>()
/// #     }
/// # }
/// let flow = Flow::new("squares", Builtin);
/// let squares = flow
///     .source("numbers", 1, |_| ops::IterSource::new(1..=4_u64))
///     .map("square", |n| n * n)
///     .parallelism(2)
///     .collect("results");
/// let report = flow.build(Deployment::Threads)?.run()?;
/// assert!(report.is_complete());
/// let mut squares = squares.take();
/// squares.sort();
/// assert_eq!(squares, [1, 4, 9, 16]);
/// # Ok::<(), descriptor_core::Error>(())
/// ```
#[doc(alias = "Environment")]
#[doc(alias = "LocalEnvironment")]
pub struct Flow<B: Backends> {
    draft: Rc<RefCell<Draft<B>>>,
}

impl<B: Backends> Flow<B> {
    /// An empty job. Its name starts the ids of its queues.
    #[must_use]
    pub fn new(name: &str, backends: B) -> Self {
        Self {
            draft: Rc::new(RefCell::new(Draft::new(name, backends))),
        }
    }

    /// The queue type of every edge that does not name one itself, instead of the one the strategy would choose.
    pub fn queue_kind(&self, kind: &str) {
        self.draft.borrow_mut().queue_kind = Some(kind.into());
    }

    /// Whether nodes added from here on are called by the node before them where that needs no queue; see
    /// [`Stream::chain`]. They are unless this says otherwise.
    #[doc(alias = "disable_operator_chaining")]
    pub fn chain(&self, chain: bool) {
        self.draft.borrow_mut().chain = chain;
    }

    /// Starts a stream. `make` is called once per instance.
    #[doc(alias = "from_source")]
    #[doc(alias = "from_batch")]
    pub fn source<T, S, F>(&self, name: &str, parallelism: u32, make: F) -> Stream<T, B>
    where
        T: Data,
        S: Source<T>,
        F: Fn(&Instance) -> S + Send + Sync + 'static,
    {
        let spec = NodeSpec {
            parallelism,
            output: Some(TypeTag::of::<T>()),
            ..NodeSpec::new(name, NodeKind::Source)
        };
        let make: Remake<S> = Arc::new(make);
        let build = Box::new(move |parts: TaskParts<'_>| host::source(&make, parts));
        let node = self.draft.borrow_mut().node::<()>(spec, build, None);
        Stream::new(Rc::clone(&self.draft), node)
    }

    /// Adds a service: `workers` threads that answer the requests of operators and of other services, with
    /// [`TaskContext::call_service`](crate::TaskContext::call_service). Each worker has its own copy of the function; after
    /// a panic, which is an error of the caller, it goes on with a new one.
    ///
    /// Services start before any operator and end after all of them. On processes they are in the one that starts the job.
    ///
    /// ```
    /// use descriptor_core::Wait;
    /// use runtime::{Deployment, Flow, ServiceContext, ops};
    /// # #[derive(Clone)]
    /// # struct Builtin;
    /// # impl descriptor_core::Backends for Builtin {
    /// #     fn registry<T: descriptor_core::Wire>(&self) -> descriptor_core::Registry<T> {
    /// #         descriptor_core::Registry::new().with::<queue_sage::SageSpec>()
    /// #     }
    /// # }
    /// let flow = Flow::new("lengths", Builtin);
    /// let length = flow.service("length", 2, |_: &mut ServiceContext<'_, usize>, word: String| Ok(word.len()));
    /// let lengths = flow
    ///     .source("words", 1, |_| ops::IterSource::new(["a", "word"].map(String::from)))
    ///     .map_with("ask", move |ctx, word| Ok(ctx.call_service(&length, word, Wait::Forever)?))
    ///     .collect("lengths");
    /// let report = flow.build(Deployment::Threads)?.run()?;
    /// assert_eq!(lengths.take(), [1, 4]);
    /// assert_eq!(report.services[0].totals.answered, 2);
    /// # Ok::<(), descriptor_core::Error>(())
    /// ```
    #[doc(alias = "register_service")]
    pub fn service<Req, Resp, F>(&self, name: &str, workers: u32, answer: F) -> ServiceHandle<Req, Resp>
    where
        Req: Wire,
        Resp: Wire,
        F: FnMut(&mut ServiceContext<'_, Resp>, Req) -> OpResult<Resp> + Clone + Send + Sync + 'static,
    {
        self.add_service(name, workers, services::whole(answer))
    }

    /// Adds a service that answers in parts, sent with [`ServiceContext::send`] and read with
    /// [`ServiceClient::stream`](crate::ServiceClient::stream).
    pub fn service_in_parts<Req, Resp, F>(&self, name: &str, workers: u32, answer: F) -> ServiceHandle<Req, Resp>
    where
        Req: Wire,
        Resp: Wire,
        F: FnMut(&mut ServiceContext<'_, Resp>, Req) -> OpResult + Clone + Send + Sync + 'static,
    {
        self.add_service(name, workers, services::in_parts(answer))
    }

    fn add_service<Req: Wire, Resp: Wire>(
        &self,
        name: &str,
        workers: u32,
        code: ServiceCode<B>,
    ) -> ServiceHandle<Req, Resp> {
        let mut draft = self.draft.borrow_mut();
        draft.graph.service(ServiceSpec {
            parallelism: workers,
            request: Some(TypeTag::of::<Req>()),
            response: Some(TypeTag::of::<Resp>()),
            workers: vec![Deployment::COORDINATOR],
            ..ServiceSpec::new(name)
        });
        draft.services.push(code);
        ServiceHandle::named(name)
    }

    /// Checks everything and lays out the instances and queues, with the default strategy for queue types.
    ///
    /// # Errors
    /// `InvalidGraph`, listing every finding on a line of its own.
    pub fn build(self, deployment: Deployment) -> Result<Job<B>, Error> {
        self.build_with(deployment, &descriptor_core::DefaultStrategy)
    }

    /// As [`build`](Self::build), with another strategy for queue types.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_with(self, deployment: Deployment, strategy: &dyn Strategy) -> Result<Job<B>, Error> {
        let draft = self.draft.replace_with(|draft| Draft::new("", draft.backends.clone()));
        let graph = draft.graph.build();
        let kinds = draft.backends.registry::<()>().kinds();
        let plan = Plan::build(graph, deployment, strategy, &kinds)?;
        Ok(Job::new(draft.backends, plan, draft.code, draft.services))
    }
}

impl<B: Backends> fmt::Debug for Flow<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow").finish_non_exhaustive()
    }
}
