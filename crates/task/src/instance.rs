//! The identity of a running operator.

/// Which of a node's instances this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The node's unique name.
    pub node: String,
    /// The instance's unique name, `{node}_{index}`.
    pub name: String,
    /// Its number among the node's instances, from 0.
    pub index: u32,
    /// How many instances the node has.
    pub parallelism: u32,
}
