//! What follows the verb on the command line.

/// Why a verb ended without success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line was wrong: exit code 2.
    Usage(String),
    /// The check failed or could not be made: exit code 1.
    Failed(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Failed(message)
    }
}

/// The words after the verb, `--flags` apart from the rest.
#[derive(Debug)]
pub(crate) struct Args {
    line: Vec<String>,
    flags: Vec<String>,
    words: Vec<String>,
}

impl Args {
    pub(crate) fn new(words: impl Iterator<Item = String>) -> Self {
        let line: Vec<String> = words.collect();
        let (flags, words) = line.iter().cloned().partition(|word| word.starts_with('-'));
        Self { line, flags, words }
    }

    /// Fails on a flag that is not in `known`, or on a word where the verb takes none.
    pub(crate) fn allow(&self, known: &[&str], takes_words: bool) -> Result<(), Failure> {
        let stranger = self.flags.iter().find(|flag| !known.contains(&flag.as_str()));
        let stranger = stranger.or_else(|| self.words.first().filter(|_| !takes_words));
        match stranger {
            None => Ok(()),
            Some(word) if known.is_empty() => Err(Failure::Usage(format!(
                "unexpected `{word}`, this verb takes no arguments"
            ))),
            Some(word) => Err(Failure::Usage(format!(
                "unexpected `{word}`, this verb knows {}",
                known.join(", ")
            ))),
        }
    }

    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|given| given == flag)
    }

    /// Everything as it was given, for a verb that passes it on.
    pub(crate) fn line(&self) -> &[String] {
        &self.line
    }

    pub(crate) fn words(&self) -> &[String] {
        &self.words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Args {
        Args::new(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn flags_and_words_are_told_apart() {
        let given = args("fmt --no-install tests");
        assert!(given.has("--no-install"));
        assert_eq!(given.words(), ["fmt", "tests"]);
        assert!(given.allow(&["--no-install"], true).is_ok());
    }

    #[test]
    fn unknown_flags_and_stray_words_are_usage_errors() {
        assert!(matches!(
            args("--fast").allow(&["--no-install"], true),
            Err(Failure::Usage(_))
        ));
        assert!(matches!(args("stray").allow(&[], false), Err(Failure::Usage(_))));
    }
}
