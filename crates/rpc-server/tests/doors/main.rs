//! Who is not let in, and what they and the others see of it.
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;
mod crowds;
mod floods;
mod foreign;
mod resets;
mod slow;
mod tokens;
