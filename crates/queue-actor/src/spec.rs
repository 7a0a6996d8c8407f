//! The parameters of `ray_queue` and `ray_actor`.

use std::time::Duration;

use descriptor_core::{Caps, Codec, Error, KeySpec, Kind, Metadata, Params, QueueId, Reach, Spec, Value, kinds};
use queue_rpc::{Confirm, RpcSpec};

/// The namespace of the manager that everybody means who names none.
pub const GLOBAL_NAMESPACE: &str = "sage_global";
/// What the global manager is called.
pub const GLOBAL_MANAGER: &str = "global_ray_queue_manager";

const DEFAULT_CAPACITY: usize = 1_048_576;
const USUAL_LEASE: Duration = Duration::from_secs(30);
const USUAL_TIMEOUT: Duration = Duration::from_secs(30);

/// Parameters of a queue of a [`QueueManager`](crate::QueueManager).
///
/// ```
/// use descriptor_core::Descriptor;
/// use queue_actor::RayQueueSpec;
///
/// let descriptor = Descriptor::new("jobs/in", RayQueueSpec::bounded(64).namespace("night"))?;
/// assert!(descriptor.to_uri()?.starts_with("ray_queue://jobs/in?"));
/// # Ok::<(), descriptor_core::Error>(())
/// ```
#[doc(alias = "RayQueueDescriptor")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RayQueueSpec {
    /// The capacity in items, from 1 to 2^24. Parameter `maxsize`.
    #[doc(alias = "maxsize")]
    pub capacity: usize,
    /// Whose manager: one of a name is on each host for each user. Parameter `namespace`.
    pub namespace: String,
    /// The capacity in bytes of encoded items, once the queue is used by several processes; `None` for what all queues of the
    /// manager may have together. Parameter `max_bytes`.
    pub max_bytes: Option<u64>,
    /// How items are encoded on their way to another process. Parameter `codec`.
    pub codec: Codec,
    /// How long a lease lasts; zero for as long as its holder's process. Parameter `lease_time`, in seconds.
    pub lease_time: Duration,
    /// How often an item is handed out at most; 0 for no limit. Parameter `max_deliveries`.
    pub max_deliveries: u32,
    /// The queue of the same manager that takes what was handed out that often. Parameter `dead_letter`.
    pub dead_letter: Option<QueueId>,
    /// Whether this process shall never be the manager itself. Parameter `attach_only`.
    pub attach_only: bool,
    /// How long it may take to reach the manager, and it to answer. Parameter `connection_timeout`, in seconds.
    pub connection_timeout: Duration,
}

impl RayQueueSpec {
    /// Room for so many items, at the global manager.
    #[must_use]
    pub fn bounded(capacity: usize) -> Self {
        Self {
            capacity,
            ..Self::default()
        }
    }

    /// At the manager of that namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Items encoded like this.
    #[must_use]
    pub const fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Leases that last so long; zero for as long as their holder's process.
    #[must_use]
    pub const fn lease_time(mut self, time: Duration) -> Self {
        self.lease_time = time;
        self
    }

    /// So many deliveries at most; 0 for no limit.
    #[must_use]
    pub const fn max_deliveries(mut self, deliveries: u32) -> Self {
        self.max_deliveries = deliveries;
        self
    }

    /// The queue for what was handed out so often.
    ///
    /// # Errors
    /// `InvalidDescriptor` when this is not a queue id.
    pub fn dead_letter(mut self, id: &str) -> Result<Self, Error> {
        self.dead_letter = Some(QueueId::new(id)?);
        Ok(self)
    }

    /// Only at a manager that is there: this process does not become one.
    #[must_use]
    pub const fn attach_only(mut self) -> Self {
        self.attach_only = true;
        self
    }

    /// The same queue as a client of the manager's socket names it.
    pub(crate) fn at(&self, socket: &str) -> RpcSpec {
        RpcSpec {
            max_bytes: self.max_bytes,
            dead_letter: self.dead_letter.as_ref().map(|id| id.as_str().to_owned()),
            connection_timeout: self.connection_timeout,
            // Whoever opens looks again itself, and at more than the socket.
            retry_count: 0,
            ..RpcSpec::on_socket(socket)
        }
        .capacity(self.capacity)
        .codec(self.codec)
        .confirm(Confirm::Window)
        .lease_time(self.lease_time)
        .max_deliveries(self.max_deliveries)
    }

