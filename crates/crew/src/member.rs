//! One worker, seen by the process that needs it.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use descriptor_core::{Error, ErrorKind};
use serde::Serialize;

use crate::Fate;
use crate::hall::Desk;
use crate::line::{Listener, Speaker, line};
use crate::output::{Output, Readers};
use crate::seat::{TOLD, WORKER};

/// How often a process that is about to end is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// A worker process. A child of this process ends when this is dropped.
#[derive(Debug)]
pub struct Member {
    worker: u32,
    pid: u32,
    body: Body,
    speaker: Speaker,
}

/// What there is of it here.
#[derive(Debug)]
enum Body {
    /// A child of this process, and what it writes.
    Child(Process, Readers),
    /// The host it runs on, and the queues between the two.
    Far { host: String, desk: Desk },
}

/// A child of this process. Dropping it ends it, and leaves nothing of it to the system.
#[derive(Debug)]
struct Process(Mutex<Child>);

impl Process {
    fn lock(&self) -> MutexGuard<'_, Child> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fate(&self) -> Option<Fate> {
        let status = self.lock().try_wait();
        status.map_or(Some(Fate::Exit(-1)), |status| status.map(Fate::from))
    }

    fn kill(&self) {
        // One that has ended needs no killing.
        let _ = self.lock().kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let _ = self.lock().wait();
    }
}

impl Member {
    /// Starts this program again, with the same arguments, as the worker of that number that writes there.
    ///
    /// # Errors
    /// `ResourceExhausted` when the system refuses a process, `Io` when it does not find or run the program.
    pub fn start(worker: u32, output: Output) -> Result<(Self, Listener), Error> {
        Self::spawn(worker, output, "")
    }

    /// As [`start`](Self::start), for one whose arguments do not say what there is to do, because the program found out
    /// later. [`is_told`](crate::is_told) is true there.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_told(worker: u32, output: Output) -> Result<(Self, Listener), Error> {
        Self::spawn(worker, output, TOLD)
    }

    fn spawn(worker: u32, output: Output, mark: &str) -> Result<(Self, Listener), Error> {
        let failed = |cause: std::io::Error| {
            let kind = match cause.kind() {
                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::OutOfMemory => ErrorKind::ResourceExhausted,
                _ => ErrorKind::Io,
            };
            Error::new(kind, "start worker")
                .with("worker", worker)
                .expected("this program to run once more")
                .remedy("see whether its file is still there, and what limits the number of processes")
                .caused_by(cause)
        };
        let program = std::env::current_exe().map_err(failed)?;
        let (mine, theirs) = UnixStream::pair().map_err(failed)?;
        let mut command = Command::new(program);
        if let Some(name) = std::env::args_os().next() {
            command.arg0(name);
        }
        let (out, err) = match output {
            Output::Collected => (Stdio::piped(), Stdio::piped()),
            Output::Inherited => (Stdio::inherit(), Stdio::inherit()),
        };
        let (speaker, listener) = line(mine)?;
        let child = command
            .args(std::env::args_os().skip(1))
            .env(WORKER, format!("{worker}@{}{mark}", std::process::id()))
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let pid = child.id();
        let process = Process(Mutex::new(child));
        let readers = Readers::of(&mut process.lock(), worker)?;
        let member = Self {
            worker,
            pid,
            body: Body::Child(process, readers),
            speaker,
        };
        Ok((member, listener))
    }

    /// One that has come from another host, and has no number yet.
    pub(crate) const fn far(pid: u32, host: String, speaker: Speaker, desk: Desk) -> Self {
        Self {
            worker: 0,
            pid,
            body: Body::Far { host, desk },
            speaker,
        }
    }

    pub(crate) const fn numbered(mut self, worker: u32) -> Self {
        self.worker = worker;
        self
    }

    /// Its number.
    #[must_use]
    pub const fn worker(&self) -> u32 {
        self.worker
    }

    /// Its process id.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// The host it has come from; `None` for a child of this process.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        match &self.body {
            Body::Child(..) => None,
            Body::Far { host, .. } => Some(host),
        }
    }

    /// What to call it: its process, and the host of one that has come from another.
    #[must_use]
    pub fn name(&self) -> String {
        match self.host() {
            None => format!("process {}", self.pid),
            Some(host) => format!("process {} of host {host}", self.pid),
        }
    }

    /// Writes one message to it.
    ///
    /// # Errors
    /// As [`Speaker::say`].
    pub fn say<M: Serialize>(&self, message: &M) -> Result<(), Error> {
        self.speaker.say(message)
    }

    /// How it ended; `None` while it runs. `Exit(-1)` should the system have forgotten it.
    #[must_use]
    pub fn fate(&self) -> Option<Fate> {
        let Body::Child(child, _) = &self.body else {
            return self.speaker.life().and_then(|life| life.fate());
        };
        child.fate()
    }

    /// Waits for its end, and ends it when it has not come within `limit`. What it wrote until then has been passed on.
    #[must_use]
    pub fn see_off(&self, limit: Duration) -> Fate {
        let start = Instant::now();
        let mut killed = false;
        loop {
            if let Some(fate) = self.fate() {
                if let Body::Child(_, readers) = &self.body {
                    readers.finish();
                }
                return fate;
            }
            if !killed && start.elapsed() >= limit {
                killed = true;
                self.kill();
            }
            std::thread::sleep(LOOK);
        }
    }

    /// What to say of one that is not ready after `limit`.
    #[must_use]
    pub fn late(&self, limit: Duration) -> Error {
        Error::new(ErrorKind::Timeout, "start workers")
            .with("worker", self.worker)
            .expected(format!("{} to be ready within {} s", self.name(), limit.as_secs()))
            .found("no word of it")
            .remedy("let it take its seat first in main, and get ready soon")
    }

    /// Has no need of it any more before it has begun: ends it, or lets one of another host go, which hears so behind
    /// everything that was said, and may look for other work.
    pub fn send_away(&self) {
        match &self.body {
            Body::Child(..) => self.kill(),
            Body::Far { .. } => self.speaker.hang_up(),
        }
    }

    /// Has heard its last word. One of another host waits for this, because a server takes words that nobody hears.
    pub fn confirm(&self) {
        if let Body::Far { .. } = &self.body {
            self.speaker.hang_up();
        }
    }

    /// Ends it at once. One of another host is told to, and counts as ended whether or not it hears of it.
    pub fn kill(&self) {
        match &self.body {
            Body::Child(child, _) => child.kill(),
            Body::Far { desk, .. } => {
                if let Some(life) = self.speaker.life() {
                    life.end(Fate::Dismissed);
                }
                desk.close();
            }
        }
    }

    /// Takes away what the two had at a server to talk to each other. For one that has ended.
    pub fn clear_away(&self) {
        if let Body::Far { desk, .. } = &self.body {
            desk.remove();
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_nobody_minds_is_ended_and_leaves_nothing_to_the_system() {
        let child = Command::new("sleep").arg("600").spawn().unwrap();
        let place = format!("/proc/{}", child.id());
        assert!(std::fs::exists(&place).unwrap());
        drop(Process(Mutex::new(child)));
        // That of a child that was not waited for would still be there.
        assert!(!std::fs::exists(&place).unwrap());
    }
}
