//! What user code sees of the runtime.

use std::fmt;
use std::sync::Arc;

use descriptor_core::{DescriptorPool, DescriptorRecord, DropCause, Error, QueueId, Wait, Wire};
use router::{Key, Packet, RoutingInfo, StopCause};
use service::ServiceClient;

use crate::control::{Control, Phase};
use crate::outbox::{Outbox, Sent};
use crate::services::{Caller, ServiceHandle};
use crate::task::TaskAccount;
use crate::{Data, Instance, OpResult};

/// One operator instance's view of the job: who it is, where its packets go, what it may ask.
///
/// It never leaves its thread. What travels between processes is the plan.
pub struct TaskContext<Out: Data> {
    instance: Instance,
    outbox: Outbox<Out>,
    /// What operators emit inherits from the packet at hand: this is all of it but the payload.
    heritage: Packet<()>,
    input: Option<Arc<DescriptorRecord>>,
    pool: Arc<DescriptorPool>,
    caller: Caller,
    control: Arc<Control>,
    dropped: Vec<(DropCause, u64)>,
    /// It wants to end its streams.
    ending: bool,
}

impl<Out: Data> TaskContext<Out> {
    pub(crate) fn new(
        instance: Instance,
        outbox: Outbox<Out>,
        input: Option<Arc<DescriptorRecord>>,
        pool: Arc<DescriptorPool>,
        caller: Caller,
        control: Arc<Control>,
    ) -> Self {
        Self {
            instance,
            outbox,
            heritage: Packet::new((), 0),
            input,
            pool,
            caller,
            control,
            dropped: Vec::new(),
            ending: false,
        }
    }

    /// Which instance this is.
    #[must_use]
    pub const fn instance(&self) -> &Instance {
        &self.instance
    }

    /// The key of the packet at hand; `None` between packets and for packets without one.
    #[doc(alias = "get_key")]
    #[must_use]
    pub const fn key(&self) -> Option<&Key> {
        self.heritage.key()
    }

