//! What the tables have: keys, values, and the bytes of a value.

use bytes::Bytes;
use redb::TableDefinition;
use rpc_wire::ItemCodec;

/// Which form all of this has.
pub(super) const VERSION: u64 = 1;

/// Numbers by name.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
pub(super) const FORMAT: &str = "format";
/// The largest epoch that was given.
pub(super) const EPOCH: &str = "epoch";
/// How many commits there were.
pub(super) const COMMIT: &str = "commit";

/// Queues by their lives: see [`QueueRow`].
pub(super) const QUEUES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("queues");
/// Runs of items by queue and the order of the first one: see [`encode_run`].
pub(super) const ITEMS: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("items");
/// The number of the next put by queue and session.
pub(super) const NUMBERS: TableDefinition<'_, (u64, &[u8; 16]), u64> = TableDefinition::new("numbers");
/// Who a session belongs to: 0 and nothing, or 1 and the name.
pub(super) const SESSIONS: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("sessions");

/// Items of one run, unless the first alone has more bytes.
pub(super) const RUN_ITEMS: u32 = 64;
pub(super) const RUN_BYTES: usize = 16 << 10;
/// In front of each item.
pub(super) const FRONT: usize = 4;
/// Checksum, codec and count.
pub(super) const RUN_HEAD: usize = 4 + 1 + 4;

/// What is known of a queue, but for its items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct QueueRow {
    pub(super) closed: bool,
    pub(super) tag: Option<(String, u64)>,
    pub(super) record: Vec<u8>,
}

impl QueueRow {
    /// Checksum, closed, tag and record.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; 4];
        bytes.push(u8::from(self.closed));
        match &self.tag {
            None => bytes.push(0),
            Some((name, shape)) => {
                bytes.push(1);
                bytes.extend_from_slice(&shape.to_le_bytes());
                // At most a kilobyte: it came in a frame.
                bytes.extend_from_slice(&(name.len() as u32).to_le_bytes());
                bytes.extend_from_slice(name.as_bytes());
            }
        }
        bytes.extend_from_slice(&self.record);
        seal(bytes, &[])
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let rest = unseal(bytes, &[])?;
        let ([closed, has_tag], rest) = rest.split_first_chunk()?;
        let (tag, record) = match has_tag {
            0 => (None, rest),
            _ => {
                let (shape, rest) = rest.split_first_chunk()?;
                let (len, rest) = rest.split_first_chunk()?;
                let (name, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
                let name = String::from_utf8(name.to_vec()).ok()?;
                (Some((name, u64::from_le_bytes(*shape))), rest)
            }
        };
        Some(Self {
            closed: *closed != 0,
            tag,
            record: record.to_vec(),
        })
    }
}

/// Items in a row, as they lie in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) codec: ItemCodec,
    pub(super) count: u32,
    pub(super) items: Bytes,
}

impl Run {
    /// The checksum covers the place of the run too.
    pub(super) fn encode(&self, (queue, order): (u64, u64)) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(RUN_HEAD + self.items.len());
        bytes.extend_from_slice(&[0; 4]);
        bytes.push(self.codec.0);
        bytes.extend_from_slice(&self.count.to_le_bytes());
        bytes.extend_from_slice(&self.items);
        seal(bytes, &[queue, order])
    }

    pub(super) fn decode(bytes: &[u8], (queue, order): (u64, u64)) -> Option<Self> {
        let rest = unseal(bytes, &[queue, order])?;
        let ([codec], rest) = rest.split_first_chunk()?;
        let (count, items) = rest.split_first_chunk()?;
        Some(Self {
            codec: ItemCodec(*codec),
            count: u32::from_le_bytes(*count),
            items: Bytes::copy_from_slice(items),
        })
    }

    /// How many items the run of these bytes has.
    pub(super) fn count_of(bytes: &[u8]) -> Option<u32> {
        let count = bytes.get(RUN_HEAD - 4..)?.first_chunk()?;
        Some(u32::from_le_bytes(*count))
    }

    /// Takes so many items from the front.
    pub(super) fn split_to(&mut self, count: u32) -> Self {
        let mut at = 0;
        let mut taken = 0;
        while taken < count.min(self.count)
            && let Some(len) = self.items.get(at..).and_then(|rest| rest.first_chunk())
        {
            at += FRONT + u32::from_le_bytes(*len) as usize;
            taken += 1;
        }
        self.cut((taken, at))
    }

    /// Takes as many items from the front as one row may have.
    pub(super) fn split_row(&mut self) -> Self {
        let mut at = 0;
        let mut taken = 0;
        while taken < self.count.min(RUN_ITEMS)
            && let Some(len) = self.items.get(at..).and_then(|rest| rest.first_chunk())
        {
            let next = at + FRONT + u32::from_le_bytes(*len) as usize;
            if taken > 0 && next > RUN_BYTES {
                break;
            }
            at = next;
            taken += 1;
        }
        self.cut((taken, at))
    }

    fn cut(&mut self, (count, at): (u32, usize)) -> Self {
        self.count -= count;
        Self {
            codec: self.codec,
            count,
            items: self.items.split_to(at.min(self.items.len())),
        }
    }
}

pub(super) fn encode_identity(identity: Option<&str>) -> Vec<u8> {
    match identity {
        None => vec![0],
        Some(name) => [&[1], name.as_bytes()].concat(),
    }
}

pub(super) fn decode_identity(bytes: &[u8]) -> Option<Option<String>> {
    match bytes.split_first()? {
        (0, []) => Some(None),
        (1, name) => Some(Some(String::from_utf8(name.to_vec()).ok()?)),
        _ => None,
    }
}

/// Puts the checksum into the first four bytes.
pub(super) fn seal(mut bytes: Vec<u8>, place: &[u64]) -> Vec<u8> {
    let sum = checksum(bytes.get(4..).unwrap_or_default(), place);
    if let Some(head) = bytes.first_chunk_mut() {
        *head = sum.to_le_bytes();
    }
    bytes
}

/// What follows the checksum, if that is right.
fn unseal<'a>(bytes: &'a [u8], place: &[u64]) -> Option<&'a [u8]> {
    let (sum, rest) = bytes.split_first_chunk()?;
    (checksum(rest, place) == u32::from_le_bytes(*sum)).then_some(rest)
}

fn checksum(bytes: &[u8], place: &[u64]) -> u32 {
    let place = place
        .iter()
        .fold(0, |sum, number| crc32c::crc32c_append(sum, &number.to_le_bytes()));
    crc32c::crc32c_append(place, bytes)
}
