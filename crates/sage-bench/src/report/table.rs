//! The table for a terminal.

use std::fmt::Write;

use super::{Row, Standing, blocks, company, score, short};

/// One table per scenario, item and unit.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    for (head, block) in blocks(rows) {
        // Writing to a string does not fail.
        let _ = write!(text, "\n{}, {}, {}", head.scenario, head.item, head.unit);
        if let Some(company) = company(head) {
            let _ = write!(text, " ({company})");
        }
        text.push('\n');
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
            if let Some(standing) = Standing::of(row) {
                let met = if standing.met { "met" } else { "MISSED" };
                let _ = write!(
                    text,
                    "  {:.2} ({:.2} - {:.2}) x {}, target {:.2}: {met}",
                    standing.ratio, standing.q1, standing.q3, standing.reference, standing.target
                );
            }
            text.push('\n');
        }
    }
    let (met, all) = score(rows);
    let _ = writeln!(text, "\n{met} of {all} targets met");
    text
}
