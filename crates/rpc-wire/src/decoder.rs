//! Bytes as they come, frames as they were sent.

use bytes::{Buf, BytesMut};

use crate::frame::{self, Frame, HANDSHAKE_FRAME, HEAD, LEAST_FRAME, MAX_FRAME};
use crate::message::is_known;
use crate::preamble::{PREAMBLE, check_preamble};
use crate::{Message, WireError};

/// The first type of those that a reader skips when it does not know them.
pub const SKIPPED_FROM: u8 = 0xc0;

/// One direction of a connection, reading.
///
/// Bytes go in as they arrive, in segments of any size; frames come out the same, and share memory with the bytes. It takes no
/// memory but for bytes that are there: a length that a peer wrote reserves nothing. After an error it says the same
/// error for ever, because nobody knows where the next frame would begin.
#[derive(Debug)]
pub struct Decoder {
    buffer: BytesMut,
    limit: u32,
    begun: bool,
    skipped: u64,
    failed: Option<WireError>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A reader that has seen nothing and takes frames of a handshake: [`HANDSHAKE_FRAME`].
    #[must_use]
    pub fn new() -> Self {
        Self {
            buffer: BytesMut::new(),
            limit: HANDSHAKE_FRAME,
            begun: false,
            skipped: 0,
            failed: None,
        }
    }

    /// From now on frames have at most so many bytes, head included: what this side said in its [`Limits`](crate::Limits).
    /// Held between [`LEAST_FRAME`] and [`MAX_FRAME`].
    pub fn set_limit(&mut self, frame: u32) {
        self.limit = frame.clamp(LEAST_FRAME, MAX_FRAME);
    }

    /// Takes bytes; after an error it lets them fall.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Where a read may append bytes without a copy. What is in it already belongs to the frame that is under way.
    pub const fn buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Bytes taken of which no frame was made yet: 0 between two frames. Whoever keeps deadlines for frames looks here.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// The bytes that are missing at least until something comes out: worth a larger read when it is much.
    #[must_use]
    pub fn missing(&self) -> usize {
        let have = self.buffer.len();
        let wanted = match frame::peek(&self.buffer, self.limit) {
            _ if !self.begun => PREAMBLE,
            Ok(Some((length, _))) => length,
            _ => HEAD,
        };
        wanted.saturating_sub(have)
    }

    /// Frames that were skipped, because their type is one that may be.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The next message, or nothing until more bytes came. The preamble in front of the first frame is checked on the way.
    ///
    /// # Errors
    /// Any but [`WireError::Excess`]; then always the same one.
    pub fn next_message(&mut self) -> Result<Option<Message>, WireError> {
        match self.next_frame()? {
            Some(frame) => match Message::decode(&frame) {
                Ok(message) => Ok(Some(message)),
                Err(error) => self.fail(error),
            },
            None => Ok(None),
        }
    }

    /// The next frame, not yet looked into: for whoever passes it on, or holds the message until it is its turn.
    ///
    /// # Errors
    /// As [`next_message`](Self::next_message), but for what is inside the body.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, WireError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        loop {
            return match self.step() {
                Ok(Step::Skipped) => continue,
                Ok(Step::Frame(frame)) => Ok(Some(frame)),
                Ok(Step::Wait) => Ok(None),
                Err(error) => self.fail(error),
            };
        }
    }

    /// Whether the peer's preamble has come and was right: a server answers it with its own.
    ///
    /// # Errors
    /// [`WireError::Foreign`] and [`WireError::Version`]; then always the same one.
    pub fn has_begun(&mut self) -> Result<bool, WireError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if !self.begun
            && let Some((found, _)) = self.buffer.split_first_chunk::<PREAMBLE>()
        {
            if let Err(error) = check_preamble(*found) {
                return self.fail(error);
            }
            self.buffer.advance(PREAMBLE);
            self.begun = true;
        }
        Ok(self.begun)
    }

    fn step(&mut self) -> Result<Step, WireError> {
        if !self.has_begun()? {
            return Ok(Step::Wait);
        }
        let Some((length, kind)) = frame::peek(&self.buffer, self.limit)? else {
            return Ok(Step::Wait);
        };
        let skips = !is_known(kind);
        if skips && kind < SKIPPED_FROM {
            return Err(WireError::Type { found: kind });
        }
        if self.buffer.len() < length {
            return Ok(Step::Wait);
        }
        let frame = frame::open(self.buffer.split_to(length).freeze())?;
        if skips {
            self.skipped += 1;
            return Ok(Step::Skipped);
        }
        Ok(Step::Frame(frame))
    }

    /// Keeps the error, and none of the bytes.
    fn fail<T>(&mut self, error: WireError) -> Result<T, WireError> {
        self.failed = Some(error);
        self.buffer = BytesMut::new();
        Err(error)
    }
}

enum Step {
    Wait,
    Skipped,
    Frame(Frame),
}
