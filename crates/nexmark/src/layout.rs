//! Which event number is of which kind, and which ids exist by then.

/// Events after which the kinds repeat: one person, three auctions, forty-six bids.
pub(crate) const EPOCH: u64 = 50;
/// Auctions in an epoch.
pub(crate) const AUCTIONS: u64 = 3;
/// Position of the first bid in an epoch.
pub(crate) const FIRST_BID: u64 = 1 + AUCTIONS;
/// Id of the first person, and of the first auction.
pub(crate) const FIRST_ID: u64 = 1_000;

/// Kind of an event; people and auctions by ordinal, which is the id less [`FIRST_ID`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Person { ordinal: u64 },
    Auction { ordinal: u64 },
    Bid,
}

/// The kind of event `k`. The person comes first in an epoch, then the auctions: whoever bids finds both there.
pub(crate) fn kind(k: u64) -> Kind {
    let (epoch, position) = (k / EPOCH, k % EPOCH);
    match position {
        0 => Kind::Person { ordinal: epoch },
        1..FIRST_BID => Kind::Auction {
            ordinal: epoch * AUCTIONS + (position - 1),
        },
        _ => Kind::Bid,
    }
}

/// Ordinal of the latest person at event `k`, itself included.
pub(crate) fn last_person(k: u64) -> u64 {
    k / EPOCH
}

/// Ordinal of the latest auction at the bid `k`: all those of its epoch are open.
pub(crate) fn last_auction_at_bid(k: u64) -> u64 {
    k / EPOCH * AUCTIONS + (AUCTIONS - 1)
}

/// Number of the event that opens an auction, saturating.
pub(crate) fn event_of_auction(ordinal: u64) -> u64 {
    (ordinal / AUCTIONS)
        .saturating_mul(EPOCH)
        .saturating_add(1 + ordinal % AUCTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auctions_are_found_where_they_open() {
        for ordinal in 0..1_000 {
            assert_eq!(kind(event_of_auction(ordinal)), Kind::Auction { ordinal });
        }
    }

    #[test]
    fn the_latest_ids_are_those_counted_along_the_way() {
        let (mut people, mut auctions) = (0, 0);
        for k in 0..5_000 {
            match kind(k) {
                Kind::Person { ordinal } => {
                    assert_eq!(ordinal, people);
                    people += 1;
                }
                Kind::Auction { ordinal } => {
                    assert_eq!(ordinal, auctions);
                    auctions += 1;
                }
                Kind::Bid => assert_eq!(last_auction_at_bid(k) + 1, auctions),
            }
            assert_eq!(last_person(k) + 1, people);
        }
    }

    #[test]
    fn the_last_number_has_a_kind() {
        assert_eq!(kind(u64::MAX), Kind::Bid);
        assert_eq!(event_of_auction(u64::MAX), u64::MAX);
    }
}
