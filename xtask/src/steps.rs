//! Steps that run one after the other, and the table that says how they went.

use std::time::{Duration, Instant};

/// What a step does: `Ok` lists what it had to skip.
type Run<C> = fn(&C) -> Result<Vec<String>, String>;

/// One named step.
pub(crate) struct Step<C> {
    pub(crate) name: &'static str,
    run: Run<C>,
}

impl<C> Step<C> {
    pub(crate) const fn new(name: &'static str, run: Run<C>) -> Self {
        Self { name, run }
    }
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Passed(Vec<String>),
    Failed(String),
    NotRun,
}

/// How one step went.
#[derive(Debug)]
struct Row {
    name: &'static str,
    took: Duration,
    outcome: Outcome,
}

/// Runs the steps up to the first failure, then shows the table. The error is that of the failed step.
pub(crate) fn run<C>(steps: &[&Step<C>], context: &C, show: fn(&str)) -> Result<(), String> {
    let rows = walk(steps, context, show);
    show(&format!("\n{}", table(&rows)));
    match rows.into_iter().find_map(failure) {
        None => Ok(()),
        Some((name, message)) => Err(format!("{name}: {message}")),
    }
}

fn failure(row: Row) -> Option<(&'static str, String)> {
    match row.outcome {
        Outcome::Failed(message) => Some((row.name, message)),
        Outcome::Passed(_) | Outcome::NotRun => None,
    }
}

fn walk<C>(steps: &[&Step<C>], context: &C, show: fn(&str)) -> Vec<Row> {
    let mut failed = false;
    let mut rows = Vec::with_capacity(steps.len());
    for step in steps {
        if failed {
            rows.push(Row {
                name: step.name,
                took: Duration::ZERO,
                outcome: Outcome::NotRun,
            });
            continue;
        }
        show(&format!("\n== {}", step.name));
        let start = Instant::now();
        let outcome = (step.run)(context).map_or_else(Outcome::Failed, Outcome::Passed);
        let took = start.elapsed();
        failed = matches!(outcome, Outcome::Failed(_));
        show(&format!(
            "== {}: {}, {:.1} s",
            step.name,
            verdict(&outcome),
            took.as_secs_f64()
        ));
        rows.push(Row {
            name: step.name,
            took,
            outcome,
        });
    }
    rows
}

fn verdict(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed(skipped) if skipped.is_empty() => "ok",
        Outcome::Passed(_) => "ok, with skips",
        Outcome::Failed(_) => "FAILED",
        Outcome::NotRun => "not run",
    }
}

fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        text.push_str(&format!(
            "{:<14}{:>8.1} s  {}\n",
            row.name,
            row.took.as_secs_f64(),
            verdict(&row.outcome)
        ));
    }
    let total: Duration = rows.iter().map(|row| row.took).sum();
    text.push_str(&format!("{:<14}{:>8.1} s\n", "total", total.as_secs_f64()));
    let mut skips = 0;
    for row in rows {
        if let Outcome::Passed(skipped) = &row.outcome {
            for reason in skipped {
                skips += 1;
                text.push_str(&format!("skipped: {}: {reason}\n", row.name));
            }
        }
    }
    let count = |wanted: fn(&Outcome) -> bool| rows.iter().filter(|row| wanted(&row.outcome)).count();
    let passed = count(|outcome| matches!(outcome, Outcome::Passed(_)));
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    text.push_str(&format!("steps: {passed} passed, {failed} failed, {skips} skipped"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Step<()> = Step::new("good", |()| Ok(Vec::new()));
    const PART: Step<()> = Step::new("part", |()| Ok(vec!["licences: no tool".to_owned()]));
    const BAD: Step<()> = Step::new("bad", |()| Err("broken".to_owned()));

    #[test]
    fn the_first_failure_ends_the_walk_and_names_the_step() {
        let rows = walk(&[&GOOD, &BAD, &PART], &(), |_| {});
        let outcomes: Vec<_> = rows.iter().map(|row| verdict(&row.outcome)).collect();
        assert_eq!(outcomes, ["ok", "FAILED", "not run"]);
        assert_eq!(run(&[&GOOD, &BAD, &PART], &(), |_| {}), Err("bad: broken".to_owned()));
        assert_eq!(run(&[&GOOD, &PART], &(), |_| {}), Ok(()));
    }

    #[test]
    fn skips_are_repeated_by_name_at_the_end() {
        let text = table(&walk(&[&GOOD, &PART], &(), |_| {}));
        assert!(text.contains("skipped: part: licences: no tool"), "{text}");
        assert!(text.ends_with("steps: 2 passed, 0 failed, 1 skipped"), "{text}");
    }
}
