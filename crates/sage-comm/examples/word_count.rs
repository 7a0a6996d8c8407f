//! The words of a text are counted by three instances: the key decides which one counts a word.
#![allow(clippy::print_stdout, reason = "printing is what this example is for")]

use sage_comm::ops::IterSource;
use sage_comm::{Builtin, Deployment, Flow, Result};

const TEXT: &str = "\
    the rose is a rose and the apple is a rose\n\
    and the apple is an apple and that is the rose\n\
    the pear is a rose I suppose";

fn main() -> Result<()> {
    let flow = Flow::new("word_count", Builtin);
    let counts = flow
        .source("lines", 1, |_| IterSource::new(TEXT.lines().map(String::from)))
        .flat_map("words", |line: String| {
            line.split_whitespace().map(String::from).collect::<Vec<_>>()
        })
        .parallelism(2)
        .key_by("by_word", String::clone)
        .fold(
            "count",
            || 0_u64,
            |n, _word| *n += 1,
            |word, n| Ok((n, word.decode::<String>()?)),
        )
        .parallelism(3)
        .collect("counts");
    let report = flow.build(Deployment::Threads)?.run()?.into_result()?;

    let mut counts = counts.take();
    counts.sort_by(|(n, word), (m, other)| m.cmp(n).then_with(|| word.cmp(other)));
    for (n, word) in counts.iter().take(3) {
        println!("{n} {word}");
    }
    let words = report.node("count").map_or(0, |node| node.packets_in);
    println!("{words} words, {} of them different", counts.len());
    report.ledger.check()
}
