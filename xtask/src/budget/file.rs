//! The budget as a file, and what a run says about it.

use std::fmt::Write as _;

/// The counts repeat exactly. What this leaves room for is what a build does to code that nobody touched.
const TOLERANCE: f64 = 0.01;

const HEAD: &str = "# Instructions per operation of the hot paths, as `cargo xtask budget` counts them (docs/testing.md). It fails when a path
# takes more. `cargo xtask budget --update` adds paths and lowers numbers; it never raises one: that is done by hand.

";

/// What one operation of a path took.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Count {
    pub(super) name: String,
    pub(super) instructions: f64,
}

/// What each path may take, and by which compiler.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Budget {
    pub(super) toolchain: String,
    pub(super) paths: Vec<Count>,
}

/// What the driver printed, with the dump of each of its calls: a path runs for a number of rounds, and then for twice
/// as many.
pub(super) fn counts(printed: &str, dump: impl Fn(usize) -> Result<String, String>) -> Result<Vec<Count>, String> {
    let mut lines = printed.lines();
    let rounds: Option<u64> = lines.next().and_then(|line| line.parse().ok());
    let rounds = rounds
        .filter(|rounds| *rounds > 0)
        .ok_or("expected the number of rounds in the driver's first line")?;
    let mut counts = Vec::new();
    for (place, name) in lines.enumerate() {
        let [once, twice] = [1, 2].map(|call| total(&dump(2 * place + call)?));
        let (once, twice) = (once?, twice?);
        if once == 0 || twice <= once {
            return Err(format!(
                "{name}: {once} instructions, and {twice} for twice the rounds: the driver's path does not do its rounds"
            ));
        }
        counts.push(Count {
            name: name.to_owned(),
            instructions: (twice - once) as f64 / rounds as f64,
        });
    }
    if counts.is_empty() {
        return Err("the driver named no path".to_owned());
    }
    Ok(counts)
}

/// The instructions of one dump.
fn total(dump: &str) -> Result<u64, String> {
    dump.lines()
        .find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok())
        .ok_or_else(|| "expected a line `totals: NUMBER` in the dump of callgrind".to_owned())
}

/// Reads the file: comments, one table, and values of these two kinds.
pub(super) fn read(text: &str) -> Result<Budget, String> {
    let mut toolchain = None;
    let mut paths = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || line == "[instructions]" {
            continue;
        }
        let what = || {
            format!(
                "line {} of the budget: expected `\"path\" = number`, found `{line}`",
                index + 1
            )
        };
        let (key, value) = line.rsplit_once(" = ").ok_or_else(what)?;
        if key == "toolchain" {
            toolchain = Some(value.trim_matches('"').to_owned());
            continue;
        }
        let name = key.strip_prefix('"').and_then(|key| key.strip_suffix('"'));
        let instructions: Option<f64> = value.parse().ok().filter(|number: &f64| *number > 0.0);
        let (Some(name), Some(instructions)) = (name, instructions) else {
            return Err(what());
        };
        if paths.iter().any(|known: &Count| known.name == name) {
            return Err(format!("line {} of the budget: `{name}` twice, keep one", index + 1));
        }
        paths.push(Count {
            name: name.to_owned(),
            instructions,
        });
    }
    let toolchain = toolchain.ok_or("no line `toolchain = \"...\"` in the budget")?;
    Ok(Budget { toolchain, paths })
}

impl Budget {
    /// For nothing yet.
    pub(super) fn new(toolchain: &str) -> Self {
        Self {
            toolchain: toolchain.to_owned(),
            paths: Vec::new(),
        }
    }

    pub(super) fn write(&self) -> String {
        let mut text = format!("{HEAD}toolchain = \"{}\"\n\n[instructions]\n", self.toolchain);
        for path in &self.paths {
            let _ = writeln!(text, "\"{}\" = {:.1}", path.name, path.instructions);
        }
        text
    }

    fn of(&self, name: &str) -> Option<f64> {
        let known = self.paths.iter().find(|path| path.name == name)?;
        Some(known.instructions)
    }

    /// With new paths, without those that are gone, and with the lower number where there are two.
    pub(super) fn lowered(&self, counts: &[Count]) -> Self {
        let lower = |count: &Count| {
            let fresh = rounded(count.instructions);
            Count {
                name: count.name.clone(),
                instructions: self.of(&count.name).map_or(fresh, |known| known.min(fresh)),
            }
        };
        Self {
            toolchain: self.toolchain.clone(),
            paths: counts.iter().map(lower).collect(),
        }
    }

    /// An error names every path that takes more than it may, or that is in one place only.
    pub(super) fn verdict(&self, counts: &[Count]) -> Result<(), String> {
        let mut findings = Vec::new();
        for count in counts {
            match self.of(&count.name) {
                None => findings.push(format!("{}: no budget, --update adds it", count.name)),
                Some(known) if count.instructions > known * (1.0 + TOLERANCE) => findings.push(format!(
                    "{}: {:.1} instructions, the budget is {known:.1} ({})",
                    count.name,
                    count.instructions,
                    change(known, count.instructions)
                )),
                Some(_) => {}
            }
        }
        for path in &self.paths {
            if counts.iter().all(|count| count.name != path.name) {
                findings.push(format!("{}: a budget for no path, --update drops it", path.name));
            }
        }
        if findings.is_empty() {
            Ok(())
        } else {
            Err(findings.join("\n"))
        }
    }

