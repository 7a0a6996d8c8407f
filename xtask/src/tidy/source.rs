//! Rust text without what is only text: comments and literals blanked out, line for line.

/// `text` with comments, strings and characters replaced by spaces; line breaks stay, so line numbers hold.
pub(super) fn mask(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let end = match (c, chars.get(at + 1)) {
            ('/', Some('/')) => line_end(&chars, at),
            ('/', Some('*')) => comment_end(&chars, at),
            ('"', _) => string_end(&chars, at + 1),
            ('r', _) if starts_word(&chars, at) => raw_end(&chars, at + 1).unwrap_or(at),
            ('b' | 'c', Some('r')) if starts_word(&chars, at) => raw_end(&chars, at + 2).unwrap_or(at),
            ('\'', _) => char_end(&chars, at),
            _ => at,
        };
        if end == at {
            out.push(c);
            at += 1;
        } else {
            let blanked = chars.get(at..end).unwrap_or_default();
            out.extend(blanked.iter().map(|&c| if c == '\n' { c } else { ' ' }));
            at = end;
        }
    }
    out
}

/// The words (identifiers and keywords) of masked text with their line, from 1, and the character that follows.
pub(super) fn words(masked: &str) -> impl Iterator<Item = (usize, &str, Option<char>)> {
    masked.lines().enumerate().flat_map(|(index, line)| {
        let pieces = line.split(|c: char| !is_word(c)).filter(|piece| !piece.is_empty());
        pieces.map(move |piece| {
            let end = piece.as_ptr() as usize - line.as_ptr() as usize + piece.len();
            (index + 1, piece, line.get(end..).and_then(|rest| rest.chars().next()))
        })
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn starts_word(chars: &[char], at: usize) -> bool {
    at.checked_sub(1)
        .and_then(|before| chars.get(before))
        .is_none_or(|&c| !is_word(c))
}

fn line_end(chars: &[char], from: usize) -> usize {
    let rest = chars.iter().skip(from);
    from + rest.take_while(|&&c| c != '\n').count()
}

/// Block comments nest.
fn comment_end(chars: &[char], from: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = from;
    while at < chars.len() {
        match (chars.get(at), chars.get(at + 1)) {
            (Some('/'), Some('*')) => {
                depth += 1;
                at += 2;
            }
            (Some('*'), Some('/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    chars.len()
}

/// The end of a string whose first character is at `from`.
fn string_end(chars: &[char], from: usize) -> usize {
    let mut at = from;
    while let Some(c) = chars.get(at) {
        match c {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// The end of a raw string whose hashes or quote start at `from`; `None` for a raw identifier or a plain word.
fn raw_end(chars: &[char], from: usize) -> Option<usize> {
    let hashes = chars.iter().skip(from).take_while(|&&c| c == '#').count();
    let open = from + hashes;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let closes = |at: usize| chars.get(at) == Some(&'"') && (1..=hashes).all(|n| chars.get(at + n) == Some(&'#'));
    let end = (open + 1..chars.len()).find(|&at| closes(at));
    Some(end.map_or(chars.len(), |at| at + 1 + hashes))
}

/// The end of a character literal, `from` itself for a lifetime.
fn char_end(chars: &[char], from: usize) -> usize {
    if chars.get(from + 1) == Some(&'\\') {
        let close = (from + 3..chars.len()).find(|&at| chars.get(at) == Some(&'\''));
        return close.map_or(from, |at| at + 1);
    }
    if chars.get(from + 2) == Some(&'\'') {
        from + 3
    } else {
        from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> Vec<String> {
        words(&mask(text)).map(|(_, word, _)| word.to_owned()).collect()
    }

    #[test]
    fn comments_and_literals_are_blanked() {
        assert_eq!(kept("a // fn\nb /* fn /* fn */ fn */ c"), ["a", "b", "c"]);
        assert_eq!(kept(r#"a "fn \" fn" b"#), ["a", "b"]);
        assert_eq!(kept("a r#\"fn \" fn\"# b br\"fn\\\" c"), ["a", "b", "c"]);
        assert_eq!(kept(r"a 'x' '\'' '\u{1F600}' '\\' b"), ["a", "b"]);
    }

    #[test]
    fn lifetimes_and_raw_identifiers_stay() {
        assert_eq!(kept("impl<'a> X<'a> {}"), ["impl", "a", "X", "a"]);
        assert_eq!(kept("r#type barrier\"fn\""), ["r", "type", "barrier"]);
    }

    #[test]
    fn unfinished_text_ends_without_a_panic() {
        for text in ["\"", "\"\\", "/*", "r#\"", "'", "'\\", "b'"] {
            assert_eq!(mask(text).chars().count(), text.chars().count(), "{text}");
        }
    }

    #[test]
    fn lines_hold_and_the_next_character_is_told() {
        let masked = mask("/* 1\n2 */ x!\n\"\n\" y");
        let found: Vec<_> = words(&masked).collect();
        assert_eq!(found, [(2, "x", Some('!')), (4, "y", None)]);
    }
}
