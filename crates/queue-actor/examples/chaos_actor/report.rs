//! What a campaign found.

use crate::options::Options;

/// Complaints shown; of many the first say what is wrong.
const SHOWN: usize = 20;

/// Sums over all rounds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    rounds: u64,
    failed: u64,
    sums: Vec<(&'static str, u64)>,
    complaints: Vec<String>,
}

impl Report {
    /// The end of one round; it failed when there is anything to complain of.
    pub(crate) fn round(&mut self, complaints: Vec<String>) {
        self.rounds += 1;
        self.failed += u64::from(!complaints.is_empty());
        let round = self.rounds;
        let told = complaints.into_iter().map(|text| format!("round {round}: {text}"));
        self.complaints.extend(told);
    }

    pub(crate) fn add(&mut self, name: &'static str, count: u64) {
        self.change(name, |sum| sum + count);
    }

    /// The larger one.
    pub(crate) fn most(&mut self, name: &'static str, value: u64) {
        self.change(name, |most| most.max(value));
    }

    fn change(&mut self, name: &'static str, change: impl FnOnce(u64) -> u64) {
        match self.sums.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum = change(*sum),
            None => self.sums.push((name, change(0))),
        }
    }

    pub(crate) fn is_good(&self) -> bool {
        self.complaints.is_empty()
    }

    pub(crate) fn shown(&self) -> impl Iterator<Item = &String> {
        self.complaints.iter().take(SHOWN)
    }

    /// All of it as one line of JSON.
    pub(crate) fn json(&self, options: &Options) -> String {
        let mut text = format!("{{\"backend\":\"actor\",\"fault\":\"{}\"", options.fault.name());
        for (name, value) in self.fields(options) {
            text.push_str(&format!(",\"{name}\":{value}"));
        }
        text.push('}');
        text
    }

    /// The same in words.
    pub(crate) fn words(&self, options: &Options) -> String {
        let fields = self.fields(options);
        let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name} {value}")).collect();
        format!("actor {}: {}", options.fault.name(), fields.join(", "))
    }

    fn fields(&self, options: &Options) -> Vec<(&'static str, u64)> {
        let mut fields = vec![
            ("rounds", self.rounds),
            ("seed", options.seed),
            ("passed", self.rounds - self.failed),
            ("failed", self.failed),
            ("processes", options.processes),
        ];
        fields.extend(&self.sums);
        fields
    }
}
