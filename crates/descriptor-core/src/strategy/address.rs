//! Where queues are that several hosts use.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{DescriptorRecord, Error, ErrorKind, Kind, Metadata, QueueId, Reach, Result, Value, kinds};

/// Stands where a record has the name of a queue, when any will do.
const ANY: &str = "any";
/// Parameters that name the place of something secret, and never hold it.
const SECRETS: [&str; 4] = ["ca", "cert", "key", "token"];
const READ: &str = "read address";

/// A server of queues that processes of several hosts reach: the type of its queues and how to get there.
///
/// | text | what it means |
/// |---|---|
/// | `tcp://HOST:PORT` | a server of type `rpc` |
/// | `tls://HOST:PORT` | the same over TLS; with `?ca=file:PATH` |
/// | `unix:PATH` or `unix://PATH` | the same at a Unix socket of this host |
/// | `TYPE://?NAME=VALUE&...` | any type that reaches other hosts, by its parameters |
///
/// Parameters may follow all of them, such as `?token=env:SAGE_TOKEN`. Secrets are named and never written down: an
/// address is printed, and is part of plans.
///
/// ```
/// use descriptor_core::{QueueId, ServerAddress};
///
/// let address: ServerAddress = "tcp://10.0.0.5:7420?token=env:SAGE_TOKEN".parse()?;
/// let record = address.record(QueueId::new("jobs/in")?);
/// assert_eq!(record.queue_type, "rpc");
/// assert_eq!(record.metadata["port"], 7420.into());
/// assert!("tcp://10.0.0.5:7420?token=hunter2".parse::<ServerAddress>().is_err());
/// # Ok::<(), descriptor_core::Error>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerAddress {
    text: String,
    kind: String,
    params: Metadata,
}

impl ServerAddress {
    /// The type of the queues there.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A queue there, with nothing said about it yet.
    #[must_use]
    pub fn record(&self, id: QueueId) -> DescriptorRecord {
        let mut record = DescriptorRecord::new(id, self.kind.as_str());
        record.metadata = self.params.clone();
        record
    }

    /// The same queue as another process reaches it, which has this address for the server where that one has `other`.
    /// A record of another type is left as it is.
    #[must_use]
    pub fn instead_of(&self, other: &Self, mut record: DescriptorRecord) -> DescriptorRecord {
        if record.queue_type == self.kind && other.kind == self.kind {
            record.metadata.retain(|name, _| !other.params.contains_key(name));
            record.metadata.extend(self.params.clone());
        }
        record
    }
}

impl FromStr for ServerAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let (way, query) = text.split_once('?').unwrap_or((text, ""));
        let wrong = |found: &str| {
            Error::new(ErrorKind::InvalidDescriptor, READ)
                .expected("tcp://HOST:PORT, tls://HOST:PORT, unix:PATH or TYPE://?NAME=VALUE")
                .found(found)
                .remedy("write where the server is, as it says itself when it starts")
        };
        if way.contains('@') {
            // Not repeated: what stands before the `@` may be a password.
            return Err(wrong("a user or password before `@`").remedy("name credentials as token=env:NAME"));
        }
        let mut place = Metadata::new();
        let kind = if let Some(path) = way.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err(wrong("no path"));
            }
            place.insert("unix".into(), Value::Text(path.into()));
            kinds::RPC.name
        } else if let Some((scheme @ ("tcp" | "tls"), at)) = way.split_once("://") {
            let (host, port) = host_and_port(at).ok_or_else(|| wrong(&crate::excerpt(way)))?;
            place.insert("host".into(), Value::Text(host.into()));
            place.insert("port".into(), Value::Int(port.into()));
            if scheme == "tls" {
                place.insert("tls".into(), Value::Bool(true));
            }
            kinds::RPC.name
        } else if let Some((kind, "")) = way.split_once("://") {
            kind
        } else {
            return Err(wrong(&crate::excerpt(way)));
        };
        let tail = if query.is_empty() {
            String::new()
        } else {
            format!("?{query}")
        };
        let mut record = DescriptorRecord::from_uri(&format!("{kind}://{ANY}{tail}"))?;
        record.metadata.extend(place);
        if let Some(name) = SECRETS.into_iter().find(|name| is_no_place(record.metadata.get(*name))) {
            return Err(wrong("something else, not shown because it may be secret")
                .expected(format!("`{name}` to be env:NAME or file:PATH"))
                .remedy("put it into an environment variable or a file, and name that"));
        }
        if let Ok(known) = Kind::find(&record.queue_type) {
            if known.reach != Reach::Network {
                return Err(wrong(known.name).expected("a queue type that reaches other hosts"));
            }
            known.canonical_metadata(&record.metadata)?;
            record.queue_type = known.name.into();
        }
        Ok(Self {
            text: text.into(),
            kind: record.queue_type,
            params: record.metadata,
        })
    }
}

