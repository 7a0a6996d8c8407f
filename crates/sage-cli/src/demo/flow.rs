//! The job: source, filter, key, window, sink.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nexmark::hot_items::{Tally, WindowSpec};
use nexmark::{Bid, Config, Event, Generator};
use sage_comm::ops::{AggregateFn, IterSource, WindowSpec as Windows};
use sage_comm::{Builtin, Checkpoints, Deployment, Flow, Instance, Job, is_worker};

use super::align::Alignment;
use super::embedded::{OverManager, OverServer};
use super::kept::KeptResults;
use super::results::{HotItem, Results};
use crate::args::{JobArgs, Transport};

/// Node whose packets are the events.
pub(super) const SOURCE: &str = "auction_stream";
const RESULTS: &str = "results";
/// Instances of the source, and of what comes before the keys.
const SOURCES: u32 = 2;

/// Results while the job still adds some.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<Mutex<Results>>);

impl Shared {
    pub(super) fn new(results: Results) -> Self {
        Self(Arc::new(Mutex::new(results)))
    }

    /// What has come so far, to be had once.
    pub(super) fn take(&self) -> Results {
        std::mem::replace(&mut self.lock(), Results::new(false))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Results> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes the job down.
pub(super) fn build(
    args: &JobArgs,
    config: Config,
    windows: WindowSpec,
    results: &Shared,
    deployment: Deployment,
    checkpoints: Option<Checkpoints>,
) -> sage_comm::Result<Job<Builtin>> {
    // All that the code below takes and the graph does not show.
    let made_with = format!(
        "events={} seed={} window_ms={} slide_ms={}",
        config.events,
        config.seed,
        windows.size_ms(),
        windows.slide_ms()
    );
    let flow = Flow::new("hot-items", Builtin);
    if let Some(kind) = args.transport().queue_type() {
        flow.queue_kind(kind);
    }
    let windows = Windows::sliding(windows.size_ms(), windows.slide_ms())?;
    let tally = AggregateFn::new(|tally: &mut Tally, bid: Bid| tally.add(bid.price), Tally::merge);
    // Sources in different processes do not see how far the other one is.
    // Those that go on from a checkpoint may be at their end already.
    let near = deployment == Deployment::Threads && !is_worker() && checkpoints.is_none();
    let together = Alignment::new(if near { SOURCES } else { 0 });
    let results = results.clone();
    let items = flow
        .source(SOURCE, SOURCES, move |at| {
            let source = IterSource::new(part(&config, at)).with_event_time(Event::timestamp_ms, 0);
            together.keep(at.index, source)
        })
        .forward()
        .flat_map("bids", |event| event.as_bid().copied())
        .parallelism(SOURCES)
        .forward()
        .key_by("by_auction", |bid| bid.auction)
        .parallelism(SOURCES)
        .window(
            "hot_items",
            windows,
            |bid| bid.timestamp_ms,
            tally,
            |window_end, key, tally| {
                Ok(HotItem {
                    window_end,
                    auction: key.decode()?,
                    tally,
                })
            },
        )
        .parallelism(args.parallelism());
    let sink = match &checkpoints {
        Some(_) => items.sink(RESULTS, move |_| KeptResults::new(&results)),
        None => items.for_each(RESULTS, move |item| results.lock().add(item)),
    };
    let _ = sink.at_coordinator();
    let job = match args.transport() {
        _ if args.meeting().is_some() => flow.build(deployment),
        Transport::Rpc => flow.build_with(deployment, &OverServer::new()),
        Transport::Actor => flow.build_with(deployment, &OverManager::new()),
        _ => flow.build(deployment),
    }?;
    let job = job.made_with(made_with);
    match checkpoints {
        Some(checkpoints) => job.checkpoints(checkpoints),
        None => Ok(job),
    }
}

/// The events of one instance of the source.
fn part(config: &Config, at: &Instance) -> Generator {
    let parts = config.split(at.parallelism as usize);
    let none = || Config {
        events: 0,
        ..config.clone()
    };
    Generator::new(parts.into_iter().nth(at.index as usize).unwrap_or_else(none))
}
