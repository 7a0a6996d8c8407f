//! What workers write to standard output and error, passed on line by line.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write, stderr, stdout};
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use descriptor_core::{Error, ErrorKind};

/// The longest line that is passed on in one piece, in bytes.
pub const MAX_LINE: usize = 16 << 10;
/// How much waits here for whoever reads the output of this process, in bytes.
const ROOM: usize = 4 << 20;
/// How long a worker has to wait when nobody reads: once, and not again before somebody has.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the last lines of a worker that has ended may take, each.
const LAST: Duration = Duration::from_secs(1);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(1);

/// Where workers write to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// To the process that started them, which writes it to its own standard output and error: whole lines with
    /// `worker 1: ` in front, one at a time. Lines of more than [`MAX_LINE`] bytes become several. A worker is not held up
    /// by whoever does not read: after a second lines are left out, and how many is said in their place.
    #[default]
    Collected,
    /// Where the process that started them writes to, as if they were one.
    Inherited,
}

/// The threads that read what one worker writes.
#[derive(Debug, Default)]
pub(crate) struct Readers(Vec<(JoinHandle<()>, Arc<Relay>)>);

impl Readers {
    /// Reads the pipes of a process that was started with some.
    pub(crate) fn of(child: &mut Child, worker: u32) -> Result<Self, Error> {
        let mut readers = Vec::new();
        if let Some(out) = child.stdout.take() {
            readers.push(reader(out, worker, relay(&OUT, || Box::new(stdout()))?)?);
        }
        if let Some(err) = child.stderr.take() {
            readers.push(reader(err, worker, relay(&ERR, || Box::new(stderr()))?)?);
        }
        Ok(Self(readers))
    }

    /// Waits until all that a process wrote that has ended has been passed on. Not for long where nothing moves: what it
    /// started itself may have its output, and nobody may read ours.
    pub(crate) fn finish(&self) {
        let until = Instant::now() + LAST;
        for (reader, relay) in &self.0 {
            while !reader.is_finished() && Instant::now() < until {
                sleep(LOOK);
            }
            relay.flush(LAST);
        }
    }
}

fn reader(
    from: impl Read + Send + 'static,
    worker: u32,
    to: Arc<Relay>,
) -> Result<(JoinHandle<()>, Arc<Relay>), Error> {
    let relay = Arc::clone(&to);
    let thread = thread::Builder::new()
        .name(format!("output-{worker}"))
        .spawn(move || collect(from, worker, &to, PATIENCE));
    Ok((thread.map_err(refused)?, relay))
}

fn refused(cause: std::io::Error) -> Error {
    Error::new(ErrorKind::ResourceExhausted, "start worker")
        .expected("threads for what it writes")
        .remedy("use fewer workers, or raise the limit of threads")
        .caused_by(cause)
}

/// Passes on what a worker writes until it has no output any more.
fn collect(from: impl Read, worker: u32, to: &Relay, patience: Duration) {
    let front = format!("worker {worker}: ");
    let mut from = BufReader::new(from);
    let mut left_out = 0_u64;
    let gap = |left_out: u64| format!("{front}{left_out} lines are left out here: nobody read them\n").into_bytes();
    loop {
        let mut line = front.clone().into_bytes();
        match (&mut from).take(MAX_LINE as u64).read_until(b'\n', &mut line) {
            Ok(1..) => {}
            _ => break,
        }
        if line.last() != Some(&b'\n') {
            line.push(b'\n');
        }
        if left_out > 0 && to.put(gap(left_out), Duration::ZERO) {
            left_out = 0;
        }
        if left_out > 0 || !to.put(line, patience) {
            left_out += 1;
        }
    }
    if left_out > 0 {
        to.put(gap(left_out), patience);
    }
}

type Slot = Mutex<Option<Arc<Relay>>>;
static OUT: OnceLock<Slot> = OnceLock::new();
static ERR: OnceLock<Slot> = OnceLock::new();

