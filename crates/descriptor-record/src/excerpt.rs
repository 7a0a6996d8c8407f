//! Foreign text in messages.

/// At most 60 characters of something that may be long or hostile, in quotes and with everything unprintable escaped:
/// what an error shows of what it found.
///
/// ```
/// use descriptor_record::excerpt;
/// assert_eq!(excerpt("line\nbreak"), r#""line\nbreak""#);
/// assert_eq!(excerpt(&"x".repeat(1000)).chars().count(), 63);
/// ```
#[must_use]
pub fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}
