//! How many bids and events one core makes per second: `cargo run --release -p nexmark --example rate -- 100000000`.

use std::hint::black_box;
use std::io::{self, Write};
use std::time::Instant;

use nexmark::{Config, Generator};

fn main() -> io::Result<()> {
    let events = match std::env::args().nth(1).map(|text| text.parse()) {
        None => 50_000_000,
        Some(Ok(events)) => events,
        Some(Err(error)) => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("number of events: {error}"),
            ));
        }
    };
    let config = Config {
        events,
        ..Config::default()
    };
    report("bids", || Generator::new(config.clone()).bids().map(black_box).count())?;
    report("events", || Generator::new(config.clone()).map(black_box).count())?;
    report("bids of one of two sources", || {
        config
            .split(2)
            .into_iter()
            .take(1)
            .flat_map(|part| Generator::new(part).bids())
            .map(black_box)
            .count()
    })
}

fn report(what: &str, make: impl FnOnce() -> usize) -> io::Result<()> {
    let start = Instant::now();
    let made = make();
    let seconds = start.elapsed().as_secs_f64();
    let rate = made as f64 / seconds / 1e6;
    writeln!(io::stdout(), "{made} {what} in {seconds:.2} s: {rate:.1} M/s")
}
