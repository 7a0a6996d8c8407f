//! `cargo xtask hostile`: what is done to servers and clients of queues by peers that mean harm. The cases have numbers, H1 to
//! H15, and their tests are found by name wherever they lie: `h01_...` to `h15_...`. `cargo xtask ci` runs them among all others.

use std::collections::BTreeMap;

use crate::args::{Args, Failure};
use crate::shell::{self, cargo, say, shown};
use crate::tools::NEXTEST;

/// Line in the list of verbs.
pub(crate) const ABOUT: &str = "peers that mean harm, by their numbers: hostile [H1...] [--json]";

/// Where the tests are.
const PACKAGES: [&str; 4] = ["descriptor-record", "rpc-broker", "rpc-server", "queue-rpc"];

/// What such peers do, H1 first.
const CASES: [&str; 15] = [
    "say a byte now and then",
    "stop in the middle of a frame",
    "announce lengths beyond all limits",
    "flood with frames that ask for nothing",
    "speak another protocol, or noise",
    "send descriptors that are bombs",
    "leave in every state",
    "guess secrets",
    "replay what they overheard",
    "send what would unpack to more",
    "never read, and never give back",
    "come in crowds",
    "name what is not theirs",
    "serve, and lie to clients",
    "show wrong certificates",
];

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    args.allow(&["--json"], true)?;
    let asked = asked(args.words())?;
    let root = shell::root()?;
    NEXTEST.ensure(&root, true)?;
    let mut command = cargo(
        &root,
        &["nextest", "run", "--locked", "--retries", "0", "--no-fail-fast"],
    );
    for package in PACKAGES {
        command.args(["--package", package]);
    }
    command.args(["--status-level", "all", "--color", "never", "-E", &filter(&asked)]);
    say(format_args!("$ {}", shown(&command)));
    let output = command
        .output()
        .map_err(|error| format!("`{}` did not start: {error}", shown(&command)))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let counts = count(&text);
    if !output.status.success() {
        say(&text);
    }
    let report = Report {
        asked,
        counts,
        succeeded: output.status.success(),
    };
    say(report.table());
    if args.has("--json") {
        say(report.json());
    }
    Ok(report.verdict()?)
}

/// The numbers of these cases, all when none is named.
fn asked(words: &[String]) -> Result<Vec<usize>, Failure> {
    if words.is_empty() {
        return Ok((1..=CASES.len()).collect());
    }
    words
        .iter()
        .map(|word| {
            let number = word.strip_prefix(['H', 'h']).and_then(|number| number.parse().ok());
            number
                .filter(|number| (1..=CASES.len()).contains(number))
                .ok_or_else(|| Failure::Usage(format!("no case `{word}`, there are H1 to H{}", CASES.len())))
        })
        .collect()
}

/// Names of tests, or of the modules that they are in.
fn filter(asked: &[usize]) -> String {
    let numbers: Vec<String> = asked.iter().map(|number| format!("{number:02}")).collect();
    format!("test(/(^|::)h({})_/)", numbers.join("|"))
}

/// How many tests of a case ran, and how many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    run: usize,
    failed: usize,
}

