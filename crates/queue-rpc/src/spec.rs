//! The parameters of `rpc`.

use std::time::Duration;

use descriptor_core::{
    Caps, Codec, DescriptorRecord, Error, ErrorKind, KeySpec, Kind, Metadata, Params, QueueId, Reach, Spec, Value,
};

use crate::secret::SecretRef;

const KIND: Kind = descriptor_core::kinds::RPC;
const DEFAULT_CAPACITY: usize = 1000;
const DEFAULT_PREFETCH: u32 = 256;
const DEFAULT_HOST: &str = "localhost";
/// The port where a server listens unless told otherwise.
pub const DEFAULT_PORT: u16 = 7420;
const USUAL_LEASE: Duration = Duration::from_secs(30);
const USUAL_TIMEOUT: Duration = Duration::from_secs(30);
const USUAL_RETRIES: u32 = 3;

/// What `Ok` of a put means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Confirm {
    /// Accepted: the item is in a window of bounded size and sent again until the server has it. `flush` waits until all of
    /// it is stored, and names what could not be.
    Window,
    /// Stored: the server said so.
    Each,
}

impl Confirm {
    const fn name(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::Each => "each",
        }
    }
}

/// What a queue outlives. Ascending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Durability {
    /// Nothing: the server may drop it whenever nobody has it open.
    Volatile,
    /// All clients, as long as the process of the server lives.
    #[default]
    Process,
    /// The server: a confirmed item is on its disk.
    Disk,
}

impl Durability {
    const fn name(self) -> &'static str {
        match self {
            Self::Volatile => "volatile",
            Self::Process => "process",
            Self::Disk => "disk",
        }
    }

    /// What `Ok` of a put means when nobody says otherwise: who asks for a disk wants to know that it is there.
    const fn usual_confirm(self) -> Confirm {
        match self {
            Self::Volatile | Self::Process => Confirm::Window,
            Self::Disk => Confirm::Each,
        }
    }
}

/// Parameters of an [`RpcQueue`](crate::RpcQueue).
///
/// ```
/// use descriptor_core::Descriptor;
/// use queue_rpc::{Confirm, RpcSpec};
///
/// let spec = RpcSpec::at("queues.example", 7420).capacity(64).confirm(Confirm::Each);
/// let descriptor = Descriptor::new("jobs/in", spec)?;
/// assert!(descriptor.to_uri()?.starts_with("rpc://jobs/in?"));
/// # Ok::<(), descriptor_core::Error>(())
/// ```
#[doc(alias = "RPCQueueDescriptor")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RpcSpec {
    /// Name or address of the server's host. Parameter `host`.
    pub host: String,
    /// The server's port. Parameter `port`.
    pub port: u16,
    /// Path of the server's Unix socket; then host and port mean nothing. Parameter `unix`.
    pub unix: Option<String>,
    /// The capacity in items, from 1 to 2^24. Parameter `maxsize`.
    #[doc(alias = "maxsize")]
    pub capacity: usize,
    /// The capacity in bytes of encoded items; `None` for what the server has as usual. Parameter `max_bytes`.
    pub max_bytes: Option<u64>,
    /// How items are encoded. `Bytes` are not: they go as they are. Parameter `codec`.
    pub codec: Codec,
    /// What `Ok` of a put means. Parameter `confirm`.
    pub confirm: Confirm,
    /// The most items that are fetched ahead of gets; 0 so that each get asks for its item, and no item can come twice.
    /// Parameter `prefetch`.
    pub prefetch: u32,
    /// What the queue outlives. Parameter `durability`.
    pub durability: Durability,
    /// How long a lease lasts; zero for as long as the connection of its holder. Parameter `lease_time`, in seconds.
    pub lease_time: Duration,
    /// How often an item is handed out at most; 0 for no limit. Parameter `max_deliveries`.
    pub max_deliveries: u32,
    /// The queue of the same server that takes what was handed out that often. Parameter `dead_letter`.
    pub dead_letter: Option<String>,
    /// How long a connection may take, and how long a call waits for an answer beyond its own limit. Parameter
    /// `connection_timeout`, in seconds.
    pub connection_timeout: Duration,
    /// How often the first connection is tried again. Parameter `retry_count`.
    pub retry_count: u32,
    /// Whether all queues of this process at that server share one connection. Parameter `enable_pooling`.
    pub enable_pooling: bool,
    /// Whether the connection is encrypted, with TLS 1.3. Parameter `tls`.
    pub tls: bool,
    /// The name that the server's certificate must have; `None` for the host. Parameter `server_name`.
    pub server_name: Option<String>,
    /// Where the certificates are, in PEM, one of which must have signed the server's: `env:NAME` or `file:PATH`. Parameter `ca`.
    pub ca: Option<String>,
    /// Where this side's certificate is, likewise. Parameter `cert`.
    pub cert: Option<String>,
    /// Where its private key is, likewise. Parameter `key`.
    pub key: Option<String>,
    /// Where the identity and its secret are, as in a line `alice 6f2a...`, likewise. Parameter `token`.
    pub token: Option<String>,
}

