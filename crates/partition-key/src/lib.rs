//! The key of a packet: one canonical encoding, and its hash, in every process, host and language.
//!
//! ```
//! use partition_key::Key;
//! let key = Key::of(&("user", 7_u8))?;
//! assert_eq!(key, Key::of(&(String::from("user"), 7_i64))?);
//! assert_eq!(key.decode::<(String, u32)>()?, ("user".to_owned(), 7));
//! # Ok::<(), descriptor_core::Error>(())
//! ```
#![forbid(unsafe_code)]

mod key;

pub use key::Key;
