//! Workers that are told what the job is, because the arguments of the program do not say it.

use std::fmt;
use std::process::exit;

use crew::Seat;
use descriptor_core::{Backends, Error};

use super::worker::{self, Called};
use crate::Job;

/// A worker of a job that was started with [`Job::start_told`](crate::Job::start_told), which is to build it from the words
/// that were given there.
///
/// ```no_run
/// use runtime::{Deployment, Flow, Job, Told, ops};
/// # #[derive(Clone)]
/// # struct Builtin;
/// # impl descriptor_core::Backends for Builtin {
/// #     fn registry<T: descriptor_core::Wire>(&self) -> descriptor_core::Registry<T> {
/// #         descriptor_core::Registry::new()
/// #     }
/// # }
/// fn build(upto: &str) -> Result<Job<Builtin>, descriptor_core::Error> {
///     let upto: u64 = upto.parse().unwrap_or_default();
///     let flow = Flow::new("count", Builtin);
///     let _ = flow.source("numbers", 1, move |_| ops::IterSource::new(0..upto)).for_each("look", |n| assert!(n < 1000));
///     flow.build(Deployment::Processes(2))
/// }
///
/// if let Some(told) = Told::take()? {
///     // In a worker, of whichever of the two.
///     let upto = told.task().to_owned();
///     told.work(|| build(&upto));
/// }
/// let jobs = ["100", "1000"].map(|upto| build(upto).and_then(|job| job.start_told(upto)));
/// for job in jobs {
///     job?.wait().into_result()?;
/// }
/// # Ok::<(), descriptor_core::Error>(())
/// ```
pub struct Told {
    number: u32,
    called: Called,
}

impl Told {
    /// What this process was told, if it was started for that. To be the first call of `main`, and asked for once. A worker that
    /// nobody needs any more ends here.
    ///
    /// # Errors
    /// As [`launch`](crate::launch) in a worker whose variable means another process, or whose standard input is not the
    /// line to its parent.
    pub fn take() -> Result<Option<Self>, Error> {
        if !crew::is_told() {
            return Ok(None);
        }
        let Some(seat) = Seat::take()? else {
            return Ok(None);
        };
        let number = seat.worker;
        match worker::called(seat)? {
            Some(called) => Ok(Some(Self { number, called })),
            None => exit(0),
        }
    }

    /// The words.
    #[must_use]
    pub fn task(&self) -> &str {
        self.called.task()
    }

    /// Does the worker's part of the job that these words mean and ends the process.
    pub fn work<B, F>(self, graph: F) -> !
    where
        B: Backends,
        F: FnOnce() -> Result<Job<B>, Error>,
    {
        worker::leave(self.number, self.called.work(graph, || {}).map(drop))
    }

    /// Says that nothing can be made of these words, and ends the process.
    pub fn refuse(self, why: &Error) -> ! {
        worker::leave(self.number, self.called.refuse(why.to_string()))
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told")
            .field("worker", &self.number)
            .finish_non_exhaustive()
    }
}
