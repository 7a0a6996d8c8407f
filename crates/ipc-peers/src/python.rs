//! The peer that is not written in Rust.

/// The script of `multiprocessing.Queue` of Python, which starts processes itself and reads and says what a part does. Its
/// words: producers, consumers, and the bytes of an item or `packet`.
pub const SCRIPT: &str = include_str!("peer/python.py");
