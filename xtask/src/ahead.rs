//! A build that a later step needs, made while tests run.
//!
//! Tests wait for much of their time, and the processors with them. What is built meanwhile has the lowest priority, so that
//! it takes nothing from the tests, and nobody looks at how it ends: the step that needs it builds it again, which takes no time
//! when it is there and says what is wrong when it is not.

use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

/// The build, from its start until somebody needs it. One that nobody needs any more ends with this.
#[derive(Debug, Default)]
pub(crate) struct Ahead(Mutex<Option<Child>>);

impl Ahead {
    /// Starts it. Where there is no `nice` nothing happens.
    pub(crate) fn start(&self, build: &Command) {
        let child = at_the_lowest_priority(build).spawn().ok();
        if let Ok(mut place) = self.0.lock() {
            *place = child;
        }
    }

    /// Waits for its end, if it was started.
    pub(crate) fn wait(&self) {
        let child = self.0.lock().ok().and_then(|mut place| place.take());
        if let Some(mut child) = child {
            let _ = child.wait();
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        if let Ok(Some(child)) = self.0.get_mut() {
            // With the compilers that it started: they would write where the next build does.
            let group = format!("-{}", child.id());
            let _ = Command::new("kill").args(["-s", "KILL", "--", &group]).status();
            let _ = child.wait();
        }
    }
}

fn at_the_lowest_priority(build: &Command) -> Command {
    let mut command = Command::new("nice");
    command
        .args(["-n", "19"])
        .arg(build.get_program())
        .args(build.get_args());
    if let Some(folder) = build.get_current_dir() {
        command.current_dir(folder);
    }
    for (name, value) in build.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_build_is_started_as_it_would_be_and_waited_for() {
        let folder = std::env::temp_dir().join(format!("xtask-ahead-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let mut build = Command::new("sh");
        build
            .args(["-c", "nice >\"$NAME\""])
            .env("NAME", "priority")
            .current_dir(&folder);
        let ahead = Ahead::default();
        ahead.start(&build);
        ahead.wait();
        let priority = std::fs::read_to_string(folder.join("priority")).expect("what it wrote");
        assert_eq!(priority.trim(), "19");
        let _ = std::fs::remove_dir_all(&folder);
    }

    #[test]
    fn a_build_that_nobody_needs_is_ended() {
        let begun = Instant::now();
        let ahead = Ahead::default();
        let mut build = Command::new("sh");
        ahead.start(build.args(["-c", "sleep 600; true"]));
        drop(ahead);
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
}
