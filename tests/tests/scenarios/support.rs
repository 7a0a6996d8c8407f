//! What several scenarios need.

use std::time::Duration;

use sage_comm::{Backends, Builtin, DescriptorRecord, DynQueue, Error, ErrorKind, Result, Wire, live_queues};

/// Fails a test that hangs.
pub(crate) fn within_a_minute<R: Send + 'static>(test: impl FnOnce() -> R + Send + 'static) -> R {
    let name = std::thread::current().name().unwrap_or("a scenario").to_owned();
    queue_testkit::watchdog(Duration::from_secs(60), &name, test)
}

/// The two types of queues that are built in, as URIs of one id.
pub(crate) fn both(id: &str, capacity: usize) -> [String; 2] {
    ["local", "sage_queue"].map(|kind| format!("{kind}://{id}?maxsize={capacity}"))
}

pub(crate) fn open<T: Wire>(uri: &str) -> Result<DynQueue<T>> {
    Builtin.registry().open(&DescriptorRecord::from_uri(uri)?)
}

/// True when a queue of this process has the name, in whichever type.
pub(crate) fn is_live(id: &str) -> bool {
    live_queues().iter().any(|queue| queue.record.queue_id.as_str() == id)
}

/// The message of an error, which must be of this kind and say, in one line, what was expected, what was found
/// and what to do.
pub(crate) fn explained(error: &Error, kind: ErrorKind) -> String {
    let message = error.to_string();
    assert_eq!(error.kind(), kind, "{message}");
    assert!(!message.chars().any(char::is_control), "more than a line: {message:?}");
    let parts = message
        .split_once("expected ")
        .and_then(|(_, rest)| rest.split_once(", found "));
    let (expected, rest) = parts.unwrap_or_else(|| panic!("neither expected nor found: {message}"));
    let (found, remedy) = rest.rsplit_once("; ").unwrap_or_else(|| panic!("no remedy: {message}"));
    for (part, text) in [("expected", expected), ("found", found), ("remedy", remedy)] {
        assert!(!text.trim().is_empty(), "nothing {part}: {message}");
    }
    message
}

/// As [`explained`], and the message names all of these.
pub(crate) fn names(error: &Error, kind: ErrorKind, words: &[&str]) {
    let message = explained(error, kind);
    for word in words {
        assert!(message.contains(word), "{word:?} is not in: {message}");
    }
}