    /// When the source made the packet at hand, in nanoseconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn timestamp(&self) -> u64 {
        self.heritage.timestamp()
    }

    /// Sends `payload` on with the key, partition and timestamp of the packet at hand.
    ///
    /// # Errors
    /// When it could not be routed or the job is being aborted. Return it with `?`.
    #[inline]
    pub fn emit(&mut self, payload: Out) -> OpResult {
        self.outbox.push_as(payload, &self.heritage)
    }

    /// Sends `payload` on with this key and the timestamp of the packet at hand.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    #[inline]
    pub fn emit_keyed(&mut self, key: impl Into<Key>, payload: Out) -> OpResult {
        self.outbox
            .push_as(payload, &Packet::new((), self.timestamp()).with_key(key))
    }

    /// As [`emit`](Self::emit), with another key.
    #[inline(always)]
    pub(crate) fn emit_as(&mut self, key: Key, payload: Out) -> OpResult {
        let like = self.heritage.inherit_partition_info(()).update_key(key, None);
        self.outbox.push_as(payload, &like)
    }

    /// Sends a packet as it is.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    #[inline]
    pub fn send_packet(&mut self, packet: Packet<Out>) -> OpResult {
        self.outbox.push(packet)
    }

    /// Ends the streams of this instance before its input has ended: the step, packet or watermark at hand is its last one.
    /// Behind all that it emits until then comes what its `close` emits, and behind that one stop on every connection, so
    /// that those downstream end as they would at the end of the input.
    ///
    /// A source is not asked for more, and not begun again by [`Restart`](crate::Restart). An operator is closed, and gives
    /// way: what comes to it later is taken, so that nobody has to wait for room, is not worked on, and is listed by the
    /// ledger as dropped because of [`DropCause::Closed`]. Its upstreams go on; a job whose sources have no end needs a
    /// drain as well. Nothing happens when the packet at hand fails and its operator is
    /// started again.
    #[doc(alias = "end_stream")]
    #[doc(alias = "StopSignal")]
    pub const fn send_stop_signal(&mut self) {
        self.ending = true;
    }

    /// For sources: no packet of an earlier event time (in milliseconds) will follow from this instance.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn watermark(&mut self, time: u64) -> OpResult {
        self.outbox.watermark(time)
    }

    /// Sends what is buffered. The runtime does this whenever it has nothing else to do.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn flush(&mut self) -> OpResult {
        self.outbox.flush()
    }

    /// Says that the packet at hand, and maybe others of its sender before it, were let go on purpose, such as those
    /// that came too late; the ledger lists them by `cause`. Outside of [`Operator::process`](crate::Operator::process)
    /// there is no packet at hand, and this counts nothing.
    pub fn count_dropped(&mut self, cause: DropCause, packets: u64) {
        match self.dropped.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, count)) => *count += packets,
            None => self.dropped.push((cause, packets)),
        }
    }

    /// True once sources should come to an end.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.control.is_stopping()
    }

    /// True once the job is given up and what is inside stays behind. Code that waits for something other than the
    /// job's own queues has to look from time to time.
    #[must_use]
    pub fn is_aborting(&self) -> bool {
        self.control.phase() >= Phase::Aborting
    }

    /// Groups, targets and loads of everything downstream.
    #[doc(alias = "get_routing_info")]
    #[must_use]
    pub fn routing_info(&self) -> RoutingInfo {
        self.outbox.routing_info(&self.instance)
    }

    /// The descriptor of this instance's input queue; sources have none, and neither have operators that the one before
    /// them calls on its own thread (`Stream::chain`).
    #[doc(alias = "get_input_queue_descriptor")]
    #[must_use]
    pub fn input_descriptor(&self) -> Option<&DescriptorRecord> {
        self.input.as_deref()
    }

    /// The descriptor of a queue of the job.
    #[doc(alias = "get_queue_descriptor")]
    #[must_use]
    pub fn queue_descriptor(&self, id: &QueueId) -> Option<&DescriptorRecord> {
        self.pool.get(id)
    }

    /// The descriptors of all queues of the job.
    #[must_use]
    pub fn pool(&self) -> &DescriptorPool {
        &self.pool
    }

    /// Calls a service of the job and waits for its answer, until the job is aborted or the time is over: without a limit
    /// of its own a call has [ten minutes](service::DEFAULT_LIMIT).
    ///
    /// # Errors
    /// What the service says, with its kind, message and causes; `Timeout`, `Overloaded` and `Closed` as
    /// [`ServiceClient::call`]; `NotFound` and `TypeMismatch` for a name without a service like that.
    pub fn call_service<Req: Wire, Resp: Wire>(
        &self,
        service: &ServiceHandle<Req, Resp>,
        request: Req,
        wait: Wait,
    ) -> Result<Resp, Error> {
        self.caller.call(service, request, wait)
    }

    /// A client of a service of the job, for calls that are asynchronous or answered in parts.
    ///
    /// # Errors
    /// `NotFound` and `TypeMismatch` for a name without a service like that.
    pub fn service<Req: Wire, Resp: Wire>(
        &self,
        service: &ServiceHandle<Req, Resp>,
    ) -> Result<ServiceClient<Req, Resp>, Error> {
        self.caller.client(service)
    }

    /// The descriptor of the queue where this instance gets the answers of services; `None` in a job without services.
    #[doc(alias = "get_service_response_queue_descriptor")]
    #[must_use]
    pub fn response_descriptor(&self) -> Option<&DescriptorRecord> {
        self.caller.response()
    }

    /// Sets the packet at hand, so that what is emitted inherits from it.
    #[inline(always)]
    pub(crate) fn begin(&mut self, like: Packet<()>) {
        self.heritage = like;
    }

    /// Between packets there is no key, whatever happened to the last one.
    #[inline]
    pub(crate) fn end(&mut self) {
        self.heritage = Packet::new((), self.timestamp());
    }

    /// True in a job with checkpoints: sinks show what they have when it is committed.
    #[must_use]
    pub fn has_checkpoints(&self) -> bool {
        self.control.round().is_some()
    }

    /// Sends a barrier behind everything emitted.
    pub(crate) fn barrier(&mut self, number: u64) -> OpResult {
        self.outbox.barrier(number)
    }

    /// Tells those that this one calls that the job's last checkpoint is complete.
    pub(crate) fn commit_last(&mut self) -> OpResult {
        self.outbox.commit_last()
    }

    /// For sources: what is emitted from here on was made now.
    pub(crate) fn tick(&mut self) {
        self.heritage = Packet::now(());
    }

    /// Ends the stream behind all its data.
    pub(crate) fn stop(&mut self, cause: StopCause) -> OpResult {
        self.outbox.stop(&self.instance.name, cause)
    }

    /// True once something could not be sent.
    pub(crate) const fn is_broken(&self) -> bool {
        self.outbox.is_broken()
    }

    pub(crate) const fn emitted(&self) -> u64 {
        self.outbox.emitted()
    }

    /// True once, after [`send_stop_signal`](Self::send_stop_signal).
    pub(crate) const fn take_ending(&mut self) -> bool {
        std::mem::replace(&mut self.ending, false)
    }

    /// True unless the operator let packets go or wants to end, or something could not be sent.
    #[inline(always)]
    pub(crate) const fn is_smooth(&self) -> bool {
        self.dropped.is_empty() && !self.ending && !self.outbox.is_broken()
    }

    /// Hands over what the operator let go since the last time.
    pub(crate) fn settle_drops(&mut self, mut settle: impl FnMut(DropCause, u64)) {
        if !self.dropped.is_empty() {
            for (cause, packets) in self.dropped.drain(..) {
                settle(cause, packets);
            }
        }
    }

    /// True once the operators that this one calls have ended early.
    #[inline]
    pub(crate) const fn is_cut(&self) -> bool {
        self.outbox.is_cut()
    }

    pub(crate) fn open_chain(&mut self) -> OpResult {
        self.outbox.open_chain()
    }

    pub(crate) fn record_chain(&self) {
        self.outbox.record_chain();
    }

    pub(crate) fn culprit(&self) -> Option<&Instance> {
        self.outbox.culprit()
    }

    pub(crate) fn account_chain(&mut self, all: &mut Vec<TaskAccount>) {
        self.outbox.account_chain(all);
    }

    pub(crate) fn end_chain(&mut self) {
        self.outbox.end_chain();
    }

    /// Gives up what is buffered; what every connection accepted, and how many packets none did.
    pub(crate) fn account(&mut self) -> (Vec<Sent>, u64) {
        self.outbox.account()
    }
}

impl<Out: Data> fmt::Debug for TaskContext<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskContext")
            .field("instance", &self.instance)
            .field("key", &self.key())
            .finish_non_exhaustive()
    }
}
