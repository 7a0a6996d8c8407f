//! What a `lib.rs` may hold: documentation, attributes, `mod`, `use`, and nothing that does something.

use super::source::{mask, words};
use super::{File, Finding};

const LOGIC: &[&str] = &[
    "fn",
    "impl",
    "struct",
    "enum",
    "union",
    "trait",
    "const",
    "static",
    "type",
    "let",
    "unsafe",
    "macro_rules",
];

/// `macros` says whether `macro_rules!` is allowed, with whatever it expands to.
pub(super) fn check(library: &File, macros: bool) -> Vec<Finding> {
    let mut masked = mask(&library.text);
    if macros {
        masked = without_macros(&masked);
    }
    let mut findings = Vec::new();
    for (line, word, next) in words(&masked) {
        let is_call = next == Some('!') && word != "include_str" && word != "macro_rules";
        if LOGIC.contains(&word) || is_call {
            let what = format!("`{word}` in lib.rs, which holds docs, mod and use only");
            findings.push(Finding::new(&library.path, line, what, "move it to a module"));
        }
    }
    findings
}

/// Blanks every `macro_rules! name { ... }` of masked text, line breaks kept.
fn without_macros(masked: &str) -> String {
    let mut out = String::with_capacity(masked.len());
    let mut rest = masked;
    while let Some((before, from)) = rest.split_once("macro_rules!") {
        out.push_str(before);
        let mut depth = 0_usize;
        let mut length = from.len();
        for (at, c) in from.char_indices() {
            match c {
                '{' | '(' | '[' => depth += 1,
                '}' | ')' | ']' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        length = at + c.len_utf8();
                        break;
                    }
                }
                _ => {}
            }
        }
        let (definition, after) = from.split_at(length);
        out.extend(definition.chars().filter(|&c| c == '\n'));
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(text: &str) -> File {
        File {
            path: "src/lib.rs".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn docs_modules_and_exports_pass() {
        let text = "//! fn main() {}\n#![doc = include_str!(\"../README.md\")]\n#![forbid(unsafe_code)]\n#[cfg(test)]\nmod tests;\n\
                    #[cfg(feature = \"fn\")]\npub mod wait;\n/// `impl`\n#[doc(inline)]\npub use wait::{Wait, impl_of as other};\n\
                    pub mod prelude {\n    pub use crate::wait::Wait;\n}\n";
        assert_eq!(check(&library(text), false), []);
    }

    #[test]
    fn planted_logic_is_found_at_its_line() {
        for text in [
            "mod a;\npub fn b() {}",
            "mod a;\nimpl X {}",
            "mod a;\npub struct X;",
            "mod a;\nthread_local! {}",
        ] {
            let found = check(&library(text), false);
            assert!(
                found.iter().all(|finding| finding.line == 2) && !found.is_empty(),
                "{text}: {found:?}"
            );
        }
    }

    #[test]
    fn macros_are_for_the_test_kit_alone() {
        let text = "mod a;\nmacro_rules! m {\n    () => { fn x() {} };\n}\npub use m;\n";
        assert_eq!(check(&library(text), true), []);
        assert_eq!(
            check(&library(text), false).first().map(|finding| finding.line),
            Some(2)
        );
        let after = check(&library(&format!("{text}fn late() {{}}\n")), true);
        assert_eq!(after.first().map(|finding| finding.line), Some(6), "{after:?}");
    }
}
