//! Which server, and as whom: what connections are told apart by.

use std::fmt;

use descriptor_core::Error;

use crate::secret::Token;
use crate::{RpcSpec, ServerLife};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    Tcp(String, u16),
    Unix(String),
}

/// `tcp://localhost:7420`, `unix:/run/sage.sock`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "tcp://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

/// Where the certificates are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TlsPlaces {
    pub(crate) server_name: String,
    pub(crate) ca: Option<String>,
    pub(crate) cert: Option<String>,
    pub(crate) key: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) address: Address,
    pub(crate) tls: Option<TlsPlaces>,
    pub(crate) token: Option<Token>,
    /// The epoch of the one life of the server that is meant.
    pub(crate) epoch: Option<u64>,
}

impl Target {
    /// # Errors
    /// `Unauthenticated` when the token is not where it should be.
    pub(crate) fn of(spec: &RpcSpec, life: Option<&ServerLife>) -> Result<Self, Error> {
        let address = match &spec.unix {
            Some(path) => Address::Unix(path.clone()),
            None => Address::Tcp(spec.host.clone(), spec.port),
        };
        Ok(Self {
            address,
            tls: spec.tls.then(|| TlsPlaces {
                server_name: spec.server_name.clone().unwrap_or_else(|| spec.host.clone()),
                ca: spec.ca.clone(),
                cert: spec.cert.clone(),
                key: spec.key.clone(),
            }),
            token: spec.token.as_deref().map(Token::read).transpose()?,
            epoch: life.map(ServerLife::epoch),
        })
    }
}
