//! The page: everything in one file, nothing fetched.

use std::fmt::Write;

use super::{Report, Row, Standing, blocks, company, plot, score, short};
use crate::measure::Better;

const STYLE: &str = include_str!("page.css");

/// The whole report.
pub(crate) fn page(report: &Report) -> String {
    let mut html = String::new();
    let (met, all) = score(&report.rows);
    // Writing to a string does not fail.
    let _ = write!(
        html,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>sage-bench {suite}</title>\
         <style>{STYLE}</style></head><body><header><h1>sage-bench {suite}</h1>\
         <p class=\"score\">{met} of {all} targets met</p></header>\
         <dl><dt>Machine</dt><dd>{machine}</dd><dt>Commit</dt><dd><code>{commit}</code></dd>\
         <dt>Date</dt><dd>{date}</dd><dt>Command</dt><dd><code>{command}</code></dd></dl>",
        suite = report.suite,
        machine = escape(&report.machine),
        commit = escape(&report.commit),
        date = escape(&report.date),
        command = escape(&report.command),
    );
    for note in &report.notes {
        let _ = write!(html, "<p>{}</p>", escape(note));
    }
    targets(&mut html, &report.rows);
    html.push_str("<h2>Measurements</h2><p class=\"key\">");
    for (class, text) in plot::KEY {
        let _ = write!(html, "<span><i class=\"{class}\"></i>{text}</span>");
    }
    html.push_str("</p><div class=\"plots\">");
    for (head, block) in blocks(&report.rows) {
        figure(&mut html, head, &block);
    }
    let _ = writeln!(
        html,
        "</div><h2>Method</h2><p>{rounds} rounds of about {millis} ms per subject after a warm-up; what does not end by \
         itself lasts {long} s in all rounds together. Every round runs every subject, and each round starts with another \
         one. Bars are medians over the rounds, the thin lines on them the quartiles. A ratio is computed in each round; \
         its median and quartiles are shown. A target is met when the median reaches it and, unless the target itself \
         allows for a loss, the worse quartile is not worse than parity. Who spins never sleeps and is no reference for \
         the best peer.</p></body></html>",
        rounds = report.effort.rounds,
        millis = report.effort.round.as_millis(),
        long = report.effort.long.as_secs(),
    );
    html
}

/// One scenario in one unit: the plot, and its figures on demand.
fn figure(html: &mut String, head: &Row, block: &[&Row]) {
    // A rate begins a line; its cost stands beside it.
    let class = if head.unit.contains("/s") { "rate" } else { "" };
    let better = match head.better {
        Better::Higher => "more is better",
        Better::Lower => "less is better",
    };
    let subjects = plot::once(block);
    let _ = write!(
        html,
        "<figure class=\"{class}\"><figcaption><b>{}</b> {}, {} <small>{better}{}</small></figcaption>{}<details><summary>figures</summary>\
         <table><tr><th>subject</th><th>median</th><th>q1</th><th>q3</th></tr>",
        escape(head.scenario),
        escape(head.item),
        escape(head.unit),
        company(head).map_or_else(String::new, |company| format!("; {company}")),
        plot::bars(&subjects, head.unit)
    );
    for row in subjects {
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(row.subject),
            short(row.median),
            short(row.q1),
            short(row.q3)
        );
    }
    html.push_str("</table></details></figure>");
}

fn targets(html: &mut String, rows: &[Row]) {
    html.push_str(
        "<h2>Targets</h2><div class=\"wide\"><table><tr><th></th><th>scenario</th><th>subject</th><th>reference</th>\
         <th>target</th><th>ratio</th><th>quartiles</th></tr>",
    );
    for row in rows {
        let Some(standing) = Standing::of(row) else {
            continue;
        };
        let word = if standing.met { "met" } else { "missed" };
        let bound = match row.better {
            Better::Higher => "&ge;",
            Better::Lower => "&le;",
        };
        let _ = write!(
            html,
            "<tr class=\"{word}\"><td><b>{word}</b></td><td>{}, {}</td><td>{}</td><td>{}</td><td>{bound} {:.2}</td><td>{:.2}</td>\
             <td>{:.2} &ndash; {:.2}</td></tr>",
            escape(row.scenario),
            escape(row.item),
            escape(row.subject),
            escape(standing.reference),
            standing.target,
            standing.ratio,
            standing.q1,
            standing.q3,
        );
    }
    html.push_str("</table></div>");
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
    use crate::measure::{Effort, Role};

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
            ratio_q1: Some(1.4),
            ratio_q3: Some(1.6),
            target: Some(1.2),
            meets: Some(true),
            stolen: Some(0.02),
            role: Role::Ours,
            better: Better::Higher,
        };
        let report = Report {
            suite: "inproc",
            machine: "a <machine>".to_owned(),
            commit: "abc".to_owned(),
            date: "2026-01-01T00:00:00Z".to_owned(),
            notes: vec!["skipped: <that>".to_owned()],
            rows: vec![row],
            effort: Effort {
                rounds: 7,
                round: Duration::from_millis(20),
                long: Duration::from_secs(10),
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
            "1 of 1 targets met",
            "7 rounds",
            "the host took 2.0 %",
        ] {
            assert!(html.contains(text), "{text}");
        }
        assert!(!html.contains("http") && !html.contains("<script"));
    }
}
