//! What the two sides agree on before anything else.

use crate::WireError;
use crate::field::{Field, Reader, Writer};
use crate::frame::{LEAST_FRAME, MAX_FRAME};

/// What a side can do, as bits. Bits that nobody here knows are kept and mean nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Capabilities(pub u64);

impl Capabilities {
    /// Items on loan: `Lease` and what belongs to it.
    pub const LEASES: Self = Self(1);
    /// Sequence numbers of puts outlive the connection: what is sent again is stored once.
    pub const DEDUP: Self = Self(1 << 1);
    /// A confirmed item of a durable queue is on the disk.
    pub const DURABLE: Self = Self(1 << 2);
    /// Sessions: a new connection may go on where the last one ended.
    pub const RESUME: Self = Self(1 << 3);
    /// `List`, `Stats` and `Peek`.
    pub const INSPECT: Self = Self(1 << 4);

    /// What is in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in either.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of these are in it.
    #[must_use]
    pub const fn has(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }
}

impl Field for Capabilities {
    fn write(&self, to: &mut Writer<'_>) {
        self.0.write(to);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        u64::read(from).map(Self)
    }
}

/// What a side takes. The other side keeps to it; who does not is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// The largest frame, head included, from [`LEAST_FRAME`] to [`MAX_FRAME`].
    pub frame: u32,
    /// Requests that wait for their answer.
    pub calls: u32,
    /// Items that were put and are not confirmed.
    pub window_items: u32,
    /// Their bytes.
    pub window_bytes: u64,
    /// Items that may be asked for ahead of time.
    pub credit_items: u32,
    /// Their bytes.
    pub credit_bytes: u64,
    /// Items on loan.
    pub leases: u32,
}

impl Limits {
    /// Limits where nobody says otherwise: an item of 16 MiB fits into a frame.
    pub const DEFAULT: Self = Self {
        frame: (16 << 20) + (4 << 10),
        calls: 64,
        window_items: 1 << 16,
        window_bytes: 32 << 20,
        credit_items: 1 << 16,
        credit_bytes: 32 << 20,
        leases: 1024,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Field for Limits {
    fn write(&self, to: &mut Writer<'_>) {
        // Held, so that what is written can be read.
        self.frame.clamp(LEAST_FRAME, MAX_FRAME).write(to);
        self.calls.write(to);
        self.window_items.write(to);
        self.window_bytes.write(to);
        self.credit_items.write(to);
        self.credit_bytes.write(to);
        self.leases.write(to);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let frame = u32::read(from)?;
        if !(LEAST_FRAME..=MAX_FRAME).contains(&frame) {
            return Err(from.refuse("a largest frame of 128 KiB to 1 GiB", frame.into()));
        }
        Ok(Self {
            frame,
            calls: u32::read(from)?,
            window_items: u32::read(from)?,
            window_bytes: u64::read(from)?,
            credit_items: u32::read(from)?,
            credit_bytes: u64::read(from)?,
            leases: u32::read(from)?,
        })
    }
}
