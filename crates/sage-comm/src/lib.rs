#![doc = include_str!("../../../README.md")]
#![forbid(unsafe_code)]

mod builtin;
#[cfg(doctest)]
mod doctests;

pub use builtin::Builtin;
#[doc(inline)]
pub use descriptor_core::{
    Backends, Caps, Choice, Codec, DefaultStrategy, Descriptor, DescriptorPool, DescriptorRecord, DropCause, DynQueue,
    EdgeRequest, Error, ErrorKind, Evicted, GetError, Holder, Item, KeySpec, Kind, KindInfo, Lease, LeaseKeeper,
    LeaseTotals, LedgerReport, LiveQueue, LocalNames, MAX_CAPACITY, Metadata, NameService, Open, Params, PoolDiff,
    Preset, PutError, Queue, QueueCore, QueueDescriptor, QueueExt, QueueId, QueueStats, Reach, Refusal, Registry,
    Result, RetryToken, Scope, Select, SelectAsync, ServerAddress, Spec, Strategy, Takes, Totals, TryQueue, TypeTag,
    Value, Wait, Wire, adopt, describe, live_queues, wait, waiting_queue,
};
#[cfg(feature = "jobs")]
#[doc(inline)]
pub use jobs;
#[cfg(feature = "actor")]
#[doc(inline)]
pub use queue_actor::{
    GLOBAL_MANAGER, GLOBAL_NAMESPACE, HostNames, LostQueue, ManagerSettings, QueueManager, RayActorSpec, RayQueueSpec,
    ServedManager,
};
#[cfg(feature = "lease")]
#[doc(inline)]
pub use queue_lease::{LeaseQueue, LeaseSpec, Lendable, Lends, Terms};
#[cfg(feature = "local")]
#[doc(inline)]
pub use queue_local::{LocalQueue, LocalSpec};
#[cfg(feature = "rpc")]
#[doc(inline)]
pub use queue_rpc::{
    Confirm, ConnectionState, ConnectionStatus, Durability, RpcAdmin, RpcListing, RpcPeek, RpcQueue, RpcSpec, RpcStats,
    StatusChanges,
};
#[cfg(feature = "sage")]
#[doc(inline)]
pub use queue_sage::{Consumer, Producer, SageQueue, SageSpec};
#[cfg(feature = "shm")]
#[doc(inline)]
pub use queue_shm::{Damage, Pack, ShmEntry, ShmFolder, ShmMember, ShmPeek, ShmQueue, ShmSegment, ShmSpec, ShmState};
#[cfg(feature = "router")]
#[doc(inline)]
pub use router::{
    Connection, ConnectionSpec, Envelope, Event, GroupMove, Inbox, Key, KeyGroups, Packet, PacketPartition, Partition,
    Received, Router, RoutingInfo, SendError, StopCause, StopSignal, UpstreamId,
};
#[cfg(feature = "serve")]
#[doc(inline)]
pub use rpc_server as serve;
#[cfg(feature = "runtime")]
#[doc(inline)]
pub use runtime::{
    Asked, AsyncOrder, AttemptReport, Attempts, ByKey, CheckpointReport, Checkpoints, Data, DeadLetter, Deployment,
    EdgeExplanation, ErrorPolicy, Explanation, FailureReport, Flow, Instance, Job, JobController, JobHandle, JobReport,
    KeyedState, KeyedStream, LostWorker, Meeting, NodeExplanation, NodeKind, NodeProgress, NodeReport, NodeState,
    NotChosen, OnNodeFailure, OpError, OpResult, Operator, Outcome, Plan, QueueExplanation, ReadyJob, Replies,
    RescaleReport, Restart, RouteDiff, ServiceClient, ServiceContext, ServiceHandle, ServiceReport, ServiceTotals,
    Source, SourceStep, State, Stream, TaskContext, Told, WorkerOutput, WorkerProgress, WorkerState, is_worker, join,
    launch, ops, run,
};
#[cfg(feature = "service")]
#[doc(inline)]
pub use service;
