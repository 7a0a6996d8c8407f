//! The rows of the README's table of failures that concern jobs, as one who only has the facade sees them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use sage_comm::{
    Builtin, Deployment, Descriptor, ErrorKind, ErrorPolicy, Flow, JobReport, LocalSpec, Outcome, SageSpec, SourceStep,
    ops,
};

use crate::support::{is_live, names, open, within_a_minute};

/// Whatever the end was, the books close: nothing is nowhere.
fn assert_books_close(report: &JobReport) {
    assert!(report.stuck.is_empty(), "{report:?}");
    assert!(!report.ledger.edges().is_empty());
    for edge in report.ledger.edges() {
        assert!(edge.counts.balances(), "{}: {}", edge.edge, edge.counts);
    }
}

/// Items that are inside somewhere, counted by the items themselves.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn a_slow_consumer_bounds_the_memory_and_loses_nothing() {
    within_a_minute(|| {
        let local = Descriptor::new("readme/slow", LocalSpec::bounded(8)).unwrap();
        let sage = Descriptor::new("readme/slow", SageSpec::bounded(8)).unwrap();
        for queue in [local.queue::<Alive>().unwrap(), sage.queue::<Alive>().unwrap()] {
            let alive = Arc::new(AtomicUsize::new(0));
            let producers: Vec<_> = (0..3)
                .map(|_| {
                    let (queue, alive) = (queue.clone(), Arc::clone(&alive));
                    std::thread::spawn(move || (0..200).for_each(|_| queue.put(Alive::new(&alive)).unwrap()))
                })
                .collect();
            for _ in 0..600 {
                // Eight inside, and one in the hands of each producer.
                let most = alive.load(Ordering::SeqCst);
                assert!(most <= 8 + 3, "{most} items at once");
                drop(queue.get().unwrap());
            }
            producers.into_iter().for_each(|producer| producer.join().unwrap());
            assert_eq!((alive.load(Ordering::SeqCst), queue.depth()), (0, Some(0)));
        }
    });
}

#[test]
fn a_job_that_cannot_work_is_told_all_that_is_wrong() {
    let flow = Flow::new("readme-findings", Builtin);
    let numbers = flow.source("numbers", 0, |_| ops::IterSource::new(0..9_u32));
    let _ = numbers.map("unread", |n| n);
    let _ = numbers
        .map("narrow", |n| n)
        .buffer_size(0)
        .queue("nats")
        .collect("results");
    let error = flow.build(Deployment::Threads).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidGraph);
    let message = error.to_string();
    for word in ["numbers", "unread", "narrow", "3 errors"] {
        assert!(message.contains(word), "{word} is not in: {message}");
    }
}

#[test]
fn a_queue_that_cannot_be_had_undoes_the_start() {
    within_a_minute(|| {
        let job = || {
            let flow = Flow::new("readme-start", Builtin);
            flow.chain(false);
            let made = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&made);
            let results = flow
                .source("numbers", 1, move |_| {
                    counter.fetch_add(1, Ordering::SeqCst);
                    ops::IterSource::new(0..9_u32)
                })
                .map("same", |n| n)
                .collect("results");
            (flow.build(Deployment::Threads).unwrap(), results, made)
        };
        let (first, results, made) = job();
        let ids: Vec<String> = first
            .plan()
            .queues()
            .iter()
            .map(|queue| queue.record.queue_id.to_string())
            .collect();
        // The last queue is taken by somebody with other ideas of it.
        let last = ids.last().unwrap();
        let squatter = Descriptor::new(last, SageSpec::bounded(3)).unwrap();
        let held = squatter.queue::<u8>().unwrap();
        let error = first.start().map(drop).unwrap_err();
        names(&error, ErrorKind::Incompatible, &[last, "maxsize", "3"]);
        assert_eq!(made.load(Ordering::SeqCst), 0, "no source was made");
        assert!(
            ids.iter().all(|id| id == last || !is_live(id)),
            "what was open is closed again"
        );
        assert!(results.take().is_empty());

        drop(held);
        squatter.evict();
        let (again, results, _) = job();
        assert!(again.run().unwrap().is_complete());
        assert_eq!(results.take().len(), 9);
    });
}

#[test]
fn a_second_job_of_a_running_ones_name_is_refused() {
    within_a_minute(|| {
        let gate = Arc::new(Barrier::new(2));
        let job = |gate: Option<Arc<Barrier>>| {
            let flow = Flow::new("readme-twice", Builtin);
            let _ = flow
                .source("numbers", 1, |_| ops::IterSource::new(0..3_u32))
                .for_each("hold", move |n| {
                    if let (0, Some(gate)) = (n, &gate) {
                        gate.wait();
                    }
                });
            flow.build(Deployment::Threads).unwrap()
        };
        let first = job(Some(Arc::clone(&gate))).start().unwrap();
        let error = job(None).start().map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
        assert!(
            error.is_retryable() && error.to_string().contains("readme-twice"),
            "{error}"
        );
        gate.wait();
        assert!(first.wait().is_complete());
        assert!(job(None).run().unwrap().is_complete());
    });
}

