//! What whoever runs the server decides.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rpc_wire::Limits;

use crate::guests::Guests;
use crate::rights::Rule;

/// Limits, deadlines, secrets and defaults of a [`Broker`](crate::Broker). Everything that a peer can fill has a limit here.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// What the server takes from each client: frames, calls, puts, credit, loans.
    pub limits: Limits,
    /// Connections at a time; one more is told `Overloaded`.
    pub max_connections: usize,
    /// Sessions that are kept, with a connection or without; the one longest without is forgotten first. At least
    /// `max_connections`.
    pub max_sessions: usize,
    /// Pairs of session and queue that numbers are kept for, over all sessions.
    pub max_members: usize,
    /// Queues that one connection has open.
    pub max_open: usize,
    /// Queues.
    pub max_queues: usize,
    /// Items in all queues together.
    pub max_items: u64,
    /// Bytes of the items in all queues together.
    pub max_bytes: u64,
    /// Bytes that wait to be sent to one client before nothing more is delivered to it.
    pub max_output: usize,
    /// How long a client may take to say who it is.
    pub handshake_deadline: Duration,
    /// How long a frame may take from its first byte to its last.
    pub frame_deadline: Duration,
    /// After which silence a client is asked whether it is there. After four times that it is gone.
    pub heartbeat: Duration,
    /// How long the numbers of a session outlive its connection.
    pub session_grace: Duration,
    /// How long items that were delivered and neither consumed nor settled wait for a session whose connection was lost. After that
    /// they go back to the queue.
    pub item_grace: Duration,
    /// Who may connect. Without one, everybody may, and nobody is asked.
    pub secrets: Vec<Secret>,
    /// What everybody may do when there are no secrets.
    pub anonymous: Vec<Rule>,
    /// The most items of a queue whose descriptor does not say.
    pub queue_items: u64,
    /// The most bytes of a queue whose descriptor does not say.
    pub queue_bytes: u64,
    /// How long a loan lasts in a queue whose descriptor does not say; zero for as long as it takes.
    pub lease_time: Duration,
    /// Whether whoever runs the broker writes down what [`take_batch`](crate::Broker::take_batch) gives. Otherwise durable queues
    /// are refused.
    pub durable: bool,
    /// What the server calls itself in `Welcome`, for people.
    pub agent: String,
    /// Queues of the same names that are elsewhere in this process, and come in when somebody asks for them.
    pub guests: Option<Arc<dyn Guests>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits {
                calls: 4096,
                ..Limits::DEFAULT
            },
            max_connections: 1024,
            max_sessions: 4096,
            max_members: 1 << 18,
            max_open: 16_384,
            max_queues: 16_384,
            max_items: 1 << 24,
            max_bytes: 1 << 30,
            max_output: 1 << 20,
            handshake_deadline: Duration::from_secs(5),
            frame_deadline: Duration::from_secs(30),
            heartbeat: Duration::from_secs(2),
            session_grace: Duration::from_secs(600),
            item_grace: Duration::from_millis(500),
            secrets: Vec::new(),
            anonymous: vec![Rule::everything()],
            queue_items: 1000,
            queue_bytes: 64 << 20,
            lease_time: Duration::from_secs(30),
            durable: false,
            agent: concat!("sage ", env!("CARGO_PKG_VERSION")).to_owned(),
            guests: None,
        }
    }
}

/// One who may connect: a name, a key that only it and the server know, and what it may do. Several of one name are keys that
/// all hold, so that keys can be changed one after the other.
#[derive(Clone)]
pub struct Secret {
    /// The name.
    pub identity: String,
    /// The key, best of 32 random bytes.
    pub key: Vec<u8>,
    /// What it may do; nothing where no rule says so.
    pub rules: Vec<Rule>,
}

/// Without the key.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("identity", &self.identity)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
