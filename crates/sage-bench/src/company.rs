//! The processes of one run: started, told how far to go, and ended.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ipc_peers::Lap;
use serde::Serialize;

/// How long they may take to leave, and how often they are looked at.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

/// Processes that play their parts. Ended when this is dropped, whatever they do.
pub(crate) struct Company(Vec<Actor>);

struct Actor {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Company {
    /// Starts this program once for each part, with `word` before it, and waits until all are ready.
    ///
    /// # Errors
    /// When one cannot be started or ends early.
    pub(crate) fn of_parts<P: Serialize>(word: &str, parts: &[P]) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| format!("where this program is: {error}"))?;
        let mut commands = Vec::new();
        for part in parts {
            let mut command = Command::new(&program);
            let text = serde_json::to_string(part).map_err(|error| format!("a part: {error}"))?;
            command.args([word, &text]);
            commands.push(command);
        }
        Self::start(commands)
    }

    /// The same with other programs.
    pub(crate) fn start(commands: impl IntoIterator<Item = Command>) -> Result<Self, String> {
        let mut company = Self(Vec::new());
        for mut command in commands {
            let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
            let mut child = started.map_err(|error| format!("{:?}: {error}", command.get_program()))?;
            let (input, output) = (child.stdin.take(), child.stdout.take());
            let output = BufReader::new(output.ok_or("a process without output")?);
            company.0.push(Actor { child, input, output });
        }
        for actor in &mut company.0 {
            let line = actor.line()?;
            if line != "ready" {
                return Err(format!("expected ready, found {line}"));
            }
        }
        Ok(company)
    }

    /// One lap, so far for each, in the order in which they were started.
    pub(crate) fn lap(&mut self, amounts: &[u64]) -> Result<Vec<Lap>, String> {
        for (actor, amount) in self.0.iter_mut().zip(amounts) {
            let input = actor.input.as_mut().ok_or("a process without input")?;
            writeln!(input, "{amount}").map_err(|error| format!("a process that ended early: {error}"))?;
        }
        let mut laps = Vec::new();
        for actor in &mut self.0 {
            let line = actor.line()?;
            laps.push(serde_json::from_str::<Lap>(&line).map_err(|error| format!("{error}: {line}"))?);
        }
        Ok(laps)
    }

    /// Lets them leave, and waits until they have.
    pub(crate) fn end(mut self) -> Result<(), String> {
        for actor in &mut self.0 {
            actor.input = None;
        }
        for actor in &mut self.0 {
            let status = actor.child.wait().map_err(|error| format!("wait: {error}"))?;
            if !status.success() {
                return Err(format!("a process ended with {status}"));
            }
        }
        Ok(())
    }
}

impl Actor {
    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(0) => Err("a process ended early".into()),
            Ok(_) => Ok(line.trim().into()),
            Err(error) => Err(format!("a process that says nothing: {error}")),
        }
    }
}

impl Drop for Company {
    /// They may leave by themselves first: who has started a program of somebody else has it to end.
    fn drop(&mut self) {
        for actor in &mut self.0 {
            actor.input = None;
        }
        let until = Instant::now() + PATIENCE;
        for actor in &mut self.0 {
            while matches!(actor.child.try_wait(), Ok(None)) && Instant::now() < until {
                thread::sleep(PAUSE);
            }
            if !matches!(actor.child.try_wait(), Ok(Some(_))) {
                let _ = actor.child.kill();
                let _ = actor.child.wait();
            }
        }
    }
}
