//! Looking after a server: which queues it has, and what is in them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use descriptor_core::{DescriptorRecord, Error, ErrorKind, QueueId, Wait};
use rpc_wire::{Call, Creation, Delete, Exists, Handle, List, Message, Open, Peek, Record, Release, Stats, Tag, Text};

use crate::link::{Link, shared};
use crate::session::{Answer, Cause};
use crate::{ConnectionStatus, RpcSpec, RpcStats, ServerLife};

/// A queue in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RpcListing {
    /// Its name.
    pub id: QueueId,
    /// Which life of the name it is.
    pub epoch: u64,
    /// Items that wait.
    pub depth: u64,
}

/// Items that were looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RpcPeek {
    /// Their codec, by [`Codec::id`](descriptor_core::Codec::id); 0 for bytes as they are.
    pub codec: u8,
    /// The items from the head on, as many as have that codec.
    pub items: Vec<Bytes>,
}

/// A server of queues, for whoever looks after it. Shares the connection of the queues of this process.
///
/// ```no_run
/// use queue_rpc::{RpcAdmin, RpcSpec};
///
/// let server = RpcAdmin::connect(&RpcSpec::at("localhost", 7420))?;
/// for queue in server.list("jobs/")? {
///     println!("{} {}", queue.id, queue.depth);
/// }
/// # Ok::<(), descriptor_core::Error>(())
/// ```
#[derive(Debug)]
pub struct RpcAdmin {
    link: Arc<Link>,
}

impl RpcAdmin {
    /// Connects to the server that queues of this spec are at; what the spec says of the queue means nothing.
    ///
    /// # Errors
    /// As [`RpcQueue::open`](crate::RpcQueue::open), for the connection.
    pub fn connect(spec: &RpcSpec) -> Result<Self, Error> {
        Self::connect_with(spec, None)
    }

    /// As [`connect`](Self::connect), to one life of the server only.
    ///
    /// # Errors
    /// As [`RpcQueue::open_in`](crate::RpcQueue::open_in), for the connection.
    pub fn connect_in(spec: &RpcSpec, life: &ServerLife) -> Result<Self, Error> {
        Self::connect_with(spec, Some(life))
    }

    fn connect_with(spec: &RpcSpec, life: Option<&ServerLife>) -> Result<Self, Error> {
        spec.check()?;
        let admin = Self {
            link: shared(spec, life)?,
        };
        let mut changes = admin.link.changes();
        let deadline = admin.deadline();
        loop {
            if let Some(cause) = admin.link.with(|session| session.gone().cloned()) {
                return Err(cause.error("connect"));
            }
            if admin.link.with(|session| session.is_up()) {
                return Ok(admin);
            }
            if !changes.wait(deadline) {
                return Err(admin.link.late("connect"));
            }
        }
    }

    /// The connection now.
    #[must_use]
    pub fn status(&self) -> ConnectionStatus {
        self.link.status()
    }

    fn deadline(&self) -> Wait {
        Wait::from(self.link.timeout().max(Duration::from_millis(1)))
    }

    fn call(&self, operation: &'static str, message: impl FnOnce(Call) -> Message) -> Result<Message, Error> {
        let ticket = self.link.with(|session| match session.gone() {
            Some(cause) => Err(cause.clone()),
            None => session
                .ask_server(message)
                .ok_or_else(|| Cause::lost("none right now, or too many calls")),
        });
        let ticket = ticket.map_err(|cause| cause.error(operation))?;
        match ticket.block(self.deadline()) {
            Some(Answer::Heard(Message::Failed(failed))) => Err(failed.failure.into_error(operation)),
            Some(Answer::Heard(message)) => Ok(message),
            Some(Answer::Lost(cause)) => Err(cause.error(operation)),
            None => Err(self.link.late(operation)),
        }
    }

    /// The queues whose names begin like this, in the order of their bytes: those that this identity may inspect.
    ///
    /// # Errors
    /// What the server says, or why there is no answer.
    pub fn list(&self, prefix: &str) -> Result<Vec<RpcListing>, Error> {
        let prefix = Text::new(prefix).map_err(|error| Error::new(ErrorKind::TooLarge, "list").caused_by(error))?;
        let mut all: Vec<RpcListing> = Vec::new();
        loop {
            let after = all.last().map(|last| last.id.clone());
            let answer = self.call("list", |call| {
                Message::from(List {
                    call,
                    prefix: prefix.clone(),
                    after,
                    most: u16::MAX,
                })
            })?;
            let Message::Listed(listed) = answer else {
                return Err(odd("list"));
            };
            let before = all.len();
            all.extend(listed.queues.into_vec().into_iter().map(|queue| RpcListing {
                id: queue.id,
                epoch: queue.epoch,
                depth: queue.depth,
            }));
            if !listed.more.0 || all.len() == before {
                return Ok(all);
            }
        }
    }

