//! What a server is told before it starts.

use std::path::PathBuf;

use queue_core::{Error, ErrorKind};
use rpc_broker::{Rights, Rule};

/// The port of addresses that name none.
pub const PORT: u16 = 7420;

/// What a server listens on, whom it lets in, and how much it takes.
///
/// ```
/// use rpc_server::Settings;
/// let mut settings = Settings { bind: vec!["localhost:0".to_owned()], ..Settings::default() };
/// settings.broker.max_connections = 16;
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    /// Addresses for TCP, each `host:port` or `host`, which means [`PORT`]. Port 0 takes a free one: see
    /// [`RunningServer::addresses`](crate::RunningServer::addresses). One that others on the network can reach needs both
    /// [`tls`](Self::tls) and a way to know who it is: [`token_file`](Self::token_file) or [`TlsFiles::client_ca`].
    pub bind: Vec<String>,
    /// Path of a Unix socket, with mode 0600. What a dead server left there is replaced.
    pub unix: Option<PathBuf>,
    /// Files for TLS 1.3, which then all TCP connections have to use; the Unix socket does not.
    pub tls: Option<TlsFiles>,
    /// A file of identities that nobody but its owner can read; then every client has to prove who it is. A line each: the name,
    /// the secret, then rules, such as `alice c2d94e1f0b7a5638 put,get:jobs/* inspect:*`. The secret is used byte by byte as it
    /// stands there, and has at least 16. An identity without rules has those of everybody,
    /// [`anonymous`](rpc_broker::Settings::anonymous). Lines that are empty or begin with `#` say nothing; several lines of one
    /// name are secrets that all hold.
    pub token_file: Option<PathBuf>,
    /// A folder for queues with `durability=disk`, made when it is not there; without one they are refused. Nobody but its owner may
    /// be able to look into it, and one server at a time has it.
    pub data_dir: Option<PathBuf>,
    /// In the place of that folder, a disk that can lose its power.
    #[cfg(feature = "power-cuts")]
    pub disk: Option<crate::Disk>,
    /// Connections at once from one IPv4 address, or one /64 of IPv6. Unix sockets are not counted here.
    pub max_per_address: usize,
    /// Limits, deadlines and rights. The handshake's deadline counts from the connection on, TLS included. What the token file says
    /// is added to the secrets.
    pub broker: rpc_broker::Settings,
    /// Which life of the server this is: larger than that of every life before by more than the queues made in it. `None` has the
    /// clock say it.
    pub epoch: Option<u64>,
}

impl Default for Settings {
    /// Port [`PORT`] of the IPv4 loopback address, for everyone on this host.
    fn default() -> Self {
        Self {
            bind: vec![format!("127.0.0.1:{PORT}")],
            unix: None,
            tls: None,
            token_file: None,
            data_dir: None,
            #[cfg(feature = "power-cuts")]
            disk: None,
            max_per_address: 128,
            broker: rpc_broker::Settings::default(),
            epoch: None,
        }
    }
}

/// Files in PEM for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, and those that lead from it to one that clients know.
    pub certificate: PathBuf,
    /// Its private key. Others than its owner and group must not be able to read it.
    pub key: PathBuf,
    /// Certificates that sign those of clients: then every client needs one.
    pub client_ca: Option<PathBuf>,
}

/// A rule as it stands in a token file: rights, a colon, a pattern.
///
/// ```
/// use rpc_server::{Rights, rule};
/// let rule = rule("put,get:jobs/*")?;
/// assert!(rule.means("jobs/in") && rule.rights().has(Rights::PUT));
/// # Ok::<(), queue_core::Error>(())
/// ```
///
/// # Errors
/// `InvalidDescriptor` for what is no such text.
pub fn rule(text: &str) -> Result<Rule, Error> {
    let Some((rights, pattern)) = text.split_once(':') else {
        return Err(Error::new(ErrorKind::InvalidDescriptor, "read rule")
            .expected("rights, a colon and a pattern of queues")
            .found("no colon")
            .remedy("write for example `put,get:jobs/*`"));
    };
    Rule::new(pattern, rights.parse::<Rights>()?)
}
