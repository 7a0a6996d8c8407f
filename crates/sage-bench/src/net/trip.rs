//! Latency: one question after the other, while nobody else asks.

use net_peers::{Act, Subject};

use super::house::House;
use super::{Item, cases};
use crate::measure::{Group, Size};
use crate::scenario::{latencies, percentiles};

/// One kind of question.
#[derive(Clone, Copy)]
pub(super) struct Trip {
    pub(super) scenarios: [&'static str; 2],
    pub(super) item: Item,
    pub(super) act: Act,
    pub(super) trips: u64,
}

impl Trip {
    pub(super) fn group(self, subjects: &[&'static Subject]) -> Group {
        let [p50, p99] = self.scenarios;
        Group {
            size: Size::Own,
            item: self.item.name,
            metrics: latencies(p50, p99).into(),
            cases: cases(subjects, move |subject, _| self.run(subject)),
        }
    }

    fn run(self, subject: &'static Subject) -> Result<Vec<f64>, String> {
        let house = House::open(subject, self.item.size)?;
        let mut company = house.company(&[(self.act, 1)])?;
        company.lap(&[self.trips / 8])?;
        let laps = company.lap(&[self.trips])?;
        company.end()?;
        house.end()?;
        let lap = laps.into_iter().next();
        Ok(lap.map(|lap| percentiles(lap.values)).unwrap_or_default())
    }
}
