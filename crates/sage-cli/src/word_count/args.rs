//! The arguments of `sage word-count`.

use std::path::PathBuf;

use clap::Args;

use crate::args::{Bounded, JobArgs};

const AFTER_HELP: &str = "\
Words are maximal runs of bytes other than space, tab, newline, vertical tab, form feed and carriage
return; they are not changed and need not be UTF-8. Several files are one stream, as with cat.
The output is that of, with LC_ALL=C for all of them,
  cat FILE... | tr -s '[:space:]' '\\n' | grep -a . | sort | uniq -c | sort -k1,1nr -k2";

/// Count the words of files, the most frequent first
#[derive(Clone, Debug, Args)]
#[command(max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct WordCountArgs {
    /// Files to read; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,

    /// Print only the first N words
    #[arg(
        long, short = 'n', value_name = "N", allow_negative_numbers = true,
        value_parser = Bounded::<0, { u64::MAX }>::parse
    )]
    pub(super) top: Option<Bounded<0, { u64::MAX }>>,

    #[command(flatten)]
    pub(super) job: JobArgs,
}
