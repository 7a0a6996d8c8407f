//! Who is there, and whether it goes on with a session.

use std::time::Instant;

use queue_core::{Error, ErrorKind};
use ring::hmac;
use rpc_wire::{Capabilities, Challenge, Hello, LEAST_FRAME, Message, Proof, Text, Welcome};

use crate::broker::{Broker, stopped};
use crate::connection::{Asked, Phase};
use crate::dispatch::Stop;
use crate::rights::{Rights, rights_for};
use crate::table::Key;
use crate::timers::Timer;

const CLIENT: &[u8; 17] = b"sage rpc 1 client";
const SERVER: &[u8; 17] = b"sage rpc 1 server";

const CAPABILITIES: Capabilities = Capabilities::LEASES
    .with(Capabilities::DEDUP)
    .with(Capabilities::RESUME)
    .with(Capabilities::INSPECT);

impl Broker {
    pub(crate) fn hello(&mut self, at: Key, hello: Hello, now: Instant) -> Result<(), Stop> {
        let Some(connection) = self.connections.get_mut(at) else {
            return Ok(());
        };
        if !matches!(connection.phase, Phase::Silent) {
            return Err(Stop::wrong("one Hello", "another one"));
        }
        if self.settings.secrets.is_empty() {
            self.welcome(at, &hello, None, [0; 32], now);
            return Ok(());
        }
        let mut nonce = [0; 32];
        (self.entropy)(&mut nonce);
        let challenge = Challenge { nonce };
        // A message has exactly one form: these are the bytes that came, and those that will be sent.
        let mut frames = Vec::new();
        Message::from(hello.clone())
            .encode(&mut frames, LEAST_FRAME)
            .map_err(Error::from)?;
        Message::from(challenge.clone())
            .encode(&mut frames, LEAST_FRAME)
            .map_err(Error::from)?;
        connection.phase = Phase::Asked(Box::new(Asked { hello, frames }));
        self.tell(at, challenge);
        Ok(())
    }

    pub(crate) fn proof(&mut self, at: Key, proof: &Proof, now: Instant) -> Result<(), Stop> {
        let Some(connection) = self.connections.get_mut(at) else {
            return Ok(());
        };
        let Phase::Asked(asked) = std::mem::replace(&mut connection.phase, Phase::Silent) else {
            return Err(Stop::wrong("a Proof behind a Challenge", "one without"));
        };
        // Every key is tried, so that time says nothing about which names there are.
        let mut known = None;
        for (index, (secret, key)) in self.settings.secrets.iter().zip(&self.keys).enumerate() {
            let message = [CLIENT.as_slice(), &asked.frames].concat();
            let verified = hmac::verify(key, &message, &proof.proof).is_ok();
            if verified && secret.identity == proof.identity.as_str() {
                known = Some((index, key.clone()));
            }
        }
        let Some((index, key)) = known else {
            return Err(Stop::Wrong(
                Error::new(ErrorKind::Unauthenticated, "connect")
                    .backend("rpc")
                    .expected("a proof of a secret that the server knows")
                    .found("another one")
                    .remedy("check the token and the name that belongs to it"),
            ));
        };
        let message = [SERVER.as_slice(), &asked.frames].concat();
        let mut answer = [0; 32];
        answer.copy_from_slice(hmac::sign(&key, &message).as_ref());
        self.welcome(at, &asked.hello, Some(index), answer, now);
        Ok(())
    }

    fn welcome(&mut self, at: Key, hello: &Hello, secret: Option<usize>, proof: [u8; 32], now: Instant) {
        if self.stopping {
            return self.break_off(at, &stopped("connect"), now);
        }
        let ours = match self.settings.durable {
            true => CAPABILITIES.with(Capabilities::DURABLE),
            false => CAPABILITIES,
        };
        let capabilities = hello.capabilities.and(ours);
        let resumed = self.resume(hello, secret, now);
        let session = resumed.unwrap_or_else(|| self.new_session(secret));
        let limits = self.settings.limits;
        let Some(connection) = self.connections.get_mut(at) else {
            return;
        };
        connection.phase = Phase::Known;
        connection.takes = hello.limits;
        connection.capabilities = capabilities;
        connection.secret = secret;
        connection.session = Some(session);
        connection.decoder.set_limit(limits.frame);
        let handshake_due = connection.handshake_due.take();
        self.timers.clear(handshake_due, Timer::Handshake(at));
        let Some(session) = self.sessions.get_mut(session) else {
            return;
        };
        session.connection = Some(at);
        let welcome = Welcome {
            resumed: rpc_wire::Flag(resumed.is_some()),
            capabilities,
            limits,
            session: session.id,
            epoch: self.epoch,
            proof,
            agent: Text::clipped(&self.settings.agent),
        };
        self.tell(at, welcome);
    }

    /// The session that the client wants to go on with, if it is there and the client's own.
    fn resume(&mut self, hello: &Hello, secret: Option<usize>, now: Instant) -> Option<Key> {
        let key = *self.session_ids.get(&hello.session)?;
        let session = self.sessions.get(key)?;
        let is_known = hello.epoch == self.epoch || session.restored;
        if !is_known
            || !hello.capabilities.has(Capabilities::RESUME)
            || session.identity.as_deref() != self.identity(secret)
        {
            return None;
        }
        if let Some(old) = session.connection {
            let error = Error::new(ErrorKind::Disconnected, "serve")
                .backend("rpc")
                .expected("one connection for a session")
                .found("a newer one");
            self.break_off(old, &error, now);
        }
        self.attach(key, now)
    }

    /// The name that belongs to a secret.
    pub(crate) fn identity(&self, secret: Option<usize>) -> Option<&str> {
        let secret = self.settings.secrets.get(secret?)?;
        Some(&secret.identity)
    }

    /// What a connection may do with a queue.
    pub(crate) fn rights(&self, at: Key, id: &str) -> Rights {
        let secret = self.connections.get(at).and_then(|connection| connection.secret);
        let rules = match secret {
            Some(index) => self.settings.secrets.get(index).map(|secret| secret.rules.as_slice()),
            None => Some(self.settings.anonymous.as_slice()),
        };
        rights_for(rules.unwrap_or_default(), id)
    }

    /// Fails when a connection may do none of these things with a queue.
    pub(crate) fn permit(&self, at: Key, id: &str, any: Rights, operation: &'static str) -> Result<(), Error> {
        let rights = self.rights(at, id);
        if rights.has_any(any) {
            return Ok(());
        }
        let secret = self.connections.get(at).and_then(|connection| connection.secret);
        Err(denied(id, self.identity(secret), any, rights, operation))
    }
}

fn denied(id: &str, who: Option<&str>, any: Rights, rights: Rights, operation: &'static str) -> Error {
    let who = who.map_or_else(|| "everybody".to_owned(), |name| format!("`{name}`"));
    Error::new(ErrorKind::PermissionDenied, operation)
        .queue(id)
        .backend("rpc")
        .expected(format!("one of the rights `{any}`"))
        .found(format!("`{rights}` for {who}"))
        .remedy("give the right on the server, or use another identity")
}
