//! Commands that run some at a time, and are shown one after the other.

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::shell::{say, shown};

/// Runs them, at most `most` at a time. What each printed is shown when it has ended, in the order of the list. After a failure no
/// more are started; the error names the first that failed.
pub(crate) fn run(commands: Vec<Command>, most: usize) -> Result<(), String> {
    let next = AtomicUsize::new(0);
    let count = commands.len();
    let commands: Vec<_> = commands.into_iter().map(|command| Mutex::new(Some(command))).collect();
    let (sender, ended) = channel();
    thread::scope(|scope| {
        for _ in 0..most.clamp(1, count.max(1)) {
            let sender = sender.clone();
            scope.spawn(|| {
                let sender = sender;
                while let Some((at, command)) = take(&commands, &next) {
                    let told = one(command);
                    if told.1.is_err() {
                        next.store(count, Ordering::Relaxed);
                    }
                    if sender.send((at, told)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut early = BTreeMap::new();
        let (mut shown, mut verdict) = (0, Ok(()));
        let mut show = |(text, end): (String, Result<(), String>)| {
            say(text.trim_end());
            if verdict.is_ok() {
                verdict = end;
            }
        };
        for (at, told) in ended {
            early.insert(at, told);
            while let Some(told) = early.remove(&shown) {
                show(told);
                shown += 1;
            }
        }
        early.into_values().for_each(show);
        verdict
    })
}

/// The next one, if there is any.
fn take(commands: &[Mutex<Option<Command>>], next: &AtomicUsize) -> Option<(usize, Command)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    let mut place = commands.get(at)?.lock().unwrap_or_else(PoisonError::into_inner);
    place.take().map(|command| (at, command))
}

/// What is to be shown of it, and how it ended.
fn one(mut command: Command) -> (String, Result<(), String>) {
    let line = shown(&command);
    match command.stdin(Stdio::null()).stderr(Stdio::inherit()).output() {
        Ok(Output { status, stdout, .. }) => {
            let end = match status.success() {
                true => Ok(()),
                false => Err(format!("`{line}` ended with {status}")),
            };
            (format!("$ {line}\n{}", String::from_utf8_lossy(&stdout)), end)
        }
        Err(error) => (format!("$ {line}"), Err(format!("`{line}` did not start: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(text: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", text]);
        command
    }

    #[test]
    fn those_that_need_each_other_run_at_a_time() {
        let pipe = std::env::temp_dir().join(format!("xtask-abreast-{}", std::process::id()));
        let path = pipe.display();
        assert_eq!(run(vec![shell(&format!("mkfifo {path}"))], 2), Ok(()));
        // Either end of a pipe is only opened when somebody opens the other.
        let ends = vec![
            shell(&format!("echo here >{path}")),
            shell(&format!("read line <{path}")),
        ];
        assert_eq!(run(ends, 2), Ok(()));
        let _ = std::fs::remove_file(&pipe);
    }

    #[test]
    fn the_first_failure_is_named_and_no_more_are_started() {
        let witness = std::env::temp_dir().join(format!("xtask-abreast-{}-started", std::process::id()));
        let last = format!("touch {}", witness.display());
        let error = run(vec![shell("true"), shell("exit 3"), shell(&last)], 1).expect_err("one failed");
        assert!(error.contains("exit 3") && error.contains("exit status: 3"), "{error}");
        assert!(!witness.exists(), "{last}");
        assert_eq!(run(Vec::new(), 2), Ok(()));
        let missing = run(vec![Command::new("/no/such/program")], 2).expect_err("there is none");
        assert!(missing.contains("did not start"), "{missing}");
    }
}
