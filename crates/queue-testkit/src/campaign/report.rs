//! What a campaign found.

use std::fmt::Write as _;
use std::ops::{Deref, DerefMut};
use std::process::ExitCode;

use super::{Options, complain, say};

/// Complaints shown; of many the first say what is wrong.
const SHOWN: usize = 20;

/// What is counted over all rounds of any campaign.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Rounds that are over.
    pub rounds: u64,
    /// Those with anything to complain of.
    pub failed: u64,
    /// Calls and processes that did not end.
    pub hangs: u64,
    /// What was left behind.
    pub leaks: u64,
    further: Vec<(&'static str, u64)>,
    complaints: Vec<String>,
}

impl Report {
    /// The end of one round; it failed when there is anything to complain of.
    pub fn round(&mut self, complaints: impl IntoIterator<Item = String>) {
        let before = self.complaints.len();
        self.complaints.extend(complaints);
        self.rounds += 1;
        self.failed += u64::from(self.complaints.len() > before);
    }

    /// As [`round`](Self::round), and each complaint says in which one it was.
    pub fn numbered_round(&mut self, complaints: impl IntoIterator<Item = String>) {
        let round = self.rounds + 1;
        self.round(complaints.into_iter().map(|text| format!("round {round}: {text}")));
    }

    /// Something about several rounds, which fails one of them.
    pub fn complain(&mut self, complaint: impl Into<String>) {
        self.complaints.push(complaint.into());
        self.failed = (self.failed + 1).min(self.rounds.max(1));
    }

    /// As [`complain`](Self::complain), for as many complaints as there are together.
    pub fn complain_of(&mut self, complaints: impl IntoIterator<Item = String>) {
        let before = self.complaints.len();
        self.complaints.extend(complaints);
        if self.complaints.len() > before {
            self.failed = (self.failed + 1).min(self.rounds.max(1));
        }
    }

    /// Adds to a sum of one fault.
    pub fn add(&mut self, name: &'static str, count: u64) {
        self.change(name, |sum| sum + count);
    }

    /// The larger one.
    pub fn most(&mut self, name: &'static str, value: u64) {
        self.change(name, |most| most.max(value));
    }

    fn change(&mut self, name: &'static str, change: impl FnOnce(u64) -> u64) {
        match self.further.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum = change(*sum),
            None => self.further.push((name, change(0))),
        }
    }

    /// Whether there is a sum of that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.further.iter().any(|(known, _)| *known == name)
    }

    /// Whether nothing failed.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.complaints.is_empty()
    }

    /// The counts that all have, then those of the queue type, then those of the fault.
    fn fields(&self, seed: u64, own: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("rounds", self.rounds.to_string()),
            ("seed", seed.to_string()),
            ("passed", self.rounds.saturating_sub(self.failed).to_string()),
            ("failed", self.failed.to_string()),
        ];
        fields.extend(own);
        fields.extend(self.further.iter().map(|(name, value)| (*name, value.to_string())));
        fields
    }
}

/// What is counted of one queue type, in every campaign against it.
pub trait Counts {
    /// As they are shown, in their order, with those of `report` that belong between them.
    fn shown(&self, report: &Report) -> Vec<(&'static str, String)>;
}

/// A report with the counts of one queue type.
#[derive(Clone, Debug, Default)]
pub struct Findings<C> {
    /// Those counts.
    pub counts: C,
    report: Report,
}

impl<C> Deref for Findings<C> {
    type Target = Report;

    fn deref(&self) -> &Self::Target {
        &self.report
    }
}

impl<C> DerefMut for Findings<C> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.report
    }
}

impl<C: Counts> Findings<C> {
    /// Nothing is found yet, beside these.
    pub fn new(counts: C) -> Self {
        Self {
            counts,
            report: Report::default(),
        }
    }

    /// All of it as one line, in JSON or in words.
    pub fn line<F>(&self, options: &Options<F>) -> String {
        let fields = self.report.fields(options.seed, self.counts.shown(&self.report));
        if !options.json {
            let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name} {value}")).collect();
            return format!("{} {}: {}", options.backend, options.name, fields.join(", "));
        }
        let mut text = format!("{{\"backend\":\"{}\",\"fault\":\"{}\"", options.backend, options.name);
        for (name, value) in fields {
            // Writing into a string does not fail.
            let _ = write!(text, ",\"{name}\":{value}");
        }
        text.push('}');
        text
    }
}

impl<F> Options<F> {
    /// Says the seed, wages the campaign, and says how it ended.
    pub fn wage<C: Counts>(&self, wage: impl FnOnce() -> Result<Findings<C>, String>) -> ExitCode {
        say(format_args!("seed {}", self.seed));
        let found = match wage() {
            Ok(found) => found,
            Err(message) => {
                complain(format_args!("chaos: {message}"));
                return ExitCode::FAILURE;
            }
        };
        found.complaints.iter().take(SHOWN).for_each(say);
        say(found.line(self));
        if found.is_good() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Blocked(f64);

    impl Counts for Blocked {
        fn shown(&self, report: &Report) -> Vec<(&'static str, String)> {
            vec![
                ("max_block_ms", self.0.to_string()),
                ("hangs", report.hangs.to_string()),
            ]
        }
    }

    #[test]
    fn rounds_sums_and_complaints_make_one_line() {
        let mut report = Findings::new(Blocked(0.5));
        report.counts.0 += 1.0;
        report.round([]);
        report.numbered_round(["lost".to_owned(), "twice".to_owned()]);
        assert_eq!(report.complaints, ["round 2: lost", "round 2: twice"]);
        report.add("cuts", 2);
        report.add("cuts", 3);
        report.most("latest_ms", 7);
        report.most("latest_ms", 5);
        assert!(report.has("cuts") && !report.has("flips") && !report.is_good());
        report.complain_of([]);
        assert_eq!(report.failed, 1);
        report.complain("left behind");
        report.complain("and more");
        assert_eq!((report.rounds, report.failed), (2, 2));
        let mut options = Options {
            backend: "rpc",
            fault: (),
            name: "cut",
            rounds: 2,
            seed: 7,
            keep: false,
            json: true,
        };
        assert_eq!(
            report.line(&options),
            "{\"backend\":\"rpc\",\"fault\":\"cut\",\"rounds\":2,\"seed\":7,\"passed\":0,\"failed\":2,\"max_block_ms\":1.5,\
             \"hangs\":0,\"cuts\":5,\"latest_ms\":7}"
        );
        options.json = false;
        assert!(
            report
                .line(&options)
                .starts_with("rpc cut: rounds 2, seed 7, passed 0, failed 2, max_block_ms 1.5")
        );
    }
}
