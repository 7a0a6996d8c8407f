//! All clauses for one queue type.

use std::time::Duration;

use crate::list::{in_process_clauses, wire_clauses};
use crate::{Clause, InProcess, Outcome, Run, Subject};

/// Long enough for a slow machine under load, short enough for a person to wait.
const LIMIT: Duration = Duration::from_secs(120);

/// A queue type and the clauses it is held to.
#[derive(Debug)]
pub struct Suite {
    run: Run,
    clauses: Vec<Clause>,
    limit: Duration,
}

impl Suite {
    /// The clauses for queues whose items may leave the process.
    pub fn wire(subject: impl Subject) -> Self {
        Self::new(|stress| Run::wire(subject, stress), wire_clauses())
    }

    /// The clauses for queues inside one process: all of the others, and those about items that cannot be serialized.
    pub fn in_process(subject: impl InProcess) -> Self {
        let mut clauses = wire_clauses();
        clauses.extend(in_process_clauses());
        Self::new(|stress| Run::in_process(subject, stress), clauses)
    }

    fn new(run: impl FnOnce(f64) -> Run, clauses: Vec<Clause>) -> Self {
        let stress = stress();
        Self {
            run: run(stress),
            clauses,
            limit: LIMIT.mul_f64(stress.max(1.0)),
        }
    }

    /// Another limit for each clause function.
    #[must_use]
    pub const fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Every clause function, in the order of the contract.
    #[must_use]
    pub fn clauses(&self) -> &[Clause] {
        &self.clauses
    }

    /// Those that do not apply to this queue type, each with the reason.
    pub fn skipped(&self) -> impl Iterator<Item = (&Clause, &'static str)> {
        self.clauses
            .iter()
            .filter_map(|clause| Some((clause, clause.skipped(&self.run)?)))
    }

    /// Holds the queue type to one clause function.
    ///
    /// # Panics
    /// When it breaks the clause, or there is none of that name.
    pub fn check(&self, name: &str) -> Outcome {
        match self.clauses.iter().find(|clause| clause.name == name) {
            Some(clause) => clause.check(&self.run, self.limit),
            None => panic!("there is no clause function `{name}` for {}", self.run.kind().name()),
        }
    }
}

/// `SAGE_STRESS` as a positive number, else 1.
fn stress() -> f64 {
    std::env::var("SAGE_STRESS")
        .ok()
        .and_then(|text| text.parse::<f64>().ok())
        .filter(|scale| scale.is_finite() && *scale > 0.0)
        .unwrap_or(1.0)
}