/// What nextest says of each test while it goes on, by the number in its name. At the end it names those that failed
/// once more.
fn count(text: &str) -> BTreeMap<usize, Count> {
    let mut counts: BTreeMap<usize, Count> = BTreeMap::new();
    let lines = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Summary ["));
    for line in lines {
        let Some((status, rest)) = line.split_once(" [") else {
            continue;
        };
        let has_passed = matches!(status, "PASS" | "LEAK");
        if !has_passed && !matches!(status, "FAIL" | "TIMEOUT" | "ABORT") && !status.starts_with("SIG") {
            continue;
        }
        let test = rest.rsplit(' ').next().unwrap_or_default();
        if let Some(number) = test.split("::").find_map(number) {
            let count = counts.entry(number).or_default();
            count.run += 1;
            count.failed += usize::from(!has_passed);
        }
    }
    counts
}

/// The number that a name begins with.
fn number(name: &str) -> Option<usize> {
    let (digits, _) = name.strip_prefix('h')?.split_once('_')?;
    (digits.len() == 2).then(|| digits.parse().ok()).flatten()
}

struct Report {
    asked: Vec<usize>,
    counts: BTreeMap<usize, Count>,
    succeeded: bool,
}

impl Report {
    fn count(&self, number: usize) -> Count {
        self.counts.get(&number).copied().unwrap_or_default()
    }

    fn sum(&self, of: impl Fn(Count) -> usize) -> usize {
        self.asked.iter().map(|number| of(self.count(*number))).sum()
    }

    fn verdict(&self) -> Result<(), String> {
        let missing: Vec<String> = self
            .asked
            .iter()
            .filter(|number| self.count(**number).run == 0)
            .map(|number| format!("H{number}"))
            .collect();
        if !self.succeeded || self.sum(|count| count.failed) > 0 {
            return Err("a test failed or did not build: its output is above".to_owned());
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(format!(
            "no test ran for {}: write one, or find its name",
            missing.join(", ")
        ))
    }

    fn table(&self) -> String {
        let mut text = String::new();
        for number in &self.asked {
            let Count { run, failed } = self.count(*number);
            let what = CASES.get(number - 1).copied().unwrap_or_default();
            text.push_str(&format!(
                "{:<4}{what:<40}{run} tests, {failed} failed\n",
                format!("H{number}")
            ));
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// One object; all texts in it are ours, so nothing needs escaping.
    fn json(&self) -> String {
        let rows: Vec<String> = self
            .asked
            .iter()
            .map(|number| {
                let Count { run, failed } = self.count(*number);
                format!("\"H{number}\":{{\"run\":{run},\"failed\":{failed}}}")
            })
            .collect();
        format!(
            "{{\"passed\":{},\"cases\":{},\"tests\":{},\"failed\":{},\"by_case\":{{{}}}}}",
            self.verdict().is_ok(),
            self.asked.len(),
            self.sum(|count| count.run),
            self.sum(|count| count.failed),
            rows.join(",")
        )
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const SAID: &str = "    Starting 5 tests across 3 binaries (60 tests skipped)\n\
        \x20       PASS [   0.007s] ( 1/5) rpc-broker::broker handshake::h01_a_deadline\n\
        \x20       PASS [   1.007s] (2/5) rpc-server tests::h12_both\n\
        \x20       SLOW [> 60.000s] (─────) rpc-server::doors slow::h02_slow\n\
        \x20       FAIL [   0.215s] (3/5) rpc-server::doors slow::h01_many\n\
        \x20    SIGABRT [   0.215s] (4/5) rpc-server::doors h02_all::part\n\
        \x20       PASS [   0.1s] (5/5) rpc-server::doors tokens::not_of_the_set\n\
        \x20    Summary [   1.806s] 5 tests run: 3 passed, 2 failed\n\
        \x20       FAIL [   0.215s] (3/5) rpc-server::doors slow::h01_many\n";

    fn report(asked: &[usize], counts: &[(usize, Count)], succeeded: bool) -> Report {
        Report {
            asked: asked.to_vec(),
            counts: counts.iter().copied().collect(),
            succeeded,
        }
    }

    #[test]
    fn tests_are_counted_by_the_numbers_in_their_names() {
        let counts: Vec<_> = count(SAID)
            .into_iter()
            .map(|(number, count)| (number, count.run, count.failed))
            .collect();
        assert_eq!(counts, [(1, 2, 1), (2, 1, 1), (12, 1, 0)]);
    }

    #[test]
    fn a_case_without_a_test_and_a_failed_run_are_failures() {
        let good = Count { run: 2, failed: 0 };
        assert_eq!(report(&[1, 2], &[(1, good), (2, good)], true).verdict(), Ok(()));
        assert!(report(&[1], &[(1, good)], false).verdict().is_err());
        assert!(
            report(&[1], &[(1, Count { run: 2, failed: 1 })], true)
                .verdict()
                .is_err()
        );
        let error = report(&[1, 2], &[(1, good)], true)
            .verdict()
            .expect_err("H2 is missing");
        assert!(error.contains("H2"), "{error}");
    }

    #[test]
    fn cases_are_named_by_their_numbers() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(asked(&words("H3 h14")).expect("two"), [3, 14]);
        assert_eq!(filter(&[3, 14]), "test(/(^|::)h(03|14)_/)");
        assert_eq!(asked(&[]).expect("all").len(), CASES.len());
        for wrong in ["H0", "H16", "3", "slow"] {
            assert!(matches!(asked(&words(wrong)), Err(Failure::Usage(_))), "{wrong}");
        }
    }

    #[test]
    fn the_report_is_one_object() {
        assert_eq!(
            report(&[1, 2], &[(1, Count { run: 2, failed: 1 })], false).json(),
            "{\"passed\":false,\"cases\":2,\"tests\":2,\"failed\":1,\
             \"by_case\":{\"H1\":{\"run\":2,\"failed\":1},\"H2\":{\"run\":0,\"failed\":0}}}"
        );
    }

    /// Whoever renames or removes the last test of a case hears of it in every run of the tests.
    #[test]
    fn every_case_has_a_test() {
        let root = shell::root().expect("root");
        let mut numbers = std::collections::BTreeSet::new();
        for package in PACKAGES {
            gather(&root.join("crates").join(package), &mut numbers);
        }
        let all: Vec<usize> = (1..=CASES.len()).collect();
        assert_eq!(numbers.into_iter().collect::<Vec<_>>(), all);
    }

    fn gather(folder: &Path, numbers: &mut std::collections::BTreeSet<usize>) {
        for entry in std::fs::read_dir(folder).expect("folder") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                gather(&path, numbers);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(path).expect("text");
                let tests = text.split("#[test]\n").skip(1);
                numbers.extend(tests.filter_map(|test| number(test.trim_start().strip_prefix("fn ")?)));
            }
        }
    }
}
