//! Who the two sides are.

use descriptor_core::ErrorKind;
use ring::hmac;
use rpc_wire::{Capabilities, Challenge, HANDSHAKE_FRAME, Hello, Message, Proof, Text, Welcome, preamble};

use super::{Cause, Line, OWN_LIMITS, Session};
use crate::secret::Token;

const CLIENT: &[u8; 17] = b"sage rpc 1 client";
const SERVER: &[u8; 17] = b"sage rpc 1 server";

const OURS: Capabilities = Capabilities::LEASES
    .with(Capabilities::DEDUP)
    .with(Capabilities::DURABLE)
    .with(Capabilities::RESUME)
    .with(Capabilities::INSPECT);

/// What was said so far, byte for byte: the proofs are over it.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    said: Vec<u8>,
    is_challenged: bool,
}

fn key(token: &Token) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &token.secret)
}

fn proof(token: &Token, label: &[u8], said: &[u8]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&key(token));
    context.update(label);
    context.update(said);
    let mut proof = [0; 32];
    proof.copy_from_slice(context.sign().as_ref());
    proof
}

impl Session {
    /// A connection is there: what this side says first. `nonce` are random bytes.
    pub(crate) fn connected(&mut self, nonce: [u8; 32], now: std::time::Instant) {
        self.line = Line::Greeting;
        self.heard = now;
        self.pings = 0;
        self.goodbye = None;
        self.out.clear();
        self.out.bytes(&preamble());
        let hello = Message::from(Hello {
            capabilities: OURS,
            limits: OWN_LIMITS,
            session: self.id,
            epoch: self.epoch,
            nonce,
            agent: Text::clipped(concat!("sage ", env!("CARGO_PKG_VERSION"))),
        });
        let mut said = Vec::new();
        // It fits: all of it has a fixed size but the agent.
        let _ = hello.encode(&mut said, HANDSHAKE_FRAME);
        self.out.bytes(&said);
        self.greeting = Greeting {
            said,
            is_challenged: false,
        };
    }

    /// # Errors
    /// `Unauthenticated` when this side has nothing to prove itself with.
    pub(super) fn challenged(&mut self, challenge: Challenge) -> Result<(), Cause> {
        let Some(token) = &self.token else {
            return Err(Cause::new(
                ErrorKind::Unauthenticated,
                "a token, because the server asks who this is",
                "none",
                "give the parameter `token`, as in token=file:PATH",
            ));
        };
        if self.greeting.is_challenged {
            return Err(unexpected("Challenge"));
        }
        self.greeting.is_challenged = true;
        // There is one way to write it, so these are the bytes that came.
        let _ = Message::from(challenge).encode(&mut self.greeting.said, HANDSHAKE_FRAME);
        let said = Message::from(Proof {
            identity: Text::clipped(token.identity.as_str()),
            proof: proof(token, CLIENT, &self.greeting.said),
        });
        self.say(&said);
        Ok(())
    }

    /// # Errors
    /// `Unauthenticated` when the server did not prove that it knows the secret.
    pub(super) fn welcomed(&mut self, welcome: &Welcome) -> Result<(), Cause> {
        if let Some(token) = &self.token {
            let mut said = SERVER.to_vec();
            said.extend_from_slice(&self.greeting.said);
            let is_known = self.greeting.is_challenged && hmac::verify(&key(token), &said, &welcome.proof).is_ok();
            if !is_known {
                return Err(Cause::new(
                    ErrorKind::Unauthenticated,
                    "a server that knows the secret of `token`",
                    if self.greeting.is_challenged {
                        "one that does not"
                    } else {
                        "one that does not ask for it"
                    },
                    "check address and token; leave `token` out for a server without a token file",
                ));
            }
        }
        if let Some(pinned) = self.pinned.filter(|pinned| *pinned != welcome.epoch) {
            return Err(Cause::new(
                ErrorKind::StaleHandle,
                &format!("the server of epoch {pinned}, which has what was put"),
                format!("one of epoch {}", welcome.epoch),
                "open the queue again: what was in it is gone",
            ));
        }
        self.limits = welcome.limits;
        self.capabilities = welcome.capabilities;
        let is_resumed = welcome.resumed.0 && self.id == welcome.session;
        let is_first = self.id == [0; 16];
        self.id = welcome.session;
        self.epoch = welcome.epoch;
        self.line = Line::Up;
        self.gone = None;
        self.went_up(is_resumed, is_first);
        Ok(())
    }
}

pub(super) fn unexpected(message: &str) -> Cause {
    Cause::new(
        ErrorKind::Incompatible,
        "what a server may say now",
        message,
        "bring both sides to the same release",
    )
}
