//! Ctrl-C, and the request to terminate that ends services.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::failure::{Failure, INTERRUPTED};

/// How often somebody asked for the end, while it was somebody's to act on.
static ASKED: AtomicU8 = AtomicU8::new(0);
/// True while there is a job to bring to an end.
static ATTENDED: AtomicBool = AtomicBool::new(false);

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Asked {
    Nothing,
    /// Take nothing new, and let what is inside flow out.
    Drain,
    /// Stop where you stand.
    Abort,
}

/// Catches interrupts for as long as it lives. After that, and on the third one, they end the process at once.
#[derive(Debug)]
pub(crate) struct Interrupts(());

impl Interrupts {
    /// To be called once.
    pub(crate) fn catch() -> Result<Self, Failure> {
        ctrlc::set_handler(|| {
            // No more than three: the process ends with the third.
            let before = ASKED.fetch_add(1, Ordering::AcqRel);
            if before >= 2 || !ATTENDED.load(Ordering::Acquire) {
                std::process::exit(INTERRUPTED.into());
            }
        })
        .map_err(|cause| Failure::new(format_args!("cannot catch interrupts: {cause}; start it from a shell")))?;
        ATTENDED.store(true, Ordering::Release);
        Ok(Self(()))
    }

    pub(crate) fn asked(&self) -> Asked {
        match ASKED.load(Ordering::Acquire) {
            0 => Asked::Nothing,
            1 => Asked::Drain,
            _ => Asked::Abort,
        }
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        ATTENDED.store(false, Ordering::Release);
    }
}
