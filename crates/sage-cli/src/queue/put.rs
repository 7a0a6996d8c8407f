//! `sage put`: each line of standard input becomes an item.

use std::collections::VecDeque;
use std::io::Write;
use std::process::ExitCode;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use sage_comm::{DescriptorRecord, DynQueue, ErrorKind, PutError, Wait};
use serde_json::json;

use super::TICK;
use super::args::PutArgs;
use super::descriptor::{Lines, is_kept, reachable, read, stays};
use super::line::Line;
use super::stdin::{self, FromStdin};
use crate::failure::Failure;
use crate::interrupt::{Asked, Interrupts};
use crate::output::Output;

/// How long items may lie inside before somebody is told why this does not end.
const QUIET: Duration = Duration::from_secs(1);

pub(crate) fn put(args: &PutArgs) -> Result<ExitCode, Failure> {
    let canonical = reachable(&read(&args.descriptor)?)?;
    let id = canonical.queue_id.as_str();
    let interrupts = Interrupts::catch()?;
    // Of a queue in memory that is closed, what is inside goes with the last one in any case.
    let items = match Lines::open(&canonical, args.bytes)? {
        Lines::Text(queue) => Putting::new(id, &queue, &interrupts).run(args, &canonical),
        Lines::Raw(queue) => Putting::new(id, &queue, &interrupts).run(args, &canonical),
    }?;
    if args.json {
        let summary = json!({ "queue_id": id, "items": items, "closed": args.close });
        Output::stdout().print(|out| writeln!(out, "{summary}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts what comes, and knows how far it got.
struct Putting<'a, T: Line> {
    id: &'a str,
    queue: &'a DynQueue<T>,
    interrupts: &'a Interrupts,
    done: u64,
}

impl<'a, T: Line> Putting<'a, T> {
    const fn new(id: &'a str, queue: &'a DynQueue<T>, interrupts: &'a Interrupts) -> Self {
        Self {
            id,
            queue,
            interrupts,
            done: 0,
        }
    }

    fn run(mut self, args: &PutArgs, canonical: &DescriptorRecord) -> Result<u64, Failure> {
        let put = self.put_all(args.timeout).and_then(|()| self.confirm(args.timeout));
        if args.close && put.is_ok() {
            self.queue.close();
        }
        let kept = stays(canonical, self.queue.caps()) || is_kept(canonical) && !args.close;
        // What was put is nobody's fault: it is not dropped because a later line was wrong.
        let taken = if kept || self.interrupts.asked() > Asked::Nothing {
            Ok(())
        } else {
            self.wait_until_taken()
        };
        put.and(taken).map(|()| self.done)
    }

    /// Waits until what was accepted is stored, where these are two things.
    fn confirm(&self, timeout: Option<Duration>) -> Result<(), Failure> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let tick = Instant::now() + TICK;
            match self
                .queue
                .flush(Wait::Until(deadline.map_or(tick, |end| end.min(tick))))
            {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() != ErrorKind::Timeout => return Err(self.failed(error)),
                Err(error) if deadline.is_some_and(|end| end <= Instant::now()) => return Err(self.failed(error)),
                Err(_) => self.go_on()?,
            }
        }
    }

    fn put_all(&mut self, timeout: Option<Duration>) -> Result<(), Failure> {
        let reader = stdin::read().map_err(|cause| self.failed(format_args!("cannot start a thread: {cause}")))?;
        loop {
            let lines = match reader.recv_timeout(TICK) {
                Ok(FromStdin::Lines(lines)) => lines,
                Ok(FromStdin::End) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Ok(FromStdin::Failed(message)) => return Err(self.failed(message)),
                Err(RecvTimeoutError::Timeout) => {
                    self.go_on()?;
                    continue;
                }
            };
            let mut items = VecDeque::with_capacity(lines.len());
            let mut is_all_text = true;
            for line in lines {
                let Some(item) = T::from_line(line) else {
                    is_all_text = false;
                    break;
                };
                items.push_back(item);
            }
            self.put_some(&mut items, timeout)?;
            if !is_all_text {
                return Err(self.failed(format_args!(
                    "line {} is not UTF-8, and the items of the queue are text; make it a queue of bytes with --bytes",
                    self.done + 1
                )));
            }
        }
    }

    fn put_some(&mut self, items: &mut VecDeque<T>, timeout: Option<Duration>) -> Result<(), Failure> {
        let mut last = Instant::now();
        while !items.is_empty() {
            self.go_on()?;
            let left = timeout.map(|timeout| timeout.saturating_sub(last.elapsed()));
            let until = Instant::now() + left.unwrap_or(TICK).min(TICK);
            match self.queue.put_batch(items, Wait::Until(until)) {
                Ok(count) => {
                    self.done += count as u64;
                    last = Instant::now();
                }
                Err(PutError::Full(())) if left.is_some_and(|left| left.is_zero()) => {
                    return Err(self.failed("the queue is full and nobody takes from it; see `sage ls`"));
                }
                Err(PutError::Full(())) => {}
                Err(PutError::Closed(())) => return Err(self.failed("the queue is closed; open it again for more")),
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(())
    }

    /// The last one out removes the queue, with what is inside.
    fn wait_until_taken(&self) -> Result<(), Failure> {
        let Some(totals) = self.queue.totals() else {
            return Ok(());
        };
        let start = Instant::now();
        let mut is_said = false;
        loop {
            let depth = self.queue.depth().unwrap_or_default();
            let now = self.queue.totals().unwrap_or_default();
            if depth == 0 || now.get >= totals.put {
                return Ok(());
            }
            if self.interrupts.asked() > Asked::Nothing {
                return Err(Failure::interrupted(format_args!(
                    "queue `{}`: left with {depth} items inside; if nobody has it open they are gone, and \
                     auto_cleanup=false would keep them",
                    self.id
                )));
            }
            if !is_said && start.elapsed() >= QUIET {
                is_said = true;
                // Without stderr there is nobody to tell.
                let _ = writeln!(
                    std::io::stderr(),
                    "sage: queue `{}`: waiting until {depth} items are taken, as the last one out removes them",
                    self.id
                );
            }
            std::thread::sleep(TICK / 4);
        }
    }

    fn go_on(&self) -> Result<(), Failure> {
        if self.interrupts.asked() == Asked::Nothing {
            return Ok(());
        }
        Err(Failure::interrupted(self.told("interrupted")))
    }

    fn failed(&self, message: impl std::fmt::Display) -> Failure {
        Failure::new(self.told(message))
    }

    fn told(&self, message: impl std::fmt::Display) -> String {
        format!("queue `{}`, after {} lines: {message}", self.id, self.done)
    }
}
