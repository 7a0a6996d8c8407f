//! From the lines of a run to a page of Markdown.

use std::fmt::Write as _;

/// How one queue type did with one clause function.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    kind: String,
    number: u8,
    claim: String,
    name: String,
    end: End,
}

#[derive(Clone, Debug, PartialEq)]
enum End {
    Held,
    Skipped(String),
}

const HEAD: &str = "# Semantics

<!-- Made by `cargo xtask semantics`. Changes by hand are lost. -->

What was tested, and on which queue types: each row is a function of the conformance kit, each column a queue type, and each cell
what happened when the first was run on the second. `cargo xtask semantics` runs all of them and writes this page;
`cargo xtask semantics --check`, a step of `cargo xtask ci`, runs them again and fails when the page says anything else. A function
that fails ends the run: it is never written down.

* **held**: the function ran on queues of this type and found nothing wrong. It tries hard and uses real threads and tasks, but it is
  a test and not a proof; [what looks further](testing.md).
* **skipped**: it asks for something that the type does not promise; the number leads to the reason.

The words of the clauses are in the documentation of the trait `Queue`. `chaos+` stands for the wrapper that makes
[queues go wrong on purpose](queues.md#queues-that-go-wrong-on-purpose), here with all faults off: it must change nothing.
";

/// For rows that only queues of one process have.
const NOT_WIRE: &str = "is opened for items that can be serialized, which these cannot be";

/// Reads what the driver printed. An error names the clauses that failed, or the line that is none.
pub(super) fn read(text: &str) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    let mut failed = String::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [kind, number, claim, name, end, reason] = fields[..] else {
            return Err(format!("expected six fields from the driver, found `{line}`"));
        };
        let end = match end {
            "held" => End::Held,
            "skipped" => End::Skipped(reason.to_owned()),
            _ => {
                let _ = write!(failed, "\n  {kind}: {name}: {reason}");
                continue;
            }
        };
        lines.push(Line {
            kind: kind.to_owned(),
            number: number
                .parse()
                .map_err(|_| format!("expected the number of a clause, found `{line}`"))?,
            claim: claim.to_owned(),
            name: name.to_owned(),
            end,
        });
    }
    if !failed.is_empty() {
        return Err(format!("clauses that do not hold:{failed}"));
    }
    if lines.is_empty() {
        return Err("the driver ran no clause".to_owned());
    }
    Ok(lines)
}

/// The page.
pub(super) fn write(lines: &[Line]) -> String {
    let kinds = distinct(lines.iter().map(|line| line.kind.as_str()));
    let rows = distinct(lines.iter().map(|line| (line.number, line.claim.as_str())));
    let mut reasons = Vec::new();
    let mut themes = String::new();
    for (number, claim) in rows {
        let _ = writeln!(themes, "\n## {number}. {}\n", sentence(claim));
        let _ = writeln!(
            themes,
            "| group | what is tested |{}",
            cells(&kinds, |kind| format!("`{kind}`"))
        );
        let _ = writeln!(themes, "|---|---|{}", "---|".repeat(kinds.len()));
        let names = lines.iter().filter(|line| line.number == number && line.claim == claim);
        for name in distinct(names.map(|line| line.name.as_str())) {
            let (group, function) = name.split_once("::").unwrap_or(("", name));
            let row = cells(&kinds, |kind| match reason(lines, kind, name) {
                None => "held".to_owned(),
                Some(reason) => format!("skipped ({})", place(&mut reasons, reason)),
            });
            let _ = writeln!(themes, "| {group} | {} |{row}", function.replace('_', " "));
        }
    }
    let mut page = HEAD.to_owned();
    page.push_str(&summary(lines, &kinds));
    page.push_str(&themes);
    page.push_str("\n## Why a function is skipped\n\n");
    for (place, reason) in reasons.iter().enumerate() {
        let _ = writeln!(page, "{}. The queue type {reason}.", place + 1);
    }
    page
}

fn summary(lines: &[Line], kinds: &[&str]) -> String {
    let names = distinct(lines.iter().map(|line| line.name.as_str()));
    let mut text = format!(
        "\n| of {} functions |{}\n|---|{}\n",
        names.len(),
        cells(kinds, |kind| format!("`{kind}`")),
        "---|".repeat(kinds.len())
    );
    let held = |kind: &str| names.iter().filter(|name| reason(lines, kind, name).is_none()).count();
    let _ = writeln!(text, "| held |{}", cells(kinds, |kind| held(kind).to_string()));
    let _ = writeln!(
        text,
        "| skipped |{}",
        cells(kinds, |kind| (names.len() - held(kind)).to_string())
    );
    text
}

/// Why the clause function is not run on queues of the type; `None` when it held.
fn reason<'a>(lines: &'a [Line], kind: &str, name: &str) -> Option<&'a str> {
    match lines.iter().find(|line| line.kind == kind && line.name == name) {
        None => Some(NOT_WIRE),
        Some(line) => match &line.end {
            End::Held => None,
            End::Skipped(reason) => Some(reason),
        },
    }
}

/// The number of a footnote.
fn place<'a>(reasons: &mut Vec<&'a str>, reason: &'a str) -> usize {
    match reasons.iter().position(|known| *known == reason) {
        Some(place) => place + 1,
        None => {
            reasons.push(reason);
            reasons.len()
        }
    }
}

fn cells(kinds: &[&str], mut cell: impl FnMut(&str) -> String) -> String {
    kinds.iter().map(|kind| format!(" {} |", cell(kind))).collect()
}

fn sentence(claim: &str) -> String {
    let mut letters = claim.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Each value once, in the order of first appearance.
fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "ring\t1\titems keep their order\torder::one_by_one\theld\t\n\
        ring\t3\tthe capacity holds\tcapacity::none\tskipped\thas a capacity\n\
        ring\t3\tthe capacity holds\tmoved::boxes\theld\t\n\
        wire\t1\titems keep their order\torder::one_by_one\theld\t\n\
        wire\t3\tthe capacity holds\tcapacity::none\theld\t\n";

    #[test]
    fn a_row_for_each_function_and_a_column_for_each_type() {
        let page = write(&read(RUN).expect("a run"));
        for row in [
            "| of 3 functions | `ring` | `wire` |",
            "| held | 2 | 2 |",
            "| skipped | 1 | 1 |",
            "## 1. Items keep their order",
            "| order | one by one | held | held |",
            "| capacity | none | skipped (1) | held |",
            "| moved | boxes | held | skipped (2) |",
            "1. The queue type has a capacity.",
            "2. The queue type is opened for items that can be serialized, which these cannot be.",
        ] {
            assert!(page.lines().any(|line| line == row), "{row} is not in\n{page}");
        }
    }

    #[test]
    fn what_failed_is_an_error_and_never_a_cell() {
        let failing = format!("{RUN}wire\t1\titems keep their order\torder::two_by_two\tfailed\t2 before 1\n");
        let error = read(&failing).expect_err("a clause failed");
        assert!(error.contains("wire: order::two_by_two: 2 before 1"), "{error}");
        assert!(read("").is_err());
        assert!(read("ring held\n").is_err());
        assert!(read("ring\tone\ta\tb\theld\t\n").is_err());
    }
}