/// The one relay of this process for that output.
fn relay(slot: &OnceLock<Slot>, out: impl FnOnce() -> Box<dyn Write + Send>) -> Result<Arc<Relay>, Error> {
    let mut slot = slot
        .get_or_init(Slot::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(relay) = &*slot {
        return Ok(Arc::clone(relay));
    }
    let relay = Relay::to(out()).map_err(refused)?;
    *slot = Some(Arc::clone(&relay));
    Ok(relay)
}

/// Lines on their way to one output, from all workers.
#[derive(Debug, Default)]
struct Relay {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// How many were put, and how many have been written.
    put: u64,
    written: u64,
}

impl Relay {
    fn to(mut out: Box<dyn Write + Send>) -> std::io::Result<Arc<Self>> {
        let relay = Arc::new(Self::default());
        let at = Arc::clone(&relay);
        thread::Builder::new().name("output".into()).spawn(move || {
            loop {
                let line = at.next();
                // In one call, so that whatever else this process writes comes before or behind it. A closed pipe is the
                // reader's choice.
                let _ = out.write_all(&line).and_then(|()| out.flush());
            }
        })?;
        Ok(relay)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next line to be written; the one before has been.
    fn next(&self) -> Vec<u8> {
        let mut waiting = self.lock();
        waiting.written = waiting.put - waiting.lines.len() as u64;
        loop {
            self.changed.notify_all();
            if let Some(line) = waiting.lines.pop_front() {
                waiting.bytes -= line.len();
                return line;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// False when there is no room for so long.
    fn put(&self, line: Vec<u8>, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let mut waiting = self.lock();
        while waiting.bytes + line.len() > ROOM {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            waiting = self
                .changed
                .wait_timeout(waiting, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        waiting.bytes += line.len();
        waiting.lines.push_back(line);
        waiting.put += 1;
        drop(waiting);
        self.changed.notify_all();
        true
    }

    /// Waits until all is written that was put until now, or nothing has been for so long.
    fn flush(&self, patience: Duration) {
        let mut waiting = self.lock();
        let (all, mut seen, mut until) = (waiting.put, waiting.written, Instant::now() + patience);
        while waiting.written < all {
            if seen != waiting.written {
                (seen, until) = (waiting.written, Instant::now() + patience);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            waiting = self
                .changed
                .wait_timeout(waiting, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// An output that says what it is given, and writes nothing while it is held.
    struct Slow(Sender<Vec<u8>>, Arc<Mutex<()>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _held = self.1.lock().unwrap();
            self.0.send(bytes.to_vec()).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (Arc<Relay>, Receiver<Vec<u8>>, Arc<Mutex<()>>) {
        let (said, heard) = channel();
        let hold = Arc::new(Mutex::new(()));
        (Relay::to(Box::new(Slow(said, Arc::clone(&hold)))).unwrap(), heard, hold)
    }

    const A_MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn lines_come_whole_with_the_worker_in_front() {
        let (relay, heard, _) = slow();
        let long = "x".repeat(MAX_LINE + 3);
        collect(format!("one\n\n{long}\nhalf").as_bytes(), 7, &relay, PATIENCE);
        relay.flush(A_MINUTE);
        let lines: Vec<String> = heard.try_iter().map(|line| String::from_utf8(line).unwrap()).collect();
        let first = format!("worker 7: {}\n", "x".repeat(MAX_LINE));
        let expected = [
            "worker 7: one\n",
            "worker 7: \n",
            &first,
            "worker 7: xxx\n",
            "worker 7: half\n",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn who_writes_is_not_held_up_by_who_does_not_read() {
        let (relay, heard, hold) = slow();
        let held = hold.lock().unwrap();
        let text = format!("{}\n", "y".repeat(1_000)).repeat(3 * ROOM / 1_000);
        collect(text.as_bytes(), 0, &relay, Duration::ZERO);
        assert!(relay.lock().bytes <= ROOM);
        drop(held);
        relay.flush(A_MINUTE);
        let (came, lines) = (heard.try_iter().count(), text.lines().count());
        assert!(came > 0 && came < lines / 2, "{came} of {lines}");
    }

    /// Gives its first half, and the second when somebody reads.
    struct Halves<'a>(Option<MutexGuard<'a, ()>>, u32, Arc<Relay>);

    impl Read for Halves<'_> {
        fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
            self.1 += 1;
            match self.1 {
                1 => (&b"one\ntwo\n"[..]).read(to),
                2 => {
                    drop(self.0.take());
                    self.2.flush(A_MINUTE);
                    (&b"three\n"[..]).read(to)
                }
                _ => Ok(0),
            }
        }
    }

    #[test]
    fn what_is_left_out_is_counted_where_it_was() {
        let (relay, heard, hold) = slow();
        let held = hold.lock().unwrap();
        relay.put(vec![b'z'], Duration::ZERO);
        // From here on nothing is taken.
        while !relay.lock().lines.is_empty() {
            thread::yield_now();
        }
        while relay.put(vec![b'z'; ROOM / 4], Duration::ZERO) {}
        while relay.put(vec![b'z'], Duration::ZERO) {}
        collect(Halves(Some(held), 0, Arc::clone(&relay)), 3, &relay, Duration::ZERO);
        relay.flush(A_MINUTE);
        let all: Vec<u8> = heard.try_iter().flatten().filter(|byte| *byte != b'z').collect();
        assert_eq!(
            String::from_utf8(all).unwrap(),
            "worker 3: 2 lines are left out here: nobody read them\nworker 3: three\n"
        );
    }
}
