//! The first eight bytes of each direction: whoever speaks something else is found out by them.

use crate::WireError;

/// What both sides begin with. The first byte begins no text in ASCII or UTF-8, no TLS record and no frame of HTTP/2.
pub const MAGIC: [u8; 6] = [0x93, b'S', b'A', b'G', b'E', b'Q'];
/// The version that this crate speaks.
pub const VERSION: u16 = 1;
/// The bytes of a preamble.
pub const PREAMBLE: usize = 8;

/// The preamble of this version: [`MAGIC`], then [`VERSION`], little endian.
///
/// The client sends it first. The server answers with its own in any case but that of foreign bytes, so that either side can
/// name both versions before it closes.
#[must_use]
pub const fn preamble() -> [u8; PREAMBLE] {
    let [a, b, c, d, e, f] = MAGIC;
    let [low, high] = VERSION.to_le_bytes();
    [a, b, c, d, e, f, low, high]
}

/// Judges the first eight bytes of the peer.
///
/// # Errors
/// [`WireError::Foreign`] when they are not the magic, [`WireError::Version`] when the peer speaks another version.
pub fn check_preamble(found: [u8; PREAMBLE]) -> Result<(), WireError> {
    let [magic @ .., low, high] = found;
    let version = u16::from_le_bytes([low, high]);
    if magic != MAGIC {
        Err(WireError::Foreign { found })
    } else if version != VERSION {
        Err(WireError::Version { found: version })
    } else {
        Ok(())
    }
}

/// What these eight bytes look like, for whoever has to find out who sent them.
pub(crate) fn guess(found: [u8; PREAMBLE]) -> &'static str {
    const STARTS: &[(&[u8], &str)] = &[
        (b"GET ", "an HTTP request"),
        (b"PUT ", "an HTTP request"),
        (b"POST ", "an HTTP request"),
        (b"HEAD ", "an HTTP request"),
        (b"OPTIONS ", "an HTTP request"),
        (b"HTTP/", "an HTTP response"),
        (b"PRI * HT", "an HTTP/2 connection"),
        (&[0x16, 0x03], "a TLS handshake"),
        (&[0x15, 0x03], "a TLS alert"),
        (b"SSH-", "an SSH banner"),
        (b"INFO ", "a NATS server"),
        (b"CONNECT ", "a NATS client or an HTTP proxy request"),
        (&[0x93, b'S', b'A', b'G', b'E'], "a damaged preamble"),
    ];
    let known = STARTS.iter().find(|(start, _)| found.starts_with(start));
    known.map_or("bytes of another protocol", |(_, name)| *name)
}
