//! What a change of the parallelism moves.

use std::ops::Range;

use serde::Serialize;

use crate::KeyGroups;

/// Groups next to each other that go from one instance to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupMove {
    /// Which groups.
    pub groups: Range<u32>,
    /// Who owns them before.
    pub from: u32,
    /// Who owns them behind.
    pub to: u32,
}

impl KeyGroups {
    /// Which groups have another owner among `after` instances than among `before`, ascending. All others stay.
    ///
    /// Contiguous ranges of equal size are what makes an owner easy to find, and they have their price: with twice as many
    /// instances, each of the old ones is followed by two new ones, so nearly all groups change their number.
    ///
    /// ```
    /// use router::KeyGroups;
    /// let moves = KeyGroups::new(128)?.moves(1, 2);
    /// assert_eq!(moves.len(), 1);
    /// assert_eq!((moves[0].groups.clone(), moves[0].from, moves[0].to), (64..128, 0, 1));
    /// # Ok::<(), descriptor_core::Error>(())
    /// ```
    #[must_use]
    pub fn moves(self, before: u32, after: u32) -> Vec<GroupMove> {
        let mut moves = Vec::new();
        let mut first = 0;
        while first < self.count() && before > 0 && after > 0 {
            let (from, to) = (self.owner(first, before), self.owner(first, after));
            // Up to where both of them own.
            let end = self.range(from, before).end.min(self.range(to, after).end);
            if from != to {
                moves.push(GroupMove {
                    groups: first..end,
                    from,
                    to,
                });
            }
            first = end.max(first + 1);
        }
        moves
    }
}
