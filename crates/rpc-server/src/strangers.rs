//! Who proved nothing lately: the answer to a wrong proof takes longer each time, so that nobody can try many secrets.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::gate::network;

/// Wrong proofs that cost nothing: somebody took the wrong token.
const FREE: u32 = 3;
/// What the next one costs. Each further one costs twice as much.
const FIRST: Duration = Duration::from_millis(60);
/// What one costs at most.
const LONGEST: Duration = Duration::from_secs(1);
/// After so long without one, an address begins anew.
const MEMORY: Duration = Duration::from_secs(60);
/// Addresses that are remembered. When there are more at a time, the further ones are taken for one.
const MOST: usize = 1024;
/// A full table is not searched more often.
const SEARCH: Duration = Duration::from_secs(1);

/// Remembers who gave wrong proofs.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    tries: HashMap<Option<IpAddr>, Tries>,
    /// Of those who have no place in the table.
    others: Tries,
    /// When the table was last searched for those who may be forgotten.
    searched: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    count: u32,
    last: Option<Instant>,
}

impl Tries {
    fn is_old(&self, now: Instant) -> bool {
        self.last
            .is_none_or(|last| now.saturating_duration_since(last) >= MEMORY)
    }
}

impl Strangers {
    /// Counts a wrong proof, and says how long its answer is to take. Without an address it came from this host.
    pub(crate) fn wait(&mut self, address: Option<IpAddr>, now: Instant) -> Duration {
        let address = address.map(network);
        let is_new = !self.tries.contains_key(&address);
        let is_full = self.tries.len() >= MOST;
        let searched = |at: Instant| now.saturating_duration_since(at) < SEARCH;
        if is_new && is_full && !self.searched.is_some_and(searched) {
            self.searched = Some(now);
            self.tries.retain(|_, tries| !tries.is_old(now));
        }
        let tries = if is_new && self.tries.len() >= MOST {
            &mut self.others
        } else {
            self.tries.entry(address).or_default()
        };
        if tries.is_old(now) {
            *tries = Tries::default();
        }
        tries.last = Some(now);
        tries.count = tries.count.saturating_add(1);
        match tries.count.checked_sub(FREE + 1) {
            None => Duration::ZERO,
            Some(beyond) => FIRST.saturating_mul(1 << beyond.min(16)).min(LONGEST),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn h08_wrong_proofs_of_one_address_cost_more_each_time_and_are_forgotten() {
        let mut strangers = Strangers::default();
        let start = Instant::now();
        let peer = Some(IpAddr::from([192, 0, 2, 1]));
        let costs: Vec<_> = (0..10).map(|_| strangers.wait(peer, start).as_millis()).collect();
        assert_eq!(costs, [0, 0, 0, 60, 120, 240, 480, 960, 1000, 1000]);
        assert_eq!(strangers.wait(None, start), Duration::ZERO);
        assert_eq!(strangers.wait(peer, start + MEMORY / 2), LONGEST);
        assert_eq!(strangers.wait(peer, start + MEMORY), LONGEST, "it went on trying");
        assert_eq!(strangers.wait(peer, start + MEMORY * 2), Duration::ZERO);
        for _ in 0..10_000 {
            assert!(strangers.wait(peer, start + MEMORY * 2) <= LONGEST);
        }
    }

    #[test]
    fn h08_wrong_proofs_from_everywhere_take_no_memory_and_are_taken_for_one() {
        let mut strangers = Strangers::default();
        let start = Instant::now();
        let storm = |number: u32| Some(IpAddr::V4(Ipv4Addr::from_bits(number)));
        let free = (0..100_000).filter(|&number| strangers.wait(storm(number), start).is_zero());
        assert_eq!(free.count(), MOST + FREE as usize);
        assert_eq!(strangers.tries.len(), MOST);
        assert_eq!(strangers.wait(storm(200_000), start + MEMORY), Duration::ZERO);
        assert_eq!(strangers.tries.len(), 1);
    }
}
