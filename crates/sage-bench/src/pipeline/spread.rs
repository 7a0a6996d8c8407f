//! The same job on threads and in two processes that share memory.

use super::program::Part;
use super::record::Record;
use crate::measure::{Better, Case, Group, Metric, Role, Size};

pub(super) fn group<R: Record>(wide: bool) -> Group {
    let case = |subject, workers| {
        Case::new(subject, Role::Ours, move |items| {
            let told = Part::Spread { workers, wide, items }.play();
            vec![items as f64 / told.seconds / 1e6]
        })
    };
    Group {
        size: Size::Rated,
        item: R::NAME,
        metrics: vec![Metric {
            scenario: "job x2, spread",
            unit: "M items/s",
            better: Better::Higher,
        }],
        cases: vec![case("threads", 0), case("2 processes, shm", 2)],
    }
}
