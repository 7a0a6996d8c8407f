//! The typed parameters of a queue type, and how such a queue is opened.

use std::fmt;

use crate::{Caps, DynQueue, Error, Item, Metadata, Params, QueueId, Reach};

/// The largest capacity a descriptor may ask for: 2^24 items.
pub const MAX_CAPACITY: usize = 1 << 24;

/// The typed parameters of one queue type.
///
/// [`keys`](Self::keys) is the whole truth about what a record of this type may contain: reading, messages and
/// documentation all come from it. A type from outside needs this trait and [`Open`], nothing else.
pub trait Spec: Clone + fmt::Debug + Send + Sync + 'static {
    /// The canonical name of the type, such as `local`.
    const KIND: &'static str;
    /// Other names that read as this type.
    const ALIASES: &'static [&'static str] = &[];
    /// How far such a queue can be reached. [`Reach::Process`] makes the type process-bound: its queues are found by
    /// name in the table of the process, and its records do not open in another one.
    const REACH: Reach;

    /// The parameters a record of this type may contain.
    fn keys() -> &'static [KeySpec];

    /// Every parameter, so that [`from_metadata`](Self::from_metadata) gives back an equal value.
    fn to_metadata(&self) -> Metadata;

    /// The value for parameters that were already checked against [`keys`](Self::keys).
    ///
    /// # Errors
    /// `InvalidDescriptor` where parameters contradict each other.
    fn from_params(params: &Params) -> Result<Self, Error>;

    /// Checks and reads the parameters of a record.
    ///
    /// # Errors
    /// `InvalidDescriptor` for an unknown key, a wrong type or a value out of range, with what would be right.
    fn from_metadata(metadata: &Metadata) -> Result<Self, Error> {
        Self::from_params(&Params::read(Self::KIND, Self::keys(), metadata)?)
    }

    /// What queues of this type can do, as far as every one of them can. The default follows from the reach alone.
    #[must_use]
    fn caps() -> Caps {
        let mut caps = Caps::IN_PROCESS;
        caps.cross_process = Self::REACH >= Reach::Host;
        caps.cross_host = Self::REACH >= Reach::Network;
        caps
    }

    /// True when the queue lives in the process that opened it.
    #[must_use]
    fn is_process_bound() -> bool {
        Self::REACH == Reach::Process
    }
}

/// Opens queues of one type for items of type `T`.
///
/// A type whose queues leave the process implements this for `T: Wire` only, so that the compiler refuses the rest.
pub trait Open<T: Item>: Spec {
    /// Makes or reaches the queue `id` with these parameters.
    ///
    /// For a process-bound type this is called once per name and life; the table of names does the sharing.
    ///
    /// # Errors
    /// Whatever keeps the queue from being usable. Nothing half-built may stay behind.
    fn open(&self, id: &QueueId) -> Result<DynQueue<T>, Error>;

    /// Takes the queue `id` away with what is inside, where queues of this type stay when nobody uses them any more; nothing is
    /// to be done for others, and where there is none.
    ///
    /// # Errors
    /// Whatever keeps it there.
    fn remove(&self, _id: &QueueId) -> Result<(), Error> {
        Ok(())
    }
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Takes {
    /// A number of items up to [`MAX_CAPACITY`]; also as decimal text, as some records of the Python original have it.
    Capacity {
        /// 0 means "without a bound"; otherwise 0 is refused.
        unbounded: bool,
    },
    /// A whole number in this range, both ends included.
    Int {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// A span of time in seconds, whole or not, not negative.
    Seconds,
    /// A number from 0 to 1, both ends included.
    Share,
    /// `true` or `false`.
    Flag,
    /// Text that is not empty.
    Text,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Only `false` or `null`, because this type cannot honour anything else; the text says what can.
    Unset(&'static str),
    /// Anything, without effect; the text says why it is not needed.
    Ignored(&'static str),
}

impl fmt::Display for Takes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capacity { unbounded: true } => write!(f, "a whole number from 0 (no bound) to {MAX_CAPACITY}"),
            Self::Capacity { unbounded: false } => write!(f, "a whole number from 1 to {MAX_CAPACITY}"),
            Self::Int { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Seconds => f.write_str("seconds, not negative"),
            Self::Share => f.write_str("a number from 0 to 1"),
            Self::Flag => f.write_str("true or false"),
            Self::Text => f.write_str("text that is not empty"),
            Self::OneOf(words) => {
                f.write_str("one of ")?;
                f.write_str(&words.join(", "))
            }
            Self::Unset(_) => f.write_str("false or null"),
            Self::Ignored(_) => f.write_str("anything; it has no effect"),
        }
    }
}

/// The value of a parameter that is not given.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Preset {
    /// None: the parameter is optional.
    Absent,
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// True or false.
    Flag(bool),
    /// Text.
    Text(&'static str),
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("none"),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => fmt::Debug::fmt(value, f),
            Self::Flag(value) => value.fmt(f),
            Self::Text(value) => fmt::Debug::fmt(value, f),
        }
    }
}

/// One line of the table of parameters of a queue type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KeySpec {
    /// The parameter's name.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// What holds when it is not given.
    pub default: Preset,
}

impl KeySpec {
    /// A parameter without a default.
    #[must_use]
    pub const fn new(name: &'static str, takes: Takes) -> Self {
        Self {
            name,
            takes,
            default: Preset::Absent,
        }
    }

    /// The same parameter with a default.
    #[must_use]
    pub const fn or(mut self, default: Preset) -> Self {
        self.default = default;
        self
    }

    /// `maxsize`: at least one item, at most [`MAX_CAPACITY`].
    #[must_use]
    pub const fn bounded(default: i64) -> Self {
        Self::new("maxsize", Takes::Capacity { unbounded: false }).or(Preset::Int(default))
    }

    /// `maxsize` where 0, the default, means "without a bound".
    #[must_use]
    pub const fn unbounded() -> Self {
        Self::new("maxsize", Takes::Capacity { unbounded: true }).or(Preset::Int(0))
    }

    /// A parameter that is accepted and has no effect, and why.
    #[must_use]
    pub const fn ignored(name: &'static str, why: &'static str) -> Self {
        Self::new(name, Takes::Ignored(why))
    }

    /// A parameter this type cannot honour: refused unless it is `false` or `null`. `remedy` says what to do instead.
    #[must_use]
    pub const fn unset(name: &'static str, remedy: &'static str) -> Self {
        Self::new(name, Takes::Unset(remedy))
    }
}

impl fmt::Display for KeySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.name, self.takes)?;
        match self.takes {
            Takes::Ignored(why) => write!(f, " ({why})"),
            Takes::Unset(remedy) => write!(f, " ({remedy})"),
            _ if self.default == Preset::Absent => f.write_str(", optional"),
            _ => write!(f, ", default {}", self.default),
        }
    }
}
