//! The end of a buffer that an item is written to, with a limit.

use std::io;

use bincode::enc::write::Writer;
use bincode::error::EncodeError;
use postcard::ser_flavors::Flavor;

/// Counts everything that is written, stores no more than `limit` bytes, and takes it all back unless it is kept.
pub(super) struct Tail<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    limit: usize,
    size: usize,
    kept: bool,
}

impl<'a> Tail<'a> {
    pub(super) const fn new(out: &'a mut Vec<u8>, limit: usize) -> Self {
        Self {
            start: out.len(),
            out,
            limit,
            size: 0,
            kept: false,
        }
    }

    /// Ends the item; fails with its size when that was over the limit.
    pub(super) fn keep(mut self) -> Result<(), usize> {
        self.kept = self.size <= self.limit;
        if self.kept { Ok(()) } else { Err(self.size) }
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        // Counting on past the limit tells the caller the real size.
        self.size = self.size.saturating_add(bytes.len());
        if self.size <= self.limit {
            self.out.extend_from_slice(bytes);
        }
    }
}

impl Drop for Tail<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.out.truncate(self.start);
        }
    }
}

impl Writer for Tail<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.push(bytes);
        Ok(())
    }
}

impl Flavor for &mut Tail<'_> {
    type Output = ();

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.push(bytes);
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.push(&[byte]);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

impl io::Write for Tail<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
