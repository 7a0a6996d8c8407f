//! What a segment says about itself, once and for all.

use descriptor_core::{Error, ErrorKind, TypeTag};

use crate::layout::{HEADER, VERSION};

/// How every segment begins.
pub(crate) const MAGIC: [u8; 8] = *b"sage-shm";
/// Where the checksum is; it covers all bytes before it.
const SUM: usize = HEADER - 4;
const ID: usize = 200;
const TAG: usize = 480;

/// The unchanging part of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) capacity: u64,
    pub(crate) max_bytes: u64,
    pub(crate) max_item: u64,
    pub(crate) ring: u64,
    pub(crate) ring_bytes: u64,
    pub(crate) epoch: u64,
    /// Device and number of the file whose locks say who is alive.
    pub(crate) control: [u64; 2],
    /// Nanoseconds since 1970, for people.
    pub(crate) created: u64,
    pub(crate) shape: u64,
    /// How long a lease lasts, in nanoseconds; 0 for as long as it takes.
    pub(crate) lease_time: u64,
    /// How often an item is handed out; 0 for no limit.
    pub(crate) max_deliveries: u64,
    /// Checksum of the whole name of the type.
    pub(crate) tag_sum: u32,
    pub(crate) codec: u8,
    /// Whether the segment stays when the last one is gone.
    pub(crate) keep: bool,
    pub(crate) id: String,
    /// The id of the queue for dead letters; empty for none.
    pub(crate) dead_letter: String,
    /// The name of the type, cut.
    pub(crate) tag: String,
}

/// The start of a text that fits.
fn cut(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

impl Header {
    /// The part that comes from the type of the items.
    pub(crate) fn set_type(&mut self, tag: &TypeTag) {
        self.shape = tag.shape();
        self.tag_sum = crc32c::crc32c(tag.name().as_bytes());
        self.tag = cut(tag.name(), TAG).into();
    }

    pub(crate) fn tag_line(&self) -> String {
        format!("`{}#{:016x}`", self.tag, self.shape)
    }

    /// The bytes of the file.
    pub(crate) fn to_bytes(&self) -> [u8; HEADER] {
        let mut out = Vec::with_capacity(HEADER);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.tag_sum.to_le_bytes());
        for word in [
            self.capacity,
            self.max_bytes,
            self.max_item,
            self.ring,
            self.ring_bytes,
            self.epoch,
            self.control[0],
            self.control[1],
            self.created,
            self.shape,
            self.lease_time,
            self.max_deliveries,
        ] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.push(self.codec);
        out.push(self.keep.into());
        for (text, limit) in [(&self.id, ID), (&self.dead_letter, ID), (&self.tag, TAG)] {
            let text = cut(text, limit);
            out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(0).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        out.resize(SUM, 0);
        let sum = crc32c::crc32c(&out);
        out.extend_from_slice(&sum.to_le_bytes());
        let mut bytes = [0; HEADER];
        bytes.copy_from_slice(&out);
        bytes
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// `Incompatible` for another version, `Corrupt` for anything that is no header.
    pub(crate) fn from_bytes(bytes: &[u8; HEADER]) -> Result<Self, Error> {
        let mut rest = Reader(bytes);
        if rest.array::<8>() != Some(MAGIC) {
            return Err(corrupt("a segment of this library", "other bytes").remedy(NOT_OURS));
        }
        let version = rest.array().map_or(0, u32::from_le_bytes);
        if version != VERSION {
            return Err(Error::new(ErrorKind::Incompatible, "attach")
                .backend("shm")
                .expected(format!("layout version {VERSION}"))
                .found(format!("layout version {version}"))
                .remedy("let all processes use one version of this library"));
        }
        let (covered, sum) = bytes.split_at(SUM);
        if crc32c::crc32c(covered).to_le_bytes() != *sum {
            return Err(corrupt("a header that fits its checksum", "one that does not"));
        }
        Self::fields(&mut rest).ok_or_else(|| corrupt("a header", "one that ends too early"))
    }

    fn fields(rest: &mut Reader<'_>) -> Option<Self> {
        let tag_sum = rest.array().map(u32::from_le_bytes)?;
        let mut word = || rest.array().map(u64::from_le_bytes);
        let (capacity, max_bytes, max_item, ring, ring_bytes) = (word()?, word()?, word()?, word()?, word()?);
        let (epoch, control, created, shape) = (word()?, [word()?, word()?], word()?, word()?);
        let (lease_time, max_deliveries) = (word()?, word()?);
        let [codec, keep] = rest.array()?;
        Some(Self {
            capacity,
            max_bytes,
            max_item,
            ring,
            ring_bytes,
            epoch,
            control,
            created,
            shape,
            lease_time,
            max_deliveries,
            tag_sum,
            codec,
            keep: keep != 0,
            id: rest.text()?,
            dead_letter: rest.text()?,
            tag: rest.text()?,
        })
    }
}

/// What to do about a file that nothing says is ours; nobody but its owner may remove it.
pub(crate) const NOT_OURS: &str = "see whose file it is, and move it away or choose another queue id";

fn corrupt(expected: &str, found: &str) -> Error {
    Error::new(ErrorKind::Corrupt, "attach")
        .backend("shm")
        .expected(expected)
        .found(found)
        .remedy("remove it with `sage clean` when nobody needs what is inside")
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    fn text(&mut self) -> Option<String> {
        let len = usize::from(self.array().map(u16::from_le_bytes)?);
        let (text, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }
}
