//! Producers send as fast as they can, consumers receive as fast as they can, each a process.

use ipc_peers::{Act, Lap, Meeting, Part, Shape, Subject, WORD};

use super::{Item, cases, python};
use crate::company::Company;
use crate::measure::{Better, Case, Group, Metric, Role, Size};

/// What a group measures.
#[derive(Clone, Copy)]
pub(super) struct Flow {
    pub(super) scenario: &'static str,
    pub(super) shape: Shape,
    pub(super) item: Item,
    /// Queues between the same two processes, used in turn.
    pub(super) queues: u64,
}

impl Flow {
    pub(super) fn group(self, subjects: &[&'static Subject], python: bool) -> Group {
        let can = |subject: &&'static Subject| self.shape.fits(subject.most);
        let subjects: Vec<_> = subjects.iter().copied().filter(can).collect();
        let mut cases = cases(&subjects, move |subject, units| self.run(subject, units));
        if python {
            cases.push(Case::new(python::NAME, Role::Peer, move |units| {
                self.python(units)
                    .unwrap_or_else(|error| panic!("{}: {error}", python::NAME))
            }));
        }
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
                metric("CPU ns/item", Better::Lower),
            ],
            cases,
        }
    }

    fn run(self, subject: &'static Subject, units: u64) -> Result<Vec<f64>, String> {
        let (folder, meeting) = Meeting::new(self.item.size, self.shape)?;
        let Shape { producers, consumers } = self.shape;
        let alone = self.shape == Shape::PAIR;
        let part = |act, place: u64, processor| Part {
            subject: subject.name.into(),
            act,
            amount: self.queues,
            processor: alone.then_some(processor),
            meeting: Meeting {
                place,
                ..meeting.clone()
            },
        };
        // Consumers first: who is not there yet when the producers begin would lose time.
        let receive = (0..consumers).map(|place| part(Act::Receive, place, 1));
        let parts: Vec<Part> = receive
            .chain((0..producers).map(|place| part(Act::Send, place, 0)))
            .collect();
        let mut company = Company::of_parts(WORD, &parts)?;
        let items = self.item.count(units);
        let share = |items: u64| -> Vec<u64> {
            let each = |part: &Part| match part.act {
                Act::Receive => items / consumers,
                _ => items / producers,
            };
            parts.iter().map(each).collect()
        };
        // Once to warm up: pages, connections, and processors.
        company.lap(&share((items / 8).next_multiple_of(16)))?;
        let laps = company.lap(&share(items))?;
        company.end()?;
        drop(folder);
        let (received, sent) = laps.split_at(consumers as usize);
        let cpu = laps.iter().map(|lap| lap.cpu).sum();
        self.rate(items, received, sent, cpu)
    }

    fn python(self, units: u64) -> Result<Vec<f64>, String> {
        let Shape { producers, consumers } = self.shape;
        let item = if self.item.name == "packet" {
            "packet".into()
        } else {
            self.item.size.to_string()
        };
        let mut company = Company::start([python::command(producers, consumers, &item)])?;
        let items = self.item.count(units);
        company.lap(&[(items / 8).next_multiple_of(16)])?;
        let laps = company.lap(&[items])?;
        company.end()?;
        let cpu = laps.iter().map(|lap| lap.cpu).sum();
        self.rate(items, &laps, &laps, cpu)
    }

    /// From the first send to the last item that arrived.
    fn rate(self, items: u64, received: &[Lap], sent: &[Lap], cpu: f64) -> Result<Vec<f64>, String> {
        let each = items / self.shape.producers;
        let sum = received.iter().fold(0_u64, |sum, lap| sum.wrapping_add(lap.sum));
        if sum != self.shape.producers * (each * each.saturating_sub(1) / 2) {
            return Err("items got lost, or changed, or came twice".into());
        }
        let begun = sent.iter().map(|lap| lap.begun).fold(f64::INFINITY, f64::min);
        let ended = received.iter().map(|lap| lap.ended).fold(0.0, f64::max);
        Ok(vec![items as f64 / (ended - begun) / 1e6, cpu * 1e9 / items as f64])
    }
}
