//! What makers left behind who died before their segment had a name.

use crate::host::Host;
use crate::segment::{UNFINISHED, remove};

/// Removes half made segments of dead processes. Once for each process that opens queues: no queue waits for it twice.
pub(crate) fn unfinished(host: &Host) {
    let listing = std::fs::read_dir(host.folder()).into_iter().flatten();
    for entry in listing.filter_map(Result::ok) {
        let name = entry.file_name();
        let maker = name.to_str().and_then(maker);
        if maker.is_some_and(|token| !host.is_alive(token)) {
            // Another process may be faster, and what cannot be removed now is met by the next one.
            let _ = remove(&entry.path());
        }
    }
}

/// The number of the process that was making the segment; `None` for other files.
fn maker(name: &str) -> Option<u64> {
    let (token, _) = name.strip_prefix(UNFINISHED)?.split_once('-')?;
    u64::from_str_radix(token, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::{UNFINISHED, maker};

    #[test]
    fn only_half_made_segments_have_a_maker() {
        assert_eq!(maker(&format!("{UNFINISHED}{:016x}-{:08x}", 77, 1)), Some(77));
        for other in [".control", "jobs", "jobs-2", ".new-", ".new-xyz-1"] {
            assert_eq!(maker(other), None, "{other}");
        }
    }
}
