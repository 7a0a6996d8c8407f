//! Four producers and four consumers, and one of them is killed again and again, wherever it is.

use std::thread::sleep;
use std::time::Duration;

use crate::crew::{Crew, Hand, Orders, PATIENCE};
use crate::ledger::LONGEST_BLOCK_NS;
use crate::options::Options;
use crate::report::Report;
use crate::scene::{HANG, Scene};

const QUEUE: &str = "kill9";
const EACH: usize = 4;

fn orders() -> Orders<'static> {
    Orders {
        queue: QUEUE,
        ..Orders::default()
    }
}

pub(crate) fn run(options: &Options, crew: &mut Crew, report: &mut Report) -> Result<(), String> {
    let mut scene = Scene::new("kill9", QUEUE.into());
    scene.keep(crew)?;
    let mut hands = Vec::new();
    for role in ["producer", "consumer"] {
        for _ in 0..EACH {
            hands.push(crew.start(role, &orders())?);
        }
    }
    for round in 0..options.rounds {
        let complaints = strike(crew, &mut hands, round)?;
        let stuck = complaints.iter().filter(|text| text.contains(HANG)).count();
        report.hangs += stuck as u64;
        report.round(complaints);
        if stuck > 0 {
            // Every further round would say the same, each after a long wait.
            break;
        }
    }
    crew.dismiss(QUEUE)?;
    for hand in &mut hands {
        crew.farewell(hand, &mut scene.complaints);
    }
    scene.settle(crew, report)?;
    let longest = report.counts.max_block_ns;
    if longest > LONGEST_BLOCK_NS {
        report.complain(format!("a call took {longest} ns longer than its limit"));
    }
    Ok(())
}

/// One death, and whether the others go on.
fn strike(crew: &mut Crew, hands: &mut [Hand], round: u64) -> Result<Vec<String>, String> {
    sleep(Duration::from_micros(crew.dice.below(8000)));
    let mut complaints = Vec::new();
    // Producers and consumers by turns.
    let chosen = crew.dice.below(EACH as u64) as usize + if round.is_multiple_of(2) { 0 } else { EACH };
    let Some(victim) = hands.get_mut(chosen) else {
        return Err("nobody to kill".into());
    };
    if let Some(ending) = victim.ended()? {
        complaints.push(format!(
            "round {round}: {} {} ended by {ending:?}",
            victim.role(),
            victim.actor
        ));
    }
    crew.kill(victim)?;
    *victim = crew.start(victim.role(), &orders())?;
    let before: Vec<u64> = hands.iter().map(Hand::progress).collect();
    for (hand, before) in hands.iter_mut().zip(before) {
        if !hand.moves_on(before, 3, PATIENCE)? {
            let how = hand.ended()?;
            complaints.push(match how {
                Some(ending) => format!("round {round}: {} {} ended by {ending:?}", hand.role(), hand.actor),
                None => format!("{HANG}: round {round}: {} {} makes no calls", hand.role(), hand.actor),
            });
        }
    }
    Ok(complaints)
}
