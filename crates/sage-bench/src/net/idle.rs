//! The server's memory for what nobody uses: connections and queues.

use net_peers::{Act, Subject};

use super::house::House;
use super::{Item, cases};
use crate::measure::{Better, Group, Metric, Size};

/// So many of them.
#[derive(Clone, Copy)]
pub(super) struct Idle {
    pub(super) scenario: &'static str,
    pub(super) item: Item,
    pub(super) act: Act,
    pub(super) amount: u64,
}

impl Idle {
    pub(super) fn group(self, subjects: &[&'static Subject]) -> Group {
        Group {
            size: Size::Own,
            item: self.item.name,
            metrics: vec![Metric {
                scenario: self.scenario,
                unit: "KiB",
                better: Better::Lower,
            }],
            cases: cases(subjects, move |subject, _| self.run(subject)),
        }
    }

    fn run(self, subject: &'static Subject) -> Result<Vec<f64>, String> {
        let house = House::open(subject, self.item.size)?;
        // What the first client makes the server take once is not a client's.
        house.company(&[(self.act, 1)])?.end()?;
        let before = house.memory()?;
        let company = house.company(&[(self.act, self.amount)])?;
        let more = house.memory()? - before;
        company.end()?;
        house.end()?;
        Ok(vec![more / self.amount as f64])
    }
}
