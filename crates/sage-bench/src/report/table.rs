//! The table for a terminal.

use std::fmt::Write;

use super::{Row, blocks, short};

/// One table per scenario, item and unit.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    for (head, block) in blocks(rows) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "\n{}, {}, {}", head.scenario, head.item, head.unit);
        let width = block.iter().map(|row| row.subject.len()).max().unwrap_or(0);
        for row in block {
            let _ = write!(
                text,
                "  {:width$} {:>9}  ({} - {})",
                row.subject,
                short(row.median),
                short(row.q1),
                short(row.q3)
            );
            if let (Some(reference), Some(ratio), Some(target)) = (&row.reference, row.ratio, row.target) {
                let met = if row.meets == Some(true) { "met" } else { "MISSED" };
                let _ = write!(text, "  {ratio:.2} x {reference}, target {target:.2}: {met}");
            }
            text.push('\n');
        }
    }
    let judged: Vec<bool> = rows.iter().filter_map(|row| row.meets).collect();
    let met = judged.iter().filter(|met| **met).count();
    let _ = writeln!(text, "\n{met} of {} targets met", judged.len());
    text
}
