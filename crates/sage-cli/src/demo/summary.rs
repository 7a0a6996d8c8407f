//! What the demo has to show, for people and for programs.

use std::io::{self, Write};

use nexmark::hot_items::Tally;
use sage_comm::JobReport;
use serde::Serialize;

use super::kept::Kept;
use super::results::HotItem;
use crate::number::{clock, elapsed, grouped, short};
use crate::report::{Account, ledger};
use crate::table::{Align, Table};

/// The JSON object, and the source of all lines of the report.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    pub(super) events: u64,
    pub(super) events_per_second: f64,
    #[serde(flatten)]
    pub(super) account: Account,
    pub(super) seed: u64,
    pub(super) window_ms: u64,
    pub(super) slide_ms: u64,
    /// Pairs of window and auction.
    pub(super) results: u64,
    /// Null when it was not asked for, or the stream was cut short.
    pub(super) verified: Option<bool>,
    pub(super) verify_seconds: Option<f64>,
    pub(super) hottest: Vec<Hottest>,
    #[serde(flatten)]
    pub(super) kept: Kept,
}

/// One of the hottest auctions of the last windows.
#[derive(Debug, Serialize)]
pub(super) struct Hottest {
    /// End of the window in milliseconds since the stream began.
    window_end_ms: u64,
    auction: u64,
    bids: u64,
    average_price_cents: f64,
    #[serde(skip)]
    tally: Tally,
}

impl Hottest {
    pub(super) fn new(item: &HotItem, first_event_ms: u64) -> Self {
        let Tally { count, price_sum } = item.tally;
        Self {
            window_end_ms: item.window_end.saturating_sub(first_event_ms),
            auction: item.auction,
            bids: count,
            average_price_cents: price_sum as f64 / count.max(1) as f64,
            tally: item.tally,
        }
    }
}

impl Summary {
    /// Everything there is to see.
    pub(super) fn write_report(&self, topology: &str, report: &JobReport, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "Hottest auctions of the last windows, prices in cents\n\n{}",
            self.table()
        )?;
        writeln!(out, "Topology\n")?;
        for line in topology.lines() {
            writeln!(out, "{}", format!("  {line}").trim_end())?;
        }
        writeln!(out, "\nLedger\n\n{}", ledger(report))
    }

    fn table(&self) -> Table {
        use Align::Right;
        let titles = [
            ("window end", Right),
            ("auction", Right),
            ("bids", Right),
            ("average price", Right),
        ];
        let mut table = Table::new(&titles);
        let mut before = None;
        for hottest in &self.hottest {
            // The end of a window is written once.
            let is_new = before.replace(hottest.window_end_ms) != Some(hottest.window_end_ms);
            table.row([
                if is_new {
                    clock(hottest.window_end_ms)
                } else {
                    String::new()
                },
                hottest.auction.to_string(),
                grouped(hottest.bids),
                hottest.tally.average().map_or_else(String::new, grouped),
            ]);
        }
        table
    }

    /// How many, how fast, and whether it is right.
    pub(super) fn write_result(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self {
            events,
            events_per_second,
            account,
            results,
            ..
        } = self;
        writeln!(
            out,
            "{} events in {}: {} events/s ({} results, transport {}, parallelism {})",
            grouped(events),
            elapsed(account.seconds),
            short(*events_per_second),
            grouped(results),
            account.transport,
            account.parallelism,
        )?;
        self.kept.write(out)?;
        match (self.verified, self.verify_seconds) {
            (Some(true), Some(seconds)) => {
                writeln!(
                    out,
                    "verified: all results equal those of a single-threaded loop ({seconds:.2} s)"
                )
            }
            (Some(_), _) => writeln!(out, "not verified: the results are not those of a single-threaded loop"),
            (None, _) => Ok(()),
        }
    }
}
