//! Sliding windows over event time.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Windows of `size_ms` that end at every multiple of `slide_ms`, in event time.
///
/// The size is a multiple of the slide, so windows are made of whole panes: the stretches of one slide that end
/// where a window ends. Every time lies in one pane and in `size / slide` windows.
///
/// ```
/// # use nexmark::hot_items::WindowSpec;
/// let spec = WindowSpec::new(10, 5)?;
/// assert!(spec.windows(4).eq([5, 10]));
/// assert!(spec.windows(5).eq([10, 15]));
/// assert!(WindowSpec::new(10, 4).is_err());
/// # Ok::<(), nexmark::hot_items::WindowError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct WindowSpec {
    size_ms: u64,
    slide_ms: u64,
}

#[derive(Deserialize)]
#[serde(rename = "WindowSpec")]
struct Unchecked {
    size_ms: u64,
    slide_ms: u64,
}

impl TryFrom<Unchecked> for WindowSpec {
    type Error = WindowError;

    fn try_from(unchecked: Unchecked) -> Result<Self, WindowError> {
        Self::new(unchecked.size_ms, unchecked.slide_ms)
    }
}

impl WindowSpec {
    /// Windows of `size_ms` every `slide_ms`, both in milliseconds of event time. Equal values give windows that
    /// do not overlap.
    ///
    /// # Errors
    ///
    /// [`WindowError`] if either is zero or the size is no multiple of the slide.
    pub fn new(size_ms: u64, slide_ms: u64) -> Result<Self, WindowError> {
        if size_ms == 0 || slide_ms == 0 || !size_ms.is_multiple_of(slide_ms) {
            return Err(WindowError { size_ms, slide_ms });
        }
        Ok(Self { size_ms, slide_ms })
    }

    /// Length of a window in milliseconds.
    #[must_use]
    pub fn size_ms(&self) -> u64 {
        self.size_ms
    }

    /// Distance between the ends of two windows in milliseconds.
    #[must_use]
    pub fn slide_ms(&self) -> u64 {
        self.slide_ms
    }

    /// End of the pane that holds this time, which is also the end of its first window. None at the end of time,
    /// where the window would end beyond `u64::MAX`.
    #[must_use]
    pub fn pane_end(&self, timestamp_ms: u64) -> Option<u64> {
        (timestamp_ms / self.slide_ms)
            .checked_add(1)?
            .checked_mul(self.slide_ms)
    }

    /// Ends of all windows that hold this time, ascending; those beyond `u64::MAX` are left out.
    pub fn windows(&self, timestamp_ms: u64) -> impl Iterator<Item = u64> + use<> {
        let Self { size_ms, slide_ms } = *self;
        let first = self.pane_end(timestamp_ms);
        (0..size_ms / slide_ms).map_while(move |i| first?.checked_add(i * slide_ms))
    }
}

/// Window lengths that do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowError {
    /// The size asked for.
    pub size_ms: u64,
    /// The slide asked for.
    pub slide_ms: u64,
}

impl fmt::Display for WindowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size_ms, slide_ms } = *self;
        let slide = slide_ms.max(1);
        let size = size_ms.max(1).div_ceil(slide).saturating_mul(slide);
        write!(
            f,
            "window of {size_ms} ms every {slide_ms} ms: expected both above 0 and the size a multiple of the slide; \
             choose for example {size} ms every {slide} ms"
        )
    }
}

impl std::error::Error for WindowError {}
