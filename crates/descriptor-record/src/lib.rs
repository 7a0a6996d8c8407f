//! What travels between the programs of sage-comm: the names of queues, their descriptions, and items as bytes.
//!
//! * [`DescriptorRecord`] is the plain value of a descriptor, loss-free as JSON, in binary and as one line of text;
//!   [`QueueId`], [`Value`], [`Scope`] and [`Reach`] are its parts.
//! * [`Codec`] turns items into frames and back; [`TypeTag`] notices when two programs mean different types.
//! * [`excerpt`] and [`nearest`] are for messages about what was found instead.
//!
//! Everything read here may come from a peer: every reader has limits, takes no memory for what the input does not have,
//! and refuses with one [`Error`](queue_core::Error).
//!
//! ```
//! use descriptor_record::{Codec, DescriptorRecord, QueueId, Value};
//! use queue_core::{Error, ErrorKind};
//!
//! // One side writes a record by hand and sends it in binary, with an item in a frame.
//! let record: DescriptorRecord = "shm://jobs/in?maxsize=1024".parse()?;
//! let letter = record.to_bytes();
//! let mut frame = Vec::new();
//! Codec::Json.encode(&("sweep", 3), Codec::DEFAULT_LIMIT, &mut frame)?;
//!
//! // The other side has the same value, and may show it in another form.
//! let read = DescriptorRecord::from_bytes(&letter)?;
//! assert_eq!(read.queue_id, QueueId::new("jobs/in")?);
//! assert_eq!(read.metadata["maxsize"], Value::Int(1024));
//! assert_eq!(DescriptorRecord::from_json(&read.to_json())?, record);
//! let (task, rooms): (String, u32) = Codec::Json.decode(&frame, Codec::DEFAULT_LIMIT)?;
//! assert_eq!((task.as_str(), rooms), ("sweep", 3));
//!
//! // What was damaged on the way is refused.
//! let error = DescriptorRecord::from_bytes(&letter[1..]).unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Corrupt);
//! # Ok::<(), Error>(())
//! ```
#![forbid(unsafe_code)]

mod codec;
mod excerpt;
mod id;
mod nearest;
mod reach;
mod record;
mod type_tag;
mod value;

pub use codec::Codec;
pub use excerpt::excerpt;
pub use id::QueueId;
pub use nearest::nearest;
pub use reach::Reach;
pub use record::{DescriptorRecord, Scope};
pub use type_tag::TypeTag;
pub use value::{Metadata, Value};
