//! Runs storms of threads, tasks and batches on a queue type until enough operations are recorded, and judges each
//! history: `lin --backend sage|local [--ops 1e6] [--seed S] [--json]`.
//!
//! Exit code 0 without a violation, 1 with one, 2 for a wrong command line. The seed decides who takes part in which
//! round and by which calls; how they meet is up to the machine, so a seed narrows a failure down but does not replay it.
#![forbid(unsafe_code)]

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use queue_testkit::{Dice, Storm, judge, watchdog};
use sage_comm::{DynQueue, LocalQueue, Result, SageQueue};

const USAGE: &str = "lin --backend sage|local [--ops 1e6] [--seed S] [--json]";
/// Operations of one round: many rounds meet many capacities, long ones wear a queue in.
const ROUND: usize = 50_000;
/// A storm is over in a second; one that is not has lost a wake-up.
const LIMIT: Duration = Duration::from_secs(120);
/// Of many violations the first say what is wrong.
const SHOWN: usize = 20;

type Opener = fn(usize) -> Result<DynQueue<u64>>;

struct Options {
    backend: &'static str,
    open: Opener,
    operations: usize,
    seed: u64,
    json: bool,
}

#[derive(Default)]
struct Sum {
    rounds: usize,
    operations: usize,
    violations: usize,
    judged: Duration,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "lin: {message}; usage: {USAGE}");
            return ExitCode::from(2);
        }
    };
    say(format_args!("seed {}", options.seed));
    let sum = run(&options);
    let verdict = if options.json {
        json(&options, &sum)
    } else {
        words(&options, &sum)
    };
    say(verdict);
    if sum.violations == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn run(options: &Options) -> Sum {
    let mut dice = Dice::new(options.seed);
    let mut sum = Sum::default();
    while sum.operations < options.operations {
        let seed = dice.roll();
        let size = ROUND.min(options.operations - sum.operations);
        let open = options.open;
        let history = watchdog(LIMIT, "a storm", move || {
            let storm = Storm::new(seed, size);
            match open(storm.capacity) {
                Ok(queue) => storm.rage(&queue),
                Err(error) => panic!("{error}"),
            }
        });
        let begun = Instant::now();
        let violations = judge(&history);
        sum.judged += begun.elapsed();
        for violation in violations.iter().take(SHOWN.saturating_sub(sum.violations)) {
            say(format_args!("round {} of seed {seed}: {violation}", sum.rounds));
        }
        sum.rounds += 1;
        sum.operations += history.ops.len();
        sum.violations += violations.len();
    }
    sum
}

fn json(options: &Options, sum: &Sum) -> String {
    serde_json::json!({
        "backend": options.backend,
        "operations": sum.operations,
        "violations": sum.violations,
        "rounds": sum.rounds,
        "seed": options.seed,
        "judge_seconds": sum.judged.as_secs_f64(),
    })
    .to_string()
}

fn words(options: &Options, sum: &Sum) -> String {
    format!(
        "{}: {} operations in {} rounds, judged in {:.2} s, {} violations",
        options.backend,
        sum.operations,
        sum.rounds,
        sum.judged.as_secs_f64(),
        sum.violations
    )
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        backend: "",
        open: sage,
        operations: 1_000_000,
        seed: RandomState::new().hash_one(0),
        json: false,
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("`{word}` lacks its value"));
        match word.as_str() {
            "--json" => options.json = true,
            "--backend" => {
                (options.backend, options.open) = match value()?.as_str() {
                    "sage" | "sage_queue" => ("sage", sage as Opener),
                    "local" => ("local", local as Opener),
                    other => return Err(format!("expected the backend `sage` or `local`, found `{other}`")),
                }
            }
            "--ops" => options.operations = count(&value()?)?,
            "--seed" => {
                let text = value()?;
                options.seed = text
                    .parse()
                    .map_err(|_| format!("expected a seed of 64 bits, found `{text}`"))?;
            }
            other => return Err(format!("unexpected `{other}`")),
        }
    }
    if options.backend.is_empty() {
        return Err("no backend".to_owned());
    }
    Ok(options)
}

/// A number of operations, also as `1e6`.
fn count(text: &str) -> Result<usize, String> {
    text.parse::<f64>()
        .ok()
        .filter(|number| (1.0..=1e12).contains(number))
        .map(|number| number as usize)
        .ok_or_else(|| format!("expected 1 to 1e12 operations, found `{text}`"))
}

fn sage(capacity: usize) -> Result<DynQueue<u64>> {
    Ok(Arc::new(SageQueue::new(capacity)?))
}

fn local(capacity: usize) -> Result<DynQueue<u64>> {
    Ok(Arc::new(LocalQueue::new(Some(capacity))?))
}

/// A line for the reader; one who left does not stop the run.
fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
