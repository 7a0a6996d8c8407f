//! Positions of things in a graph and in its plan.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! position {
    ($(#[$doc:meta])* $name:ident, $letter:literal) => {
        $(#[$doc])*
        ///
        /// A position, counted from 0 in the order of making; it means nothing in another graph.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u32);

        impl $name {
            /// The one at this position.
            #[must_use]
            pub const fn new(position: u32) -> Self {
                Self(position)
            }

            /// The position.
            #[must_use]
            pub const fn get(self) -> u32 {
                self.0
            }

            /// The position as an index.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            /// The position of the `index`-th; one beyond `u32` is the last there can be, and refused by the preflight.
            pub(crate) const fn at(index: usize) -> Self {
                Self(if index > u32::MAX as usize { u32::MAX } else { index as u32 })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}"), self.0)
            }
        }
    };
}

position!(
    /// A node of a graph.
    NodeId,
    "n"
);
position!(
    /// An edge of a graph, which is one broadcast group of its plan.
    EdgeId,
    "e"
);
position!(
    /// A service of a graph.
    ServiceId,
    "s"
);
position!(
    /// One of the parallel instances of the nodes of a plan, counted over the whole job: all of node 0, then all of
    /// node 1, and so on.
    InstanceId,
    "i"
);
