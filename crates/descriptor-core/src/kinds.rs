//! Every queue type of this library, whether or not it is built into the program: names, reach and parameters.

use std::fmt;

use crate::params::listed;
use crate::spec::{KeySpec, Preset, Takes};
use crate::{DescriptorRecord, Error, ErrorKind, Metadata, Params, Reach, Spec, nearest};

/// What is known about a queue type without opening one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kind {
    /// The canonical name.
    pub name: &'static str,
    /// Other names that read as this type, such as those of the Python original.
    pub aliases: &'static [&'static str],
    /// How far its queues can be reached.
    pub reach: Reach,
    /// Its parameters.
    pub keys: &'static [KeySpec],
    /// The feature of the `sage-comm` crate that builds it in; `None` for types from outside.
    pub feature: Option<&'static str>,
}

const ONE_PROCESS: &str = "queues of this type never leave their process: use type `shm` between processes";

const PORT: Takes = Takes::Int { min: 1, max: 65535 };
const SOME_BYTES: Takes = Takes::Int { min: 1, max: 1 << 36 };

/// `local`: flume, in process, bounded or not.
pub const LOCAL: Kind = Kind {
    name: "local",
    aliases: &["python", "local_queue"],
    reach: Reach::Process,
    keys: &[KeySpec::unbounded(), KeySpec::unset("use_multiprocessing", ONE_PROCESS)],
    feature: Some("local"),
};

/// `sage_queue`: our ring, in process, bounded.
pub const SAGE_QUEUE: Kind = Kind {
    name: "sage_queue",
    aliases: &[],
    reach: Reach::Process,
    keys: &[
        KeySpec::bounded(1000),
        KeySpec::ignored("auto_cleanup", "the memory is freed with the last handle"),
        KeySpec::unset("namespace", "put it into the queue id, as in `tenant/jobs`"),
        KeySpec::ignored("enable_multi_tenant", "the queue id alone names the queue"),
    ],
    feature: Some("sage"),
};

const LEASE_TIME: KeySpec = KeySpec::new("lease_time", Takes::Seconds).or(Preset::Float(30.0));
const MAX_DELIVERIES: KeySpec = KeySpec::new(
    "max_deliveries",
    Takes::Int {
        min: 0,
        max: u32::MAX as i64,
    },
)
.or(Preset::Int(0));
const DEAD_LETTER: KeySpec = KeySpec::new("dead_letter", Takes::Text);

/// `lease+local`: `local` with leases.
pub const LEASE_LOCAL: Kind = Kind {
    name: "lease+local",
    aliases: &[],
    reach: Reach::Process,
    keys: &[
        KeySpec::unbounded(),
        KeySpec::unset("use_multiprocessing", ONE_PROCESS),
        LEASE_TIME,
        MAX_DELIVERIES,
        DEAD_LETTER,
    ],
    feature: Some("lease"),
};

/// `lease+sage_queue`: `sage_queue` with leases.
pub const LEASE_SAGE_QUEUE: Kind = Kind {
    name: "lease+sage_queue",
    aliases: &[],
    reach: Reach::Process,
    keys: &[
        KeySpec::bounded(1000),
        KeySpec::ignored("auto_cleanup", "the memory is freed with the last handle"),
        KeySpec::unset("namespace", "put it into the queue id, as in `tenant/jobs`"),
        KeySpec::ignored("enable_multi_tenant", "the queue id alone names the queue"),
        LEASE_TIME,
        MAX_DELIVERIES,
        DEAD_LETTER,
    ],
    feature: Some("lease"),
};

/// `shm`: shared memory of one host.
pub const SHM: Kind = Kind {
    name: "shm",
    aliases: &[],
    reach: Reach::Host,
    keys: &[
        KeySpec::bounded(1000),
        KeySpec::new("max_item", SOME_BYTES).or(Preset::Int(65536)),
        KeySpec::new("max_bytes", SOME_BYTES),
        KeySpec::new("codec", Takes::OneOf(&["postcard", "bincode", "json", "fixed"])).or(Preset::Text("postcard")),
        KeySpec::new("auto_cleanup", Takes::Flag).or(Preset::Flag(true)),
        KeySpec::new("shm_name", Takes::Text),
        LEASE_TIME,
        MAX_DELIVERIES,
        DEAD_LETTER,
    ],
    feature: Some("shm"),
};

