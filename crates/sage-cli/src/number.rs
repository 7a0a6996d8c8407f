//! Numbers for people.

use std::time::Duration;

/// `1234567` as `1,234,567`; a sign and a fraction stay as they are.
pub(crate) fn grouped(number: impl ToString) -> String {
    let text = number.to_string();
    let start = usize::from(text.starts_with('-'));
    let end = text.find('.').unwrap_or(text.len());
    let mut out = String::with_capacity(text.len() + text.len() / 3);
    for (at, digit) in text.char_indices() {
        if at > start && at < end && (end - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count with one unit letter: `950`, `12.3 k`, `1.24 M`.
pub(crate) fn short(count: f64) -> String {
    scaled(count, 1_000.0, &["", "k", "M", "G", "T"])
}

/// A size in bytes: `950 B`, `64.0 KiB`, `1.24 GiB`.
pub(crate) fn bytes(count: f64) -> String {
    scaled(count, 1_024.0, &["B", "KiB", "MiB", "GiB", "TiB"])
}

fn scaled(count: f64, step: f64, units: &[&str]) -> String {
    let mut value = if count.is_finite() { count.max(0.0) } else { 0.0 };
    let mut unit = 0;
    // One below the step would already be shown as the step itself.
    while value >= step - 0.5 && unit + 1 < units.len() {
        value /= step;
        unit += 1;
    }
    let name = units.get(unit).copied().unwrap_or_default();
    let number = match (unit, value) {
        (0, _) => format!("{value:.0}"),
        (_, ..9.995) => format!("{value:.2}"),
        (_, ..99.95) => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    if name.is_empty() {
        number
    } else {
        format!("{number} {name}")
    }
}

/// How many per second; none in no time.
pub(crate) fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

/// A time that passed: `12.34 s`, `56.7 ms`.
pub(crate) fn elapsed(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{:.1} ms", seconds * 1_000.0)
    } else {
        format!("{seconds:.2} s")
    }
}

/// Time in a stream since its start: `00:01:40`, with milliseconds where there are some.
pub(crate) fn clock(milliseconds: u64) -> String {
    let time = Duration::from_millis(milliseconds);
    let (seconds, rest) = (time.as_secs(), time.subsec_millis());
    let whole = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if rest == 0 { whole } else { format!("{whole}.{rest:03}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_in_threes() {
        for (number, shown) in [
            ("0", "0"),
            ("999", "999"),
            ("1000", "1,000"),
            ("-1000", "-1,000"),
            ("-100", "-100"),
            ("1234567.8912", "1,234,567.8912"),
            ("18446744073709551615", "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(grouped(number), shown);
        }
    }

    #[test]
    fn short_numbers_keep_three_digits() {
        for (number, shown) in [
            (0.0, "0"),
            (999.4, "999"),
            (999.6, "1.00 k"),
            (12_345.0, "12.3 k"),
            (999_950.0, "1.00 M"),
            (5e15, "5000 T"),
            (f64::NAN, "0"),
            (-1.0, "0"),
        ] {
            assert_eq!(short(number), shown);
        }
        assert_eq!(bytes(65_536.0), "64.0 KiB");
        assert_eq!(bytes(950.0), "950 B");
    }

    #[test]
    fn nothing_happens_in_no_time() {
        assert_eq!(per_second(5, 0.0), 0.0);
        assert_eq!(per_second(5, 2.0), 2.5);
    }

    #[test]
    fn short_times_are_in_milliseconds() {
        assert_eq!(elapsed(0.000_321), "0.3 ms");
        assert_eq!(elapsed(0.056_7), "56.7 ms");
        assert_eq!(elapsed(12.345), "12.35 s");
    }

    #[test]
    fn clocks_do_not_wrap_at_midnight() {
        assert_eq!(clock(0), "00:00:00");
        assert_eq!(clock(100_000), "00:01:40");
        assert_eq!(clock(90_061_001), "25:01:01.001");
    }
}
