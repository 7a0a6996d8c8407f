//! How a server is, for people.

/// Numbers of a running server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Connections that are open, those counted that have not said who they are.
    pub connections: usize,
    /// Connections ever let in.
    pub accepted: u64,
    /// Connections turned away, as there were too many.
    pub refused: u64,
    /// What the broker counts.
    pub broker: rpc_broker::Status,
}
