//! The job on timely dataflow: two workers in one process, each with the whole graph.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use timely::Config;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::vec::Map;
use timely::dataflow::operators::{Exchange as _, Inspect, Operator, Probe};
use timely::dataflow::{InputHandle, ProbeHandle};

use super::record::{Record, Tally, spread};

/// Threads. Every worker has an instance of each operator.
pub(super) const WORKERS: u32 = 2;
/// Bytes of one epoch and worker. Far fewer (16 KiB) leave the workers waiting for each other, far more (16 MiB) do not
/// stay in their caches; both were measured to be slower.
const EPOCH: usize = 512 << 10;
/// Epochs on their way: enough to keep both workers busy, few enough to bound what waits between them.
const AHEAD: u64 = 2;

/// Where records begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// On every worker: as one writes it for timely.
    Every,
    /// One source and one sink, both on the first worker, and `map` on both: the edges of the other jobs.
    One,
}

/// Runs it over the records 0 to `items`.
pub(super) fn run<R: Record>(ends: Ends, items: u64) -> Tally {
    let workers = timely::execute(Config::process(WORKERS as usize), move |worker| {
        let mut input = InputHandle::new();
        let probe = ProbeHandle::new();
        let result = Rc::new(Cell::new(Tally::default()));
        let sink = Rc::clone(&result);
        worker.dataflow(|scope| {
            let records = input.to_stream(scope).container::<Vec<R>>();
            let mapped = match ends {
                Ends::Every => records,
                Ends::One => records.exchange(R::number),
            }
            .map(R::mapped);
            let by_key = Exchange::new(|record: &R| spread(record.key()));
            let counted = mapped.unary(by_key, "count", |_, _| {
                let mut counts: HashMap<u64, u64> = HashMap::new();
                move |input, output| {
                    input.for_each_time(|time, batches| {
                        let mut session = output.session(&time);
                        for record in batches.flat_map(|batch| batch.drain(..)) {
                            let count = counts.entry(record.key()).or_insert(0);
                            *count += 1;
                            session.give(*count);
                        }
                    });
                }
            });
            let counted = match ends {
                Ends::Every => counted,
                Ends::One => counted.exchange(|_| 0),
            }
            .container::<Vec<u64>>();
            let summed = counted.inspect_batch(move |_, batch| {
                let mut tally = sink.get();
                batch.iter().for_each(|count| tally.add(*count));
                sink.set(tally);
            });
            summed.probe_with(&probe);
        });
        let (from, step) = match ends {
            Ends::Every => (worker.index(), worker.peers()),
            Ends::One if worker.index() == 0 => (0, 1),
            Ends::One => (items as usize, 1),
        };
        let mut numbers = (from as u64..items).step_by(step).peekable();
        let mut epoch = 0_u64;
        while numbers.peek().is_some() {
            for number in numbers.by_ref().take(EPOCH / size_of::<R>()) {
                input.send(R::new(number));
            }
            epoch += 1;
            input.advance_to(epoch);
            worker.step_or_park_while(None, || probe.less_than(&epoch.saturating_sub(AHEAD)));
        }
        input.close();
        worker.step_or_park_while(None, || !probe.done());
        result.get()
    });
    let results = workers.expect("the workers start").join();
    let mut all = Tally::default();
    for result in results {
        all.merge(result.expect("a worker ends"));
    }
    all
}
