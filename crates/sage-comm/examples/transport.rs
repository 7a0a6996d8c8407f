//! One job over whichever type of queue is asked for when it runs: `transport [TYPE...]`, by default three of them.
#![allow(clippy::print_stdout, reason = "printing is what this example is for")]

use sage_comm::ops::IterSource;
use sage_comm::{
    Builtin, DefaultStrategy, Deployment, DescriptorRecord, EdgeRequest, Flow, KindInfo, Result, Strategy,
};

/// The job. No word of it says what kind of queue its packets travel by.
fn squares(transport: &dyn Strategy) -> Result<u64> {
    let flow = Flow::new("squares", Builtin);
    let squares = flow
        .source("numbers", 2, |at| {
            IterSource::new((0..1000_u64).skip(at.index as usize).step_by(at.parallelism as usize))
        })
        .map("square", |n| n * n)
        .parallelism(3)
        .collect("squares");
    let job = flow.build_with(Deployment::Threads, transport)?;
    for line in job.plan().explain().lines().take(2) {
        println!("  {line}");
    }
    job.run()?.into_result()?.ledger.check()?;
    Ok(squares.take().into_iter().sum())
}

fn main() -> Result<()> {
    let mut kinds: Vec<String> = std::env::args().skip(1).collect();
    if kinds.is_empty() {
        kinds = ["local", "sage_queue", "shm"].map(String::from).into();
    }
    for kind in kinds {
        // A strategy is asked once for every edge, and its reasons are kept.
        let forced = |edge: &EdgeRequest, known: &[KindInfo], open: &dyn Fn(&DescriptorRecord) -> Result<()>| {
            DefaultStrategy.choose(&edge.clone().forced(&kind), known, open)
        };
        println!("{kind}");
        println!("  {}", squares(&forced)?);
    }
    Ok(())
}
