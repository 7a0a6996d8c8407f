//! The readers, by what they read.

pub(crate) mod broker;
pub(crate) mod client;
pub(crate) mod codec;
pub(crate) mod pool;
pub(crate) mod queue_id;
pub(crate) mod record;
pub(crate) mod rights;
pub(crate) mod shm;
pub(crate) mod store;
pub(crate) mod tokens;
pub(crate) mod wire;

/// As much of it as is text.
fn text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => bytes
            .get(..error.valid_up_to())
            .and_then(|good| std::str::from_utf8(good).ok())
            .unwrap_or_default(),
    }
}
