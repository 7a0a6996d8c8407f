//! How many are let in: in all, and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Counts those who are inside.
#[derive(Debug)]
pub(crate) struct Gate {
    counts: Mutex<Counts>,
    most: usize,
    most_per_address: usize,
    /// Told whenever the last one has left.
    emptied: Notify,
}

#[derive(Debug, Default)]
struct Counts {
    inside: usize,
    by_address: HashMap<IpAddr, usize>,
    accepted: u64,
    refused: u64,
}

/// Somebody inside, until it is dropped.
#[derive(Debug)]
pub(crate) struct Pass {
    gate: Arc<Gate>,
    address: Option<IpAddr>,
}

/// Why somebody has to stay outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crowded {
    /// The connections that there may be at once.
    All(usize),
    /// The same, from one address.
    Address(usize),
}

impl Gate {
    pub(crate) fn new(most: usize, most_per_address: usize) -> Self {
        Self {
            counts: Mutex::default(),
            most,
            most_per_address,
            emptied: Notify::new(),
        }
    }

    /// Lets somebody in. Those without an address are only counted with all others.
    pub(crate) fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Pass, Crowded> {
        let address = address.map(network);
        let mut counts = self.counts();
        let there = address.and_then(|address| counts.by_address.get(&address));
        let there = there.copied().unwrap_or_default();
        let crowded = if counts.inside >= self.most {
            Some(Crowded::All(self.most))
        } else if address.is_some() && there >= self.most_per_address {
            Some(Crowded::Address(self.most_per_address))
        } else {
            None
        };
        if let Some(crowded) = crowded {
            counts.refused += 1;
            return Err(crowded);
        }
        counts.inside += 1;
        counts.accepted += 1;
        if let Some(address) = address {
            counts.by_address.insert(address, there + 1);
        }
        Ok(Pass {
            gate: Arc::clone(self),
            address,
        })
    }

    /// Inside, ever let in, turned away.
    pub(crate) fn numbers(&self) -> (usize, u64, u64) {
        let counts = self.counts();
        (counts.inside, counts.accepted, counts.refused)
    }

    /// Until nobody is inside.
    pub(crate) async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.counts().inside == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// Nothing in here can fail half-way.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut counts = self.gate.counts();
        counts.inside -= 1;
        if let Some(address) = self.address
            && let Some(there) = counts.by_address.get_mut(&address)
        {
            *there -= 1;
            if *there == 0 {
                counts.by_address.remove(&address);
            }
        }
        if counts.inside == 0 {
            self.gate.emptied.notify_waiters();
        }
    }
}

/// What one peer can have many of is one address: a /64 of IPv6 is the least that anybody is given.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h12_both_limits_hold_and_who_leaves_makes_room() {
        let gate = Arc::new(Gate::new(3, 2));
        let enter = |text: &str| gate.enter(Some(text.parse().unwrap()));
        let first = enter("192.0.2.1").unwrap();
        let second = enter("::ffff:192.0.2.1").unwrap();
        assert_eq!(enter("192.0.2.1").unwrap_err(), Crowded::Address(2));
        let third = gate.enter(None).unwrap();
        assert_eq!(enter("192.0.2.2").unwrap_err(), Crowded::All(3));
        assert_eq!(gate.numbers(), (3, 3, 2));
        drop((first, third));
        let fourth = enter("192.0.2.1").unwrap();
        drop((second, fourth));
        assert_eq!(gate.numbers(), (0, 4, 2));
        assert!(gate.counts().by_address.is_empty());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let gate = Arc::new(Gate::new(3, 1));
        let enter = |text: &str| gate.enter(Some(text.parse().unwrap()));
        let _first = enter("2001:db8::1").unwrap();
        assert!(enter("2001:db8::ffff:0:0:2").is_err());
        assert!(enter("2001:db8:0:1::1").is_ok());
    }
}
