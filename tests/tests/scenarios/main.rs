//! What a user of the library does with it and runs into, through the facade alone.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod bad_values;
mod chaos;
mod concurrency;
mod contract;
mod descriptors;
mod forms;
#[cfg(target_os = "linux")]
mod joined_workers;
mod other_process;
#[cfg(target_os = "linux")]
mod peer;
mod python_records;
mod readme_table;
mod select;
#[cfg(target_os = "linux")]
mod shm_dead;
#[cfg(target_os = "linux")]
mod shm_folder;
mod support;
mod third_party;
mod topology;