    pub(super) fn table(&self, counts: &[Count]) -> String {
        let mut text = format!("{:>12}{:>12}{:>9}  instructions per operation", "counted", "budget", "");
        for count in counts {
            let (known, change) = match self.of(&count.name) {
                None => ("none".to_owned(), String::new()),
                Some(known) => (format!("{known:.1}"), change(known, count.instructions)),
            };
            let _ = write!(
                text,
                "\n{:>12.1}{known:>12}{change:>9}  {}",
                count.instructions, count.name
            );
        }
        text
    }
}

fn change(known: f64, fresh: f64) -> String {
    // Adding nothing makes a plus of the minus that a rounded zero may have.
    format!("{:+.1} %", rounded((fresh / known - 1.0) * 100.0) + 0.0)
}

/// To one decimal, as numbers are written.
fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(name: &str, instructions: f64) -> Count {
        Count {
            name: name.to_owned(),
            instructions,
        }
    }

    fn budget() -> Budget {
        Budget {
            toolchain: "rustc 1".to_owned(),
            paths: vec![count("put = get", 100.0), count("hop", 2000.0)],
        }
    }

    #[test]
    fn a_path_that_grew_by_more_than_a_percent_is_found() {
        let verdict = |put, hop| budget().verdict(&[count("put = get", put), count("hop", hop)]);
        assert_eq!(verdict(100.0, 2000.0), Ok(()));
        assert_eq!(verdict(50.0, 2019.9), Ok(()));
        let error = verdict(100.0, 2030.0).expect_err("the hop is too long");
        assert_eq!(error, "hop: 2030.0 instructions, the budget is 2000.0 (+1.5 %)");
        assert_eq!(verdict(102.0, 4000.0).map_err(|error| error.lines().count()), Err(2));
    }

    #[test]
    fn a_path_without_a_budget_and_a_budget_without_a_path_are_found() {
        let error = budget()
            .verdict(&[count("hop", 1.0), count("new", 1.0)])
            .expect_err("two");
        assert_eq!(
            error,
            "new: no budget, --update adds it\nput = get: a budget for no path, --update drops it"
        );
    }

    #[test]
    fn an_update_lowers_and_adds_and_never_raises() {
        let counts = [count("new", 7.26), count("hop", 2500.0), count("put = get", 90.04)];
        let updated = budget().lowered(&counts);
        assert_eq!(
            updated.paths,
            [count("new", 7.3), count("hop", 2000.0), count("put = get", 90.0)]
        );
        let error = updated.verdict(&counts).expect_err("the hop is still too long");
        assert!(
            error.starts_with("hop: 2500.0") && error.lines().count() == 1,
            "{error}"
        );
        assert_eq!(updated.lowered(&counts[..1]).paths, [count("new", 7.3)]);
    }

    #[test]
    fn the_file_reads_back_and_wrong_lines_are_named() {
        assert_eq!(read(&budget().write()), Ok(budget()));
        let head = "toolchain = \"rustc 1\"\n";
        for line in [
            "hop = 3",
            "\"hop\" = three",
            "\"hop\" = -1",
            "\"hop\" = 0",
            "\"hop\"",
            "[other]",
        ] {
            let error = read(&format!("{head}{line}\n")).expect_err("a wrong line");
            assert!(
                error.starts_with("line 2 of the budget") && error.contains(line),
                "{error}"
            );
        }
        assert!(read(&format!("{head}\"a\" = 1\n\"a\" = 2\n")).is_err());
        assert!(read("\"a\" = 1\n").is_err());
    }

    #[test]
    fn an_operation_is_the_difference_of_two_runs() {
        let dumps = ["", "totals: 1000", "x\ntotals: 1500\n", "totals: 70", "totals: 90"];
        let dump = |number: usize| {
            dumps
                .get(number)
                .map(|text| (*text).to_owned())
                .ok_or_else(|| "gone".to_owned())
        };
        let found = counts("10\nput\nget\n", dump);
        assert_eq!(found, Ok(vec![count("put", 50.0), count("get", 2.0)]));
        for printed in ["", "0\nput\n", "ten\nput\n", "10\n", "10\na\nb\nc\n"] {
            assert!(counts(printed, dump).is_err(), "{printed}");
        }
        assert!(counts("10\nput\n", |_| Ok("totals: 0\n".to_owned())).is_err());
        assert!(counts("10\nput\n", |_| Ok("totals: 5\n".to_owned())).is_err());
        assert!(counts("10\nput\n", |_| Ok("events: Ir\n".to_owned())).is_err());
    }
}
