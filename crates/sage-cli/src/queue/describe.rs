//! `sage describe`: one descriptor, side by side as a line and as JSON.

use std::process::ExitCode;

use sage_comm::Kind;

use super::args::DescribeArgs;
use super::descriptor::{read, wrong};
use crate::failure::Failure;
use crate::output::Output;

pub(crate) fn describe(args: &DescribeArgs) -> Result<ExitCode, Failure> {
    let record = read(&args.descriptor)?;
    // Types that are not built in have descriptors too.
    Kind::canonical(&record).map_err(wrong)?;
    Output::stdout().print(|out| {
        if !args.json {
            writeln!(out, "{}", record.to_uri())?;
        }
        writeln!(out, "{}", record.to_json())
    })?;
    Ok(ExitCode::SUCCESS)
}
