//! What a campaign found.

use crate::options::Options;

/// Complaints shown; of many the first say what is wrong.
const SHOWN: usize = 20;

/// Sums over all rounds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) rounds: u64,
    pub(crate) failed: u64,
    pub(crate) confirmed: u64,
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) lost_in_flight: u64,
    pub(crate) corrupt: u64,
    pub(crate) hangs: u64,
    pub(crate) max_block_ns: u64,
    pub(crate) leaks: u64,
    /// Further sums of one fault, by name.
    pub(crate) further: Vec<(&'static str, u64)>,
    pub(crate) complaints: Vec<String>,
}

impl Report {
    /// The end of one round; it failed when there is anything to complain of.
    pub(crate) fn round(&mut self, complaints: impl IntoIterator<Item = String>) {
        let before = self.complaints.len();
        self.complaints.extend(complaints);
        self.rounds += 1;
        self.failed += u64::from(self.complaints.len() > before);
    }

    /// Something about the campaign as a whole, which fails it.
    pub(crate) fn complain(&mut self, complaint: impl Into<String>) {
        self.complaints.push(complaint.into());
        self.failed = (self.failed + 1).min(self.rounds.max(1));
    }

    pub(crate) fn add(&mut self, name: &'static str, count: u64) {
        match self.further.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += count,
            None => self.further.push((name, count)),
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
        let mut text = format!("{{\"backend\":\"shm\",\"fault\":\"{}\"", options.fault.name());
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
        format!("shm {}: {}", options.fault.name(), fields.join(", "))
    }

    fn fields(&self, options: &Options) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("rounds", self.rounds.to_string()),
            ("seed", options.seed.to_string()),
            ("passed", self.rounds.saturating_sub(self.failed).to_string()),
            ("failed", self.failed.to_string()),
            ("confirmed", self.confirmed.to_string()),
            ("delivered", self.delivered.to_string()),
            ("lost", self.lost.to_string()),
            ("duplicated", self.duplicated.to_string()),
            ("lost_in_flight", self.lost_in_flight.to_string()),
            ("corrupt", self.corrupt.to_string()),
            ("hangs", self.hangs.to_string()),
            ("max_block_ms", format!("{:.1}", self.max_block_ns as f64 / 1e6)),
            ("leaks", self.leaks.to_string()),
        ];
        fields.extend(self.further.iter().map(|(name, value)| (*name, value.to_string())));
        fields
    }
}
