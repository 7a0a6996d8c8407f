//! Checkpoints of a job: what a state is, who has handed over what, and how all of it is kept as files. Knows no operators,
//! queues or threads.
//!
//! A [`State`] can be written down and be what was written. A [`Round`] is where the instances of a job hand over theirs, one
//! checkpoint after the other. A [`Folder`] keeps the last complete checkpoints, and gives one back as it was or not at all.
//!
//! ```
//! use checkpoint::{Folder, Saved, State};
//!
//! let path = std::env::temp_dir().join(format!("checkpoint-doc-{}", std::process::id()));
//! let open = || Folder::take(path.clone(), 1 << 20, "sums", "a graph".into(), vec!["sum".into()]);
//! let mut sum = 7_u64;
//! let state = State::of(&mut sum).save(1 << 20)?;
//! open()?.write(1, &[Saved { state, over: false }])?;
//!
//! let (number, states) = open()?.last()?.expect("it was written");
//! State::of(&mut sum).load(&states[0].state)?;
//! assert_eq!((number, sum), (1, 7));
//! # std::fs::remove_dir_all(path).unwrap();
//! # Ok::<(), descriptor_core::Error>(())
//! ```
#![forbid(unsafe_code)]

mod folder;
mod report;
mod round;
mod state;

pub use folder::{Folder, Saved};
pub use report::Report;
pub use round::{LAST, Round, Taken};
pub use state::{Persist, State, read, write};
