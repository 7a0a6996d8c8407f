//! Words that say something is unfinished or switched off.

use super::{File, Finding};

/// The needles, put together here so that this file does not hold them.
fn needles() -> [(String, &'static str); 5] {
    [
        (["to", "do!("].concat(), "write it"),
        (["unimpl", "emented!("].concat(), "write it"),
        (["TO", "DO"].concat(), "do it or delete the note"),
        (["FIX", "ME"].concat(), "mend it or delete the note"),
        (["#[ign", "ore"].concat(), "make the test run or delete it"),
    ]
}

/// Finds them in Rust sources and manifests.
pub(super) fn check(file: &File) -> Vec<Finding> {
    if !file.path.ends_with(".rs") && !file.path.ends_with(".toml") {
        return Vec::new();
    }
    let needles = needles();
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for (needle, remedy) in &needles {
            if line
                .match_indices(needle.as_str())
                .any(|(at, _)| stands_alone(line, at, needle))
            {
                findings.push(Finding::new(&file.path, index + 1, format!("`{needle}`"), *remedy));
            }
        }
    }
    findings
}

/// Not a part of a longer word.
fn stands_alone(line: &str, at: usize, needle: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let before = line.get(..at).and_then(|text| text.chars().next_back());
    let after = line.get(at + needle.len()..).and_then(|text| text.chars().next());
    let joins = |inner: Option<char>, outer: Option<char>| inner.is_some_and(is_word) && outer.is_some_and(is_word);
    !joins(needle.chars().next(), before) && !joins(needle.chars().next_back(), after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_planted_needle_is_found_at_its_line() {
        for (needle, _) in needles() {
            let file = File {
                path: "a.rs".to_owned(),
                text: format!("fn a() {{}}\n    {needle} later\n"),
            };
            let found = check(&file);
            assert_eq!(
                found.iter().map(|finding| finding.line).collect::<Vec<_>>(),
                [2],
                "{needle}"
            );
        }
    }

    #[test]
    fn longer_words_and_other_files_pass() {
        let needle = ["TO", "DO"].concat();
        assert_eq!(
            check(&File {
                path: "a.rs".to_owned(),
                text: format!("MAS{needle}N {needle}S")
            }),
            []
        );
        assert_eq!(
            check(&File {
                path: "a.md".to_owned(),
                text: needle
            }),
            []
        );
    }
}
