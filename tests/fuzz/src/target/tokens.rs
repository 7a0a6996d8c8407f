//! Who may connect, as the token file says it.

use rpc_server::fuzz::tokens;
use rpc_server::{Secret, rule};

/// A secret has so many bytes at least.
const LEAST: usize = 16;
const SECRET: &str = "0123456789abcdef";
/// One file for each thing that can be wrong.
const WRONG: [&str; 5] = ["", "alice", "alice short", "alice 0123456789abcdef no-rule", "\u{1}"];

pub(crate) fn run(bytes: &[u8]) {
    let for_all = [rule("get:*").expect("a rule")];
    match tokens(bytes, &for_all) {
        Ok(identities) => {
            assert!(!identities.is_empty());
            let again = tokens(written(&identities).as_bytes(), &for_all).expect("what was written");
            let known = |all: &[Secret]| -> Vec<_> {
                let one = |it: &Secret| (it.identity.clone(), it.key.clone(), it.rules.clone());
                all.iter().map(one).collect()
            };
            assert_eq!(known(&again), known(&identities));
        }
        Err(error) => check_silence(bytes, &error.to_string()),
    }
}

/// The same identities as lines of a file.
fn written(identities: &[Secret]) -> String {
    let line = |secret: &Secret| {
        let key = std::str::from_utf8(&secret.key).expect("a word of a text");
        assert!(!secret.identity.is_empty() && key.len() >= LEAST && !secret.rules.is_empty());
        let rules: Vec<_> = secret
            .rules
            .iter()
            .map(|rule| format!("{}:{}", rule.rights(), rule.pattern()))
            .collect();
        format!("{} {key} {}\n", secret.identity, rules.join(" "))
    };
    identities.iter().map(line).collect()
}

/// No error has a secret in it.
fn check_silence(bytes: &[u8], said: &str) {
    let text = super::text(bytes);
    let usual = || WRONG.iter().filter_map(|file| tokens(file.as_bytes(), &[]).err());
    for word in text.split_whitespace().filter(|word| word.len() >= LEAST) {
        // What is in every error is no secret.
        let harmless = || usual().any(|error| error.to_string().contains(word));
        assert!(!said.contains(word) || harmless(), "{said}");
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let one = format!("# who\nalice {SECRET} put,get:jobs/* inspect:*\n\nbob {SECRET}\n");
    let mut seeds = vec![one.into_bytes()];
    seeds.extend(WRONG.iter().map(|file| file.as_bytes().to_vec()));
    seeds
}
