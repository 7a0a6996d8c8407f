//! An operator asks a service, which asks another one; what a service refuses is the caller's to deal with.
#![allow(clippy::print_stdout, reason = "printing is what this example is for")]

use std::time::Duration;

use sage_comm::ops::IterSource;
use sage_comm::{Builtin, Deployment, Error, ErrorKind, Flow, Result, ServiceContext, Wait};

fn main() -> Result<()> {
    let wait = Wait::from(Duration::from_secs(30));
    let flow = Flow::new("shop", Builtin);
    let price = flow.service("price", 2, |_: &mut ServiceContext<'_, u64>, what: String| {
        match what.as_str() {
            "tea" => Ok(350),
            "ink" => Ok(400),
            _ => Err(Error::new(ErrorKind::NotFound, "look up a price").found(what).into()),
        }
    });
    let offer = flow.service("offer", 1, move |ctx: &mut ServiceContext<'_, String>, what: String| {
        // The deadline of the call in hand is that of this one, too.
        let cents = ctx.call_service(&price, what.clone(), wait)?;
        Ok(format!("{what} for {}.{:02}", cents / 100, cents % 100))
    });
    let offers = flow
        .source("wishes", 1, |_| {
            IterSource::new(["tea", "gold", "ink"].map(String::from))
        })
        .map_with("ask", move |ctx, wish: String| {
            Ok(match ctx.call_service(&offer, wish.clone(), wait) {
                Ok(offer) => offer,
                Err(error) if error.kind() == ErrorKind::NotFound => format!("no {wish} today"),
                Err(error) => return Err(error.into()), // the error policy of the node decides
            })
        })
        .collect("offers");
    let report = flow.build(Deployment::Threads)?.run()?.into_result()?;

    for offer in offers.take() {
        println!("{offer}");
    }
    for service in &report.services {
        println!(
            "{}: {} answered, {} failed",
            service.service, service.totals.answered, service.totals.failed
        );
    }
    report.ledger.check()
}