/// The namespace of the manager that everybody means who names none.
const NAMESPACE: KeySpec = KeySpec::new("namespace", Takes::Text).or(Preset::Text("sage_global"));
const ATTACH_ONLY: KeySpec = KeySpec::new("attach_only", Takes::Flag).or(Preset::Flag(false));
const MAX_BYTES: KeySpec = KeySpec::new("max_bytes", SOME_BYTES);
const CODEC: KeySpec =
    KeySpec::new("codec", Takes::OneOf(&["postcard", "bincode", "json", "fixed"])).or(Preset::Text("postcard"));
const CONNECTION_TIMEOUT: KeySpec = KeySpec::new("connection_timeout", Takes::Seconds).or(Preset::Float(30.0));

/// `ray_queue`: a queue inside the global manager, which is in a process of this host.
pub const RAY_QUEUE: Kind = Kind {
    name: "ray_queue",
    aliases: &[],
    reach: Reach::Host,
    keys: &[
        KeySpec::bounded(1_048_576),
        NAMESPACE,
        MAX_BYTES,
        CODEC,
        LEASE_TIME,
        MAX_DELIVERIES,
        DEAD_LETTER,
        ATTACH_ONLY,
        CONNECTION_TIMEOUT,
    ],
    feature: Some("actor"),
};

/// `ray_actor`: one named actor per queue, in a process of this host.
pub const RAY_ACTOR: Kind = Kind {
    name: "ray_actor",
    aliases: &[],
    reach: Reach::Host,
    keys: &[
        KeySpec::bounded(1_048_576),
        KeySpec::new("actor_name", Takes::Text),
        NAMESPACE,
        MAX_BYTES,
        CODEC,
        LEASE_TIME,
        MAX_DELIVERIES,
        DEAD_LETTER,
        ATTACH_ONLY,
        CONNECTION_TIMEOUT,
    ],
    feature: Some("actor"),
};

/// The port where a server of `rpc` listens unless told otherwise.
const RPC_PORT: i64 = 7420;

/// `rpc`: a queue of a server.
pub const RPC: Kind = Kind {
    name: "rpc",
    aliases: &["rpc_queue"],
    reach: Reach::Network,
    keys: &[
        KeySpec::new("host", Takes::Text).or(Preset::Text("localhost")),
        KeySpec::new("port", PORT).or(Preset::Int(RPC_PORT)),
        KeySpec::new("unix", Takes::Text),
        KeySpec::new("connection_timeout", Takes::Seconds).or(Preset::Float(30.0)),
        KeySpec::new("retry_count", Takes::Int { min: 0, max: 1000 }).or(Preset::Int(3)),
        KeySpec::new("enable_pooling", Takes::Flag).or(Preset::Flag(true)),
        KeySpec::bounded(1000),
        KeySpec::new("max_bytes", SOME_BYTES),
        KeySpec::new("codec", Takes::OneOf(&["postcard", "bincode", "json", "fixed"])).or(Preset::Text("postcard")),
        KeySpec::new("confirm", Takes::OneOf(&["window", "each"])),
        KeySpec::new("prefetch", Takes::Int { min: 0, max: 65536 }).or(Preset::Int(256)),
        KeySpec::new("delivery", Takes::OneOf(&["auto"])).or(Preset::Text("auto")),
        KeySpec::new("durability", Takes::OneOf(&["volatile", "process", "disk"])).or(Preset::Text("process")),
        LEASE_TIME,
        MAX_DELIVERIES,
        DEAD_LETTER,
        KeySpec::new("tls", Takes::Flag).or(Preset::Flag(false)),
        KeySpec::new("server_name", Takes::Text),
        KeySpec::new("ca", Takes::Text),
        KeySpec::new("cert", Takes::Text),
        KeySpec::new("key", Takes::Text),
        KeySpec::new("token", Takes::Text),
    ],
    feature: Some("rpc"),
};

/// `nats`: a work queue of a JetStream cluster.
pub const NATS: Kind = Kind {
    name: "nats",
    aliases: &[],
    reach: Reach::Network,
    keys: &[
        KeySpec::new("host", Takes::Text).or(Preset::Text("localhost")),
        KeySpec::new("port", PORT).or(Preset::Int(4222)),
        KeySpec::new("connection_timeout", Takes::Seconds).or(Preset::Float(30.0)),
        KeySpec::bounded(1_048_576),
    ],
    feature: Some("nats"),
};

