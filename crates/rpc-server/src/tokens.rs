//! Who may connect, from a file.

use std::path::Path;

use queue_core::{Error, ErrorKind};
use rpc_broker::{Rule, Secret};

use crate::file::Given;
use crate::rule;

const FILE: &str = "token file";
/// Fewer bytes can be guessed.
const LEAST_SECRET: usize = 16;
/// An identity travels as a text of the protocol.
const LONGEST_NAME: usize = 1024;

/// The identities of a token file. Nothing that might be a secret gets into an error.
pub(crate) fn read(path: &Path, for_all: &[Rule]) -> Result<Vec<Secret>, Error> {
    identities(&Given::read(path, FILE, 0o077)?, for_all)
}

/// Those of what was read.
pub(crate) fn identities(file: &Given<'_>, for_all: &[Rule]) -> Result<Vec<Secret>, Error> {
    let refuse = |line: usize, expected: &str, found: String, remedy: &'static str| {
        let error = file.refuse(ErrorKind::InvalidDescriptor, expected, found, remedy);
        error.with("line", line)
    };
    let text = std::str::from_utf8(&file.content).map_err(|_| {
        let remedy = "name a text file with a line for each identity";
        file.refuse(ErrorKind::InvalidDescriptor, "UTF-8", "other bytes", remedy)
    })?;
    let mut secrets = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        let mut words = content.split_whitespace();
        let Some(identity) = words.next().filter(|word| !word.starts_with('#')) else {
            continue;
        };
        let expected = "a name, a secret and rules, with blanks between them";
        if identity.len() > LONGEST_NAME {
            let found = format!("a first word of {} bytes", identity.len());
            return Err(refuse(line, expected, found, "give the identity a shorter name"));
        }
        let Some(secret) = words.next() else {
            return Err(refuse(
                line,
                expected,
                "one word".to_owned(),
                "write the secret behind the name",
            ));
        };
        if secret.len() < LEAST_SECRET {
            let expected = format!("a secret of at least {LEAST_SECRET} bytes");
            let found = format!("{} bytes", secret.len());
            return Err(refuse(line, &expected, found, "take one from `openssl rand -hex 32`"));
        }
        let mut rules = Vec::new();
        for (word, text) in (3..).zip(words) {
            // A secret with a blank inside would be quoted by the error of the rule.
            let rule = rule(text).map_err(|_| {
                let found = format!("something else as word {word}");
                let remedy = "write for example `put,get:jobs/*`, with put, get, inspect, admin or all";
                refuse(line, "rules behind the secret", found, remedy)
            })?;
            rules.push(rule);
        }
        if rules.is_empty() {
            rules = for_all.to_vec();
        }
        secrets.push(Secret {
            identity: identity.to_owned(),
            key: secret.as_bytes().to_vec(),
            rules,
        });
    }
    if secrets.is_empty() {
        let remedy = "write a line such as `alice SECRET put,get:jobs/*`";
        return Err(file.refuse(ErrorKind::InvalidDescriptor, "at least one identity", "none", remedy));
    }
    Ok(secrets)
}
