//! A job on threads, and what is known of it.

use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use queue_testkit::Dice;
use sage_comm::ops::FnSource;
use sage_comm::{
    Builtin, Deployment, Flow, Job, JobHandle, JobReport, OpResult, SourceStep, Stream, TaskContext, live_queues,
};

use crate::evidence::{Evidence, Item, NUMBERS, SINK, Seen, Sent};
use crate::options::{Options, Plant};
use crate::report::Report;

/// What takes longer hangs: three times what a job gives operators that do not return.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A job that is being written down.
pub(crate) struct Scene {
    pub(crate) name: String,
    pub(crate) flow: Flow<Builtin>,
    pub(crate) seen: Seen,
    pub(crate) sent: Sent,
    pub(crate) dice: Dice,
}

impl Scene {
    /// Of a job with so many sources in all.
    pub(crate) fn new(options: &Options, round: u64, sources: u32) -> Self {
        let mut dice = Dice::new(options.seed.wrapping_add(round));
        let name = format!("chaos-{}-{round}", options.name);
        let flow = Flow::new(&name, Builtin);
        flow.queue_kind(if dice.below(2) == 0 { "sage_queue" } else { "local" });
        flow.chain(dice.below(3) == 0);
        Self {
            name,
            flow,
            seen: Seen::default(),
            sent: Sent::by(sources),
            dice,
        }
    }

    /// So many sources of so many numbers each.
    pub(crate) fn numbers(&mut self, sources: u32, each: u64) -> Stream<Item, Builtin> {
        let (sent, seed) = (self.sent.clone(), self.dice.roll());
        self.flow
            .source(NUMBERS, sources, move |at| counting(at.index, each, seed, sent.clone()))
    }

    /// The rest of the job: the last packets go to the sink.
    pub(crate) fn sink(
        self,
        stream: &Stream<Item, Builtin>,
        hold: impl Fn() + Clone + Send + Sync + 'static,
    ) -> Result<Played, String> {
        let seen = self.seen.clone();
        let _ = stream
            .for_each(SINK, move |item| {
                hold();
                seen.note(item);
            })
            .chain(false)
            .buffer_size(4);
        let Self {
            name, flow, seen, sent, ..
        } = self;
        let job = flow.build(Deployment::Threads).map_err(|error| error.to_string())?;
        Ok(Played { name, seen, sent, job })
    }
}

/// A job that can be started.
pub(crate) struct Played {
    name: String,
    seen: Seen,
    sent: Sent,
    job: Job<Builtin>,
}

/// A job that was started.
pub(crate) struct Running {
    name: String,
    seen: Seen,
    sent: Sent,
    pub(crate) handle: JobHandle,
}

/// A job whose end is waited for.
pub(crate) struct Ending {
    name: String,
    seen: Seen,
    sent: Sent,
    begun: Instant,
    heard: Receiver<JobReport>,
}

impl Played {
    pub(crate) fn start(self) -> Result<Running, String> {
        let handle = self.job.start().map_err(|error| error.to_string())?;
        Ok(Running {
            name: self.name,
            seen: self.seen,
            sent: self.sent,
            handle,
        })
    }
}

impl Running {
    /// Begins to wait for its end, which may never come.
    pub(crate) fn wait(self) -> Ending {
        let (said, heard) = channel();
        let handle = self.handle;
        thread::spawn(move || drop(said.send(handle.wait())));
        Ending {
            name: self.name,
            seen: self.seen,
            sent: self.sent,
            begun: Instant::now(),
            heard,
        }
    }
}

impl Ending {
    /// How it ended, and the report; none, with a complaint, when it hangs. `limit` is how long it may take
    /// by what it was told.
    pub(crate) fn end(
        self,
        options: &Options,
        limit: Duration,
        copies: u32,
        report: &mut Report,
        complaints: &mut Vec<String>,
    ) -> Option<(Evidence, JobReport)> {
        let patience = if options.plants(Plant::Linger) {
            Duration::ZERO
        } else {
            PATIENCE + limit
        };
        let Ok(ended) = self.heard.recv_timeout(patience) else {
            report.hangs += 1;
            complaints.push(format!("`{}` does not end", self.name));
            return None;
        };
        report.counts.blocked(self.begun.elapsed().saturating_sub(limit));
        self.seen.plant(options);
        let evidence = Evidence::new(&ended, self.seen.sums(Some(&self.sent), copies));
        evidence.judge(report, complaints);
        let prefix = format!("{}/", self.name);
        let left = live_queues()
            .into_iter()
            .filter(|live| live.record.queue_id.as_str().starts_with(&prefix));
        let left = left.count() as u64 + u64::from(options.plants(Plant::Leak));
        if left > 0 && evidence.stuck.is_empty() {
            report.leaks += left;
            complaints.push(format!("{left} of its queues are left"));
        }
        Some((evidence, ended))
    }
}

/// Numbers in steps of any length, now and then with a pause.
pub(crate) fn counting(
    source: u32,
    each: u64,
    seed: u64,
    sent: Sent,
) -> FnSource<impl FnMut(&mut TaskContext<Item>) -> OpResult<SourceStep>> {
    let mut dice = Dice::new(seed.wrapping_add(u64::from(source)));
    let (mut next, burst, lazy) = (0, 1 + dice.below(40), dice.below(3) == 0);
    FnSource::new(move |ctx: &mut TaskContext<Item>| {
        for _ in 0..=dice.below(burst) {
            if next == each {
                return Ok(SourceStep::Done);
            }
            sent.count(source);
            let number = next;
            next += 1;
            ctx.emit(Item {
                source,
                number,
                last: next == each,
            })?;
        }
        Ok(if lazy && dice.below(8) == 0 {
            SourceStep::Idle(Duration::from_micros(dice.below(500)))
        } else {
            SourceStep::More
        })
    })
}
