//! What was measured, as a document: table, JSON, page.

mod page;
mod plot;
mod table;

use serde::Serialize;

use crate::measure::{Better, Effort, Role, Series};
use crate::stats::Spread;
use crate::system;
use crate::target::{Target, Verdict};

pub(crate) use page::page;
pub(crate) use table::table;

/// One subject in one scenario; one more row for each further target it is held to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) scenario: &'static str,
    pub(crate) item: &'static str,
    pub(crate) subject: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) median: f64,
    pub(crate) q1: f64,
    pub(crate) q3: f64,
    pub(crate) reference: Option<String>,
    /// Median of the ratios of the rounds.
    pub(crate) ratio: Option<f64>,
    pub(crate) ratio_q1: Option<f64>,
    pub(crate) ratio_q3: Option<f64>,
    pub(crate) target: Option<f64>,
    pub(crate) meets: Option<bool>,
    pub(crate) stolen: Option<f64>,
    #[serde(skip)]
    pub(crate) role: Role,
    #[serde(skip)]
    pub(crate) better: Better,
}

/// A whole run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) suite: &'static str,
    pub(crate) machine: String,
    pub(crate) commit: String,
    pub(crate) date: String,
    /// Which peers these are, and which were left out and why.
    pub(crate) notes: Vec<String>,
    pub(crate) rows: Vec<Row>,
    #[serde(skip)]
    pub(crate) effort: Effort,
    #[serde(skip)]
    pub(crate) command: String,
}

impl Report {
    /// Rows in the order in which they were measured.
    pub(crate) fn new(
        suite: &'static str,
        effort: Effort,
        notes: Vec<String>,
        series: &[Series],
        targets: &[Target],
    ) -> Self {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        Self {
            suite,
            machine: system::machine(),
            commit: system::commit(),
            date: system::date(),
            notes,
            rows: rows(series, targets),
            effort,
            command: format!("sage-bench {}", arguments.join(" ")),
        }
    }
}

fn rows(series: &[Series], targets: &[Target]) -> Vec<Row> {
    let mut rows = Vec::new();
    for ours in series {
        let Some(spread) = Spread::of(&ours.values) else {
            continue;
        };
        let same = |other: &&Series| other.scenario == ours.scenario && other.item == ours.item;
        // The first metric of a scenario is what its targets are about.
        let primary = series.iter().find(same).is_some_and(|first| first.unit == ours.unit);
        let all: Vec<&Series> = series
            .iter()
            .filter(same)
            .filter(|other| other.unit == ours.unit)
            .collect();
        let about = targets.iter().filter(|target| target.is_about(ours, primary));
        let verdicts: Vec<Verdict> = about.filter_map(|target| target.judge(ours, &all)).collect();
        if verdicts.is_empty() {
            rows.push(row(ours, spread, None));
        }
        rows.extend(verdicts.into_iter().map(|verdict| row(ours, spread, Some(verdict))));
    }
    rows
}

fn row(series: &Series, spread: Spread, verdict: Option<Verdict>) -> Row {
    let verdict = verdict.as_ref();
    Row {
        scenario: series.scenario,
        item: series.item,
        subject: series.subject,
        unit: series.unit,
        median: spread.median,
        q1: spread.q1,
        q3: spread.q3,
        reference: verdict.map(|verdict| verdict.reference.clone()),
        ratio: verdict.map(|verdict| verdict.ratio.median),
        ratio_q1: verdict.map(|verdict| verdict.ratio.q1),
        ratio_q3: verdict.map(|verdict| verdict.ratio.q3),
        target: verdict.map(|verdict| verdict.target),
        meets: verdict.map(|verdict| verdict.meets),
        stolen: series.stolen,
        role: series.role,
        better: series.better,
    }
}

/// A row that is held to a target.
struct Standing<'a> {
    reference: &'a str,
    ratio: f64,
    q1: f64,
    q3: f64,
    target: f64,
    met: bool,
}

impl<'a> Standing<'a> {
    fn of(row: &'a Row) -> Option<Self> {
        Some(Self {
            reference: row.reference.as_deref()?,
            ratio: row.ratio?,
            q1: row.ratio_q1?,
            q3: row.ratio_q3?,
            target: row.target?,
            met: row.meets?,
        })
    }
}

/// What to say of a host that took more than a thousandth: from there on waking a sleeper takes long now and then.
fn company(row: &Row) -> Option<String> {
    let stolen = row.stolen.filter(|stolen| *stolen > 0.001)?;
    Some(format!("the host took {:.1} %", 100.0 * stolen))
}

/// Targets met, and all of them.
fn score(rows: &[Row]) -> (usize, usize) {
    let judged = rows.iter().filter_map(|row| row.meets);
    judged.fold((0, 0), |(met, all), meets| (met + usize::from(meets), all + 1))
}

/// Rows that belong in one table: same scenario, item and unit, in the order they came.
fn blocks(rows: &[Row]) -> Vec<(&Row, Vec<&Row>)> {
    let mut blocks: Vec<(&Row, Vec<&Row>)> = Vec::new();
    for row in rows {
        let key = |row: &Row| (row.scenario, row.item, row.unit);
        match blocks.iter_mut().find(|(head, _)| key(head) == key(row)) {
            Some((_, block)) => block.push(row),
            None => blocks.push((row, vec![row])),
        }
    }
    blocks
}

/// Three digits that matter.
fn short(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        size if size >= 0.1 || size == 0.0 => 3,
        size if size >= 0.01 => 4,
        _ => 5,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Bound, Reference};

    fn series(subject: &'static str, unit: &'static str, role: Role) -> Series {
        Series {
            scenario: "s",
            item: "8 B",
            subject,
            role,
            unit,
            better: Better::Higher,
            values: vec![1.0, 2.0, 3.0],
            stolen: None,
        }
    }

    fn sample() -> Vec<Row> {
        let target = |reference| Target {
            scenario: "s",
            item: None,
            subject: "ours",
            reference,
            bound: Bound::Times(1.0),
        };
        let all = [
            series("ours", "M/s", Role::Ours),
            series("ours", "ns", Role::Ours),
            series("peer", "M/s", Role::Peer),
        ];
        rows(
            &all,
            &[
                target(Reference::BestPeer),
                target(Reference::Subject("peer")),
                target(Reference::Subject("gone")),
            ],
        )
    }

    #[test]
    fn one_row_per_target_and_nulls_without_one() {
        let rows = sample();
        assert_eq!(rows.len(), 4, "{rows:?}");
        assert_eq!(rows.iter().filter(|row| row.meets == Some(true)).count(), 2);
        assert_eq!(score(&rows), (2, 2));
        let json = serde_json::to_value(rows.last()).expect("plain values");
        for field in ["reference", "ratio", "ratio_q1", "ratio_q3", "target", "meets"] {
            assert!(json.get(field).is_some_and(serde_json::Value::is_null), "{field}");
        }
        assert_eq!(json.get("median"), Some(&serde_json::json!(2.0)));
    }

    #[test]
    fn blocks_keep_rows_together() {
        let rows = sample();
        let blocks = blocks(&rows);
        let sizes: Vec<usize> = blocks.iter().map(|(_, block)| block.len()).collect();
        assert_eq!(sizes, [3, 1]);
        assert!(table(&rows).contains("peer"));
    }
}
