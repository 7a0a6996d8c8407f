//! The job: source, filter, key, window, sink.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nexmark::hot_items::{Tally, WindowSpec};
use nexmark::{Bid, Config, Event, Generator};
use sage_comm::ops::{AggregateFn, IterSource, WindowSpec as Windows};
use sage_comm::{Builtin, Deployment, Flow, Instance, Job};

use super::align::Alignment;
use super::embedded::{OverManager, OverServer};
use super::results::{HotItem, Results};
use crate::args::{JobArgs, Transport};

/// Node whose packets are the events.
pub(super) const SOURCE: &str = "auction_stream";
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

    fn lock(&self) -> MutexGuard<'_, Results> {
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
) -> sage_comm::Result<Job<Builtin>> {
    let flow = Flow::new("hot-items", Builtin);
    if let Some(kind) = args.transport.queue_type() {
        flow.queue_kind(kind);
    }
    let windows = Windows::sliding(windows.size_ms(), windows.slide_ms())?;
    let tally = AggregateFn::new(|tally: &mut Tally, bid: Bid| tally.add(bid.price), Tally::merge);
    // Sources in different processes do not see how far the other one is.
    let together = Alignment::new(if deployment == Deployment::Threads { SOURCES } else { 0 });
    let results = results.clone();
    let _ = flow
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
        .parallelism(args.parallelism())
        .for_each("results", move |item| results.lock().add(item))
        .at_coordinator();
    match args.transport {
        Transport::Rpc => flow.build_with(deployment, &OverServer::new()),
        Transport::Actor => flow.build_with(deployment, &OverManager::new()),
        _ => flow.build(deployment),
    }
}

/// The events of one instance of the source.
fn part(config: &Config, at: &Instance) -> impl Iterator<Item = Event> + Send + use<> {
    let parts = config.split(at.parallelism as usize);
    parts
        .into_iter()
        .skip(at.index as usize)
        .take(1)
        .flat_map(Generator::new)
}
