//! What a campaign found.

use crate::books::Sums;
use crate::options::Options;

/// Complaints shown; of many the first say what is wrong.
const SHOWN: usize = 20;

/// Sums over all rounds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) rounds: u64,
    pub(crate) failed: u64,
    pub(crate) hangs: u64,
    pub(crate) leaks: u64,
    sums: Sums,
    /// Further sums of one fault, by name.
    further: Vec<(&'static str, u64)>,
    complaints: Vec<String>,
}

impl Report {
    /// The end of one round; it failed when there is anything to complain of.
    pub(crate) fn round(&mut self, complaints: impl IntoIterator<Item = String>) {
        let before = self.complaints.len();
        self.complaints.extend(complaints);
        self.rounds += 1;
        self.failed += u64::from(self.complaints.len() > before);
    }

    /// Something about several rounds, which fails one of them.
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

    /// The larger one.
    pub(crate) fn most(&mut self, name: &'static str, value: u64) {
        match self.further.iter_mut().find(|(known, _)| *known == name) {
            Some((_, most)) => *most = value.max(*most),
            None => self.further.push((name, value)),
        }
    }

    /// Takes the sums of one queue in.
    pub(crate) fn take(&mut self, about: &str, sums: Sums) {
        let own = &mut self.sums;
        own.confirmed += sums.confirmed;
        own.delivered += sums.delivered;
        own.lost += sums.lost;
        own.duplicated += sums.duplicated;
        own.redelivered += sums.redelivered;
        own.lost_in_flight += sums.lost_in_flight;
        own.unknown += sums.unknown;
        own.broken += sums.broken;
        own.gone += sums.gone;
        own.max_block_ns = own.max_block_ns.max(sums.max_block_ns);
        if !sums.complaints.is_empty() {
            let told = sums.complaints.into_iter().map(|text| format!("{about}: {text}"));
            self.complaints.extend(told);
            self.failed = (self.failed + 1).min(self.rounds.max(1));
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
        let mut text = format!("{{\"backend\":\"rpc\",\"fault\":\"{}\"", options.fault.name());
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
        format!("rpc {}: {}", options.fault.name(), fields.join(", "))
    }

    fn fields(&self, options: &Options) -> Vec<(&'static str, String)> {
        let sums = &self.sums;
        let mut fields = vec![
            ("rounds", self.rounds.to_string()),
            ("seed", options.seed.to_string()),
            ("passed", self.rounds.saturating_sub(self.failed).to_string()),
            ("failed", self.failed.to_string()),
            ("confirmed", sums.confirmed.to_string()),
            ("delivered", sums.delivered.to_string()),
            ("lost", sums.lost.to_string()),
            ("duplicated", sums.duplicated.to_string()),
            ("redelivered", sums.redelivered.to_string()),
            ("lost_in_flight", sums.lost_in_flight.to_string()),
            ("gone_with_server", sums.gone.to_string()),
            ("unknown", sums.unknown.to_string()),
            ("broken_calls", sums.broken.to_string()),
            ("hangs", self.hangs.to_string()),
            ("max_block_ms", format!("{:.1}", sums.max_block_ns as f64 / 1e6)),
            ("leaks", self.leaks.to_string()),
        ];
        fields.extend(self.further.iter().map(|(name, value)| (*name, value.to_string())));
        fields
    }
}
