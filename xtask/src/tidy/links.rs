//! Relative links in Markdown lead somewhere inside the checkout.

use super::{File, Finding};

/// `exists` answers for a path from the root.
pub(super) fn check(files: &[File], exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        for (line, target) in targets(&file.text) {
            let remedy = match resolve(&file.path, &target) {
                None => "link only into this checkout",
                Some(path) if !exists(&path) => "write that file or correct the link",
                Some(_) => continue,
            };
            findings.push(Finding::new(
                &file.path,
                line,
                format!("the link {target} leads nowhere"),
                remedy,
            ));
        }
    }
    findings
}

/// The relative targets of inline links, images and reference definitions, with their lines; code is left out.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut fence: Option<&str> = None;
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| trimmed.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => {
                let line = without_code(line);
                let inline = line
                    .split("](")
                    .skip(1)
                    .filter_map(|rest| rest.split([')', ' ']).next());
                let definition = line
                    .trim_start()
                    .strip_prefix('[')
                    .and_then(|rest| rest.split_once("]: "));
                let definition = definition.and_then(|(_, rest)| rest.split_whitespace().next());
                let relative = inline.chain(definition).filter(|target| is_relative(target));
                found.extend(relative.map(|target| (index + 1, target.trim_matches(['<', '>']).to_owned())));
            }
            _ => {}
        }
    }
    found
}

/// The line with its `code spans` dropped.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

fn is_relative(target: &str) -> bool {
    !target.is_empty() && !target.starts_with('#') && !target.contains("://") && !target.starts_with("mailto:")
}

/// The target as a path from the root, `None` if it leaves the checkout.
fn resolve(from: &str, target: &str) -> Option<String> {
    let target = target.split(['#', '?']).next().unwrap_or_default();
    let mut parts: Vec<&str> = match target.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => from
            .rsplit_once('/')
            .map_or_else(Vec::new, |(folder, _)| folder.split('/').collect()),
    };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<usize> {
        let files = [File {
            path: path.to_owned(),
            text: text.to_owned(),
        }];
        let exists = |path: &str| ["docs/a.md", "README.md", "docs"].contains(&path);
        check(&files, &exists).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        let text = "[a](a.md) [b](a.md#part \"title\") ![c](../README.md) [d](https://example.org/x) [e](#here) [f](/docs/)\n[g]: <a.md>\n";
        assert!(found("docs/b.md", text).is_empty());
        assert!(found("README.md", "[a](docs/a.md) [mail](mailto:a@example.org)").is_empty());
    }

    #[test]
    fn planted_dead_links_are_found_at_their_line() {
        assert_eq!(found("docs/b.md", "x\n[a](gone.md) and [b](a.md)"), [2]);
        assert_eq!(found("docs/b.md", "[a]: gone.md"), [1]);
        assert_eq!(found("README.md", "[out](../other/README.md)"), [1]);
        assert_eq!(found("README.md", "[a](a.md)"), [1]);
    }

    #[test]
    fn code_is_no_link() {
        assert_eq!(
            found(
                "README.md",
                "`[a](gone.md)`\n```rust\nlet x = y[0](gone.md);\n```\n[a](gone.md)"
            ),
            [5]
        );
    }
}
