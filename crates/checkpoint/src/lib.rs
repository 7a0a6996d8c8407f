//! Checkpoints of a job: what a state is, who has handed over what, and how all of it is kept as files. Knows no operators,
//! queues or threads.
//!
//! A [`State`] can be written down and be what was written. A [`Round`] is where the instances of a job hand over theirs, one
//! checkpoint after the other. A [`Folder`] keeps the last complete checkpoints, and gives one back as it was or not at all.
//!
//! ```
//! use checkpoint::{Folder, Saved, Shelf, State};
//!
//! let path = std::env::temp_dir().join(format!("checkpoint-doc-{}", std::process::id()));
//! let shelf = Shelf::new(path.clone(), 1 << 20, "sums", "a graph".into(), vec!["sum".into()]);
//! let folder = Folder::take(shelf.clone())?;
//!
//! let mut sum = 7_u64;
//! let state = State::of(&mut sum).save(1 << 20)?;
//! folder.begin("run", 1)?;
//! let part = shelf.write_part("run", 1, 0, &[(0, Saved { state, ..Saved::default() })])?;
//! folder.complete("run", 1, &[part])?;
//!
//! assert_eq!(folder.last()?, Some(1));
//! let states = shelf.read(1, |_| true)?;
//! sum = 0;
//! State::of(&mut sum).load(&states[0].as_ref().expect("it was asked for").state)?;
//! assert_eq!(sum, 7);
//! # std::fs::remove_dir_all(path).unwrap();
//! # Ok::<(), descriptor_core::Error>(())
//! ```
#![forbid(unsafe_code)]

mod folder;
mod halt;
mod manifest;
mod report;
mod restored;
mod round;
mod state;

pub use folder::{Folder, Shelf};
pub use manifest::{Part, PartEntry, Saved};
pub use report::Report;
pub use restored::{Own, Piece, Restored, Share};
pub use round::{Duty, LAST, Round, Taken};
pub use state::{Persist, State, read, write};