impl RpcSpec {
    /// A queue for 1000 items at this host and port.
    #[must_use]
    pub fn at(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            ..Self::default()
        }
    }

    /// A queue for 1000 items at the server that listens on this Unix socket.
    #[must_use]
    pub fn on_socket(path: impl Into<String>) -> Self {
        Self {
            unix: Some(path.into()),
            ..Self::default()
        }
    }

    /// Room for so many items.
    #[must_use]
    pub const fn capacity(mut self, items: usize) -> Self {
        self.capacity = items;
        self
    }

    /// Items encoded like this.
    #[must_use]
    pub const fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// What `Ok` of a put means.
    #[must_use]
    pub const fn confirm(mut self, confirm: Confirm) -> Self {
        self.confirm = confirm;
        self
    }

    /// So many items ahead of gets at most.
    #[must_use]
    pub const fn prefetch(mut self, items: u32) -> Self {
        self.prefetch = items;
        self
    }

    /// What the queue outlives; a put is confirmed as is usual for that.
    #[must_use]
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self.confirm = durability.usual_confirm();
        self
    }

    /// Leases that last so long; zero for as long as their holder's connection.
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
    #[must_use]
    pub fn dead_letter(mut self, queue: impl Into<String>) -> Self {
        self.dead_letter = Some(queue.into());
        self
    }

    /// Who this is: `env:NAME` or `file:PATH`.
    #[must_use]
    pub fn token(mut self, place: impl Into<String>) -> Self {
        self.token = Some(place.into());
        self
    }

    /// What an open queue of these parameters can do.
    #[must_use]
    pub fn caps_here(&self) -> Caps {
        let mut caps = Self::caps();
        caps.stored = self.confirm == Confirm::Each;
        caps.clean_drop = !caps.stored;
        caps.durable = self.durability == Durability::Disk;
        caps.survives_host = caps.durable;
        caps
    }

    /// # Errors
    /// `InvalidDescriptor` for what contradicts itself.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let wrong = |expected: &str, found: String, remedy: &'static str| {
            Err(Error::new(ErrorKind::InvalidDescriptor, "read parameters")
                .backend(KIND.name)
                .expected(expected)
                .found(found)
                .remedy(remedy))
        };
        if !(1..=descriptor_core::MAX_CAPACITY).contains(&self.capacity) {
            return wrong(
                "`maxsize` from 1 to 16777216",
                self.capacity.to_string(),
                "choose a capacity: a queue of a server always has one",
            );
        }
        self.dead_letters()?;
        for (name, place) in [
            ("ca", &self.ca),
            ("cert", &self.cert),
            ("key", &self.key),
            ("token", &self.token),
        ] {
            if let Some(place) = place {
                SecretRef::parse(name, place)?;
            }
        }
        if self.cert.is_some() != self.key.is_some() {
            return wrong("`cert` and `key` together", "one of them".into(), "give both or none");
        }
        if !self.tls && (self.ca.is_some() || self.cert.is_some() || self.server_name.is_some()) {
            return wrong(
                "`tls=true` with `ca`, `cert`, `key` or `server_name`",
                "one of these without it".into(),
                "add tls=true",
            );
        }
        if self.tls && self.ca.is_none() {
            return wrong(
                "`ca` with `tls=true`",
                "none".into(),
                "give the certificate that signed the server's, as ca=file:PATH",
            );
        }
        Ok(())
    }

    /// The id of the queue for dead letters, which the server has too.
    ///
    /// # Errors
    /// `InvalidDescriptor` when that is no queue id nor the URI of a queue of this type.
    fn dead_letters(&self) -> Result<Option<QueueId>, Error> {
        match self.dead_letter.as_deref() {
            Some(uri) if uri.contains("://") => {
                let record = DescriptorRecord::from_uri(uri)?;
                let descriptor = descriptor_core::Descriptor::<Self>::from_record(&record)?;
                Ok(Some(descriptor.queue_id().clone()))
            }
            Some(id) => QueueId::new(id).map(Some),
            None => Ok(None),
        }
    }

    /// What the server is told: nothing about how it is reached, nor about secrets.
    pub(crate) fn record(&self, id: &QueueId) -> DescriptorRecord {
        let mut record = DescriptorRecord::new(id.clone(), KIND.name);
        // So that two handles of equal parameters have equal records.
        record.created_timestamp = 0.0;
        record = record
            .with("maxsize", number(self.capacity as u64))
            .with("codec", self.codec.name())
            .with("durability", self.durability.name())
            .with("lease_time", self.lease_time.as_secs_f64())
            .with("max_deliveries", i64::from(self.max_deliveries));
        if let Some(bytes) = self.max_bytes {
            record = record.with("max_bytes", number(bytes));
        }
        if let Ok(Some(queue)) = self.dead_letters() {
            record = record.with("dead_letter", queue.as_str());
        }
        record
    }

    /// The places of secrets and the like, by their names.
    fn texts(&self) -> [(&'static str, &Option<String>); 7] {
        [
            ("unix", &self.unix),
            ("dead_letter", &self.dead_letter),
            ("server_name", &self.server_name),
            ("ca", &self.ca),
            ("cert", &self.cert),
            ("key", &self.key),
            ("token", &self.token),
        ]
    }
}

