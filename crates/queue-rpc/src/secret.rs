//! Secrets are named, never written down in a descriptor: `env:NAME` or `file:PATH`.

use std::fmt;
use std::path::PathBuf;

use descriptor_core::{Error, ErrorKind};

/// Where something secret, or large, is to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SecretRef {
    Env(String),
    File(PathBuf),
}

impl SecretRef {
    /// # Errors
    /// `InvalidDescriptor`, which does not repeat what was found: it may be the secret itself.
    pub(crate) fn parse(name: &'static str, place: &str) -> Result<Self, Error> {
        match place.split_once(':') {
            Some(("env", variable)) if !variable.is_empty() => Ok(Self::Env(variable.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            _ => Err(Error::new(ErrorKind::InvalidDescriptor, "read parameters")
                .backend("rpc")
                .expected(format!("`{name}` to be env:NAME or file:PATH"))
                .found("something else, not shown because it may be secret")
                .remedy("put it into an environment variable or a file, and name that")),
        }
    }

    /// What is there.
    ///
    /// # Errors
    /// `Unauthenticated` when nothing is there or it cannot be read.
    pub(crate) fn read(&self, name: &'static str) -> Result<Vec<u8>, Error> {
        let failed = |found: String| {
            Error::new(ErrorKind::Unauthenticated, "open")
                .backend("rpc")
                .expected(format!("`{name}` in {self}"))
                .found(found)
                .remedy("set it, or correct the parameter")
        };
        match self {
            Self::Env(variable) => match std::env::var_os(variable) {
                Some(value) if !value.is_empty() => Ok(value.into_encoded_bytes()),
                _ => Err(failed("nothing".into())),
            },
            Self::File(path) => std::fs::read(path).map_err(|error| failed(error.to_string())),
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(variable) => write!(f, "the environment variable {variable}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
        }
    }
}

/// An identity and its secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Token {
    pub(crate) identity: String,
    pub(crate) secret: Vec<u8>,
}

impl Token {
    /// Reads `IDENTITY SECRET`, of which only the first line counts. More words behind them, such as rights, mean nothing here, so
    /// that the line of a server's file can be used as it is.
    ///
    /// # Errors
    /// As [`SecretRef::read`]; `Unauthenticated` when it has another form.
    pub(crate) fn read(place: &str) -> Result<Self, Error> {
        let text = SecretRef::parse("token", place)?.read("token")?;
        let line = std::str::from_utf8(&text).ok().and_then(|text| {
            let mut lines = text.lines().map(str::trim);
            lines.find(|line| !line.is_empty() && !line.starts_with('#'))
        });
        let mut words = line.unwrap_or_default().split_whitespace();
        match (words.next(), words.next()) {
            (Some(identity), Some(secret)) => Ok(Self {
                identity: identity.to_owned(),
                secret: secret.as_bytes().to_vec(),
            }),
            _ => Err(Error::new(ErrorKind::Unauthenticated, "open")
                .backend("rpc")
                .expected("a token of two words, an identity and its secret")
                .found("another form, not shown because it may be secret")
                .remedy("write it like a line of the server's token file: alice SECRET")),
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}
