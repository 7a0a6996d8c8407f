//! One connection: its bytes, and what it has asked for.

use std::collections::BTreeMap;
use std::time::Instant;

use queue_core::ErrorKind;
use rpc_wire::{Capabilities, Decoder, HANDSHAKE_FRAME, HEAD, Handle, Hello, Limits, Message, WireError, preamble};

use crate::table::Key;

/// What stands in front of the items of `Delivered` and `Lent`: the head, call, number and count.
const BEFORE_ITEMS: u32 = HEAD as u32 + 4 + 8 + 4;

/// How far the handshake is.
#[derive(Debug)]
pub(crate) enum Phase {
    /// Nothing was said.
    Silent,
    /// `Hello` was answered by `Challenge`.
    Asked(Box<Asked>),
    /// `Welcome` was said.
    Known,
    /// Nothing is read any more.
    Over,
}

/// What a proof is about.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) hello: Hello,
    /// Both frames, byte for byte.
    pub(crate) frames: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) peer: String,
    pub(crate) phase: Phase,
    /// Why it was broken off, until somebody asks.
    pub(crate) complaint: Option<(ErrorKind, String)>,
    pub(crate) decoder: Decoder,
    pub(crate) out: Vec<u8>,
    /// Bytes that go there once something is written down.
    pub(crate) held: usize,
    /// Whether it is in the list of those that changed.
    pub(crate) changed: bool,
    /// Whether something was not delivered because of what is in `out`.
    pub(crate) stalled: bool,
    /// Calls, by queue and number of the waiter, that waited long enough for items but not for their reader.
    pub(crate) overdue: Vec<(Key, u64)>,
    /// Whether frames are left where they are until the peer reads.
    pub(crate) paused: bool,
    greeted: bool,

    /// What the client takes.
    pub(crate) takes: Limits,
    pub(crate) capabilities: Capabilities,
    /// Which of the secrets it knows; none when nobody is asked.
    pub(crate) secret: Option<usize>,
    pub(crate) session: Option<Key>,

    /// Members by the numbers of their queues here.
    pub(crate) open: BTreeMap<u32, Key>,
    pub(crate) next_handle: u32,
    /// Queues by the calls that wait in them.
    pub(crate) calls: BTreeMap<u32, Key>,
    /// Items asked for and not delivered.
    pub(crate) credit: u64,
    /// The part of it that is for loans.
    pub(crate) asked_loans: u64,
    pub(crate) loans: u64,
    /// Items of puts that wait for room, and their bytes.
    pub(crate) window: (u64, u64),

    pub(crate) heard: Instant,
    pub(crate) half_since: Option<Instant>,
    pub(crate) handshake_due: Option<Instant>,
    pub(crate) beat_due: Option<Instant>,
    /// Frames since the last beat that ask for nothing.
    pub(crate) idle_frames: u64,
    pub(crate) skipped: u64,
}

impl Connection {
    pub(crate) fn new(peer: String, now: Instant) -> Self {
        Self {
            peer,
            phase: Phase::Silent,
            complaint: None,
            decoder: Decoder::new(),
            out: Vec::new(),
            held: 0,
            changed: false,
            stalled: false,
            overdue: Vec::new(),
            paused: false,
            greeted: false,
            takes: Limits::DEFAULT,
            capabilities: Capabilities::default(),
            secret: None,
            session: None,
            open: BTreeMap::new(),
            next_handle: 1,
            calls: BTreeMap::new(),
            credit: 0,
            asked_loans: 0,
            loans: 0,
            window: (0, 0),
            heard: now,
            half_since: None,
            handshake_due: None,
            beat_due: None,
            idle_frames: 0,
            skipped: 0,
        }
    }

    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// The next message. The server's preamble goes out as soon as it is known that the peer speaks this protocol.
    pub(crate) fn next_message(&mut self) -> Result<Option<Message>, WireError> {
        if !self.greeted {
            match self.decoder.has_begun() {
                Ok(false) => return Ok(None),
                Ok(true) | Err(WireError::Version { .. }) => self.greet(),
                Err(_) => {}
            }
        }
        self.decoder.next_message()
    }

    fn greet(&mut self) {
        self.greeted = true;
        self.out.extend_from_slice(&preamble());
    }

    /// Whether the peer is known to understand frames.
    pub(crate) const fn is_greeted(&self) -> bool {
        self.greeted
    }

    /// Appends a message. What has no items fits into the least limit that there is.
    pub(crate) fn send(&mut self, message: impl Into<Message>) {
        let limit = match self.phase {
            Phase::Known | Phase::Over => self.takes.frame,
            Phase::Silent | Phase::Asked(_) => HANDSHAKE_FRAME,
        };
        let sent = message.into().encode(&mut self.out, limit);
        debug_assert_eq!(sent, Ok(()), "what is sent fits into a frame");
    }

    /// A message for later.
    pub(crate) fn encoded(&self, message: impl Into<Message>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let encoded = message.into().encode(&mut bytes, self.takes.frame);
        debug_assert_eq!(encoded, Ok(()), "what is sent fits into a frame");
        bytes
    }

    /// Bytes that the peer has not taken, and those that will follow.
    pub(crate) const fn unread(&self) -> usize {
        self.out.len() + self.held
    }

    /// The bytes that items may have in one frame to this peer, with what stands in front of each.
    pub(crate) fn room_for_items(&self) -> u64 {
        self.takes.frame.saturating_sub(BEFORE_ITEMS).into()
    }

    /// The member with this number; none when the number is void, an error when it was never given.
    pub(crate) fn member(&self, handle: Handle) -> Result<Option<Key>, u32> {
        match self.open.get(&handle.get()) {
            Some(member) => Ok(Some(*member)),
            None if handle.get() < self.next_handle => Ok(None),
            None => Err(handle.get()),
        }
    }

    /// Gives memory back that is not used.
    pub(crate) fn trim(&mut self) {
        const KEPT: usize = 8 << 10;
        if self.out.is_empty() && self.out.capacity() > KEPT {
            self.out = Vec::new();
        }
        let buffer = self.decoder.buffer_mut();
        if buffer.is_empty() && buffer.capacity() > KEPT {
            *buffer = bytes::BytesMut::new();
        }
    }
}
