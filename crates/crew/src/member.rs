//! One worker, seen by the process that started it.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use descriptor_core::{Error, ErrorKind};
use serde::Serialize;

use crate::Fate;
use crate::line::{Listener, Speaker, line};
use crate::output::{Output, Readers};
use crate::seat::WORKER;

/// How often a process that is about to end is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// A worker process.
#[derive(Debug)]
pub struct Member {
    worker: u32,
    pid: u32,
    child: Mutex<Child>,
    speaker: Speaker,
    readers: Readers,
}

impl Member {
    /// Starts this program again, with the same arguments, as the worker of that number that writes there.
    ///
    /// # Errors
    /// `ResourceExhausted` when the system refuses a process, `Io` when it does not find or run the program.
    pub fn start(worker: u32, output: Output) -> Result<(Self, Listener), Error> {
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
        let mut child = command
            .args(std::env::args_os().skip(1))
            .env(WORKER, format!("{worker}@{}", std::process::id()))
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let pid = child.id();
        // Without the line it ends by itself.
        let (speaker, listener) = line(mine)?;
        let readers = Readers::of(&mut child, worker)?;
        let member = Self {
            worker,
            pid,
            child: Mutex::new(child),
            speaker,
            readers,
        };
        Ok((member, listener))
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
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        child
            .try_wait()
            .map_or(Some(Fate::Exit(-1)), |status| status.map(Fate::from))
    }

    /// Waits for its end, and ends it when it has not come within `limit`. What it wrote until then has been passed on.
    #[must_use]
    pub fn see_off(&self, limit: Duration) -> Fate {
        let start = Instant::now();
        let mut killed = false;
        loop {
            if let Some(fate) = self.fate() {
                self.readers.finish();
                return fate;
            }
            if !killed && start.elapsed() >= limit {
                killed = true;
                self.kill();
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Ends it at once.
    pub fn kill(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // One that has ended needs no killing.
        let _ = child.kill();
    }
}
