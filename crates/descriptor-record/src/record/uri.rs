//! The form of one line: `shm://jobs?maxsize=1024`.

use std::fmt::{self, Write};
use std::str::FromStr;

use queue_core::{Error, ErrorKind, Result};

use super::rules::invalid;
use super::uri_value::{Written, decode, encode, read_value};
use crate::{DescriptorRecord, QueueId, Scope, excerpt, nearest};

const READ: &str = "read URI record";
const RESERVED: [&str; 4] = ["@version", "@created", "@scope", "@epoch"];

impl DescriptorRecord {
    /// The record as one line: the queue type, the id and the parameters.
    ///
    /// Version, timestamp, scope and epoch follow as `@version`, `@created`, `@scope` and `@epoch` where they differ
    /// from 1, 0, unscoped and none.
    #[must_use]
    pub fn to_uri(&self) -> String {
        self.to_string()
    }

    /// Reads [`to_uri`](Self::to_uri) and lines written by hand.
    ///
    /// A bare value is null, true, false, a number or else text; text that looks like one of these stands in single
    /// quotes; a list stands in parentheses. Whatever has another meaning in a URI is percent-encoded.
    ///
    /// # Errors
    /// `TooLarge` over 64 KiB, else `InvalidDescriptor` or `Incompatible`, as for
    /// [`from_json`](Self::from_json).
    pub fn from_uri(uri: &str) -> Result<Self> {
        if uri.len() > Self::MAX_BYTES {
            return Err(Error::new(ErrorKind::TooLarge, READ)
                .expected(format!("at most {} bytes", Self::MAX_BYTES))
                .found(format!("{} bytes", uri.len()))
                .remedy("put large values into a file and name the file"));
        }
        let Some((queue_type, rest)) = uri.split_once("://") else {
            // As below, what stands before an `@` is not repeated.
            let found = if uri.contains('@') {
                "no `://`".to_owned()
            } else {
                excerpt(uri)
            };
            return Err(not_uri("type://id", found));
        };
        if let Some(found) = uri.chars().find(|c| c.is_whitespace() || c.is_control()) {
            return Err(not_uri("one word without spaces", format!("{found:?}")));
        }
        if uri.contains('#') {
            return Err(not_uri("no fragment", "`#`"));
        }
        let (id, query) = match rest.split_once('?') {
            Some((id, query)) => (id, Some(query)),
            None => (rest, None),
        };
        if id.contains('@') {
            // Nothing is repeated: what stands before the `@` may be a password.
            return Err(invalid(READ)
                .expected("the queue's id after `://`")
                .found("a user or password before `@`")
                .remedy("give credentials as a parameter that holds env:NAME or file:PATH"));
        }
        let mut record = Self::undated(QueueId::new(id)?, queue_type.to_owned());
        record
            .read_query(query)
            .map_err(|error| error.queue(record.queue_id.as_str()))?;
        record.check()?;
        Ok(record)
    }

    fn read_query(&mut self, query: Option<&str>) -> Result<()> {
        let mut seen = Vec::new();
        for parameter in query.into_iter().flat_map(|query| query.split('&')) {
            let Some((key, value)) = parameter.split_once('=') else {
                // Without `=` there is no telling the name from the value, so nothing is repeated.
                return Err(not_uri("every parameter as name=value", "one without `=`"));
            };
            if seen.contains(&key) || self.metadata.contains_key(key) {
                return Err(invalid(READ)
                    .expected("every parameter once")
                    .found(format!("{} twice", excerpt(key)))
                    .remedy("keep one of them"));
            }
            if seen.len() + self.metadata.len() >= Self::MAX_KEYS + RESERVED.len() {
                return Err(Error::new(ErrorKind::TooLarge, READ)
                    .expected(format!("at most {} parameters", Self::MAX_KEYS))
                    .found("more")
                    .remedy("keep only the parameters of the queue type"));
            }
            if key.starts_with('@') {
                self.read_reserved(key, value)?;
                seen.push(key);
            } else {
                let name = decode(key).ok_or_else(|| not_uri("`%` before two hex digits", excerpt(key)))?;
                let value = read_value(&name, value)?;
                if self.metadata.insert(name, value).is_some() {
                    return Err(not_uri("every parameter once", format!("{} twice", excerpt(key))));
                }
            }
        }
        Ok(())
    }

    fn read_reserved(&mut self, key: &str, value: &str) -> Result<()> {
        let wrong = |what: &str| {
            invalid(READ)
                .expected(format!("{key} to be {what}"))
                .found(excerpt(value))
                .remedy(format!("correct {key} or leave it out"))
        };
        match key {
            "@version" => self.version = digits(value).ok_or_else(|| wrong("a whole number"))?,
            "@epoch" => self.epoch = Some(digits(value).ok_or_else(|| wrong("a whole number"))?),
            "@scope" => self.scope = Scope::parse(value).ok_or_else(|| wrong(Scope::FORM))?,
            "@created" => {
                self.created_timestamp = value
                    .parse()
                    .ok()
                    .filter(|seconds: &f64| seconds.is_finite())
                    .ok_or_else(|| wrong("seconds since 1970"))?;
            }
            _ => {
                let error = invalid(READ)
                    .expected(format!("one of {}", RESERVED.join(", ")))
                    .found(excerpt(key));
                return Err(match nearest(key, RESERVED) {
                    Some(known) => error.remedy(format!("did you mean {known}?")),
                    None => error.remedy("names of parameters do not start with `@`"),
                });
            }
        }
        Ok(())
    }
}

fn not_uri(expected: &str, found: impl Into<String>) -> Error {
    invalid(READ)
        .expected(expected)
        .found(found)
        .remedy("write a line such as shm://jobs?maxsize=1024")
}

/// Digits only: `parse` alone would take a sign as well.
fn digits<N: FromStr>(text: &str) -> Option<N> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

impl fmt::Display for DescriptorRecord {
    /// The URI form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.queue_type.split('+').enumerate() {
            // Plain here, other than in parameters.
            f.write_str(if i > 0 { "+" } else { "" })?;
            encode(f, part)?;
        }
        write!(f, "://{}", self.queue_id)?;
        let mut separator = '?';
        for (key, value) in &self.metadata {
            f.write_char(std::mem::replace(&mut separator, '&'))?;
            encode(f, key)?;
            write!(f, "={}", Written(value))?;
        }
        let mut reserved =
            |key: &str, value: &dyn fmt::Display| write!(f, "{}{key}={value}", std::mem::replace(&mut separator, '&'));
        if self.version != Self::VERSION {
            reserved("@version", &self.version)?;
        }
        if self.created_timestamp != 0.0 {
            reserved("@created", &self.created_timestamp)?;
        }
        if self.scope != Scope::Unscoped {
            reserved("@scope", &self.scope)?;
        }
        if let Some(epoch) = self.epoch {
            reserved("@epoch", &epoch)?;
        }
        Ok(())
    }
}

impl FromStr for DescriptorRecord {
    type Err = Error;

    fn from_str(uri: &str) -> Result<Self> {
        Self::from_uri(uri)
    }
}