impl Default for RpcSpec {
    /// Room for 1000 items at the server of this host.
    fn default() -> Self {
        Self {
            host: DEFAULT_HOST.into(),
            port: DEFAULT_PORT,
            unix: None,
            capacity: DEFAULT_CAPACITY,
            max_bytes: None,
            codec: Codec::Postcard,
            confirm: Confirm::Window,
            prefetch: DEFAULT_PREFETCH,
            durability: Durability::Process,
            lease_time: USUAL_LEASE,
            max_deliveries: 0,
            dead_letter: None,
            connection_timeout: USUAL_TIMEOUT,
            retry_count: USUAL_RETRIES,
            enable_pooling: true,
            tls: false,
            server_name: None,
            ca: None,
            cert: None,
            key: None,
            token: None,
        }
    }
}

fn number(value: u64) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

impl Spec for RpcSpec {
    const KIND: &'static str = KIND.name;
    const ALIASES: &'static [&'static str] = KIND.aliases;
    const REACH: Reach = KIND.reach;

    fn keys() -> &'static [KeySpec] {
        KIND.keys
    }

    fn to_metadata(&self) -> Metadata {
        let text = |word: &str| Value::Text(word.into());
        let mut metadata = Metadata::from([
            ("host".into(), text(&self.host)),
            ("port".into(), Value::Int(self.port.into())),
            ("maxsize".into(), number(self.capacity as u64)),
            ("codec".into(), text(self.codec.name())),
            ("confirm".into(), text(self.confirm.name())),
            ("prefetch".into(), Value::Int(self.prefetch.into())),
            ("delivery".into(), text("auto")),
            ("durability".into(), text(self.durability.name())),
            ("lease_time".into(), Value::Float(self.lease_time.as_secs_f64())),
            ("max_deliveries".into(), Value::Int(self.max_deliveries.into())),
            (
                "connection_timeout".into(),
                Value::Float(self.connection_timeout.as_secs_f64()),
            ),
            ("retry_count".into(), Value::Int(self.retry_count.into())),
            ("enable_pooling".into(), Value::Bool(self.enable_pooling)),
            ("tls".into(), Value::Bool(self.tls)),
        ]);
        if let Some(bytes) = self.max_bytes {
            metadata.insert("max_bytes".into(), number(bytes));
        }
        for (name, value) in self.texts() {
            if let Some(value) = value {
                metadata.insert(name.into(), text(value));
            }
        }
        metadata
    }

    fn from_params(params: &Params) -> Result<Self, Error> {
        let usual = Self::default();
        let owned = |name| params.text(name).map(str::to_owned);
        let int = |name, otherwise: u32| {
            params
                .int(name)
                .map_or(otherwise, |it| u32::try_from(it).unwrap_or(u32::MAX))
        };
        let durability = match params.text("durability") {
            Some("volatile") => Durability::Volatile,
            Some("disk") => Durability::Disk,
            _ => Durability::Process,
        };
        let spec = Self {
            host: owned("host").unwrap_or(usual.host),
            port: params
                .int("port")
                .and_then(|it| u16::try_from(it).ok())
                .unwrap_or(usual.port),
            unix: owned("unix"),
            capacity: params.capacity("maxsize").unwrap_or(usual.capacity),
            max_bytes: params.int("max_bytes").and_then(|it| u64::try_from(it).ok()),
            codec: params.text("codec").map(str::parse).transpose()?.unwrap_or_default(),
            confirm: match params.text("confirm") {
                Some("window") => Confirm::Window,
                Some(_) => Confirm::Each,
                None => durability.usual_confirm(),
            },
            prefetch: int("prefetch", usual.prefetch),
            durability,
            lease_time: params.seconds("lease_time").unwrap_or(usual.lease_time),
            max_deliveries: int("max_deliveries", 0),
            dead_letter: owned("dead_letter"),
            connection_timeout: params.seconds("connection_timeout").unwrap_or(usual.connection_timeout),
            retry_count: int("retry_count", usual.retry_count),
            enable_pooling: params.flag("enable_pooling").unwrap_or(true),
            tls: params.flag("tls").unwrap_or(false),
            server_name: owned("server_name"),
            ca: owned("ca"),
            cert: owned("cert"),
            key: owned("key"),
            token: owned("token"),
        };
        spec.check()?;
        Ok(spec)
    }

    fn caps() -> Caps {
        let mut caps = Caps::IN_PROCESS;
        caps.cross_process = true;
        caps.cross_host = true;
        caps.survives_process = true;
        caps.lease = true;
        caps.dedup = true;
        caps.stored = false;
        caps
    }
}