    fn write(&self, actor_name: Option<&str>) -> Metadata {
        let number = |value: u64| Value::Int(i64::try_from(value).unwrap_or(i64::MAX));
        let text = |word: &str| Value::Text(word.into());
        let mut metadata = Metadata::from([
            ("maxsize".into(), number(self.capacity as u64)),
            ("namespace".into(), text(&self.namespace)),
            ("codec".into(), text(self.codec.name())),
            ("lease_time".into(), Value::Float(self.lease_time.as_secs_f64())),
            ("max_deliveries".into(), number(self.max_deliveries.into())),
            ("attach_only".into(), Value::Bool(self.attach_only)),
            (
                "connection_timeout".into(),
                Value::Float(self.connection_timeout.as_secs_f64()),
            ),
        ]);
        if let Some(bytes) = self.max_bytes {
            metadata.insert("max_bytes".into(), number(bytes));
        }
        if let Some(id) = &self.dead_letter {
            metadata.insert("dead_letter".into(), text(id.as_str()));
        }
        if let Some(name) = actor_name {
            metadata.insert("actor_name".into(), text(name));
        }
        metadata
    }

    fn read(params: &Params) -> Result<Self, Error> {
        let usual = Self::default();
        let deliveries = params.int("max_deliveries").unwrap_or(0);
        Ok(Self {
            capacity: params.capacity("maxsize").unwrap_or(usual.capacity),
            namespace: params.text("namespace").map_or(usual.namespace, str::to_owned),
            max_bytes: params.int("max_bytes").and_then(|it| u64::try_from(it).ok()),
            codec: params.text("codec").map(str::parse).transpose()?.unwrap_or_default(),
            lease_time: params.seconds("lease_time").unwrap_or(usual.lease_time),
            max_deliveries: u32::try_from(deliveries).unwrap_or(u32::MAX),
            dead_letter: params.text("dead_letter").map(QueueId::new).transpose()?,
            attach_only: params.flag("attach_only").unwrap_or(false),
            connection_timeout: params.seconds("connection_timeout").unwrap_or(usual.connection_timeout),
        })
    }

    /// What queues of a manager can do, wherever that is: before a queue is used by a second process and after.
    pub(crate) const fn can() -> Caps {
        let mut caps = Caps::IN_PROCESS;
        caps.cross_process = true;
        caps.lease = true;
        // A client has its puts confirmed a while later.
        caps.stored = false;
        caps
    }
}

impl Default for RayQueueSpec {
    /// Room for 1,048,576 items at the global manager.
    fn default() -> Self {
        Self {
            capacity: DEFAULT_CAPACITY,
            namespace: GLOBAL_NAMESPACE.into(),
            max_bytes: None,
            codec: Codec::Postcard,
            lease_time: USUAL_LEASE,
            max_deliveries: 0,
            dead_letter: None,
            attach_only: false,
            connection_timeout: USUAL_TIMEOUT,
        }
    }
}

const QUEUE: Kind = kinds::RAY_QUEUE;

impl Spec for RayQueueSpec {
    const KIND: &'static str = QUEUE.name;
    const ALIASES: &'static [&'static str] = QUEUE.aliases;
    const REACH: Reach = QUEUE.reach;

    fn keys() -> &'static [KeySpec] {
        QUEUE.keys
    }

    fn to_metadata(&self) -> Metadata {
        self.write(None)
    }

    fn from_params(params: &Params) -> Result<Self, Error> {
        Self::read(params)
    }

    fn caps() -> Caps {
        Self::can()
    }
}

const ACTOR: Kind = kinds::RAY_ACTOR;

/// Parameters of a queue that has an actor of its own.
///
/// The actor is a manager of one queue: whoever opens the queue first has it, and whoever opens it next after that process
/// ended takes it over, empty, in a new epoch and with a report of what was lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RayActorSpec {
    /// Those of the queue.
    pub queue: RayQueueSpec,
    /// What the actor is called; `None` for the id of the queue. Parameter `actor_name`.
    pub actor_name: Option<String>,
}

impl RayActorSpec {
    /// Room for so many items, with an actor that is called as the queue.
    #[must_use]
    pub fn bounded(capacity: usize) -> Self {
        Self {
            queue: RayQueueSpec::bounded(capacity),
            actor_name: None,
        }
    }

    /// With an actor of that name.
    #[must_use]
    pub fn actor_name(mut self, name: impl Into<String>) -> Self {
        self.actor_name = Some(name.into());
        self
    }
}

impl Spec for RayActorSpec {
    const KIND: &'static str = ACTOR.name;
    const ALIASES: &'static [&'static str] = ACTOR.aliases;
    const REACH: Reach = ACTOR.reach;

    fn keys() -> &'static [KeySpec] {
        ACTOR.keys
    }

    fn to_metadata(&self) -> Metadata {
        self.queue.write(self.actor_name.as_deref())
    }

    fn from_params(params: &Params) -> Result<Self, Error> {
        Ok(Self {
            queue: RayQueueSpec::read(params)?,
            actor_name: params.text("actor_name").map(str::to_owned),
        })
    }

    fn caps() -> Caps {
        RayQueueSpec::can()
    }
}
