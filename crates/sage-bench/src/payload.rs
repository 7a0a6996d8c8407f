//! What the queues carry.

/// An item that knows its number, so that what arrives can be checked.
pub(crate) trait Payload: Copy + Default + Send + Sync + Unpin + 'static {
    /// Name in tables.
    const NAME: &'static str;

    fn new(number: u64) -> Self;

    fn number(&self) -> u64;
}

impl Payload for u64 {
    const NAME: &'static str = "8 B";

    fn new(number: u64) -> Self {
        number
    }

    fn number(&self) -> u64 {
        *self
    }
}

/// One cache line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Line([u64; 8]);

impl Payload for Line {
    const NAME: &'static str = "64 B";

    fn new(number: u64) -> Self {
        Self([number; 8])
    }

    fn number(&self) -> u64 {
        let Self([first, .., last]) = self;
        // Both ends, so that a torn item is seen.
        first / 2 + last / 2 + (first & last & 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_keeps_its_number() {
        for number in [0, 1, 2, 77, u64::MAX] {
            assert_eq!(u64::new(number).number(), number);
            assert_eq!(Line::new(number).number(), number);
        }
    }
}
