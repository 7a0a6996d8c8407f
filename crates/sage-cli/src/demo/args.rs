//! The arguments of `sage demo`.

use clap::Args;
use nexmark::hot_items::WindowSpec;

use crate::args::{Bounded, JobArgs};
use crate::failure::Failure;

use super::kept::KeptArgs;

/// Panes a window may be made of; each costs a look per auction and window.
const MOST_PANES: u64 = 1_000;

/// Run a hot-items job over an auction stream, and account for every packet
#[derive(Clone, Debug, Args)]
#[command(max_term_width = 100)]
pub(crate) struct DemoArgs {
    /// Events to make
    #[arg(
        long, short, value_name = "N", allow_negative_numbers = true, default_value = "1_000_000",
        value_parser = Bounded::<1, { u64::MAX }>::parse
    )]
    pub(super) events: Bounded<1, { u64::MAX }>,

    #[command(flatten)]
    pub(super) job: JobArgs,

    #[command(flatten)]
    pub(super) kept: KeptArgs,

    /// Compute everything again in a single-threaded loop and compare exactly
    #[arg(long)]
    pub(super) verify: bool,

    /// Chooses the stream
    #[arg(
        long, value_name = "S", allow_negative_numbers = true, default_value = "0",
        value_parser = Bounded::<0, { u64::MAX }>::parse
    )]
    pub(super) seed: Bounded<0, { u64::MAX }>,

    /// Length of a window in milliseconds of event time
    #[arg(
        long, value_name = "MS", allow_negative_numbers = true, default_value = "10_000",
        value_parser = Bounded::<1, { u64::MAX }>::parse
    )]
    pub(super) window_ms: Bounded<1, { u64::MAX }>,

    /// Distance between the ends of two windows in milliseconds of event time
    #[arg(
        long, value_name = "MS", allow_negative_numbers = true, default_value = "5_000",
        value_parser = Bounded::<1, { u64::MAX }>::parse
    )]
    pub(super) slide_ms: Bounded<1, { u64::MAX }>,
}

/// Worker processes where one is killed and nobody says how many there are.
const USUAL_PROCESSES: u64 = 3;

impl DemoArgs {
    /// How the job is spread.
    pub(super) fn spread(&self) -> JobArgs {
        let job = self.job.clone();
        if self.kept.kill_worker {
            job.or_processes(USUAL_PROCESSES)
        } else {
            job
        }
    }

    pub(super) fn windows(&self) -> Result<WindowSpec, Failure> {
        let (window, slide) = (self.window_ms.0, self.slide_ms.0);
        let spec = WindowSpec::new(window, slide)
            .map_err(|error| Failure::usage(format_args!("--window-ms and --slide-ms: {error}")))?;
        if window / slide > MOST_PANES {
            return Err(Failure::usage(format_args!(
                "--window-ms {window} is {} times --slide-ms {slide}: expected at most {MOST_PANES} times; raise \
                 --slide-ms",
                window / slide
            )));
        }
        Ok(spec)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Sage, Verb};

    fn windows(window: &str, slide: &str) -> Result<WindowSpec, Failure> {
        match Sage::try_parse_from(["sage", "demo", "--window-ms", window, "--slide-ms", slide]).map(|sage| sage.verb) {
            Ok(Verb::Demo(args)) => args.windows(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn windows_that_do_not_fit_are_refused() {
        assert!(windows("10_000", "10").is_ok());
        let message = windows("10", "4").unwrap_err().to_string();
        assert!(message.contains("choose for example 12 ms every 4 ms"), "{message}");
        let message = windows("1001", "1").unwrap_err().to_string();
        assert!(message.contains("expected at most 1000 times"), "{message}");
    }
}
