//! Where an iterator is.

use descriptor_core::{Error, ErrorKind};

use checkpoint::{Persist, read, write};

/// An iterator, and how many items have been taken from it.
pub(super) struct Sought<'a, I> {
    pub(super) items: &'a mut I,
    pub(super) taken: &'a mut u64,
}

impl<I: Iterator> Sought<'_, I> {
    /// Lets items go by until so many have been taken.
    pub(super) fn go_to(&mut self, taken: u64) -> Result<(), Error> {
        let more = usize::try_from(taken.saturating_sub(*self.taken)).unwrap_or(usize::MAX);
        if more > 0 && self.items.nth(more - 1).is_none() {
            return Err(Error::new(ErrorKind::Corrupt, "seek source")
                .expected(format!("the {taken} items that were taken before"))
                .found("an iterator that ends sooner")
                .remedy("give the source the same items again, or begin anew without the checkpoint"));
        }
        *self.taken = taken;
        Ok(())
    }
}

impl<I: Iterator> Persist for Sought<'_, I> {
    fn save(&self, limit: usize, out: &mut Vec<u8>) -> Result<(), Error> {
        write(self.taken, limit, out)
    }

    fn load(&mut self, saved: &[u8]) -> Result<(), Error> {
        self.go_to(read(saved)?)
    }
}
