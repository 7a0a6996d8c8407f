//! Throughput: a producer, a server and a consumer, producers alone, or one process that is all of them.

use net_peers::{Act, Subject};

use super::house::House;
use super::{Item, cases};
use crate::measure::{Better, Case, Group, Metric, Size};

/// Who takes part.
#[derive(Clone, Copy)]
pub(super) enum Cast {
    /// One producer and one consumer.
    Pair,
    /// So many clients on either side, in a process for each side.
    Clients(u64),
    /// So many producers in one process, and nobody who gets anything.
    Crowd(u64),
    /// Who puts is who gets.
    Alone,
}

/// One way to send items.
#[derive(Clone, Copy)]
pub(super) struct Flow {
    pub(super) scenario: &'static str,
    pub(super) item: Item,
    pub(super) cast: Cast,
}

impl Flow {
    pub(super) fn group(self, subjects: &[&'static Subject]) -> Group {
        self.of_cases(cases(subjects, move |subject, units| self.run(subject, units)))
    }

    /// The same with cases of one's own.
    pub(super) fn of_cases(self, cases: Vec<Case>) -> Group {
        let metric = |unit, better| Metric {
            scenario: self.scenario,
            unit,
            better,
        };
        Group {
            size: Size::Rated,
            item: self.item.name,
            metrics: vec![
                metric("M items/s", Better::Higher),
                metric("CPU us/item", Better::Lower),
            ],
            cases,
        }
    }

    pub(super) fn run(self, subject: &'static Subject, units: u64) -> Result<Vec<f64>, String> {
        let house = House::open(subject, self.item.size)?;
        let acts = match self.cast {
            Cast::Pair => vec![(Act::Receive, 1), (Act::Send, 1)],
            Cast::Clients(clients) => vec![(Act::ReceiveMany, clients), (Act::SendMany, clients)],
            Cast::Crowd(producers) => vec![(Act::Crowd, producers)],
            Cast::Alone => vec![(Act::Alone, 1)],
        };
        let mut company = house.company(&acts)?;
        let items = self.item.count(units);
        let each = |items: u64| vec![items; acts.len()];
        // Once to warm up: connections, memory, and processors.
        company.lap(&each((items / 8).max(FEWEST)))?;
        let before = house.cpu()?;
        let laps = company.lap(&each(items))?;
        let served = house.cpu()? - before;
        company.end()?;
        house.end()?;
        let those = |what: fn(Act) -> bool| laps.iter().zip(&acts).filter(move |(_, (act, _))| what(*act));
        if those(receives).any(|(lap, _)| lap.sum != items * (items - 1) / 2) {
            return Err("items got lost, or changed, or came twice".into());
        }
        let begun = those(sends).map(|(lap, _)| lap.begun).fold(f64::INFINITY, f64::min);
        // The last item that arrived, or the last one that was confirmed, whichever is later.
        let ended = laps.iter().map(|lap| lap.ended).fold(0.0, f64::max);
        let cpu = laps.iter().map(|lap| lap.cpu).sum::<f64>() + served;
        Ok(vec![items as f64 / (ended - begun) / 1e6, cpu * 1e6 / items as f64])
    }
}

/// Items of a lap at least, so that every client has some.
pub(super) const FEWEST: u64 = 16;

const fn receives(act: Act) -> bool {
    matches!(act, Act::Receive | Act::ReceiveMany | Act::Alone)
}

const fn sends(act: Act) -> bool {
    !matches!(act, Act::Receive | Act::ReceiveMany)
}