fn is_no_place(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::Text(text)) => !text.starts_with("env:") && !text.starts_with("file:"),
        Some(_) => true,
    }
}

/// `HOST:PORT`, where a host with colons of its own stands in brackets.
fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        None if host.contains([':', '/']) => return None,
        None => host,
    };
    (!host.is_empty()).then_some((host, port))
}

impl TryFrom<String> for ServerAddress {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<ServerAddress> for String {
    fn from(address: ServerAddress) -> Self {
        address.text
    }
}

/// Two addresses are equal when they are written alike.
impl PartialEq for ServerAddress {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for ServerAddress {}

impl Hash for ServerAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ServerAddress> {
        text.parse()
    }

    #[test]
    fn every_form_says_how_a_queue_there_is_reached() {
        for (text, uri) in [
            ("tcp://10.0.0.5:7420", "rpc://q?host=10.0.0.5&port=7420"),
            ("tcp://[::1]:1", "rpc://q?host=%3A%3A1&port=1"),
            ("tls://h:2?ca=file:/ca", "rpc://q?ca=file%3A/ca&host=h&port=2&tls=true"),
            ("unix:/run/s.sock", "rpc://q?unix=/run/s.sock"),
            (
                "unix:///run/s.sock?token=env:T",
                "rpc://q?token=env%3AT&unix=/run/s.sock",
            ),
            ("rpc://?port=9", "rpc://q?port=9"),
        ] {
            let record = read(text).unwrap().record(QueueId::new("q").unwrap());
            let expected = DescriptorRecord::from_uri(uri).unwrap();
            assert_eq!(
                (record.queue_type, record.metadata),
                (expected.queue_type, expected.metadata),
                "{text}"
            );
        }
    }

    #[test]
    fn what_leads_nowhere_is_refused_and_secrets_are_not_repeated() {
        for text in [
            "",
            "10.0.0.5:7420",
            "tcp://",
            "tcp://h",
            "tcp://h:0",
            "tcp://h:70000",
            "tcp://::1:7",
            "tcp://h:7/job",
            "unix:",
            "rpc://queue",
            "shm://",
            "rpc://?hots=h",
            "carrier://x",
        ] {
            let kind = read(text).unwrap_err().kind();
            assert_eq!(kind, ErrorKind::InvalidDescriptor, "{text}");
        }
        for text in [
            "tcp://h:7?token=hunter2",
            "tcp://alice:hunter2@h:7",
            "rpc://?key=hunter2",
        ] {
            let refusal = read(text).unwrap_err().to_string();
            assert!(!refusal.contains("hunter2"), "{refusal}");
        }
    }

    #[test]
    fn another_process_reaches_the_same_queue_its_own_way() {
        let (here, there) = (read("unix:/s").unwrap(), read("tcp://h:7?token=env:T").unwrap());
        let record = here.record(QueueId::new("q").unwrap()).with("maxsize", 5_i64);
        let moved = there.instead_of(&here, record);
        let expected = there.record(QueueId::new("q").unwrap()).with("maxsize", 5_i64);
        assert_eq!(moved.metadata, expected.metadata);
    }
}