/// The queue types of this library, nearest reach first.
pub const KINDS: &[Kind] = &[
    LOCAL,
    SAGE_QUEUE,
    LEASE_LOCAL,
    LEASE_SAGE_QUEUE,
    SHM,
    RAY_QUEUE,
    RAY_ACTOR,
    RPC,
    NATS,
];

impl Kind {
    /// The type with this name or alias, among those of this library.
    ///
    /// # Errors
    /// `InvalidDescriptor`, naming the known types and the nearest.
    pub fn find(name: &str) -> Result<&'static Self, Error> {
        Self::find_in(KINDS, name)
    }

    pub(crate) fn find_in<'a>(kinds: &'a [Self], name: &str) -> Result<&'a Self, Error> {
        kinds
            .iter()
            .find(|kind| kind.goes_by(name))
            .ok_or_else(|| unknown_kind(kinds, name))
    }

    /// The line of this table for a [`Spec`], whether it comes from this library or from outside.
    #[must_use]
    pub fn of<S: Spec>() -> Self {
        Self {
            name: S::KIND,
            aliases: S::ALIASES,
            reach: S::REACH,
            keys: S::keys(),
            feature: KINDS
                .iter()
                .find(|kind| kind.name == S::KIND)
                .and_then(|kind| kind.feature),
        }
    }

    pub(crate) fn not_built_in<'a>(&self, built_in: impl Iterator<Item = &'a Self>) -> Error {
        let error = Error::new(ErrorKind::Unsupported, "open")
            .backend(self.name)
            .expected(format!(
                "a type built into this program: {}",
                listed(built_in.map(|kind| kind.name))
            ))
            .found(format!("`{}`", self.name));
        match self.feature {
            Some(feature) => error.remedy(format!(
                "enable feature `{feature}` where this version of sage-comm has it"
            )),
            None => error.remedy("register the type"),
        }
    }

    /// True when its queues can do without a capacity.
    #[must_use]
    pub fn can_be_unbounded(&self) -> bool {
        self.keys
            .iter()
            .any(|key| key.takes == Takes::Capacity { unbounded: true })
    }

    /// The largest item in bytes that its queues take when nobody says otherwise, where that can be said at all.
    pub(crate) fn usual_max_item(&self) -> Option<i64> {
        let key = self.keys.iter().find(|key| key.name == "max_item")?;
        match key.default {
            Preset::Int(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// True for the canonical name and for the aliases.
    #[must_use]
    pub fn goes_by(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// Checks parameters and gives their canonical form: defaults filled in, what has no effect left out. Two records
    /// name the same parameters exactly when their canonical forms are equal.
    ///
    /// # Errors
    /// `InvalidDescriptor`, as [`Params::read`].
    pub fn canonical_metadata(&self, metadata: &Metadata) -> Result<Metadata, Error> {
        Params::read(self.name, self.keys, metadata).map(Params::into_metadata)
    }

    /// The record with the canonical type and parameters, for all types of this library, built in or not.
    ///
    /// # Errors
    /// As [`DescriptorRecord::check`]; `InvalidDescriptor` for an unknown type and for parameters it does not take.
    pub fn canonical(record: &DescriptorRecord) -> Result<DescriptorRecord, Error> {
        record.check()?;
        let about = |error: Error| error.queue(record.queue_id.as_str());
        let kind = Self::find(&record.queue_type).map_err(about)?;
        let metadata = kind.canonical_metadata(&record.metadata).map_err(about)?;
        Ok(DescriptorRecord {
            queue_type: kind.name.into(),
            metadata,
            ..record.clone()
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (reach {})", self.name, self.reach)?;
        for key in self.keys {
            write!(f, "\n  {key}")?;
        }
        Ok(())
    }
}

fn unknown_kind(kinds: &[Kind], name: &str) -> Error {
    let error = Error::new(ErrorKind::InvalidDescriptor, "read queue type")
        .expected(format!("one of {}", listed(kinds.iter().map(|kind| kind.name))))
        .found(crate::excerpt(name));
    let names = kinds
        .iter()
        .flat_map(|kind| std::iter::once(&kind.name).chain(kind.aliases));
    match nearest(name, names.copied()) {
        Some(close) => error.remedy(format!("did you mean `{close}`?")),
        None => error.remedy("use one of these types, or register the one that is missing"),
    }
}
