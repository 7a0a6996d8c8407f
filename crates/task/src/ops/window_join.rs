//! Pairs of two streams, by key and window.

use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasherDefault;

use descriptor_core::DropCause;
use keyed_state::{Panes, Place, StoredHash, Window};
use router::{Key, Packet};
use serde::{Deserialize, Serialize};

use super::keyed::{beyond_time, kept_panes, key_of};
use super::{Either, WindowSpec};
use crate::{Data, OpResult, Operator, State, TaskContext};

const OPERATION: &str = "join";

/// Every pair of a left and a right item with the same key in the same window, emitted with that key once the
/// watermark has reached the end of the window. Windows that overlap emit a pair once each.
///
/// Items are kept until their last window has fired; when the input ends, the windows still open fire. A packet
/// without a key is an error. An item all of whose windows have fired is dropped and counted as `late`; one that
/// missed some windows is in the others.
#[doc(alias = "JoinOperator")]
#[derive(Clone)]
pub struct WindowJoin<L, R, TL, TR, F> {
    panes: Panes<Sides<L, R>>,
    left_ms: TL,
    right_ms: TR,
    pair: F,
}

/// What one pane holds of one key.
#[derive(Clone, Serialize, Deserialize)]
struct Sides<L, R> {
    left: Vec<L>,
    right: Vec<R>,
}

impl<L, R> Default for Sides<L, R> {
    fn default() -> Self {
        Self {
            left: Vec::new(),
            right: Vec::new(),
        }
    }
}

impl<L, R, TL, TR, F> WindowJoin<L, R, TL, TR, F> {
    /// Joins over the windows of `spec`, by the event times that `left_ms` and `right_ms` read from an item, in
    /// milliseconds, and makes results with `pair(end of the window in ms, left, right)`.
    pub fn new<Out>(spec: WindowSpec, left_ms: TL, right_ms: TR, pair: F) -> Self
    where
        TL: FnMut(&L) -> u64,
        TR: FnMut(&R) -> u64,
        F: FnMut(u64, &L, &R) -> Out,
    {
        Self {
            panes: Panes::new(spec),
            left_ms,
            right_ms,
            pair,
        }
    }

    /// Items that were dropped because all of their windows had fired.
    pub const fn late(&self) -> u64 {
        self.panes.late()
    }

    /// Items that are missing in some of their windows, which had fired, and are in the others.
    pub const fn partly_late(&self) -> u64 {
        self.panes.partly_late()
    }

    fn fire<Out: Data>(&mut self, watermark_ms: u64, ctx: &mut TaskContext<Out>) -> OpResult
    where
        F: FnMut(u64, &L, &R) -> Out,
    {
        let pair = &mut self.pair;
        self.panes.fire(watermark_ms, |window| {
            for (key, parts) in by_key(window) {
                for left in parts.iter().flat_map(|sides| &sides.left) {
                    for right in parts.iter().flat_map(|sides| &sides.right) {
                        ctx.emit_keyed(key.clone(), pair(window.end_ms, left, right))?;
                    }
                }
            }
            Ok(())
        })
    }
}

type ByKey<'w, L, R> = HashMap<&'w Key, Vec<&'w Sides<L, R>>, BuildHasherDefault<StoredHash>>;

/// What each key has in the panes of `window`, ascending.
fn by_key<'w, L, R>(window: &'w Window<'_, Sides<L, R>>) -> ByKey<'w, L, R> {
    let mut keys = ByKey::default();
    for pane in window.panes() {
        for (key, sides) in pane.iter() {
            keys.entry(key).or_default().push(sides);
        }
    }
    keys
}

impl<L, R, Out, TL, TR, F> Operator<Either<L, R>, Out> for WindowJoin<L, R, TL, TR, F>
where
    L: Data,
    R: Data,
    Out: Data,
    TL: FnMut(&L) -> u64 + Send + 'static,
    TR: FnMut(&R) -> u64 + Send + 'static,
    F: FnMut(u64, &L, &R) -> Out + Send + 'static,
{
    fn process(&mut self, packet: Packet<Either<L, R>>, ctx: &mut TaskContext<Out>) -> OpResult {
        let key = key_of(&packet, ctx, OPERATION)?;
        let time_ms = packet.payload.as_ref().either(&mut self.left_ms, &mut self.right_ms);
        match (self.panes.place(time_ms, key), packet.payload) {
            (Place::Open(sides), Either::Left(item)) => sides.left.push(item),
            (Place::Open(sides), Either::Right(item)) => sides.right.push(item),
            (Place::Late, _) => ctx.count_dropped(DropCause::Late, 1),
            (Place::BeyondTime, _) => return Err(beyond_time(ctx, OPERATION, time_ms).into()),
        }
        Ok(())
    }

    fn watermark(&mut self, time: u64, ctx: &mut TaskContext<Out>) -> OpResult {
        self.fire(time, ctx)
    }

    fn close(&mut self, ctx: &mut TaskContext<Out>) -> OpResult {
        self.fire(u64::MAX, ctx)
    }

    fn state(&mut self) -> State<'_> {
        kept_panes(&mut self.panes)
    }
}

impl<L, R, TL, TR, F> fmt::Debug for WindowJoin<L, R, TL, TR, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WindowJoin")
            .field("panes", &self.panes)
            .finish_non_exhaustive()
    }
}
