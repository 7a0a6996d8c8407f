//! Items as a server has them, made where they are.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use descriptor_core::{DescriptorRecord, Error, ErrorKind, QueueId, TypeTag, Wire};

use crate::RpcSpec;
use crate::format::Format;
use crate::session::FRONT_OF_ITEM;

/// A run ends when it has so many bytes.
const RUN: usize = 256 << 10;

/// Items of a queue as a server keeps them, with what a client says of the queue when it opens it.
#[derive(Debug)]
pub struct Luggage {
    /// The parameters that are a server's.
    pub record: DescriptorRecord,
    /// The type of the items.
    pub tag: TypeTag,
    /// Their codec, by [`Codec::id`](descriptor_core::Codec::id); 0 for bytes as they are.
    pub codec: u8,
    /// The items in their order, with a length in front of each: how many, and their bytes.
    pub runs: Vec<(u32, Bytes)>,
    /// Why some items are not there: they could not be encoded, or are larger than a frame.
    pub faults: Vec<Error>,
}

impl Luggage {
    /// Encodes items, in their order, as a client of that queue would.
    pub fn pack<T: Wire>(id: &QueueId, spec: &RpcSpec, items: impl IntoIterator<Item = T>) -> Self {
        let format = Format::of::<T>(spec.codec);
        let largest = (rpc_wire::Limits::DEFAULT.frame as usize).saturating_sub(rpc_wire::Put::FRONT + FRONT_OF_ITEM);
        let mut luggage = Self {
            record: spec.record(id),
            tag: TypeTag::of::<T>(),
            codec: format.id().0,
            runs: Vec::new(),
            faults: Vec::new(),
        };
        let (mut buffer, mut count) = (Vec::new(), 0);
        for item in items {
            let before = buffer.len();
            // `Serialize` is the user's code: when it panics over one item, the others still go.
            let written = catch_unwind(AssertUnwindSafe(|| format.lay_out(&item, largest, &mut buffer)));
            match written {
                Ok(Ok(())) => count += 1,
                Ok(Err(error)) => luggage.faults.push(error.queue(id.as_str())),
                Err(_) => {
                    buffer.truncate(before);
                    let error = Error::new(ErrorKind::UserCode, "encode item").queue(id.as_str());
                    luggage
                        .faults
                        .push(error.found("a panic").remedy("correct its `Serialize`"));
                }
            }
            if buffer.len() >= RUN {
                luggage.runs.push((count, std::mem::take(&mut buffer).into()));
                count = 0;
            }
        }
        if count > 0 {
            luggage.runs.push((count, buffer.into()));
        }
        luggage
    }
}
