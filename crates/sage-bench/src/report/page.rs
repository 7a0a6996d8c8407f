//! The page: everything in one file, nothing fetched.

use std::fmt::Write;

use super::{Report, Row, blocks, plot, short};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}\
h2{margin:2.2rem 0 .4rem;font-size:1.15rem}table{border-collapse:collapse;font-size:.9rem}\
th,td{padding:.15rem .7rem;text-align:right;border-bottom:1px solid #ddd}th:first-child,td:first-child,td.name{text-align:left}\
svg{max-width:100%;height:auto;font:12px system-ui,sans-serif;fill:currentColor}rect.ours{fill:#1668b5}rect.peer{fill:#b9b9b9}\
path.quartiles{stroke:#222;fill:none}.met{color:#17692b}.missed{color:#a61b1b;font-weight:600}dt{font-weight:600}code{background:#f2f2f2;padding:0 .3em}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#16181b}th,td{border-color:#3a3d42}code{background:#26292e}\
rect.ours{fill:#4b9be6}rect.peer{fill:#666}path.quartiles{stroke:#eee}.met{color:#69c37f}.missed{color:#ff8080}}";

/// The whole report.
pub(crate) fn page(report: &Report) -> String {
    let mut html = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        html,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>sage-bench {suite}</title><style>{STYLE}</style></head>\
         <body><h1>sage-bench {suite}</h1><dl><dt>Machine</dt><dd>{machine}</dd><dt>Commit</dt><dd><code>{commit}</code></dd>\
         <dt>Date</dt><dd>{date}</dd><dt>Command</dt><dd><code>{command}</code></dd><dt>Method</dt><dd>{rounds} rounds of about \
         {millis} ms per subject after a warm-up; every round runs every subject, and each round starts with another one. Bars \
         are medians over the rounds, thin lines the quartiles. A ratio is the median of the ratios of the rounds; a target is \
         met when the median reaches it and the worse quartile is not worse than parity (or than the target, where that is \
         easier). A subject that spins never sleeps and is no reference for \"best peer\".</dd></dl>",
        suite = report.suite,
        machine = escape(&report.machine),
        commit = escape(&report.commit),
        date = escape(&report.date),
        command = escape(&report.command),
        rounds = report.effort.rounds,
        millis = report.effort.round.as_millis(),
    );
    targets(&mut html, &report.rows);
    for (head, block) in blocks(&report.rows) {
        let better = if head.unit.contains("/s") {
            "more is better"
        } else {
            "less is better"
        };
        let _ = write!(
            html,
            "<h2>{}, {}, {} ({better})</h2>{}<details><summary>figures</summary><table><tr><th>subject</th><th>median</th>\
             <th>q1</th><th>q3</th></tr>",
            escape(head.scenario),
            escape(head.item),
            escape(head.unit),
            plot::bars(&block)
        );
        for row in block {
            let _ = write!(
                html,
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escape(row.subject),
                short(row.median),
                short(row.q1),
                short(row.q3)
            );
        }
        html.push_str("</table></details>");
    }
    html.push_str("</body></html>\n");
    html
}

fn targets(html: &mut String, rows: &[Row]) {
    html.push_str(
        "<h2>Targets</h2><table><tr><th>scenario</th><th>item</th><th>subject</th><th>reference</th><th>ratio</th>\
         <th>target</th><th></th></tr>",
    );
    for row in rows {
        let (Some(reference), Some(ratio), Some(target)) = (&row.reference, row.ratio, row.target) else {
            continue;
        };
        let (class, word) = if row.meets == Some(true) {
            ("met", "met")
        } else {
            ("missed", "missed")
        };
        let _ = write!(
            html,
            "<tr><td>{}</td><td class=\"name\">{}</td><td class=\"name\">{}</td><td class=\"name\">{}</td><td>{ratio:.2}</td>\
             <td>{target:.2}</td><td class=\"{class}\">{word}</td></tr>",
            escape(row.scenario),
            escape(row.item),
            escape(row.subject),
            escape(reference),
        );
    }
    html.push_str("</table>");
}

/// Text that is only text inside a page.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::measure::Effort;

    #[test]
    fn a_page_stands_alone_and_its_text_is_escaped() {
        let row = Row {
            scenario: "s <b>",
            item: "8 B",
            subject: "sage & peer",
            unit: "M items/s",
            median: 2.0,
            q1: 1.0,
            q3: 3.0,
            reference: Some("peer".to_owned()),
            ratio: Some(1.5),
            target: Some(1.2),
            meets: Some(true),
        };
        let report = Report {
            suite: "inproc",
            machine: "a <machine>".to_owned(),
            commit: "abc".to_owned(),
            date: "2026-01-01T00:00:00Z".to_owned(),
            rows: vec![row],
            effort: Effort {
                rounds: 7,
                round: Duration::from_millis(20),
            },
            command: "sage-bench inproc".to_owned(),
        };
        let html = page(&report);
        for text in [
            "a &lt;machine&gt;",
            "s &lt;b&gt;",
            "sage &amp; peer",
            "<svg",
            "1.50",
            "7 rounds",
        ] {
            assert!(html.contains(text), "{text}");
        }
        assert!(!html.contains("http") && !html.contains("<script"));
    }
}
