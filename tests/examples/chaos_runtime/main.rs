//! Jobs whose operators, workers and coordinators fail:
//! `chaos --backend runtime --fault panic|stuck|kill|exit|stop|coordinator|slow|storm|uneven [--rounds N] [--seed S] [--json]`.
//!
//! Jobs on threads run in the process of the campaign; for a job over processes the program starts itself again, as its
//! coordinator, which does so for its workers. Exit code 0 without a failure, 1 with one, 2 for a wrong command line.
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
mod deaths;
#[cfg(target_os = "linux")]
mod evidence;
#[cfg(target_os = "linux")]
mod inside;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod orders;
#[cfg(target_os = "linux")]
mod part;
#[cfg(target_os = "linux")]
mod peer;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod scene;
#[cfg(target_os = "linux")]
mod uneven;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    queue_testkit::campaign::main(options::PROGRAM.usage, part::play, options::read, |options| {
        options.wage(|| wage(options))
    })
}

/// Processes are found and looked at as this system shows them.
#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
fn wage(options: &options::Options) -> Result<report::Report, String> {
    use options::Fault;

    let mut report = report::Report::default();
    match options.fault {
        Fault::Panic => inside::panics(options, &mut report)?,
        Fault::Stuck => inside::stuck(options, &mut report)?,
        Fault::Slow => orders::slow(options, &mut report)?,
        Fault::Storm => orders::storm(options, &mut report)?,
        Fault::Uneven => uneven::run(options, &mut report)?,
        Fault::Kill | Fault::Exit | Fault::Stop | Fault::Coordinator => deaths::run(options, &mut report)?,
    }
    Ok(report)
}
