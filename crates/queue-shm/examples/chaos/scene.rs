//! One queue from its first process to its audit.

use crate::crew::{Crew, Ending, Hand, KEEPER, Orders, PATIENCE};
use crate::ledger;
use crate::report::{Report, take};

/// How the complaint begins that something does not end.
pub(crate) const HANG: &str = "HANG";

pub(crate) struct Scene {
    what: String,
    pub(crate) queue: String,
    keeper: Option<Hand>,
    /// Whether everybody who died did so inside of a call, so that the queue itself knows of every item that was lost.
    pub(crate) is_exact: bool,
    pub(crate) complaints: Vec<String>,
}

impl Scene {
    pub(crate) fn new(what: impl Into<String>, queue: String) -> Self {
        Self {
            what: what.into(),
            queue,
            keeper: None,
            is_exact: false,
            complaints: Vec::new(),
        }
    }

    pub(crate) fn orders(&self) -> Orders<'_> {
        Orders {
            queue: &self.queue,
            ..Orders::default()
        }
    }

    /// From here on the queue outlives everybody else, until it has been audited.
    pub(crate) fn keep(&mut self, crew: &mut Crew) -> Result<(), String> {
        let mut keeper = crew.start(KEEPER, &self.orders())?;
        if !keeper.moves_on(0, 1, PATIENCE)? {
            let ended = keeper.ended()?;
            self.complain(format!("{HANG}: the queue does not open, ended: {ended:?}"));
        }
        self.keeper = Some(keeper);
        Ok(())
    }

    pub(crate) fn complain(&mut self, complaint: impl AsRef<str>) {
        self.complaints.push(format!("{}: {}", self.what, complaint.as_ref()));
    }

    pub(crate) fn expect_death(&mut self, crew: &mut Crew, victim: &mut Hand, step: &str) {
        match crew.wait(victim) {
            Ok(Ending::Killed) => {}
            Ok(ending) => self.complain(format!("the process that was to die at {step} ended by {ending:?}")),
            Err(hang) => self.complain(hang),
        }
    }

    /// Has the queue audited when all but the keeper are gone, and judges all that was written about it.
    pub(crate) fn settle(mut self, crew: &mut Crew, report: &mut Report) -> Result<(), String> {
        let mut auditor = crew.start("auditor", &self.orders())?;
        crew.farewell(&mut auditor, &mut self.complaints);
        if let Some(mut keeper) = self.keeper.take() {
            crew.dismiss_keeper(&self.queue)?;
            crew.farewell(&mut keeper, &mut self.complaints);
        }
        let sums = ledger::close(&crew.journals(&self.queue)?, crew.fates())?;
        for complaint in &sums.complaints {
            self.complain(complaint);
        }
        if self.is_exact && sums.counted < sums.lost_in_flight {
            let (counted, lost) = (sums.counted, sums.lost_in_flight);
            self.complain(format!(
                "the queue counted {counted} items lost in flight, and {lost} were"
            ));
        }
        take(report, &sums);
        let left = crew.segments();
        if !left.is_empty() {
            self.complain(format!("left behind: {}", left.join(", ")));
            report.leaks += left.len() as u64;
            // Told once.
            for name in left {
                let _ = std::fs::remove_file(crew.shm.join(name));
            }
        }
        report.hangs += self.complaints.iter().filter(|text| text.contains(HANG)).count() as u64;
        if self.complaints.is_empty() && !crew.keeps {
            crew.forget(&self.queue)?;
        }
        for complaint in self.complaints {
            report.complain(complaint);
        }
        Ok(())
    }
}
