//! A job over processes, as whoever wages the campaign sees it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use queue_testkit::campaign::{self, Process, Speaker};
use sage_comm::Codec;

use crate::evidence::Evidence;
use crate::part::{CLEAN, END, JOB};
use crate::scene::PATIENCE;

/// The variable that says where segments are.
const SEGMENTS: &str = "SAGE_SHM_DIR";

/// Where the segments of one campaign are, and the file that ends its jobs. It goes with whoever is still there.
pub(crate) struct Place {
    folder: PathBuf,
    end: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = PathBuf::from(format!("/dev/shm/sage-chaos-{}", std::process::id()));
        let end = folder.with_extension("end");
        let place = Self { folder, end };
        place.tidy();
        place
    }

    fn tidy(&self) {
        let _ = fs::remove_dir_all(&self.folder);
        let _ = fs::remove_file(&self.end);
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Lets the sources of a job come to their end, or not yet.
    pub(crate) fn end(&self, is_over: bool) -> Result<(), String> {
        if is_over {
            return fs::write(&self.end, "").map_err(|error| format!("{}: {error}", self.end.display()));
        }
        let _ = fs::remove_file(&self.end);
        Ok(())
    }

    /// The segments that are there.
    pub(crate) fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name != ".control").collect()
    }

    /// Has a process remove what the dead have left.
    pub(crate) fn clean(&self) -> Result<(), String> {
        let mut command = campaign::again(CLEAN, None)?;
        let mut cleaner = Process::start(command.env(SEGMENTS, &self.folder))?;
        match cleaner.status(PATIENCE)? {
            Some(status) if status.success() => Ok(()),
            status => Err(format!("whoever cleans up ended with {status:?}")),
        }
    }

    /// A process that uses it and does not end.
    pub(crate) fn stay(&self) -> Result<Process, String> {
        Process::start(Command::new("sleep").arg("600").env(SEGMENTS, &self.folder))
    }

    /// The processes that use it and have not ended: coordinators and workers have its name in their environment.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let wanted = format!("{SEGMENTS}={}", self.folder.display());
        let uses = |pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|it| it == wanted.as_bytes())
        };
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(uses).collect()
    }

    /// Waits until there are none any more. Those that are there at the end are killed.
    pub(crate) fn wait_empty(&self, limit: Duration) -> (Duration, Vec<u32>) {
        let begun = Instant::now();
        loop {
            let there = self.processes();
            if there.is_empty() || begun.elapsed() > limit {
                for pid in &there {
                    signal("KILL", *pid);
                }
                return (begun.elapsed(), there);
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.wait_empty(Duration::ZERO);
        self.tidy();
    }
}

pub(crate) fn signal(name: &str, pid: u32) {
    // One that has ended needs none.
    let _ = Command::new("kill")
        .args(["-s", name, &pid.to_string()])
        .stderr(Stdio::null())
        .status();
}

/// The coordinator of a job.
pub(crate) struct Peer(Speaker);

impl Peer {
    pub(crate) fn start(place: &Place, kind: &str, at: u64) -> Result<Self, String> {
        let mut command = campaign::again(JOB, None)?;
        command
            .args([kind, &at.to_string()])
            .env(SEGMENTS, &place.folder)
            .env(END, &place.end)
            .stderr(Stdio::null());
        Speaker::start(&mut command).map(Self)
    }

    pub(crate) const fn process(&mut self) -> &mut Process {
        &mut self.0.process
    }

    /// So many workers that work.
    pub(crate) fn workers(&self, count: u32) -> Result<Vec<u32>, String> {
        let mut workers = Vec::new();
        while workers.len() < count as usize {
            let line = self.0.hear(PATIENCE);
            let line = line.ok_or_else(|| format!("a job does not begin: {workers:?} of its workers do"))?;
            let pid = line.rsplit("process ").next().and_then(|pid| pid.parse::<u32>().ok());
            workers.extend(pid);
        }
        Ok(workers)
    }

    /// What it says at its end; none when it does not end.
    pub(crate) fn evidence(&self) -> Result<Option<Evidence>, String> {
        let until = Instant::now() + PATIENCE;
        while let Some(line) = self.0.hear(until.saturating_duration_since(Instant::now())) {
            if let Some(json) = line.strip_prefix("evidence ") {
                let evidence = Codec::Json.decode(json.as_bytes(), 1 << 20);
                return evidence.map(Some).map_err(|error| error.to_string());
            }
        }
        Ok(None)
    }
}
