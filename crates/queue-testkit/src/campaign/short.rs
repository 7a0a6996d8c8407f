//! Short campaigns as tests have them: the program beside the test is run, and what it said is judged.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

/// An example of the package of a test that wages campaigns.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The folder of the package, `env!("CARGO_MANIFEST_DIR")`.
    pub package: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Folders of the package that it is made of. It may not be older than what is in them.
    pub sources: &'static [&'static str],
    /// What every campaign is told first.
    pub usual: &'static [&'static str],
    /// The command that makes it.
    pub build: &'static str,
}

/// What a campaign said in the end.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub text: String,
}

impl Example {
    /// Where it is. Cargo tells a test where binaries are, but not examples, and builds them only along with all targets.
    ///
    /// # Panics
    /// When it is missing or older than its source.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        let test = std::env::current_exe().expect("this program");
        let folder = test.ancestors().nth(2).expect("where cargo builds");
        let program = folder.join("examples").join(self.name);
        let Ok(meta) = program.metadata() else {
            panic!("{} is missing; `{}` makes it", program.display(), self.build);
        };
        let built = meta.modified().expect("when it was built");
        let package = Path::new(self.package);
        assert!(
            self.sources.iter().all(|folder| newest(&package.join(folder)) <= built),
            "{} is older than its source; `{}` makes it",
            program.display(),
            self.build
        );
        program
    }

    /// How a campaign ends that is told these words behind the usual ones.
    ///
    /// # Panics
    /// When it cannot be run.
    #[must_use]
    pub fn campaign(&self, words: &str) -> Verdict {
        let mut command = Command::new(self.path());
        command.args(self.usual).args(words.split_whitespace());
        Verdict::of(command.output().expect("a campaign"))
    }

    /// Each of these is a wrong command line, which has an exit code of its own.
    ///
    /// # Panics
    /// When one has another.
    pub fn refuses(&self, lines: &[&str]) {
        for words in lines {
            let mut command = Command::new(self.path());
            let said = Verdict::of(command.args(words.split_whitespace()).output().expect("a campaign"));
            assert_eq!(said.code, Some(2), "{words}");
        }
    }
}

/// When a file of that folder was changed last.
fn newest(folder: &Path) -> SystemTime {
    let files = folder.read_dir().expect("a folder of this package");
    let times = files.map(|file| file.and_then(|file| file.metadata()).and_then(|meta| meta.modified()));
    times.map(|time| time.expect("a time")).max().expect("a file")
}

impl Verdict {
    /// Of a program that has ended.
    #[must_use]
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            text: String::from_utf8_lossy(&output.stdout).into_owned(),
        }
    }

    /// Nothing failed, and the last line is an object with these fields.
    ///
    /// # Panics
    /// When that is not so.
    #[track_caller]
    pub fn is_good_with(&self, fields: &[&str]) {
        assert_eq!(self.code, Some(0), "{}", self.text);
        let last = self.text.lines().last().unwrap_or_default();
        for field in fields {
            assert!(last.starts_with('{') && last.contains(field), "{field}: {last}");
        }
    }

    /// It noticed what was planted, and complains of that.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn convicts(&self, complaint: &str) {
        let text = &self.text;
        assert_ne!(self.code, Some(0), "nobody noticed: {text}");
        assert!(text.contains("\"failed\":"), "the campaign itself failed: {text}");
        assert!(text.contains(complaint), "it complains of something else: {text}");
        // It keeps what happened where something failed, and here that was meant.
        if let Some(folder) = text.lines().find_map(|line| line.strip_prefix("what happened is in ")) {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// A campaign that notices nothing proves nothing: makes a test of each line, in which the campaign of these words has a mistake in
/// it and has to complain, where it says so, of that. First comes the [`Example`](crate::campaign::Example) that wages them.
#[macro_export]
macro_rules! convicts {
    ($program:expr; $($name:ident: $words:literal $(=> $complaint:literal)?;)*) => {$(
        #[test]
        fn $name() {
            $program.campaign($words).convicts(concat!("" $(, $complaint)?));
        }
    )*};
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "seed 7\n{\"rounds\":2,\"failed\":0}\n";
    const BAD: &str = "seed 7\nan item is lost\n{\"rounds\":2,\"failed\":1}\n";

    fn said(code: i32, text: &str) -> Verdict {
        Verdict {
            code: Some(code),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_verdict_is_what_the_last_line_says() {
        said(0, GOOD).is_good_with(&["\"rounds\":2", "\"failed\":0"]);
        said(1, BAD).convicts("is lost");
    }

    #[test]
    #[should_panic(expected = "nobody noticed")]
    fn a_campaign_without_a_failure_convicts_nobody() {
        said(0, BAD).convicts("is lost");
    }

    #[test]
    #[should_panic(expected = "the campaign itself failed")]
    fn a_campaign_without_a_verdict_convicts_nobody() {
        said(1, "an item is lost\n").convicts("is lost");
    }

    #[test]
    #[should_panic(expected = "it complains of something else")]
    fn another_complaint_convicts_nobody() {
        said(1, BAD).convicts("came twice");
    }

    #[test]
    #[should_panic(expected = "\"leaks\":0")]
    fn a_field_that_is_missing_is_named() {
        said(0, GOOD).is_good_with(&["\"leaks\":0"]);
    }

    #[test]
    #[should_panic(expected = "is missing; `make it` makes it")]
    fn a_program_that_was_not_built_is_named() {
        let example = Example {
            package: env!("CARGO_MANIFEST_DIR"),
            name: "no_such_example",
            sources: &["src"],
            usual: &[],
            build: "make it",
        };
        let _ = example.path();
    }
}
