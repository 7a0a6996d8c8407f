//! A process that says line by line what it saw.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use super::Process;

/// A process whose lines are heard while it runs. It is killed when this is dropped.
#[derive(Debug)]
pub struct Speaker {
    /// The process itself.
    pub process: Process,
    said: Receiver<String>,
}

impl Speaker {
    /// Starts it, with its output for us.
    ///
    /// # Errors
    /// As the system has it.
    pub fn start(command: &mut Command) -> Result<Self, String> {
        let mut process = Process::start(command.stdout(Stdio::piped()))?;
        let out = process.child().stdout.take().ok_or("a process without output")?;
        let (sender, said) = channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { process, said })
    }

    /// Its next line; none when there is none within `limit`, or no more at all.
    #[must_use]
    pub fn hear(&self, limit: Duration) -> Option<String> {
        self.said.recv_timeout(limit).ok()
    }

    /// Gives it a line. It has to have been started with a pipe as its input.
    ///
    /// # Errors
    /// When it has none, or has ended.
    pub fn tell(&mut self, line: &str) -> Result<(), String> {
        let to = self.process.child().stdin.as_mut().ok_or("a process without input")?;
        writeln!(to, "{line}")
            .and_then(|()| to.flush())
            .map_err(|error| format!("a process of the campaign does not listen: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_is_told_comes_back_until_the_process_ends() {
        let mut echo = Speaker::start(Command::new("cat").stdin(Stdio::piped())).expect("a process");
        for line in ["one", "two and more"] {
            echo.tell(line).expect("it listens");
            assert_eq!(echo.hear(LONG).as_deref(), Some(line));
        }
        assert_eq!(echo.hear(Duration::from_millis(1)), None);
        echo.process.kill().expect("it was there");
        assert_eq!(echo.hear(LONG), None);
        assert!(echo.tell("three").is_err());
    }

    #[test]
    fn who_has_no_input_is_not_told_anything() {
        let mut deaf = Speaker::start(Command::new("cat").stdin(Stdio::null())).expect("a process");
        assert!(deaf.tell("one").is_err());
    }
}
