//! The processes of a campaign: started, watched, killed, and always waited for.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_micros(200);

/// One process. It is killed when this is dropped: whatever becomes of the campaign, nobody is left behind, not even one
/// who is stopped.
#[derive(Debug)]
pub struct Process(Child);

/// This program again, in that role, with nothing to read and nobody to talk to. Its complaints go into a file of the folder, if
/// there is one.
///
/// # Errors
/// When there is no such file, or the system does not say what this program is.
pub fn again(role: &str, folder: Option<&Path>) -> Result<Command, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command
        .arg(format!("@{role}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    if let Some(folder) = folder {
        let errors = File::options()
            .create(true)
            .append(true)
            .open(folder.join("stderr.txt"));
        command.stderr(errors.map_err(|error| format!("stderr.txt: {error}"))?);
    }
    Ok(command)
}

impl Process {
    /// Starts it.
    ///
    /// # Errors
    /// As the system has it.
    pub fn start(command: &mut Command) -> Result<Self, String> {
        let started = command.spawn();
        started
            .map(Self)
            .map_err(|error| format!("a process of the campaign: {error}"))
    }

    /// What the standard library knows of it.
    pub const fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Ends it as a power cut would.
    ///
    /// # Errors
    /// As the system has it.
    pub fn kill(&mut self) -> Result<(), String> {
        self.0.kill().map_err(|error| format!("kill: {error}"))?;
        self.0.wait().map_err(|error| format!("wait: {error}"))?;
        Ok(())
    }

    /// Its exit status, when it ends within `limit`.
    ///
    /// # Errors
    /// As the system has it.
    pub fn status(&mut self, limit: Duration) -> Result<Option<ExitStatus>, String> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().map_err(|error| format!("wait: {error}"))? {
                return Ok(Some(status));
            }
            if start.elapsed() > limit {
                return Ok(None);
            }
            sleep(TICK);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// The place of a campaign of that name beside the program, where cargo builds.
///
/// # Errors
/// When the program is somewhere else.
pub fn folder(name: &str) -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let target = program.ancestors().nth(3);
    let target = target.ok_or("this program is not where cargo puts it")?;
    Ok(target.join("chaos").join(name))
}

/// A folder that is ours alone and empty.
///
/// # Errors
/// As the system has it.
pub fn fresh_folder(path: &Path) -> Result<(), String> {
    let _ = std::fs::remove_dir_all(path);
    std::fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))
}
