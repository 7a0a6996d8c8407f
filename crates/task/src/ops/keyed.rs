//! What operators with state by key ask of a packet.

use descriptor_core::{Error, ErrorKind};
use keyed_state::Panes;
use router::{Key, Packet};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Data, OpResult, State, TaskContext};

/// The key of `packet`, or an error that says what `operation` is missing.
#[inline]
pub(super) fn key_of<'p, T, Out: Data>(
    packet: &'p Packet<T>,
    ctx: &TaskContext<Out>,
    operation: &'static str,
) -> OpResult<&'p Key> {
    match packet.key() {
        Some(key) => Ok(key),
        None => Err(unkeyed(ctx, operation).into()),
    }
}

#[cold]
fn unkeyed<Out: Data>(ctx: &TaskContext<Out>, operation: &'static str) -> Error {
    Error::new(ErrorKind::InvalidGraph, operation)
        .expected("packets with a key")
        .found("a packet without one")
        .with("node", &ctx.instance().node)
        .remedy("put key_by right before it")
}

/// `time_ms` lies in no window at all.
#[cold]
pub(super) fn beyond_time<Out: Data>(ctx: &TaskContext<Out>, operation: &'static str, time_ms: u64) -> Error {
    Error::new(ErrorKind::UserCode, operation)
        .expected("an event time in milliseconds, with a window that ends after it")
        .found(format!("{time_ms} ms"))
        .with("node", &ctx.instance().node)
        .remedy("check the closure that extracts the event time")
}

/// Windows that can be written down. Those of other sizes would not be what they were.
pub(super) fn kept_panes<A: Serialize + DeserializeOwned>(panes: &mut Panes<A>) -> State<'_> {
    State::by_key_checked(panes, |present, saved| {
        if present.spec() == saved.spec() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Incompatible, "restore windows")
            .expected(format!("{:?}", present.spec()))
            .found(format!("{:?}", saved.spec()))
            .remedy("give the node the windows that it had, or take another folder"))
    })
}
