//! `sage peek`: items as they wait.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use bytes::Bytes;
use sage_comm::Codec;
use serde_json::json;

use super::args::PeekArgs;
use super::place::{Host, Place};
use crate::failure::Failure;
use crate::number::grouped;
use crate::output::Output;

/// One item, for people.
enum Shown {
    /// Bytes as they are: text, or a queue of bytes.
    Plain(Vec<u8>),
    /// An item of another type, encoded.
    Encoded(Vec<u8>),
}

pub(crate) fn peek(args: &PeekArgs) -> Result<ExitCode, Failure> {
    let place = Place::of(&args.descriptor)?;
    let (codec, items) = items(&place, args)?;
    let items: Vec<_> = items.iter().map(|item| Shown::new(item, codec)).collect();
    Output::stdout().print(|out| {
        if args.json {
            let items: Vec<_> = items.iter().map(Shown::to_json).collect();
            let codec = codec.map(Codec::name);
            return writeln!(
                out,
                "{}",
                json!({ "queue_id": place.id.as_str(), "codec": codec, "items": items })
            );
        }
        items.iter().try_for_each(|item| {
            match item {
                Shown::Plain(bytes) => out.write_all(bytes)?,
                Shown::Encoded(bytes) => out.write_all(hex(bytes).as_bytes())?,
            }
            out.write_all(b"\n")
        })
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The items, and their codec: none for bytes as they are, and for a codec of a later release.
fn items(place: &Place, args: &PeekArgs) -> Result<(Option<Codec>, Vec<Bytes>), Failure> {
    // At most 100,000 by its type.
    let most = u32::try_from(args.count.0).unwrap_or(u32::MAX);
    let (codec, items) = match &place.host {
        Host::Memory(folder) => {
            let peeked = folder.peek(&place.id, args.skip.0, most as usize)?;
            let peeked = peeked.ok_or_else(|| place.missing())?;
            if peeked.damaged > 0 {
                // Without stderr there is nobody to tell.
                let _ = writeln!(
                    std::io::stderr(),
                    "sage: {} items are left out: somebody else wrote into the segment",
                    grouped(peeked.damaged)
                );
            }
            (peeked.codec, peeked.items.into_iter().map(Bytes::from).collect())
        }
        Host::Other(keeper) => {
            let peeked = keeper.peek(&place.id, args.skip.0, most)?;
            let peeked = peeked.ok_or_else(|| place.missing())?;
            (peeked.codec, peeked.items)
        }
    };
    Ok((Codec::from_id(codec).ok(), items))
}

impl Shown {
    fn new(item: &[u8], codec: Option<Codec>) -> Self {
        match codec {
            None => Self::Plain(item.to_vec()),
            Some(codec) => match codec.decode::<String>(item, item.len()) {
                Ok(text) => Self::Plain(text.into_bytes()),
                // JSON is for people as it is.
                Err(_) if codec == Codec::Json => Self::Plain(item.to_vec()),
                Err(_) => Self::Encoded(item.to_vec()),
            },
        }
    }

    fn to_json(&self) -> serde_json::Value {
        let (bytes, is_plain) = match self {
            Self::Plain(bytes) => (bytes, true),
            Self::Encoded(bytes) => (bytes, false),
        };
        match std::str::from_utf8(bytes) {
            Ok(text) if is_plain => json!({ "text": text }),
            _ => json!({ "hex": hex(bytes) }),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
