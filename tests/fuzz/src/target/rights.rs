//! Who may do what, as the command line and the token file say it.

use sage_comm::serve::rule;

use super::text;

pub(crate) fn run(bytes: &[u8]) {
    let given = text(bytes);
    if let Ok(rule) = rule(given) {
        assert!(given.ends_with(rule.pattern()), "{given}");
        // Without a star it means one queue.
        if !rule.pattern().contains('*') {
            let longer = format!("{}x", rule.pattern());
            assert!(rule.means(rule.pattern()) && !rule.means(&longer), "{given}");
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![b"put,get:jobs/*".to_vec(), b"admin:*".to_vec()]
}