    /// Whether there is a queue of that name.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn exists(&self, id: &QueueId) -> Result<bool, Error> {
        let answer = self.call("exists", |call| Message::from(Exists { call, id: id.clone() }));
        match answer.map_err(|error| error.queue(id.as_str()))? {
            Message::Existence(existence) => Ok(existence.exists),
            _ => Err(odd("exists")),
        }
    }

    /// Removes a queue with what is in it.
    ///
    /// # Errors
    /// `NotFound` when there is none, and as [`list`](Self::list).
    pub fn delete(&self, id: &QueueId) -> Result<(), Error> {
        let answer = self.call("delete", |call| Message::from(Delete { call, id: id.clone() }));
        match answer.map_err(|error| error.queue(id.as_str()))? {
            Message::Done(_) => Ok(()),
            _ => Err(odd("delete")),
        }
    }

    /// The numbers of a queue.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn stats(&self, id: &QueueId) -> Result<RpcStats, Error> {
        let answer = self.call("stats", |call| Message::from(Stats { call, id: id.clone() }));
        match answer.map_err(|error| error.queue(id.as_str()))? {
            Message::StatsAre(stats) => RpcStats::read(stats),
            _ => Err(odd("stats")),
        }
    }

    /// Shows items without taking them: `most` of them, after the first `skip`. None when there are none.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn peek(&self, id: &QueueId, skip: u64, most: u32) -> Result<RpcPeek, Error> {
        let named = |error: Error| error.queue(id.as_str());
        let looker = Looker::open(self, id).map_err(named)?;
        looker.peek(skip, most).map_err(named)
    }
}

impl Drop for RpcAdmin {
    fn drop(&mut self) {
        self.link.with(|session| session.leave());
    }
}

/// A queue that is open for one look, on a connection of its own: others may have it open on the shared one.
struct Looker {
    admin: RpcAdmin,
    queue: Handle,
}

impl Looker {
    fn open(admin: &RpcAdmin, id: &QueueId) -> Result<Self, Error> {
        let link = crate::link::another(&admin.link)?;
        let admin = RpcAdmin { link };
        let deadline = admin.deadline();
        let mut changes = admin.link.changes();
        while !admin.link.with(|session| session.is_up()) {
            if let Some(cause) = admin.link.with(|session| session.gone().cloned()) {
                return Err(cause.error("peek"));
            }
            if !changes.wait(deadline) {
                return Err(admin.link.late("peek"));
            }
        }
        let record = Record::new(&DescriptorRecord::new(id.clone(), "rpc"));
        let record = record.map_err(|error| Error::new(ErrorKind::TooLarge, "peek").caused_by(error))?;
        let answer = admin.call("peek", |call| {
            Message::from(Open {
                call,
                creation: Creation::Never,
                tag: Tag {
                    name: Text::default(),
                    shape: 0,
                },
                record,
            })
        })?;
        match answer {
            Message::Opened(opened) => Ok(Self {
                admin,
                queue: opened.queue,
            }),
            _ => Err(odd("peek")),
        }
    }

    fn peek(&self, skip: u64, most: u32) -> Result<RpcPeek, Error> {
        let answer = self.admin.call("peek", |call| {
            Message::from(Peek {
                queue: self.queue,
                call,
                skip,
                items: most,
                bytes: u64::MAX,
            })
        });
        match answer {
            Ok(Message::Peeked(peeked)) => Ok(RpcPeek {
                codec: peeked.codec.0,
                items: peeked.items.shared().collect(),
            }),
            Ok(_) => Err(odd("peek")),
            Err(error) if error.kind() == ErrorKind::Empty => Ok(RpcPeek::default()),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Looker {
    fn drop(&mut self) {
        let queue = self.queue;
        let _ = self
            .admin
            .call("release", |call| Message::from(Release { queue, call }));
    }
}

fn odd(operation: &'static str) -> Error {
    Error::new(ErrorKind::Incompatible, operation)
        .backend("rpc")
        .expected("the answer to that call")
        .found("another one")
        .remedy("bring both sides to the same release")
}
