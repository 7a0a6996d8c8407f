//! Everything that can be said.

mod define;
mod encode;
mod gather;
mod list;
mod part;

pub use encode::{Carries, ItemsWriter};
pub use list::*;
pub use part::{Creation, Listing, Side, Tag, stat};
