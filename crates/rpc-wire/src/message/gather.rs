//! A frame of items that was gathered over many calls, in the buffer that is sent.

use super::{Message, Put};
use crate::WireError;
use crate::batch::Items;
use crate::frame::{self, HEAD, MAX_FRAME};

impl Put {
    /// The bytes of a frame in front of its items: the head, `first`, `wait` and the count.
    pub const FRONT: usize = HEAD + size_of::<u64>() + size_of::<u64>() + size_of::<u32>();

    /// Makes a frame of this message, whose own items do not count, of bytes that have [`FRONT`](Self::FRONT) bytes of room and
    /// then `count` items, for each its length in four bytes and its bytes, the last of which may end with `tail`, that is sent
    /// right behind. May be done again with other fields: what is sent again gets another queue or number.
    ///
    /// Whether the items are laid out like this is not looked at; the peer does.
    ///
    /// # Errors
    /// [`WireError::Excess`] when the frame is larger than the limit or smaller than its front; then nothing was changed but that
    /// front.
    pub fn seal(&self, out: &mut [u8], count: u32, tail: &[u8], limit: u32) -> Result<(), WireError> {
        let bare = Self {
            items: Items::empty(),
            ..self.clone()
        };
        let mut front = Vec::with_capacity(Self::FRONT);
        let head = Message::from(bare).begin(&mut front);
        let found = out.len();
        let Some((room, _)) = out.split_first_chunk_mut::<{ Self::FRONT }>() else {
            return Err(WireError::Excess {
                what: "the front of a frame",
                limit: found,
                found: Self::FRONT,
            });
        };
        let before = Self::FRONT - size_of::<u32>();
        front.truncate(before);
        front.extend_from_slice(&count.to_le_bytes());
        room.copy_from_slice(&front);
        frame::seal(out, 0, head, tail, limit.min(MAX_FRAME))
    }
}
