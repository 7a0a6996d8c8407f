//! "Did you mean": the known word closest to a misspelt one.

/// The candidate with the fewest edits (Levenshtein) from `word`, when that is close enough to be a slip of the keyboard.
/// Upper and lower case of `word` are the same; a word of more than 64 bytes is close to nothing.
///
/// ```
/// use descriptor_record::nearest;
/// assert_eq!(nearest("max_size", ["maxsize", "metadata"]), Some("maxsize"));
/// assert_eq!(nearest("colour", ["maxsize", "metadata"]), None);
/// ```
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Longer than any name that is accepted anywhere, and a bound on the work below.
    if word.len() > 64 {
        return None;
    }
    let word = word.to_ascii_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (distance(word.as_bytes(), candidate.as_bytes()), candidate))
        .min_by_key(|(edits, _)| *edits)
        .filter(|(edits, candidate)| *edits <= 1 + candidate.len().min(word.len()) / 3)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance: insertions, deletions and substitutions, one row of the table at a time.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let above = *cell;
            left = (diagonal + usize::from(x != y)).min(above + 1).min(left + 1);
            diagonal = above;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distances_of_the_textbook() {
        assert_eq!(distance(b"kitten", b"sitting"), 3);
        assert_eq!(distance(b"", b"abc"), 3);
        assert_eq!(distance(b"abc", b""), 3);
        assert_eq!(distance(b"same", b"same"), 0);
    }

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let keys = ["queue_id", "queue_type", "metadata", "maxsize"];
        assert_eq!(nearest("max_size", keys), Some("maxsize"));
        assert_eq!(nearest("Metadta", keys), Some("metadata"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest(&"m".repeat(100_000), keys), None);
    }
}
