//! Orders meet their payments: same customer, same hour. Two streams, one key, one window.
#![allow(clippy::print_stdout, reason = "printing is what this example is for")]

use sage_comm::ops::{IterSource, WindowSpec};
use sage_comm::{Builtin, Deployment, Flow, Result};

const HOUR_MS: u64 = 3_600_000;

/// Customer, minute, and what was ordered or paid.
type Event = (String, u64, String);

fn events<const N: usize>(events: [(&str, u64, &str); N]) -> Vec<Event> {
    let owned = |(customer, minute, what): (&str, u64, &str)| (customer.to_owned(), minute, what.to_owned());
    events.map(owned).into()
}

fn at_ms((_, minute, _): &Event) -> u64 {
    minute * 60_000
}

fn main() -> Result<()> {
    let flow = Flow::new("orders", Builtin);
    let orders = events([
        ("ada", 5, "tea"),
        ("bob", 10, "ink"),
        ("ada", 70, "cups"),
        ("eve", 80, "hat"),
    ]);
    let payments = events([
        ("bob", 12, "4.00"),
        ("ada", 55, "3.50"),
        ("eve", 130, "20.00"),
        ("ada", 119, "8.00"),
    ]);
    let orders = flow
        .source("orders", 1, move |_| {
            IterSource::new(orders.clone()).with_event_time(at_ms, 0)
        })
        .key_by("ordered_by", |(customer, ..)| customer.clone());
    let payments = flow
        .source("payments", 1, move |_| {
            // Payments may arrive up to half an hour after later ones.
            IterSource::new(payments.clone()).with_event_time(at_ms, HOUR_MS / 2)
        })
        .key_by("paid_by", |(customer, ..)| customer.clone());
    let paid = orders
        .join(
            &payments,
            "same_hour",
            WindowSpec::tumbling(HOUR_MS)?,
            at_ms,
            at_ms,
            |end_ms, (customer, _, what), (_, _, sum)| (end_ms / HOUR_MS, customer.clone(), what.clone(), sum.clone()),
        )
        .parallelism(2)
        .collect("paid");
    let report = flow.build(Deployment::Threads)?.run()?.into_result()?;

    let mut paid = paid.take();
    paid.sort();
    for (hour, customer, what, sum) in paid {
        println!("hour {hour}: {customer} paid {sum} for {what}");
    }
    report.ledger.check() // eve paid in the next hour: no pair, and nothing lost either
}
