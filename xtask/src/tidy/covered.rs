//! The map from the tests of the original to ours names no test that is not there.

use super::{File, Finding};

const MAP: &str = "docs/migration-tests.md";
/// Functions that are tests of every queue type, once each, when they are in the list.
const CLAUSES: &str = "crates/queue-testkit/src/clauses/";
const LIST: &str = "crates/queue-testkit/src/list.rs";

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let text = |path: &str| {
        files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text.as_str())
    };
    let Some(map) = text(MAP) else {
        return vec![Finding::new(MAP, 1, "no map of the original's tests", "write it")];
    };
    let mut findings = Vec::new();
    for (line, path, name) in references(map) {
        let what = match text(path) {
            None => format!("{path} is not there"),
            Some(code) if path.starts_with(CLAUSES) => {
                let listed = text(LIST).is_some_and(|list| list.split_whitespace().any(|word| word == name));
                if listed && declared(code, name).is_some() {
                    continue;
                }
                format!("{path} has no clause {name}")
            }
            Some(code) if is_test(code, name) => continue,
            Some(_) => format!("{path} has no test {name}"),
        };
        findings.push(Finding::new(MAP, line, what, "name the test that covers it now"));
    }
    findings
}

/// Every code span `path.rs::name`, with its line.
fn references(map: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    map.lines().enumerate().flat_map(|(index, line)| {
        let spans = line.split('`').skip(1).step_by(2);
        spans.filter_map(move |span| {
            let (path, name) = span.split_once(".rs::")?;
            Some((index + 1, &span[..path.len() + ".rs".len()], name))
        })
    })
}

/// The index of the line that declares the function.
fn declared(code: &str, name: &str) -> Option<usize> {
    code.lines().position(|line| {
        let mut words = line.split_whitespace().skip_while(|word| *word != "fn");
        let rest = words.nth(1).and_then(|word| word.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with(['(', '<']))
    })
}

fn is_test(code: &str, name: &str) -> bool {
    let lines: Vec<&str> = code.lines().collect();
    let above = declared(code, name)
        .and_then(|line| lines.get(..line))
        .unwrap_or_default();
    let mut attributes = above.iter().rev().take_while(|line| !line.trim().is_empty());
    attributes.any(|line| line.trim() == "#[test]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(map: &str) -> Vec<(usize, String)> {
        let files = [
            (MAP, map),
            (
                "crates/a/tests/b.rs",
                "#[test]\n#[expect(x)]\nfn good() {}\n\nfn helper() {\n}\n\n#[test]\nfn good_too(n in 0..3) {}\n",
            ),
            (
                "crates/queue-testkit/src/clauses/order.rs",
                "pub fn in_order<S: Subject>(it: &S) {}\npub fn unlisted(it: u8) {}\n",
            ),
            (LIST, "1 order \"it is\" {\n  in_order [Bounded]\n}\n"),
        ];
        let files = files.map(|(path, text)| File {
            path: path.to_owned(),
            text: text.to_owned(),
        });
        check(&files)
            .into_iter()
            .map(|finding| (finding.line, finding.what))
            .collect()
    }

    #[test]
    fn tests_and_listed_clauses_that_are_there_pass() {
        let map = "| `test_it` | `crates/a/tests/b.rs::good`, `crates/a/tests/b.rs::good_too` |\n\
            | `x` | `crates/queue-testkit/src/clauses/order.rs::in_order`, `lib.rs` |\n";
        assert_eq!(found(map), []);
    }

    #[test]
    fn what_is_no_test_is_found_at_its_line() {
        let map = "x\n`crates/a/tests/b.rs::goo`\n`crates/a/tests/b.rs::helper`\n`crates/a/tests/gone.rs::good`\n\
            `crates/queue-testkit/src/clauses/order.rs::unlisted`\n";
        let lines: Vec<usize> = found(map).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [2, 3, 4, 5]);
    }

    #[test]
    fn a_map_that_is_gone_is_found() {
        assert_eq!(check(&[]).len(), 1);
    }
}
