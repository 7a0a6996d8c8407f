//! Bars with quartiles, as SVG.

use std::fmt::Write;

use super::{Row, short};

const LABEL: f64 = 190.0;
const BARS: f64 = 520.0;
const FIGURES: f64 = 110.0;
const LINE: f64 = 22.0;

/// One bar per subject up to its median, a thin line over its quartiles.
pub(super) fn bars(rows: &[&Row]) -> String {
    // Subjects with more than one target have more than one row.
    let mut once: Vec<&Row> = Vec::new();
    for row in rows {
        if !once.iter().any(|seen| seen.subject == row.subject) {
            once.push(row);
        }
    }
    let longest = once.iter().map(|row| row.q3.max(row.median)).fold(0.0, f64::max);
    let scale = if longest > 0.0 { BARS / longest } else { 0.0 };
    let (width, height) = (LABEL + BARS + FIGURES, LINE * once.len() as f64);
    // Writing to a string does not fail.
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\">"
    );
    for (place, row) in once.iter().enumerate() {
        let top = LINE * place as f64;
        let middle = top + LINE / 2.0;
        let text = middle + 4.0;
        let ours = if row.subject.starts_with("sage") || row.subject.starts_with("local") {
            "ours"
        } else {
            "peer"
        };
        let (from, to) = (LABEL + row.q1 * scale, LABEL + row.q3 * scale);
        let _ = write!(
            svg,
            "<text x=\"{:.0}\" y=\"{text:.1}\" text-anchor=\"end\">{}</text>\
             <rect class=\"{ours}\" x=\"{LABEL}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>\
             <path class=\"quartiles\" d=\"M{from:.1} {middle:.1}H{to:.1}M{from:.1} {:.1}v8M{to:.1} {:.1}v8\"/>\
             <text x=\"{:.1}\" y=\"{text:.1}\">{}</text>",
            LABEL - 8.0,
            super::page::escape(row.subject),
            top + 4.0,
            row.median * scale,
            LINE - 8.0,
            middle - 4.0,
            middle - 4.0,
            LABEL + (row.q3.max(row.median)) * scale + 6.0,
            short(row.median),
        );
    }
    svg.push_str("</svg>");
    svg
}
