//! One of each message, and what a reader in any language should see in it.

mod control;
mod items;

use rpc_wire::{Call, Decoder, Handle, MAX_FRAME, Message, WireError, preamble};
use serde_json::Value;

/// A message under a name of its own, and its meaning.
#[derive(Debug)]
pub(crate) struct Example {
    pub(crate) name: &'static str,
    pub(crate) message: Message,
    pub(crate) meaning: Value,
}

fn example(name: &'static str, message: impl Into<Message>, mut meaning: Value) -> Example {
    let message = message.into();
    meaning["message"] = message.name().into();
    Example { name, message, meaning }
}

fn queue() -> Handle {
    Handle::new(7).unwrap()
}

fn call(number: u32) -> Call {
    Call::new(number).unwrap()
}

pub(crate) fn all() -> Vec<Example> {
    let mut all = control::all();
    all.extend(items::all());
    all
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The frame of a message.
pub(crate) fn frame(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    message.encode(&mut out, MAX_FRAME).unwrap();
    out
}

/// The first message of these bytes.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<Message>, WireError> {
    let mut decoder = Decoder::new();
    decoder.feed(&preamble());
    decoder.set_limit(MAX_FRAME);
    decoder.feed(bytes);
    decoder.next_message()
}
