//! Which windows there are.

use descriptor_core::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

/// Windows of one size that end at every multiple of their slide, in milliseconds of event time.
///
/// A window holds the times `end - size <= t < end`; those that would begin before time 0 count too, those that would
/// end beyond `u64::MAX` do not exist. The size is a multiple of the slide, so that windows are made of whole *panes*,
/// stretches of one slide: each time lies in one pane and in `size / slide` windows.
///
/// ```
/// use keyed_state::WindowSpec;
/// let sliding = WindowSpec::sliding(10, 5)?;
/// assert!(sliding.windows(4).eq([5, 10]));
/// assert!(sliding.windows(5).eq([10, 15]));
/// assert!(WindowSpec::tumbling(10)?.windows(5).eq([10]));
/// assert!(WindowSpec::sliding(10, 4).is_err());
/// # Ok::<(), descriptor_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "(u64, u64)", into = "(u64, u64)")]
pub struct WindowSpec {
    size_ms: u64,
    slide_ms: u64,
}

impl WindowSpec {
    /// Windows of `size_ms` every `slide_ms`.
    ///
    /// # Errors
    /// `InvalidGraph` if either is zero or the size is no multiple of the slide.
    pub fn sliding(size_ms: u64, slide_ms: u64) -> Result<Self, Error> {
        if size_ms > 0 && slide_ms > 0 && size_ms.is_multiple_of(slide_ms) {
            return Ok(Self { size_ms, slide_ms });
        }
        let slide = slide_ms.max(1);
        let size = size_ms.max(1).div_ceil(slide).saturating_mul(slide);
        Err(Error::new(ErrorKind::InvalidGraph, "define window")
            .expected("a size and a slide above 0, the size a multiple of the slide")
            .found(format!("{size_ms} ms every {slide_ms} ms"))
            .remedy(format!("choose for example {size} ms every {slide} ms")))
    }

    /// Windows of `size_ms` that do not overlap.
    ///
    /// # Errors
    /// `InvalidGraph` if the size is zero.
    pub fn tumbling(size_ms: u64) -> Result<Self, Error> {
        Self::sliding(size_ms, size_ms)
    }

    /// Length of a window in milliseconds.
    #[must_use]
    pub const fn size_ms(&self) -> u64 {
        self.size_ms
    }

    /// Distance between the ends of two windows in milliseconds.
    #[must_use]
    pub const fn slide_ms(&self) -> u64 {
        self.slide_ms
    }

    /// Ends of all windows that hold this time, ascending.
    pub fn windows(&self, time_ms: u64) -> impl Iterator<Item = u64> + use<> {
        let slide_ms = self.slide_ms;
        let first = self.next_end(time_ms);
        (0..self.size_ms / slide_ms).map_while(move |i| first?.checked_add(i * slide_ms))
    }

    /// The end of the first window that ends after this time; it is also the end of the pane that holds it.
    pub(crate) const fn next_end(&self, time_ms: u64) -> Option<u64> {
        match (time_ms / self.slide_ms).checked_add(1) {
            Some(slides) => slides.checked_mul(self.slide_ms),
            None => None,
        }
    }

    /// The end of the last window made of this pane, or the end of time where that comes first.
    pub(crate) const fn last_window(&self, pane_end: u64) -> u64 {
        pane_end.saturating_add(self.size_ms - self.slide_ms)
    }

    /// The end of the first pane of this window; 0, where no pane ends, when the window begins before the first pane.
    pub(crate) const fn first_pane(&self, window_end: u64) -> u64 {
        window_end.saturating_sub(self.size_ms - self.slide_ms)
    }
}

impl TryFrom<(u64, u64)> for WindowSpec {
    type Error = Error;

    /// Of size and slide.
    fn try_from((size_ms, slide_ms): (u64, u64)) -> Result<Self, Error> {
        Self::sliding(size_ms, slide_ms)
    }
}

impl From<WindowSpec> for (u64, u64) {
    /// Size and slide.
    fn from(spec: WindowSpec) -> Self {
        (spec.size_ms, spec.slide_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_do_not_fit_are_refused_with_a_proposal() {
        for (size, slide, proposal) in [
            (0, 0, "1 ms every 1 ms"),
            (0, 5, "5 ms every 5 ms"),
            (5, 0, "5 ms every 1 ms"),
            (10, 4, "12 ms every 4 ms"),
            (4, 10, "10 ms every 10 ms"),
        ] {
            let error = WindowSpec::sliding(size, slide).map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidGraph);
            let text = error.to_string();
            assert!(text.contains(&format!("found {size} ms every {slide} ms")), "{text}");
            assert!(text.ends_with(&format!("choose for example {proposal}")), "{text}");
        }
        assert!(WindowSpec::tumbling(0).is_err());
    }

    #[test]
    fn every_time_lies_in_its_windows_and_in_no_other() {
        let specs = [(1, 1), (10, 10), (10, 5), (12, 3), (7, 1)];
        for spec in specs.map(|(size, slide)| WindowSpec::sliding(size, slide).unwrap()) {
            for time in 0..40_u64 {
                let ends: Vec<u64> = spec.windows(time).collect();
                let expected: Vec<u64> = (1..=60)
                    .filter(|end| end % spec.slide_ms() == 0)
                    .filter(|&end| time < end && end <= time + spec.size_ms())
                    .collect();
                assert_eq!(ends, expected, "{spec:?} at {time}");
            }
        }
    }

    #[test]
    fn at_the_end_of_time_windows_run_out() {
        let spec = WindowSpec::sliding(4, 2).unwrap();
        assert_eq!(spec.windows(u64::MAX).count(), 0);
        assert_eq!(spec.windows(u64::MAX - 1).count(), 0);
        assert!(spec.windows(u64::MAX - 2).eq([u64::MAX - 1]));
        assert!(spec.windows(u64::MAX - 4).eq([u64::MAX - 3, u64::MAX - 1]));
        let whole = WindowSpec::tumbling(u64::MAX).unwrap();
        assert!(whole.windows(0).eq([u64::MAX]));
        assert_eq!(whole.windows(u64::MAX).count(), 0);
    }
}
