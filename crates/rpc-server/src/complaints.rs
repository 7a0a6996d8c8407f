//! What is written to the log about peers: not more often than anybody reads.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::gate::network;

/// One line for each address in this time.
const PAUSE: Duration = Duration::from_secs(10);
/// Addresses that are remembered. When there are more in one pause, the further ones are counted together.
const MOST: usize = 1024;

/// A full table is not searched more often.
const SEARCH: Duration = Duration::from_secs(1);

/// Remembers who was complained about lately.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    last: HashMap<Option<IpAddr>, Said>,
    /// For those who have no place in the table.
    others: Said,
    /// When the table was last searched for those who may be forgotten.
    searched: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Said {
    at: Option<Instant>,
    /// Since then, and not said.
    kept_back: u64,
}

impl Complaints {
    /// Writes a warning, or keeps it back. Words of a peer are escaped; without an address it is one of this host.
    pub(crate) fn warn(&mut self, peer: &str, address: Option<IpAddr>, what: &str, now: Instant) {
        if let Some(kept_back) = self.may_say(address, now) {
            let peer = peer.escape_debug();
            let what = what.escape_debug();
            tracing::warn!(%peer, kept_back, "{what}");
        }
    }

    /// How many were kept back since the last one, when this one is to be said.
    fn may_say(&mut self, address: Option<IpAddr>, now: Instant) -> Option<u64> {
        let within = |at: Instant, time| now.saturating_duration_since(at) < time;
        let address = address.map(network);
        let is_new = !self.last.contains_key(&address);
        if is_new && self.last.len() >= MOST && !self.searched.is_some_and(|at| within(at, SEARCH)) {
            self.searched = Some(now);
            self.last.retain(|_, said| said.at.is_some_and(|at| within(at, PAUSE)));
        }
        let said = if is_new && self.last.len() >= MOST {
            &mut self.others
        } else {
            self.last.entry(address).or_default()
        };
        if said.at.is_some_and(|at| within(at, PAUSE)) {
            said.kept_back += 1;
            return None;
        }
        said.at = Some(now);
        Some(std::mem::take(&mut said.kept_back))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn h05_one_line_for_an_address_in_ten_seconds() {
        let mut complaints = Complaints::default();
        let start = Instant::now();
        let peer = Some(IpAddr::from([192, 0, 2, 1]));
        assert_eq!(complaints.may_say(peer, start), Some(0));
        assert_eq!(complaints.may_say(peer, start + PAUSE / 2), None);
        assert_eq!(complaints.may_say(None, start + PAUSE / 2), Some(0));
        assert_eq!(complaints.may_say(peer, start + PAUSE), Some(1));
        assert_eq!(complaints.may_say(peer, start + PAUSE * 2), Some(0));
    }

    #[test]
    fn h05_a_storm_from_everywhere_takes_no_memory_and_few_lines() {
        let mut complaints = Complaints::default();
        let start = Instant::now();
        let storm = |number: u32| Some(IpAddr::V4(Ipv4Addr::from_bits(number)));
        let said = (0..100_000).filter(|&number| complaints.may_say(storm(number), start).is_some());
        assert_eq!(said.count(), MOST + 1);
        assert_eq!(complaints.last.len(), MOST);
        // Once the storm is over, others are heard again.
        assert_eq!(complaints.may_say(storm(200_000), start + PAUSE), Some(0));
        assert_eq!(complaints.last.len(), 1);
    }
}
