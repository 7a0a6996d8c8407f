//! Two groups of sources of any length and speed before one node, over every partition.

use std::time::Duration;

use sage_comm::{Builtin, Outcome, Partition, Stream};

use crate::evidence::Item;
use crate::options::Options;
use crate::report::Report;
use crate::scene::{Scene, counting};

const WIDTH: u32 = 3;
/// How packets find their way to the node.
const WAYS: [&str; 7] = [
    "round_robin",
    "hash",
    "broadcast",
    "forward",
    "rescale",
    "load_aware",
    "custom",
];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<(), String> {
    for round in 0..options.rounds {
        let way = WAYS.get(round as usize % WAYS.len()).copied().unwrap_or_default();
        // Forward edges are as wide on either side.
        let first = if way == "forward" { WIDTH } else { 2 };
        let mut scene = Scene::new(options, round, first + WIDTH);
        let left = group(&mut scene, "numbers_left", 0, first);
        let right = group(&mut scene, "numbers_right", first, WIDTH);
        let buffer = 1 + scene.dice.below(40) as usize;
        let (left, right) = match way {
            "hash" => {
                let key = |item: &Item| item.number % 11;
                (
                    left.key_by("key_left", key).unkeyed(),
                    right.key_by("key_right", key).unkeyed(),
                )
            }
            _ => (left, right),
        };
        let (left, right) = (partitioned(left, way), partitioned(right, way));
        let both = left
            .co_map(&right, "meet", (), |(), item| item, |(), item| item)
            .parallelism(WIDTH)
            .buffer_size(buffer);
        let copies = if way == "broadcast" { WIDTH } else { 1 };
        let running = scene.sink(&both, || {})?.start()?;
        let mut complaints = Vec::new();
        if let Some((evidence, ended)) = running
            .wait()
            .end(options, Duration::ZERO, copies, report, &mut complaints)
        {
            evidence.ended(&[Outcome::Finished], &mut complaints);
            if evidence.sums.missing > 0 || !ended.is_complete() {
                complaints.push(format!("{way}: {} packets did not come", evidence.sums.missing));
            }
        }
        report.numbered_round(complaints);
    }
    Ok(())
}

/// Some sources send nothing, most are far from even.
fn group(scene: &mut Scene, name: &str, from: u32, sources: u32) -> Stream<Item, Builtin> {
    let counts: Vec<u64> = (0..sources)
        .map(|_| scene.dice.below(4) * scene.dice.below(100))
        .collect();
    let (sent, seed) = (scene.sent.clone(), scene.dice.roll());
    scene.flow.source(name, sources, move |at| {
        let each = counts.get(at.index as usize).copied().unwrap_or(0);
        counting(from + at.index, each, seed, sent.clone())
    })
}

fn partitioned(stream: Stream<Item, Builtin>, way: &str) -> Stream<Item, Builtin> {
    match way {
        "hash" => stream.partition(Partition::Hash),
        "broadcast" => stream.broadcast(),
        "forward" => stream.forward(),
        "rescale" => stream.partition(Partition::Rescale),
        "load_aware" => stream.partition(Partition::LoadAware),
        "custom" => stream.partition_by("by_number", |_, packet, targets| {
            packet.payload.number as usize % targets.max(1)
        }),
        _ => stream,
    }
}
