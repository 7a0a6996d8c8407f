//! Asynchronous nodes on a stream.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use descriptor_core::{Backends, TypeTag};
use graph::{NodeKind, NodeSpec};
use router::Envelope;
use task::host::{self, OpenQueue, Remake, TaskParts};

use crate::stream::Stream;
use crate::{AsyncOrder, Data, Instance, OpError};

impl<T: Data, B: Backends> Stream<T, B> {
    /// As [`map`](Self::map), where the function is asynchronous and each instance works on up to `concurrency` packets at
    /// once, at least one.
    ///
    /// The thread of the instance polls the futures. They may use any executor by a handle of it, such as by awaiting what
    /// they spawned there; a future that blocks holds up all others of its instance. While `concurrency` packets are under
    /// way, or done and waiting for their turn, no more are taken, so that senders wait. Watermarks and the end of the
    /// stream stay behind the packets before them; an abort drops the futures. A job with such a node has no checkpoints.
    ///
    /// ```
    /// use runtime::{AsyncOrder, Deployment, Flow, ops};
    /// # #[derive(Clone)]
    /// # struct Builtin;
    /// # impl descriptor_core::Backends for Builtin {
    /// #     fn registry<T: descriptor_core::Wire>(&self) -> descriptor_core::Registry<T> {
    /// #         descriptor_core::Registry::new().with::<queue_sage::SageSpec>()
    /// #     }
    /// # }
    /// let flow = Flow::new("lookups", Builtin);
    /// let found = flow
    ///     .source("keys", 1, |_| ops::IterSource::new(0..4_u64))
    ///     .map_async("look_up", 16, AsyncOrder::Kept, |key| async move { (key, key * key) })
    ///     .collect("found");
    /// assert!(flow.build(Deployment::Threads)?.run()?.is_complete());
    /// assert_eq!(found.take(), [(0, 0), (1, 1), (2, 4), (3, 9)]);
    /// # Ok::<(), descriptor_core::Error>(())
    /// ```
    #[doc(alias = "async_io")]
    pub fn map_async<Out, Fut, F>(
        &self,
        name: &str,
        concurrency: usize,
        order: AsyncOrder,
        function: F,
    ) -> Stream<Out, B>
    where
        Out: Data,
        Fut: Future<Output = Out> + Send + 'static,
        F: Fn(T) -> Fut + Clone + Send + Sync + 'static,
    {
        self.try_map_async(name, concurrency, order, move |item| {
            let work = function(item);
            async move { Ok::<_, OpError>(work.await) }
        })
    }

    /// As [`map_async`](Self::map_async), with errors for the node's error policy. With a rule for
    /// [new starts](Self::restart) the packet that failed is tried again; the others in flight go on.
    pub fn try_map_async<Out, E, Fut, F>(
        &self,
        name: &str,
        concurrency: usize,
        order: AsyncOrder,
        function: F,
    ) -> Stream<Out, B>
    where
        Out: Data,
        E: Into<OpError> + 'static,
        Fut: Future<Output = Result<Out, E>> + Send + 'static,
        F: Fn(T) -> Fut + Clone + Send + Sync + 'static,
    {
        let spec = NodeSpec {
            inputs: vec![TypeTag::of::<T>()],
            output: Some(TypeTag::of::<Out>()),
            ..NodeSpec::new(name, NodeKind::Map)
        };
        let make: Remake<F> = Arc::new(move |_: &Instance| function.clone());
        let build = Box::new(move |parts: TaskParts<'_>| host::ahead(&make, (concurrency, order), parts));
        // Without a link: it waits for more than its input, which a caller could not.
        let node = self.draft.borrow_mut().node::<T>(spec, build, None);
        self.connect(node, 0, Arc::new(OpenQueue::queue::<Envelope<T>>));
        Stream::new(Rc::clone(&self.draft), node)
    }
}
