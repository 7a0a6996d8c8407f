//! Who may do what with which queues.

use std::fmt;
use std::str::FromStr;

use descriptor_record::{QueueId, excerpt};
use queue_core::{Error, ErrorKind};

/// What somebody may do with a queue, any number of the four. As text: their names with commas, `all` or `none`.
///
/// ```
/// use rpc_broker::Rights;
///
/// let rights: Rights = "get,inspect".parse()?;
/// assert_eq!(rights, Rights::GET.with(Rights::INSPECT));
/// assert!(rights.has(Rights::GET) && !rights.has(Rights::PUT));
/// assert_eq!(rights.to_string(), "get,inspect");
/// # Ok::<(), queue_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights(u8);

impl Rights {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Put items, and make the queue when it is opened first.
    pub const PUT: Self = Self(1);
    /// Get items, for good or on loan, and make the queue when it is opened first.
    pub const GET: Self = Self(2);
    /// See it in lists, its numbers, and its items without taking them.
    pub const INSPECT: Self = Self(4);
    /// Close and delete it.
    pub const ADMIN: Self = Self(8);
    /// All four.
    pub const ALL: Self = Self(15);

    const NAMES: [(&str, Self); 4] = [
        ("put", Self::PUT),
        ("get", Self::GET),
        ("inspect", Self::INSPECT),
        ("admin", Self::ADMIN),
    ];

    /// Those of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of these are among them.
    #[must_use]
    pub const fn has(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    /// Whether any of these is among them.
    #[must_use]
    pub const fn has_any(self, wanted: Self) -> bool {
        self.0 & wanted.0 != 0
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ALL => return f.write_str("all"),
            Self::NONE => return f.write_str("none"),
            _ => {}
        }
        let names = Self::NAMES.iter().filter(|(_, right)| self.has(*right));
        for (at, (name, _)) in names.enumerate() {
            f.write_str(if at > 0 { "," } else { "" })?;
            f.write_str(name)?;
        }
        Ok(())
    }
}

impl FromStr for Rights {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "all" => return Ok(Self::ALL),
            "none" => return Ok(Self::NONE),
            _ => {}
        }
        text.split(',').try_fold(Self::NONE, |rights, name| {
            let known = Self::NAMES.iter().find(|(known, _)| *known == name.trim());
            known.map(|(_, right)| rights.with(*right)).ok_or_else(|| {
                Error::new(ErrorKind::InvalidDescriptor, "read rights")
                    .expected("`all`, `none`, or `put`, `get`, `inspect`, `admin` with commas")
                    .found(excerpt(name))
                    .remedy("write for example `put,get`")
            })
        })
    }
}

/// Rights for the queues that a pattern means: exactly one id, or all that begin with what stands before a `*` at the end.
///
/// ```
/// use rpc_broker::{Rights, Rule};
///
/// let rule = Rule::new("jobs/*", Rights::PUT)?;
/// assert!(rule.means("jobs/in") && !rule.means("jobs"));
/// assert!(Rule::new("*", Rights::ALL)?.means("anything"));
/// assert!(Rule::new("jobs/../*", Rights::ALL).is_err());
/// # Ok::<(), queue_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pattern: String,
    rights: Rights,
}

impl Rule {
    /// These rights for these queues.
    ///
    /// # Errors
    /// `InvalidDescriptor` for a pattern that is neither a queue id nor the beginning of one with a `*` behind it.
    pub fn new(pattern: impl Into<String>, rights: Rights) -> Result<Self, Error> {
        let pattern = pattern.into();
        let valid = match pattern.strip_suffix('*') {
            Some("") => true,
            // What begins a queue id is one when something is behind it.
            Some(start) => QueueId::new(format!("{start}x")).is_ok(),
            None => QueueId::new(&pattern).is_ok(),
        };
        if !valid {
            return Err(Error::new(ErrorKind::InvalidDescriptor, "read pattern of queues")
                .expected("a queue id, or the beginning of one and `*`")
                .found(excerpt(&pattern))
                .remedy("write for example `jobs/*`"));
        }
        Ok(Self { pattern, rights })
    }

    /// All rights for all queues.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            pattern: "*".to_owned(),
            rights: Rights::ALL,
        }
    }

    /// Whether it is about the queue of that id.
    #[must_use]
    pub fn means(&self, id: &str) -> bool {
        match self.pattern.strip_suffix('*') {
            Some(start) => id.starts_with(start),
            None => id == self.pattern,
        }
    }

    /// The pattern.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The rights.
    #[must_use]
    pub const fn rights(&self) -> Rights {
        self.rights
    }
}

/// All that any of the rules gives for a queue.
pub(crate) fn rights_for(rules: &[Rule], id: &str) -> Rights {
    let of = rules.iter().filter(|rule| rule.means(id));
    of.fold(Rights::NONE, |all, rule| all.with(rule.rights))
}
