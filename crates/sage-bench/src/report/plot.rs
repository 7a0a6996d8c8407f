//! Bars with quartiles, as SVG.

use std::fmt::Write;

use super::page::escape;
use super::{Row, short};
use crate::measure::Role;

const LABEL: f64 = 186.0;
const BARS: f64 = 320.0;
/// Right of the longest bar, for its figure.
const FIGURES: f64 = 54.0;
const LINE: f64 = 20.0;
const AXIS: f64 = 20.0;

/// Classes of bars, and what they mean.
pub(super) const KEY: [(&str, &str); 3] = [("ours", "ours"), ("peer", "peer"), ("spins", "peer that never sleeps")];

const fn class(role: Role) -> &'static str {
    match role {
        Role::Ours => "ours",
        Role::Peer => "peer",
        Role::Spins => "spins",
    }
}

/// Subjects with more than one target have more than one row; the first of each.
pub(super) fn once<'a>(rows: &[&'a Row]) -> Vec<&'a Row> {
    let mut once: Vec<&Row> = Vec::new();
    for row in rows {
        if !once.iter().any(|seen| seen.subject == row.subject) {
            once.push(row);
        }
    }
    once
}

/// One bar per subject up to its median, a thin line over its quartiles, and an axis in `unit`.
pub(super) fn bars(rows: &[&Row], unit: &str) -> String {
    let axis = Axis::of(rows);
    let bottom = LINE * rows.len() as f64;
    let (width, height) = (LABEL + BARS + FIGURES, bottom + AXIS);
    // Writing to a string does not fail.
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\"><text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" \
         text-anchor=\"end\">{}{}</text>",
        LABEL - 24.0,
        bottom + 15.0,
        escape(unit),
        if axis.from.is_some() { ", logarithmic" } else { "" },
    );
    for tick in axis.ticks() {
        let x = axis.place(tick);
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{x:.1} 0V{:.1}\"/>\
             <text class=\"tick\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 4.0,
            bottom + 15.0,
            number(tick),
        );
    }
    for (place, row) in rows.iter().enumerate() {
        let top = LINE * place as f64;
        let middle = top + LINE / 2.0;
        let [from, median, to] = [row.q1, row.median, row.q3].map(|value| axis.place(value));
        let _ = write!(
            svg,
            "<text x=\"{:.0}\" y=\"{text:.1}\" text-anchor=\"end\">{}</text>\
             <rect class=\"{}\" x=\"{LABEL}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>\
             <path d=\"M{from:.1} {middle:.1}H{to:.1}M{from:.1} {low:.1}v6M{to:.1} {low:.1}v6\"/>\
             <text x=\"{:.1}\" y=\"{text:.1}\">{}</text>",
            LABEL - 8.0,
            escape(row.subject),
            class(row.role),
            top + 3.0,
            median - LABEL,
            LINE - 6.0,
            to.max(median) + 6.0,
            short(row.median),
            text = middle + 4.0,
            low = middle - 3.0,
        );
    }
    svg.push_str("</svg>");
    svg
}

/// Where values lie on the line.
struct Axis {
    longest: f64,
    /// Where a logarithmic axis begins, a power of ten; others begin at 0.
    from: Option<f64>,
}

/// From here on, the short bars would not be seen beside the long ones.
const TOO_FAR: f64 = 50.0;

impl Axis {
    fn of(rows: &[&Row]) -> Self {
        let longest = rows.iter().map(|row| row.q3.max(row.median)).fold(0.0, f64::max);
        let median = rows.iter().map(|row| row.median).fold(f64::INFINITY, f64::min);
        let shortest = rows.iter().map(|row| row.q1).fold(f64::INFINITY, f64::min);
        let far = shortest > 0.0 && longest / median > TOO_FAR;
        Self {
            longest,
            from: far.then(|| 10_f64.powf(shortest.log10().floor())),
        }
    }

    fn place(&self, value: f64) -> f64 {
        let part = match self.from {
            Some(from) => (value / from).log10() / (self.longest / from).log10(),
            None if self.longest > 0.0 => value / self.longest,
            None => 0.0,
        };
        LABEL + BARS * part
    }

    fn ticks(&self) -> Vec<f64> {
        let Some(from) = self.from else {
            return ticks(self.longest);
        };
        let decades = (self.longest / from).log10() as i32;
        (0..=decades).map(|decade| from * 10_f64.powi(decade)).collect()
    }
}

/// Above 0, two to five steps of 1, 2 or 5 times a power of ten.
fn ticks(longest: f64) -> Vec<f64> {
    if longest <= 0.0 {
        return Vec::new();
    }
    let power = 10_f64.powf((longest / 2.0).log10().floor());
    let step = [5.0, 2.0, 1.0]
        .into_iter()
        .map(|times| times * power)
        .find(|step| longest / step >= 2.0)
        .unwrap_or(power);
    (1..=(longest / step) as u32)
        .map(|count| f64::from(count) * step)
        .collect()
}

/// Without zeros that say nothing.
fn number(tick: f64) -> String {
    let text = format!("{tick:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_few() {
        assert!(ticks(0.0).is_empty());
        assert_eq!(ticks(10.0), [5.0, 10.0]);
        assert_eq!(ticks(9.9), [2.0, 4.0, 6.0, 8.0]);
        assert_eq!(ticks(137.0), [50.0, 100.0]);
        for longest in [0.003, 0.07, 1.0, 3.9, 19.0, 4_321.0] {
            assert!((2..=5).contains(&ticks(longest).len()), "{longest}");
        }
        assert_eq!([number(0.05), number(20.0)], ["0.05", "20"]);
    }

    #[test]
    fn far_apart_values_share_a_logarithmic_axis() {
        let axis = Axis {
            longest: 100_000.0,
            from: Some(100.0),
        };
        assert_eq!(axis.ticks(), [100.0, 1_000.0, 10_000.0, 100_000.0]);
        assert!((axis.place(100.0) - LABEL).abs() < 1e-9);
        assert!((axis.place(100_000.0) - LABEL - BARS).abs() < 1e-9);
        let linear = Axis {
            longest: 8.0,
            from: None,
        };
        assert!((linear.place(2.0) - LABEL - BARS / 4.0).abs() < 1e-9);
    }
}