/// A job over 100 numbers whose operator does not like multiples of ten.
fn picky(name: &str, policy: ErrorPolicy) -> (JobReport, Vec<u32>, Vec<String>) {
    let flow = Flow::new(name, Builtin);
    let results = flow
        .source("numbers", 1, |_| ops::IterSource::new(0..100_u32))
        .try_map("picky", |n| if n % 10 == 0 { Err(format!("not {n}")) } else { Ok(n) })
        .on_error(policy)
        .collect("results");
    let job = flow.build(Deployment::Threads).unwrap().start().unwrap();
    let letters = job.dead_letters().cloned();
    let report = job.wait();
    let letters = letters
        .into_iter()
        .flat_map(|queue| std::iter::from_fn(move || queue.try_get().ok()));
    (report, results.take(), letters.map(|letter| letter.error).collect())
}

#[test]
fn an_operator_that_returns_an_error_is_dealt_with_as_its_node_says() {
    within_a_minute(|| {
        let (failed, _, _) = picky("readme-fail", ErrorPolicy::Fail);
        assert_eq!(failed.outcome, Outcome::Failed);
        assert!(
            !failed.failures[0].panicked && failed.failures[0].message.contains("not 0"),
            "{failed:?}"
        );
        assert_books_close(&failed);
        assert_eq!(failed.into_result().unwrap_err().kind(), ErrorKind::UserCode);

        let (skipped, results, letters) = picky("readme-skip", ErrorPolicy::Skip);
        assert_eq!(
            (skipped.outcome, results.len(), letters.len()),
            (Outcome::Finished, 90, 0)
        );
        assert_eq!(skipped.node("picky").unwrap().skipped, 10);
        assert_books_close(&skipped);

        let (kept, results, letters) = picky("readme-dead-letter", ErrorPolicy::DeadLetter);
        assert_eq!(
            (kept.outcome, results.len(), letters.len()),
            (Outcome::Finished, 90, 10)
        );
        assert!(
            letters
                .iter()
                .enumerate()
                .all(|(n, error)| error.contains(&format!("not {}", n * 10))),
            "{letters:?}"
        );
        assert_eq!(kept.ledger.totals().dead_lettered, 10);
        assert_books_close(&kept);
    });
}

#[test]
fn a_panic_ends_the_job_and_is_quoted() {
    within_a_minute(|| {
        let flow = Flow::new("readme-panic", Builtin);
        let _ = flow
            .source("numbers", 2, |_| ops::IterSource::new(0..))
            .map("brittle", |n: u64| {
                assert!(n != 1000, "no room for a thousand");
                n
            })
            .parallelism(2)
            .collect("results");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_eq!(report.outcome, Outcome::Failed);
        let failure = &report.failures[0];
        assert!(failure.panicked && failure.node == "brittle", "{failure}");
        assert!(failure.instance.starts_with("brittle") && failure.message.contains("no room for a thousand"));
        assert_books_close(&report);
    });
}

#[test]
fn drain_and_abort_end_with_books_that_close() {
    within_a_minute(|| {
        for drained in [true, false] {
            let flow = Flow::new("readme-ends", Builtin);
            let started = Arc::new(Barrier::new(2));
            let gate = Arc::clone(&started);
            let results = flow
                .source("numbers", 1, |_| {
                    let mut next = 0_u64;
                    ops::FnSource::new(move |ctx| {
                        ctx.emit(next)?;
                        next += 1;
                        Ok(SourceStep::More)
                    })
                })
                .inspect("gate", move |n| {
                    if *n == 100 {
                        gate.wait();
                    }
                })
                .collect("results");
            let job = flow.build(Deployment::Threads).unwrap().start().unwrap();
            started.wait();
            if drained {
                job.drain(Duration::MAX);
            } else {
                job.abort();
            }
            let report = job.wait();
            assert_books_close(&report);
            let (outcome, complete) = if drained {
                (Outcome::Drained, true)
            } else {
                (Outcome::Aborted, false)
            };
            assert_eq!(
                (report.outcome, report.is_complete()),
                (outcome, complete),
                "{report:?}"
            );
            let emitted = report.node("numbers").unwrap().packets_out;
            let arrived = results.take();
            assert!(
                arrived.iter().enumerate().all(|(at, n)| at as u64 == *n),
                "in order, without a gap"
            );
            assert!(
                arrived.len() as u64 == emitted || !drained,
                "{} of {emitted}",
                arrived.len()
            );
        }
    });
}

#[test]
fn a_queue_closed_under_a_job_fails_it_and_hangs_nobody() {
    within_a_minute(|| {
        let uri = "sage_queue://readme/closed?maxsize=4";
        let outside = open::<u32>(uri).unwrap();
        let flow = Flow::new("readme-closed", Builtin);
        let _ = flow
            .source("numbers", 1, |_| ops::IterSource::new(0..))
            .into_queue("out", outside.clone());
        let job = flow.build(Deployment::Threads).unwrap().start().unwrap();
        assert_eq!(outside.get().unwrap(), 0);
        outside.close();
        let report = job.wait();
        assert_eq!(report.outcome, Outcome::Failed, "{report:?}");
        assert_eq!(report.failures[0].node, "out");
        assert_books_close(&report);
    });
}
